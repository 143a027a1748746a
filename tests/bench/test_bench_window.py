"""The real window beside training, for a moment."""

from __future__ import annotations

import shutil

import pytest

from studio.bench import window


def test_the_window_trains_beside_training_alone():
    found = window.measure([1], rounds=1, seconds=0.2)["1"]
    assert found["steps_per_second"] > 0
    assert found["steps_per_second_alone"] > 0
    assert found["stall_ms"]["max"] >= found["stall_ms"]["p99"] >= found["stall_ms"]["p50"] > 0
    assert 0 < found["window_share"] < 1
    assert "1 training thread" in window.window_table({"1": found})


def test_a_window_that_does_not_open_is_one_sentence(monkeypatch):
    monkeypatch.setattr(window.sys, "executable", shutil.which("false"))
    with pytest.raises(window.WindowFailure, match="The window ended before its time"):
        window.TrainingProcess(True, 1)
