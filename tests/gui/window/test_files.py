"""Files: open, save, recent, the question before closing, and recovery after a crash."""

from __future__ import annotations

from pathlib import Path

import pytest
from drag_events import drag_enter, drop
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton, QToolButton

from studio.gui.welcome_cards import RecentRow
from studio.storage import Journal, open_project, save, templates

BUTTON = QMessageBox.StandardButton
CONTROL = Qt.KeyboardModifier.ControlModifier


def _edit(window) -> None:
    document = window.session.document
    window.session.edit(document.with_training(epochs=document.training.epochs + 1), "change epochs")


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"no zip at all", "a.studio"), (b"PK\x03\x04" + b"\0" * 40, "b.studio"), (b"", "c.studio"), (None, "gone.studio")],
)
def test_a_file_that_cannot_be_read_is_explained_and_nothing_changes(make_studio, tmp_path, content, name):
    window = make_studio("xor")
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    before = window.session.document
    assert not window.files.open(path)
    assert window.session.document is before
    assert window.notice.text.endswith(".")
    assert "Traceback" not in window.notice.text


def test_saving_where_nothing_can_be_written_is_explained(make_studio, tmp_path):
    window = make_studio("xor")
    _edit(window)
    assert not window.files.save_to(tmp_path / "no such folder" / "x.studio")
    assert window.notice.text.endswith(".")
    assert window.session.dirty


def test_title_marks_edits_until_saved(make_studio, tmp_path):
    window = make_studio("xor")
    assert window.windowTitle() == "xor · Layer Studio"
    _edit(window)
    assert window.windowTitle() == "xor (edited) · Layer Studio"
    assert window.files.save_to(tmp_path / "mine.studio")
    assert window.windowTitle() == "mine.studio · Layer Studio"
    window.session.undo_stack.undo()
    assert window.windowTitle() == "mine.studio (edited) · Layer Studio"
    window.session.undo_stack.redo()
    assert not window.session.dirty


@pytest.mark.parametrize(("answer", "closes"), [(BUTTON.Discard, True), (BUTTON.Cancel, False)])
def test_closing_asks_when_something_is_not_saved(make_studio, hands, answer, closes):
    window = make_studio("xor")
    person = hands(window)
    _edit(window)
    person.when_asked(person.choose(answer))
    assert window.close() == closes
    assert window.isVisible() != closes
    if not closes:
        QTest.keyClick(window, Qt.Key.Key_F10)  # nothing was stopped
        assert window.live._timer.isActive()


def test_closing_without_edits_asks_nothing(make_studio):
    window = make_studio("xor")
    assert window.close()


def test_closing_while_training_asks_and_stops(make_studio, hands, qtbot):
    window = make_studio("iris")
    person = hands(window)
    window.session.edit(window.session.document.with_training(epochs=100_000), "change epochs")
    person.click(window.workspace.run_bar.run_button)
    qtbot.waitUntil(lambda: window.live.latest.status == "running", timeout=120_000)
    person.when_asked(person.choose(BUTTON.Discard))
    assert window.close()
    assert window.trainer._thread is None


def test_another_template_does_not_inherit_weights(make_studio, hands, qtbot):
    window = make_studio("xor")
    QTest.keyClick(window, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: window.live.latest.epoch >= 1 and not window.link.running, timeout=60_000)
    qtbot.waitUntil(lambda: window.session.dirty)
    person = hands(window)
    person.when_asked(person.choose(BUTTON.Discard))
    assert window.files.new_from_template("xor")
    qtbot.waitUntil(lambda: window.live.latest.step == 0 and window.link.status == "ready", timeout=60_000)
    assert not window.session.dirty
    assert window.live.latest.history.count("loss") == 0


def test_opened_weights_and_curves_go_on(make_studio, qtbot, tmp_path):
    window = make_studio("xor")
    QTest.keyClick(window, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: window.live.latest.epoch >= 1 and not window.link.running, timeout=60_000)
    path = tmp_path / "trained.studio"
    assert window.files.save_to(path)
    saved = open_project(path)
    assert saved.state.epoch >= 1
    points = saved.history.count("loss")
    assert window.files.new_blank()
    assert window.files.open(path)
    qtbot.waitUntil(lambda: window.live.latest.epoch >= 1, timeout=60_000)
    assert not window.session.dirty
    assert window.live.latest.history.count("loss") == points
    QTest.keyClick(window, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: window.live.latest.epoch >= 2, timeout=60_000)
    assert window.live.latest.history.count("loss") > points


def test_recent_files_are_listed_opened_and_taken_off(make_studio, hands, tmp_path):
    window = make_studio("iris")
    path = tmp_path / "flowers.studio"
    assert window.files.save_to(path)
    window.show_welcome()
    rows = [r for r in window.welcome.findChildren(RecentRow) if r.isVisible()]
    assert [r.entry.title for r in rows] == ["flowers"]
    assert window.files.new_blank()
    window.show_welcome()
    row = next(r for r in window.welcome.findChildren(RecentRow) if r.isVisible())
    QTest.mouseClick(row, Qt.MouseButton.LeftButton)
    assert not window.on_welcome_page
    assert window.session.path == path
    path.unlink()
    assert window.files.recent.listed() == []


