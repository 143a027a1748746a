"""The timer that pulls: wishes are asked for when they change, and stretched with the rest."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from studio.engine.commands import Watch
from studio.engine.messages import Snapshot
from studio.gui import live as live_module
from studio.gui.canvas.refresh_pace import RefreshPace
from studio.gui.live import Live


class Trainer:
    def __init__(self):
        self.snapshot = Snapshot()
        self.sent = []

    def send(self, command):
        self.sent.append(command)

    def take(self):
        return self.snapshot


@pytest.fixture
def clock(monkeypatch):
    """The time that `Live` sees."""
    clock = SimpleNamespace(now=100.0, busy=0.0)
    clocks = SimpleNamespace(monotonic=lambda: clock.now, thread_time=lambda: clock.busy)
    monkeypatch.setattr(live_module, "time", clocks)
    return clock


@pytest.fixture
def live(qapp, clock):
    return Live(Trainer())


def test_wishes_are_asked_for_when_one_says_so_and_a_few_times_a_second(live, clock):
    asked = []
    live.add_wish(lambda: asked.append(clock.now))
    for _ in range(20):
        live.look()
        clock.now += 0.05
    before = len(asked)
    assert before in (3, 4)
    live.renew()
    live.look()
    live.look()
    assert len(asked) == before + 1


def test_a_wish_reaches_the_trainer_once(live, clock):
    live.add_wish(lambda: Watch(nodes=frozenset({"n1"}), interval=0.123456))
    for _ in range(20):
        live.look()
        clock.now += 0.05
    assert [watch.nodes for watch in live.trainer.sent] == [{"n1"}]
    assert live.trainer.sent[0].interval == 0.12


def test_a_window_that_takes_too_much_renews_less_often_while_training_runs(live, clock):
    live.trainer.snapshot = replace(Snapshot(), serial=1, status="running")
    for _ in range(100):
        live.look()
        clock.now, clock.busy = clock.now + 0.05, clock.busy + 0.02
    assert live.stretch > 1.5
    live.trainer.snapshot = replace(Snapshot(), serial=2, status="paused")
    live.look()
    live.look()
    assert live.stretch == 1.0


def test_thumbnails_slow_down_by_their_cost_and_by_the_whole_windows_but_stay_above_three_a_second():
    pace = RefreshPace()
    assert pace.pause(0.0, 1.0) == 66
    assert pace.pause(0.007, 1.0) == 200
    assert pace.pause(0.007, 1.2) == 240
    assert pace.pause(1.0, 1.0) == 250
    assert pace.pause(1.0, 2.4) < 1000 / 3
