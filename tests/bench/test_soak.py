"""``studio bench --soak``: long training, memory and speed."""

from __future__ import annotations

import json

import pytest

from studio.bench import soak
from studio.bench.soak import Sample, summary, text
from studio.cli import main


def looks(memory, speed=lambda seconds: 1000.0, end=600):
    return [Sample(float(t), int(memory(t)), speed(t)) for t in range(5, end + 1, 5)]


def test_growth_before_the_warm_up_does_not_count():
    found = summary(looks(lambda t: 2e8 + min(t, 100) * 1e6))
    assert found["growth_mb"] == 0.0
    assert found["growth_met"]
    assert found["kept"] == 1.0
    assert found["highest_mb"] == 300.0


def test_memory_that_grows_steadily_is_seen():
    found = summary(looks(lambda t: 2e8 + t * 2e4))
    # From the middle of the first fifth after the warm-up to the middle of the last one.
    assert found["growth_mb"] == pytest.approx(0.02 * 480 * 0.8, rel=0.05)
    assert not found["growth_met"]


def test_single_looks_do_not_decide():
    found = summary(looks(lambda t: 3e8 if t in (125, 600) else 2e8))
    assert found["growth_mb"] == 0.0


def test_training_that_slows_down_is_seen():
    found = summary(looks(lambda t: 2e8, lambda t: 1000.0 - t / 3))
    assert not found["kept_met"]
    assert "MISSED" in text({**found, "window": True, "threads": 2})


def test_a_short_run_has_a_short_warm_up():
    found = summary(looks(lambda t: 2e8, end=40))
    assert found["warm_up_seconds"] == 10.0
    assert summary([Sample(0.5, 100, 10.0)])["growth_mb"] == 0.0


def test_training_is_measured_without_a_pause(monkeypatch):
    monkeypatch.setattr(soak, "TURN_SECONDS", 0.4)
    found = soak.measure(1.0, False, 1)
    assert len(found) >= 2
    assert all(s.steps_per_second > 5 and s.resident > 30e6 for s in found)
    assert [s.seconds for s in found] == sorted(s.seconds for s in found)


def test_the_command_prints_what_was_found(capsys, monkeypatch):
    monkeypatch.setattr(soak, "measure", lambda seconds, window, threads, tell: looks(lambda t: 2e8, end=int(seconds)))
    assert main(["bench", "--soak", "2", "--no-window", "--threads", "1"]) == 0
    assert "workload d for 2.0 minutes without the window, 1 training thread" in capsys.readouterr().out
    assert main(["bench", "--soak", "2", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["soak"]["window"] is True
    assert values["soak"]["growth_met"] is True
    assert main(["bench", "--soak", "0"]) == 2
