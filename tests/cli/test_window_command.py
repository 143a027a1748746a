"""Opening the window where there is none to open, and what the doctor says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.cli import libraries, window
from tests.cli.commands import Studio, run_alone


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without any display."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)


def test_no_display_is_one_sentence_with_the_remedy() -> None:
    outcome = run_alone(DISPLAY=None, WAYLAND_DISPLAY=None, QT_QPA_PLATFORM=None)
    assert outcome.code == 1
    assert "There is no display to open the window on" in outcome.sentence
    assert "studio train digits-convnet" in outcome.sentence


def test_a_display_that_does_not_answer() -> None:
    outcome = run_alone(DISPLAY=":4711", WAYLAND_DISPLAY=None, QT_QPA_PLATFORM=None)
    assert outcome.code == 1
    assert "The display :4711 cannot be reached" in outcome.sentence


@pytest.mark.usefixtures("bare")
def test_a_missing_file_is_said_before_all_else(studio: Studio) -> None:
    outcome = studio("none.studio")
    assert outcome.code == 1
    assert outcome.sentence == "studio: There is no file none.studio: check its name and folder."


def test_missing_libraries_name_the_packages(
    monkeypatch: pytest.MonkeyPatch, studio: Studio, tmp_path: Path
) -> None:
    monkeypatch.setitem(libraries.FOR_IMPORT, "libnone.so.1", "libnone1")
    # Whatever else this machine lacks, such as what only a real window needs.
    monkeypatch.setattr(libraries, "FOR_WINDOW", {})
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    expected = (
        "a system library that this machine lacks: on Debian or Ubuntu, run `apt-get install libnone1`."
    )
    assert window.why_not(None).endswith(expected)
    outcome = studio("screenshot", "xor", "-o", tmp_path / "x.png")
    assert outcome.code == 1
    assert outcome.sentence.endswith(expected)
    found = studio("doctor", "--json").values
    assert found["ready"]["window"] is False
    assert any(f["remedy"].endswith(expected) for f in found["findings"])


@pytest.mark.usefixtures("bare")
def test_the_doctor(studio: Studio) -> None:
    outcome = studio("doctor", "--json")
    assert outcome.code == 0
    found = outcome.values["findings"]
    names = {f["name"] for f in found}
    assert {"Python", "numba", "PySide6-Essentials", "model", "lanes", "free", "display", "folder"} <= names
    assert all(f["ok"] or f["remedy"] for f in found)
    assert all(f["value"] for f in found)
    assert outcome.values["ready"]["training"] is True
    assert outcome.values["ready"]["window"] is False
    text = studio("doctor").out
    assert "There is no display" in text


def test_a_broken_part_is_a_finding(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> bool:
        raise OSError("no such thing")

    monkeypatch.setattr("studio.kernels.jit.cache_folder", broken)
    found = studio("doctor", "--json").values["findings"]
    (finding,) = [f for f in found if f["area"] == "cache"]
    assert "OSError: no such thing" in finding["value"]
    assert finding["remedy"]
