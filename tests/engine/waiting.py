"""Waiting for what a trainer shows."""

from __future__ import annotations

import time
from collections.abc import Callable

from studio.engine.messages import Snapshot
from studio.engine.trainer import Trainer


def wait(trainer: Trainer, condition: Callable[[Snapshot], bool], seconds: float = 60.0) -> Snapshot:
    """Take snapshots until one fulfils the condition."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        snapshot = trainer.take()
        if condition(snapshot):
            return snapshot
        time.sleep(0.001)
    last = trainer.snapshot
    raise AssertionError(f"still {last.status} at epoch {last.epoch}: {last.problem} {last.notice} {last.written}")
