"""What the benchmark's tests share."""

from __future__ import annotations

import pytest

from studio.bench import kernels, machine
from studio.engine.peaks import Peaks


@pytest.fixture(autouse=True)
def known_peaks(monkeypatch):
    """Peaks of a made-up machine: measuring this one's takes seconds."""

    def peaks(threads, again=False):
        return Peaks(100.0, 10.0, ((16 << 10, 50.0),), threads, ((16 << 10, 60.0),), ((16 << 10, 70.0),))

    monkeypatch.setattr(machine, "measured_peaks", peaks)
    monkeypatch.setattr(kernels, "measured_peaks", peaks)
    return peaks(1)
