"""When the next snapshot is due: what once took long holds up nothing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from studio.engine import publishing
from studio.engine.history import History
from studio.engine.publishing import VIEW_SHARE, Publisher, Standing


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time that the publisher sees; `takes` is how long the next views need."""
    clock = SimpleNamespace(now=100.0, takes=0.0)

    def perf_counter() -> float:
        return float(clock.now)

    monkeypatch.setattr(publishing, "time", SimpleNamespace(perf_counter=perf_counter))
    return clock


def publish(publisher: Publisher, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Publish, which takes so long, and take the snapshot as the window does."""
    clear = publisher.taken.clear

    def slow() -> None:
        clear()
        clock.now += seconds

    with monkeypatch.context() as patch:
        patch.setattr(publisher.taken, "clear", slow)
        publisher.publish(Standing(), None, {}, History(), None, None)
    publisher.take()


def test_one_slow_look_does_not_leave_old_answers_standing(clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = Publisher()
    publish(publisher, clock, monkeypatch, 2.0)
    clock.now += 2 * publisher.watch.interval
    assert publisher.is_due(running=True)


def test_looks_that_are_always_slow_leave_training_its_time(clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = Publisher()
    for _ in range(2):
        publish(publisher, clock, monkeypatch, 2.0)
    clock.now += 1.9 / VIEW_SHARE
    assert not publisher.is_due(running=True)
    publisher.stale = True
    assert publisher.is_due(running=False)  # training has ended: its last answers come at once
    clock.now += 0.2 / VIEW_SHARE
    assert publisher.is_due(running=True)
