"""Long training, with the window open or without: whether memory stays flat and speed the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.bench.window import TrainingProcess

#: Seconds of a turn, after each of which memory is looked at.
TURN_SECONDS = 5.0
#: Seconds after which memory and speed should stay as they are, and the share of a short run instead.
WARM_UP_SECONDS, WARM_UP_SHARE = 120.0, 0.25
#: Megabytes that memory may grow by after that.
GROWTH_LIMIT = 5.0
#: Share of the speed that must be left at the end.
KEPT_LIMIT = 0.95


@dataclass(frozen=True)
class Sample:
    """A look at the process.

    Parameters
    ----------
    seconds : float
        Since training began.
    resident : int
        Bytes of memory that it holds.
    steps_per_second : float
        Since the last look.
    """

    seconds: float
    resident: int
    steps_per_second: float


def measure(
    seconds: float, with_window: bool, threads: int, tell: Callable[[str], None] = lambda sentence: None
) -> list[Sample]:
    """Train workload d and look at the process every few seconds.

    Raises
    ------
    studio.bench.window.WindowFailure
        When the window does not open or training ends.
    """
    samples: list[Sample] = []
    process = TrainingProcess(with_window, threads, "d")
    try:
        passed = 0.0
        while passed < seconds:
            piece = min(TURN_SECONDS, max(0.5, seconds - passed))
            found = process.go_on(piece)
            passed += found.seconds
            samples.append(Sample(passed, found.resident, found.steps_per_second))
            tell(f"soak: {passed / 60:.1f} of {seconds / 60:.0f} minutes, {found.resident / 1e6:.0f} MB")
    finally:
        process.close()
    return samples


def summary(samples: Sequence[Sample]) -> dict[str, Any]:
    """What became of memory and speed after the warm-up, as JSON values.

    Growth is between the medians of the first and the last fifth of what follows the warm-up;
    single looks catch pictures that are there for a moment.
    """
    end = samples[-1].seconds
    begin = min(WARM_UP_SECONDS, WARM_UP_SHARE * end)
    after = [s for s in samples if s.seconds > begin] or list(samples)
    fifth = max(1, len(after) // 5)
    first, last = after[:fifth], after[-fifth:]
    growth = float(np.median([s.resident for s in last]) - np.median([s.resident for s in first])) / 1e6
    speeds = [float(np.median([s.steps_per_second for s in part])) for part in (first, last)]
    return {
        "minutes": round(end / 60, 2),
        "warm_up_seconds": round(begin, 1),
        "resident_mb": [round(part[0].resident / 1e6, 1) for part in (first, last)],
        "highest_mb": round(max(s.resident for s in samples) / 1e6, 1),
        "growth_mb": round(growth, 2),
        "growth_met": growth <= GROWTH_LIMIT,
        "steps_per_second": [round(speed, 1) for speed in speeds],
        "kept": round(speeds[1] / speeds[0], 4),
        "kept_met": speeds[1] >= KEPT_LIMIT * speeds[0],
        "samples": [[round(s.seconds, 1), s.resident, round(s.steps_per_second, 1)] for s in samples],
    }


def text(found: dict[str, Any]) -> str:
    """The summary as lines of text."""

    def verdict(met: bool) -> str:
        return "met" if met else "MISSED"

    where = "with the window open" if found["window"] else "without the window"
    plural = "s" if found["threads"] != 1 else ""
    speeds = found["steps_per_second"]
    return "\n".join(
        [
            f"soak  workload d for {found['minutes']:.1f} minutes {where}, {found['threads']} training thread{plural}",
            f"   memory grows by {found['growth_mb']:.1f} MB after {found['warm_up_seconds']:.0f} seconds of warm-up "
            f"(limit {GROWTH_LIMIT:.0f} MB, {verdict(found['growth_met'])}); {found['highest_mb']:.0f} MB at most",
            f"   speed: {speeds[0]:.0f} steps a second after the warm-up, {speeds[1]:.0f} at the end, "
            f"{100 * found['kept']:.1f} % (limit {100 * KEPT_LIMIT:.0f} %, {verdict(found['kept_met'])})",
        ]
    )
