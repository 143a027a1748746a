"""Somebody watches a network learn to write, by mouse and keys."""

from __future__ import annotations

from PySide6.QtCore import Qt


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
