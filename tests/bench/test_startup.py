"""``studio bench --start``: the figures of starts, and one real start."""

from __future__ import annotations

import json

import pytest

from studio.bench import startup
from studio.cli import main
from studio.kernels import cache

IMPORTS = """import time: self [us] | cumulative | imported package
import time:       120 |        120 |   zlib
import time:      5000 |       5120 | numpy
import time:     70100 |      75220 |     studio.gui.main_window
"""


def test_the_slowest_imports_come_first():
    assert [m["module"] for m in startup.slowest_of(IMPORTS)] == ["studio.gui.main_window", "numpy", "zlib"]
    assert startup.slowest_of(IMPORTS)[0]["seconds"] == pytest.approx(0.0701)


def test_a_real_start_is_measured():
    found = startup._start("perceptron", str(cache.root().parent))
    assert 0.0 < found["window"] < found["ready"] < 300.0
    assert 0.0 < found["first_step"] < 300.0
    assert 0.0 <= found["stall"] < 300.0


def test_a_start_that_fails_is_a_sentence():
    with pytest.raises(startup.StartFailure, match="could not be started: "):
        startup._start("no-such-template", str(cache.root().parent))


def test_the_command_prints_a_table_or_json(monkeypatch, capsys):
    def start(template: str, folder: str) -> dict[str, float]:
        if not template:
            return {"window": 1.0, "all": 99.5, "kernels": 229, "stall": 0.02}
        return {"window": 1.9, "ready": 2.1, "first_step": 0.04 if folder.endswith("all") else 1.5, "stall": 0.012}

    monkeypatch.setattr(startup, "_start", start)
    monkeypatch.setattr(startup, "_seconds_of", lambda program: 0.3 if "studio" in program else 0.02)
    monkeypatch.setattr(startup, "slowest_imports", lambda module: startup.slowest_of(IMPORTS))
    assert main(["bench", "--start", "--rounds", "1"]) == 0
    text = capsys.readouterr().out
    assert "import studio  0.280 s (goal 0.25 s, MISSED)" in text
    assert "window (goal 2 s, met), first step after Run (goal 5 s, met)" in text
    assert "window (goal 1 s, MISSED), first step after Run (goal 0.2 s, met)" in text
    assert "all 229 built-in kernels, from nothing: 99.5 s" in text
    assert main(["bench", "--start", "--rounds", "1", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert set(values) == {"machine", "start"}
    assert values["start"]["met"] == {
        "import": False, "cold_window": True, "warm_window": False, "cold_first_step": True, "warm_first_step": True,
    }  # fmt: skip
