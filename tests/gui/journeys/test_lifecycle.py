"""The window comes and goes: nothing is left behind, whatever it was doing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from programs.process import with_variable
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QPushButton

from studio.storage import templates

CONTROL = Qt.KeyboardModifier.ControlModifier

PROGRAMS = Path(__file__).parent / "programs"
ROOT = Path(__file__).parents[3]


def start(program: str, *arguments: object, timeout: float, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one of the programs; it must complain of nothing."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-W", "error", str(PROGRAMS / program), *map(str, arguments)],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.stderr == ""
    return done


def run(program: str, *arguments: object, timeout: float, **variables: str) -> dict[str, Any]:
    """Run one of the programs, which must end well; gives what it reports."""
    done = start(program, *arguments, timeout=timeout, **variables)
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert isinstance(report, dict)
    return report


@pytest.mark.timeout(900)
def test_two_hundred_windows_that_open_train_and_close(tmp_path):
    report = run("open_train_close.py", 200, tmp_path, timeout=850)
    early, late = report["early"], report["late"]
    assert late["python_threads"] == 1
    assert late["threads"] == early["threads"]
    assert late["children"] == 0
    assert late["widgets"] == []
    assert late["files"] == early["files"]
    # A window kept alive would be some megabytes a cycle.
    assert late["memory"] - early["memory"] < 12 << 20


def test_closing_while_kernels_are_prepared_ends_compiler_and_all(tmp_path):
    cache = str(tmp_path / "cache")
    report = run("close_while_preparing.py", timeout=120, STUDIO_CACHE_DIR=cache, LAYER_STUDIO_FOLDER=str(tmp_path))
    assert report["message"].startswith("Preparing kernels")
    assert report["children_before"] > 0
    assert report["children"] == 0
    assert report["python_threads"] == 1
    assert report["seconds"] < 5
    # Neither did a grandchild stay on without its parents.
    assert with_variable("STUDIO_CACHE_DIR", cache) == []


def test_the_window_is_seen_early_and_trains_without_loading_numba(tmp_path):
    """With nothing compiled: other processes do that."""
    report = run("start_and_train.py", timeout=240, STUDIO_CACHE_DIR=str(tmp_path / "cache"), LAYER_STUDIO_FOLDER=str(tmp_path))
    assert report["page_before_workspace"]
    assert report["steps"] >= 3
    assert not report["numba"]
    assert report["compilers"] > 0


def test_what_a_crash_left_behind_comes_back_with_one_click(make_studio, person, tmp_path):
    folder = tmp_path / "places"
    died = start("edit_and_die.py", folder, timeout=60)
    assert died.returncode == -signal.SIGKILL
    window = make_studio(folder=folder)
    me = person(window)
    assert "ended unexpectedly" in window.notice.text
    (button,) = (b for b in window.notice.findChildren(QPushButton) if b.text() == "Restore")
    me.click(button)
    assert not window.on_welcome_page
    training = window.session.document.training
    assert (training.optimizer.learning_rate, training.batch_size) == (0.0123, 17)
    assert len(me.graph.nodes) == len(templates.load("iris").graph.nodes)
    assert window.session.dirty
    me.wait(lambda: window.link.status == "ready")
    # A second start, after this one ended well without saving, offers nothing.
    window.end()
    window.hide()
    other = make_studio(folder=folder)
    assert other.notice.text == ""


def test_what_was_learned_before_a_crash_comes_back(make_studio, person, tmp_path):
    folder = tmp_path / "places"
    died = start("learn_and_die.py", folder, timeout=120)
    assert died.returncode == -signal.SIGKILL
    window = make_studio(folder=folder)
    me = person(window)
    (button,) = (b for b in window.notice.findChildren(QPushButton) if b.text() == "Restore")
    me.click(button)
    me.wait(lambda: window.live.latest.epoch == float(died.stdout) > 0)
    assert window.live.latest.history.count("loss") > 0
    assert window.session.dirty
    window.end()
    assert not any((folder).rglob("learned.studio"))


def test_the_three_answers_when_closing_while_training(make_studio, person, tmp_path):
    window = make_studio("xor")
    me = person(window)
    me.click(me.bar.run_button)
    me.wait(lambda: window.session.dirty)
    button, said = QMessageBox.StandardButton, []
    window.session.said.connect(lambda sentence, _error: said.append(sentence))

    def quit_and_answer(answer: QMessageBox.StandardButton, name: str = "") -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(QFileDialog, "getSaveFileName", lambda *_: (name, ""))
            with me.answering(me.press_button(answer)) as answered:
                me.key(Qt.Key.Key_Q, CONTROL)
        assert len(answered) == 1

    # Cancel: nothing happens, training goes on. So it is without a name for the file, and with a
    # folder that is not there, which is said in a sentence.
    quit_and_answer(button.Cancel)
    quit_and_answer(button.Save)
    assert said == []
    quit_and_answer(button.Save, str(tmp_path / "nowhere" / "a.studio"))
    assert [s.partition("was not saved")[2] for s in said] == [", because the folder does not exist: choose another one."]
    assert window.notice.text == said[0]
    assert window.isVisible()
    assert window.session.dirty
    assert window.link.running
    me.wait_for_steps(3)
    # Discard: gone.
    quit_and_answer(button.Discard)
    assert not window.isVisible()
