"""Starting the window, and what it says when it cannot, or when a defect shows."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from studio.core.stored import FileChanged
from studio.engine.processor import cores
from studio.gui import app, devices
from studio.gui.mishaps import Mishaps
from studio.gui.places import FOLDER_VARIABLE, Places


def test_no_display_is_one_sentence_with_the_remedy(monkeypatch, capsys):
    monkeypatch.setattr(sys, "platform", "linux")
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(variable, raising=False)
    assert app.main() == 1
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert "xvfb-run" in said


def test_a_display_that_is_not_there_is_told(monkeypatch):
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":4711")
    assert app.display_problem().endswith(".")


def test_offscreen_needs_no_display(monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.delenv("DISPLAY", raising=False)
    assert app.display_problem() == ""


def test_settings_can_be_kept_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    places = Places.usual()
    settings = places.open_settings()
    settings.setValue("theme", "dark")
    settings.sync()
    assert places.settings.is_file()
    assert places.settings.parent == tmp_path


def test_a_wrong_theme_in_the_settings_is_as_good_as_none(qapp):
    app.choose_theme("pink")
    app.choose_theme(None)
    app.choose_theme("light")


def test_the_machine_has_cores():
    assert cores() >= 1
    assert devices.why_no_cuda() == "" or devices.why_no_cuda().endswith(".")


class _Saying(QObject):
    said = Signal(str, bool)

    def say(self, sentence: str, error: bool = False) -> None:
        self.said.emit(sentence, error)


def test_a_defect_is_told_in_a_sentence_and_reported(qapp, tmp_path: Path):
    session, heard = _Saying(), []
    session.said.connect(lambda sentence, error: heard.append((sentence, error)))
    report = tmp_path / "deep" / "report.txt"
    mishaps = Mishaps(session, report)
    before = sys.excepthook
    mishaps.start()
    try:
        try:
            raise ZeroDivisionError("of ours")
        except ZeroDivisionError as error:
            sys.excepthook(type(error), error, error.__traceback__)
    finally:
        mishaps.stop()
        sys.excepthook = before
    ((sentence, is_error),) = heard
    assert is_error
    assert "ZeroDivisionError" in sentence
    assert "Traceback" not in sentence
    assert "of ours" in report.read_text()


def test_a_file_that_became_shorter_is_no_defect(qapp, tmp_path: Path):
    session, heard = _Saying(), []
    session.said.connect(lambda sentence, error: heard.append((sentence, error)))
    mishaps = Mishaps(session, tmp_path / "report.txt")
    before = sys.excepthook
    mishaps.start()
    try:
        sys.excepthook(FileChanged, FileChanged("x.npy became shorter while it was in use: choose it again."), None)
    finally:
        mishaps.stop()
        sys.excepthook = before
    assert heard == [("x.npy became shorter while it was in use: choose it again.", True)]
    assert not (tmp_path / "report.txt").exists()
