"""Text: who is asked for it, what is typed and pulled, and how it is shown."""

import numpy as np
import panel_scenes
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from studio.engine.messages import Answer, NodeView, TextWish, Written
from studio.gui.theme import Theme

LEFT = Qt.MouseButton.LeftButton
TEXT_TAB = 2


@pytest.fixture
def writing(make_bottom):
    scene = panel_scenes.stories()
    return show(scene, make_bottom(scene))


@pytest.fixture
def translating(make_bottom):
    scene = panel_scenes.numbers()
    return show(scene, make_bottom(scene))


def show(scene, bottom):
    """Bring the text to the front, as opening such a network does."""
    QTest.mouseClick(bottom.right.tabs, LEFT, pos=bottom.right.tabs.tabRect(TEXT_TAB).center())
    assert bottom.right.current is bottom.text
    scene.live.look()
    return scene, bottom.text


def publish(scene, panel, **values):
    """What the trainer would answer to the wish as it is now."""
    scene.live.renew()
    scene.live.look()
    written = Written(scene.trainer.watch.text or TextWish(), **values)
    scene.trainer.publish(written=written)
    scene.live.look()
    panel.refresh()


def test_the_tab_is_there_for_networks_that_write_and_comes_first(make_bottom):
    scene = panel_scenes.digits()
    bottom = make_bottom(scene)
    assert not bottom.right.tabs.isTabVisible(TEXT_TAB)
    other = panel_scenes.stories()
    scene.session._describe = other.session._describe
    scene.session.open(other.session.document)
    assert bottom.right.tabs.isTabVisible(TEXT_TAB)
    assert bottom.right.current is bottom.text
    graph = scene.session.document.graph
    scene.session.edit(scene.session.document.with_graph(graph.remove([graph.nodes[-1].id])), "Remove the loss")
    assert bottom.right.current is bottom.representation
    assert not bottom.right.tabs.isTabVisible(TEXT_TAB)
    scene.session.undo_stack.undo()
    assert bottom.right.current is bottom.text
    scene.session.undo_stack.redo()
    bottom.show_problems()
    scene.session.undo_stack.undo()
    assert bottom.right.tabs.isTabVisible(TEXT_TAB)
    assert bottom.right.current is bottom.problems


def test_text_is_asked_for_only_while_it_is_seen(writing):
    scene, panel = writing
    scene.live.look()
    assert scene.trainer.watch.text == TextWish()
    bottom = panel.window()
    QTest.mouseClick(bottom.right.tabs, LEFT, pos=bottom.right.tabs.tabRect(0).center())
    scene.live.look()
    assert scene.trainer.watch.text is None


def test_typing_pulling_and_clicking_change_the_wish(writing, qtbot):
    scene, panel = writing

    def wish():
        scene.live.look()
        return scene.trainer.watch.text

    QTest.mouseClick(panel.prompt, LEFT)
    QTest.keyClicks(panel.prompt, "bad fa")
    assert wish().prompt == "bad fa"[: len(wish().prompt)]
    qtbot.waitUntil(lambda: wish().prompt == "bad fa")
    QTest.keyClicks(panel.prompt, "c")
    QTest.keyClick(panel.prompt, Qt.Key.Key_Return)
    assert wish().prompt == "bad fac"
    panel.temperature.setFocus()
    QTest.keyClick(panel.temperature, Qt.Key.Key_PageUp)
    assert wish().temperature == pytest.approx(0.8)
    assert panel.warmth.text() == "0.80"
    QTest.keyClick(panel.temperature, Qt.Key.Key_Home)
    assert wish().temperature == 0.0
    panel.length.setFocus()
    panel.length.selectAll()
    QTest.keyClicks(panel.length, "300")
    QTest.keyClick(panel.length, Qt.Key.Key_Return)
    assert wish().length == 300
    seed = wish().seed
    QTest.mouseClick(panel.again, LEFT)
    assert wish().seed != seed


def test_the_text_goes_on_after_the_persons_words(writing):
    scene, panel = writing
    QTest.keyClicks(panel.prompt, "abc ")
    QTest.keyClick(panel.prompt, Qt.Key.Key_Return)
    publish(scene, panel, text="fed. bab fed.", step=9, epoch=3.2, unknown=("bab",), known_share=0.75)
    assert panel.text.toPlainText() == "abc fed. bab fed."
    assert panel.count_label.text() == "75 % known words · epoch 3"

    def style_at(place):
        cursor = QTextCursor(panel.text.document())
        cursor.setPosition(place)
        return cursor.charFormat()

    assert style_at(2).foreground().color() == Theme.instance().color("accent")
    assert style_at(6).foreground().color() == Theme.instance().color("text")
    dots = [i for i in range(1, 18) if style_at(i).underlineStyle() == QTextCharFormat.UnderlineStyle.DotLine]
    assert dots == [10, 11, 12]


