"""Somebody watches a network learn to write, by mouse and keys."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from studio.core.vocabulary import SPECIAL
from studio.gui.inspector.text_dialog import TextDialog


def test_watch_it_learn_to_write_and_let_it_go_on_with_ones_own_words(make_studio, person):
    window = make_studio("next-character", size=(1600, 1000))
    me = person(window)
    bottom = window.workspace.bottom
    panel = bottom.text
    assert bottom.right.current is panel

    # There is a text before training, and better ones while it runs.
    me.wait(lambda: bool(panel.text.toPlainText()))
    noise = panel.text.toPlainText()
    me.click(me.bar.run_button)
    me.wait(lambda: me.latest.written is not None and me.latest.written.step > 0)
    me.wait(lambda: noise[:40] not in panel.text.toPlainText().splitlines()[0])
    shares = []
    me.wait(lambda: shares.append(me.latest.written.known_share or 0.0) or max(shares) > 0.5)
    assert window.link.running

    # Paused, it goes on with other words at once.
    me.click(me.bar.run_button)
    me.wait(lambda: not window.link.running and window.link.status == "paused")
    step = me.latest.step
    me.click(panel.prompt)
    me.type("once a small fox")
    me.wait(lambda: panel.text.toPlainText().startswith("once a small fox") and me.latest.written.complete)
    assert me.latest.step == step
    first = panel.text.toPlainText()
    me.click(panel.again)
    me.wait(lambda: panel.text.toPlainText() not in ("", first))
    me.click(panel.prompt)
    me.key(Qt.Key.Key_End)
    me.type("#")
    me.wait(lambda: panel.problem.isVisible())
    assert "“#”" in panel.problem.text()
    me.key(Qt.Key.Key_Backspace)
    me.wait(lambda: not panel.problem.isVisible())

    # Nothing is written while another tab is in front.
    tabs = bottom.right.tabs
    me.click(tabs, tabs.tabRect(0).center())
    me.wait(lambda: window.trainer._publisher.watch.text is None)


def test_a_trained_file_writes_as_soon_as_it_is_open(make_studio, person, tmp_path):
    import studio

    project = studio.new("translation")
    node = project.document.graph.nodes[0].id
    graph = project.document.graph.set_parameters(node, samples=200)
    project.document = project.document.with_graph(graph)
    project.train(2)
    project.save(tmp_path / "numbers.studio")
    window = make_studio(size=(1280, 800))
    me = person(window)
    assert window.files.open(tmp_path / "numbers.studio")
    panel = window.workspace.bottom.text
    me.wait(lambda: panel.answers.model().rowCount() > 9 and me.latest.written.step == project.state.step)
    me.click(panel.prompt)
    me.type("two hundred five")
    me.wait(lambda: panel.answers.model().index(0, 1).data() == "two hundred five")
    assert panel.answers.model().index(0, 3).data() == ""


def repaired(me, window) -> list[str]:
    """Click the repair of each problem until there is none; gives the buttons' words."""
    open_tab(me, window, "Problems")
    panel, clicked = window.workspace.bottom.problems, []
    while window.session.inference.errors:
        message = window.session.inference.errors[0].message
        # Once the trainer says so too, the rows stay as they are.
        me.wait(lambda message=message: me.latest.problem is not None and me.latest.problem.message == message)
        me.wait(lambda: panel.problems == window.session.inference.problems)
        (row,) = (r for r in panel.rows if r.problem.message == message)
        assert row.button is not None, message
        clicked.append(row.button.text())
        me.click(row.button)
        me.wait(lambda message=message: message not in [p.message for p in window.session.inference.errors])
    return clicked


def open_tab(me, window, name: str) -> None:
    """Click the tab of a panel."""
    tabs = window.workspace.bottom.right.tabs
    (index,) = (i for i in range(tabs.count()) if tabs.tabText(i).startswith(name))
    me.wait(lambda: tabs.isTabVisible(index) and tabs.rect().contains(tabs.tabRect(index).center()))
    me.click(tabs, tabs.tabRect(index).center())
    assert tabs.currentIndex() == index



def test_a_text_of_ones_own_is_learned_by_its_characters_and_by_its_words(make_studio, person, tmp_path):
    file = tmp_path / "weather.txt"
    days = ("Montag", "Dienstag", "Mittwoch", "Freitag")
    file.write_text("".join(f"Am {days[i % 4]} regnet es {i % 9} Stunden und danach scheint die Sonne.\n" for i in range(900)))
    window = make_studio("next-character", size=(1280, 800))
    me = person(window)
    panel = window.workspace.bottom.text

    with me.answering(me.press_ok) as answered:
        me.drop_file(file)
    assert answered
    assert me.graph.node("n1").layer.source == f"text:{file}"
    characters = len(set(file.read_text())) + len(SPECIAL)
    assert repaired(me, window) == [f"Make room for {characters} words", f"Use {characters} units in the last layer"]
    open_tab(me, window, "Text")
    me.click(panel.prompt)
    me.type("Am Montag")
    me.wait(lambda: panel.text.toPlainText().startswith("Am Montag") and me.latest.written.complete)
    assert set(me.latest.written.text) <= set(file.read_text())

    # By its words, with a shorter reach.
    me.click_node("n1")
    editor = me.form.editors["source"]

    def by_words(dialog: QWidget) -> None:
        assert isinstance(dialog, TextDialog)
        assert (dialog.level.current, dialog.window_size.value()) == (0, 64)
        me.click(dialog.level, dialog.level.segment(1).center().toPoint())
        assert dialog.window_size.value() == 24
        me.click(dialog.window_size.lineEdit())
        me.key(Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        me.type("12")
        me.press_ok(dialog)

    with me.answering(by_words) as answered:
        me.click(editor.how)
    assert answered
    assert me.graph.node("n1").layer.source == f"text:{file}?level=words&window=12"
    assert len(repaired(me, window)) <= 2
    open_tab(me, window, "Text")
    me.click(me.bar.run_button)
    me.wait(lambda: me.latest.written is not None and "scheint die Sonne" in panel.text.toPlainText())

    # What is no text is one sentence, and the network stays.
    (tmp_path / "noise.txt").write_bytes(bytes(range(256)) * 8)
    with me.answering(me.press_ok):
        me.drop_file(tmp_path / "noise.txt")
    (problem,) = (p.message for p in window.session.inference.errors[:1])
    assert problem == "Stories has no data: noise.txt is not text: choose a file of plain text."
    window.session.undo_stack.undo()
    assert not window.session.inference.errors