def _drop(window, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    enter = drag_enter(QPoint(700, 400), data)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(window, drop(QPoint(700, 400), data))


def test_a_dropped_file_opens(make_studio, tmp_path):
    path = tmp_path / "dropped.studio"
    save(path, templates.load("iris"))
    window = make_studio()
    _drop(window, path)
    assert window.session.path == path
    assert not window.on_welcome_page


def test_a_dropped_data_file_becomes_the_source(make_studio, tmp_path):
    import numpy as np

    path = tmp_path / "numbers.npz"
    rng = np.random.default_rng(0)
    np.savez(path, x=rng.normal(size=(60, 4)).astype(np.float32), y=np.arange(60) % 3)
    window = make_studio("iris")
    _drop(window, path)
    node = window.session.document.graph.named("Iris") or window.session.document.graph.nodes[0]
    assert node.layer.source == f"npz:{path}"
    window.session.undo_stack.undo()
    assert window.session.document.graph.nodes[0].layer.source == "iris"


def test_a_dropped_file_of_no_use_is_explained(make_studio, tmp_path):
    path = tmp_path / "song.mp3"
    path.write_bytes(b"la la la")
    window = make_studio("iris")
    before = window.session.document
    _drop(window, path)
    assert window.session.document is before
    assert "song.mp3" in window.notice.text


def test_what_a_crash_left_behind_is_offered_and_restored(make_studio, hands, tmp_path):
    folder = tmp_path / "places"
    document = templates.load("xor").with_training(epochs=77)
    journal = Journal(folder / "journals")
    journal.record(document)
    journal._file.close()  # as the system does when a process dies
    journal._file = None
    window = make_studio(folder=folder)
    assert "unexpectedly" in window.notice.text
    restore = next(b for b in window.notice._buttons if b.text() == "Restore")
    hands(window).click(restore)
    assert window.session.document == document
    assert window.session.dirty
    assert not window.on_welcome_page


def test_the_offer_of_what_was_left_behind_outlasts_other_sentences(make_studio, hands, qtbot, tmp_path):
    folder = tmp_path / "places"
    journal = Journal(folder / "journals")
    document = templates.load("xor").with_training(epochs=78)
    journal.record(document)
    journal._file.close()
    journal._file = None
    window = make_studio(folder=folder)
    me = hands(window)

    def restore() -> QPushButton:
        (button,) = (b for b in window.notice.findChildren(QPushButton) if b.text() == "Restore")
        return button

    assert restore().isVisible()
    path = tmp_path / "song.mp3"
    path.write_bytes(b"la la la")
    _drop(window, path)
    assert "song.mp3" in window.notice.text
    assert not restore().isVisible()
    # Once that is read, the question is back; so it is when nobody dismisses the sentence.
    me.click(next(b for b in window.notice.findChildren(QToolButton)))
    assert "unexpectedly" in window.notice.text
    _drop(window, path)
    assert "song.mp3" in window.notice.text
    # A sentence that the mouse rests on stays.
    qtbot.mouseMove(window.workspace.canvas)
    qtbot.waitUntil(lambda: not window.notice.underMouse())
    window.notice._timer.start(0)
    qtbot.waitUntil(lambda: "unexpectedly" in window.notice.text)
    me.click(restore())
    assert window.session.document == document
    assert window.notice.text == ""


def test_edits_are_in_the_journal_before_long(make_studio, qtbot, tmp_path):
    window = make_studio("xor")
    _edit(window)
    journals = list((tmp_path / "places" / "journals").glob("*.journal"))
    assert len(journals) == 1
    qtbot.waitUntil(lambda: journals[0].stat().st_size > 0)
    assert window.files.save_to(tmp_path / "safe.studio")
    assert journals[0].stat().st_size == 0


def test_layout_theme_and_size_are_remembered(make_studio, tmp_path, hands):
    window = make_studio("xor", size=(1300, 800))
    window.workspace.inspector_dock.close()
    window.choose_theme("dark")
    assert window.close()
    other = make_studio("xor")
    assert not other.workspace.inspector_dock.isVisible()
    assert other.settings.value("theme") == "dark"
    other.workspace.reset_layout()
    assert other.workspace.inspector_dock.isVisible()


def test_a_new_graph_shows_no_samples_of_the_old_one(make_studio, hands, qtbot):
    window = make_studio("xor")
    panel = window.workspace.bottom.samples_panel
    qtbot.waitUntil(lambda: panel.choice.dataset is not None, timeout=60_000)
    assert window.files.new_blank()
    window.live.renew()
    qtbot.waitUntil(lambda: panel.choice.dataset is None, timeout=20_000)