def test_what_was_written_before_stays_below(writing):
    scene, panel = writing
    for epoch, text in ((0.0, "xq fzz"), (0.5, "again epoch 0"), (1.2, "the abc"), (2.1, "abc fed.")):
        publish(scene, panel, text=text, step=int(100 * epoch), epoch=epoch)
    lines = panel.text.toPlainText().splitlines()
    assert lines == ["abc fed.", "", "epoch 1:  the abc", "epoch 0:  xq fzz"]
    publish(scene, panel, text="from the start", step=0, epoch=0.0)  # a reset
    assert panel.text.toPlainText() == "from the start"


def test_while_words_are_marked_they_stay(writing):
    scene, panel = writing
    publish(scene, panel, text="abc fed.", step=1)
    panel.text.setFocus()
    QTest.keyClick(panel.text, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    publish(scene, panel, text="another text", step=2)
    assert panel.text.toPlainText() == "abc fed."
    QTest.mouseClick(panel.text.viewport(), LEFT)
    publish(scene, panel, text="another text", step=2)
    assert panel.text.toPlainText().startswith("another text")


def test_a_problem_stands_above_the_text(writing):
    scene, panel = writing
    publish(scene, panel, text="abc", step=1)
    assert not panel.problem.isVisible()
    publish(scene, panel, problem="The network does not know the character “ä”.")
    assert panel.problem.isVisible()
    assert "“ä”" in panel.problem.text()
    assert panel.text.toPlainText() == ""
    publish(scene, panel, text="abc", step=1)
    assert not panel.problem.isVisible()


def test_translations_are_marked_right_and_wrong(translating):
    scene, panel = translating
    answers = (Answer("cab", "bac"), Answer("abc", "cba", "cba"), Answer("ade", "ead", "eda"))
    publish(scene, panel, answers=answers, epoch=4.0)
    model = panel.answers.model()
    rows = [[model.index(r, c).data() for c in range(4)] for r in range(model.rowCount())]
    assert rows == [["", "cab", "bac", ""], ["✓", "abc", "cba", "cba"], ["✗", "ade", "ead", "eda"]]
    colours = [model.index(r, 2).data(Qt.ItemDataRole.ForegroundRole) for r in range(3)]
    assert colours == [Theme.instance().color(name) for name in ("accent", "ok", "error")]
    assert [model.index(r, 0).data(Qt.ItemDataRole.AccessibleTextRole) for r in (1, 2)] == ["right", "wrong"]
    assert panel.count_label.text() == "1 of 2 right · epoch 4"
    assert not panel.temperature.isVisible()
    first = scene.trainer.watch.text.first
    QTest.mouseClick(panel.again, LEFT)
    scene.live.look()
    assert scene.trainer.watch.text.first > first
    panel.answers.setFocus()
    QTest.keyClick(panel.answers, Qt.Key.Key_Down)
    assert panel.answers.currentIndex().row() == 1


def test_narrow_and_wide_docks_keep_every_control(make_bottom):
    for make in (panel_scenes.stories, panel_scenes.numbers):
        scene = make()
        for width in (620, 1300):
            bottom = make_bottom(scene, width, 300)
            _, panel = show(scene, bottom)
            publish(scene, panel, text="abc fed. " * 8, known_share=0.5, epoch=12.0)
            QApplication.processEvents()
            panel.grab()
            for control in (panel.prompt, panel.again, panel.length, panel.temperature, panel.count_label):
                if control.isVisible():
                    assert control.mapTo(panel, control.rect().topRight()).x() <= panel.width()
                    assert control.width() >= control.minimumSizeHint().width()


def test_before_the_network_is_ready_a_sentence_says_what_will_come(writing):
    scene, panel = writing
    scene.trainer.publish()
    scene.live.look()
    panel.refresh()
    assert "appears here" in panel._switch.empty.label.text()


def test_hidden_words_stand_beside_what_the_network_finds(make_bottom):
    scene = panel_scenes.hidden_words()
    scene, panel = show(scene, make_bottom(scene))
    scene.live.look()
    watch = scene.trainer.watch
    assert watch.text is None
    hiding, output = panel.language.hiding, panel.language.output
    assert {hiding, output} <= watch.nodes
    assert not panel.prompt.isVisible()
    dataset = next(iter(scene.trainer.datasets.values()))
    x = dataset.validation.x[:3]
    names = scene.session.inference.words[hiding, 0]
    read = x.copy()
    read[0, 1] = read[2, 0] = len(names) - 1
    scores = np.eye(len(names) - 1, dtype=np.float32)[x.astype(int)]
    scores[2, 0] = np.roll(scores[2, 0], 1)
    scene.trainer.publish(nodes={hiding: NodeView(read), output: NodeView(scores)}, probe_x=x)
    scene.live.look()
    panel.refresh()
    model = panel.answers.model()
    assert model.rowCount() == 2  # nothing is hidden in the second sentence
    assert "[mask]" in model.index(0, 1).data()
    assert model.index(0, 2).data() == model.index(0, 3).data() == names[int(x[0, 1])]
    assert [model.index(row, 0).data() for row in range(2)] == ["✓", "✗"]
    assert panel.count_label.text().startswith("1 of 2 hidden words found")
    assert model.headerData(2, Qt.Orientation.Horizontal) == "finds"
    QTest.mouseClick(panel.again, LEFT)
    scene.live.look()
    assert scene.trainer.watch.sample > 0
