"""What the window and training cost each other, while workload e trains in the real window.

Two processes take turns: one trains with the window open, the other trains the same without
one. Neither does anything while it is not its turn.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.bench.comparison import BUSY
from studio.bench.peer_process import clean_environment

#: Longest time, in milliseconds, between two ticks of a 4 ms timer: that 99 of 100 must keep, and all.
STALL_LIMIT, LONGEST_STALL = 16.0, 50.0
#: Share of its speed that training must keep with one thread, which leaves the window a core, and
#: with as many threads as cores.
KEPT_WITH_A_CORE_FREE, KEPT_WITHOUT = 0.96, 0.88
#: Share of a core that the window may take.
WINDOW_SHARE = 0.12
#: Seconds of a turn.
TURN_SECONDS = 3.0


class WindowFailure(RuntimeError):
    """Why the window could not be measured; one plain sentence."""


@dataclass(frozen=True)
class Turn:
    """One turn of one process.

    Parameters
    ----------
    steps_per_second : float
    gaps : tuple of float
        Milliseconds between ticks of a 4 ms timer on the window's thread; empty without one.
    work : tuple of float
        Milliseconds of processor time that the window's thread took between the ticks: what of a
        gap is its own doing, rather than a wait for a core.
    window_share : float
        Processor time of the window's thread, as a share of a core; 0 without one.
    """

    steps_per_second: float
    gaps: tuple[float, ...] = ()
    work: tuple[float, ...] = ()
    window_share: float = 0.0


@dataclass(frozen=True)
class Stretch:
    """A stretch of training that was not paused before, nor is it after.

    Parameters
    ----------
    seconds : float
    steps_per_second : float
    resident : int
        Bytes of memory that the process holds at its end.
    """

    seconds: float
    steps_per_second: float
    resident: int


class TrainingProcess:
    """A process that trains a workload, with the window or without, when it is asked to."""

    def __init__(self, with_window: bool, threads: int, key: str = "e") -> None:
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        kind = "window" if with_window else "alone"
        environment = clean_environment(os.environ, threads)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "studio.bench.window_worker", kind, str(threads), key],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**environment, "QT_QPA_PLATFORM": "offscreen"},
        )
        try:
            self._read()
        except WindowFailure:
            self.close()
            raise

    def turn(self, seconds: float) -> Turn:
        """Train for so long and say how it went."""
        answer = self._ask({"seconds": seconds})
        return Turn(answer["steps_per_second"], tuple(answer["gaps"]), tuple(answer["work"]), answer["window_share"])

    def go_on(self, seconds: float) -> Stretch:
        """Train for so long, and do not stop."""
        return Stretch(**self._ask({"seconds": seconds, "go_on": True}))

    def _ask(self, what: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            print(json.dumps(what), file=self._process.stdin, flush=True)
        except OSError:
            raise WindowFailure(self._last_words()) from None
        return self._read()

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise WindowFailure(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WindowFailure(f"The window could not be measured: {answer['error']}")
        return answer

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return f"The window ended before its time: {lines[-1] if lines else 'it said nothing'}"


def measure(
    thread_counts: Sequence[int],
    rounds: int,
    tell: Callable[[str], None] = lambda sentence: None,
    seconds: float = TURN_SECONDS,
) -> dict[str, Any]:
    """Measure with each number of training threads.

    Returns
    -------
    dict
        By number of threads, what `summary` makes of the turns.

    Raises
    ------
    WindowFailure
        When the window does not open or training does not start.
    """
    found = {}
    for threads in thread_counts:
        tell(f"window: opening it, {threads} training threads")
        with_window: list[Turn] = []
        alone: list[Turn] = []
        window_process = TrainingProcess(True, threads)
        try:
            other_process = TrainingProcess(False, threads)
            try:
                for number in range(rounds):
                    tell(f"window: {threads} training threads, round {number + 1} of {rounds}")
                    pairs = [(window_process, with_window), (other_process, alone)]
                    for process, turns in pairs if number % 2 == 0 else reversed(pairs):
                        turns.append(process.turn(seconds))
            finally:
                other_process.close()
        finally:
            window_process.close()
        found[str(threads)] = summary(threads, max(thread_counts), with_window, alone)
    return found


def summary(threads: int, cores: int, with_window: Sequence[Turn], alone: Sequence[Turn]) -> dict[str, Any]:
    """Turns as JSON values.

    Parameters
    ----------
    threads : int
        Training threads.
    cores : int
        Cores in use: with as many threads, none is left to the window.
    with_window, alone : sequence of Turn
        At least one each.
    """
    gaps = np.array([gap for turn in with_window for gap in turn.gaps])
    work = np.array([one for turn in with_window for one in turn.work])
    beside = float(np.median([turn.steps_per_second for turn in with_window]))
    free = float(np.median([turn.steps_per_second for turn in alone]))
    kept = beside / free
    limit = KEPT_WITH_A_CORE_FREE if threads < cores or cores == 1 else KEPT_WITHOUT
    p99 = float(np.percentile(gaps, 99))
    share = float(np.median([turn.window_share for turn in with_window]))
    fastest = [max(turn.steps_per_second for turn in turns) for turns in (with_window, alone)]
    steady = all(
        max(turn.steps_per_second for turn in turns) <= BUSY * rate
        for turns, rate in ((with_window, beside), (alone, free))
    )
    return {
        "stall_ms": _spread(gaps),
        "work_ms": _spread(work),
        "stall_met": p99 <= STALL_LIMIT and float(gaps.max()) <= LONGEST_STALL,
        "window_share": round(share, 4),
        "window_share_met": share <= WINDOW_SHARE,
        "steps_per_second": round(beside, 1),
        "steps_per_second_alone": round(free, 1),
        "kept": round(kept, 4),
        "kept_of_fastest": round(fastest[0] / fastest[1], 4),
        "kept_wanted": limit,
        "kept_met": kept >= limit,
        "rounds": len(with_window),
        "steady": steady,
    }


def _spread(milliseconds: np.ndarray) -> dict[str, float]:
    p50, p99, most = np.percentile(milliseconds, (50, 99, 100))
    return {"p50": round(float(p50), 2), "p99": round(float(p99), 2), "max": round(float(most), 2)}


def window_table(found: dict[str, Any]) -> str:
    """The window's figures as lines of text."""
    lines = ["window  1600x1000, default docks, while workload e trains"]
    for threads, one in found.items():

        def verdict(key: str, one: dict[str, Any] = one) -> str:
            return "met" if one[key] else "MISSED"

        stall, work = one["stall_ms"], one["work_ms"]
        plural = "s" if threads != "1" else ""
        lines += [
            f"   {threads} training thread{plural}:",
            f"      stalls of the window: {stall['p99']:.1f} ms in 99 of 100, {stall['max']:.1f} ms at most "
            f"(limits {STALL_LIMIT:.0f} and {LONGEST_STALL:.0f} ms, {verdict('stall_met')}); "
            f"its own work in them: {work['p99']:.1f} ms, {work['max']:.1f} ms",
            f"      processor time of the window: {100 * one['window_share']:.1f} % of a core "
            f"(limit {100 * WINDOW_SHARE:.0f} %, {verdict('window_share_met')})",
            f"      training keeps {100 * one['kept']:.1f} % of its {one['steps_per_second_alone']:.0f} steps a second "
            f"(limit {100 * one['kept_wanted']:.0f} %, {verdict('kept_met')})",
        ]
        if not one["steady"]:
            lines.append("      The machine had other things to do meanwhile: measure again when it is quiet.")
    return "\n".join(lines)
