"""Where the time of a training step goes on a graphics card: ``studio bench --device cuda --kernels``.

Ordinary minibatches run with the card's clock between their launches (`studio.cuda.card.Card.time`). A
kernel's bound is the time that its operations would take at the card's measured peak, or the reading and
writing of its bytes at the measured rates, whichever is longer: that is its roof. Its share of the roof is
the bound divided by the time it takes.

Beside the sum of all launches stands a whole step as it trains, many of them in a row and without a clock.
A launch's time has the gap to the next one in it, and that of recording an event, so that the sum may be
above the step; where it is below, the card waits for the processor between steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.bench.machine import peaks_json, peaks_line
from studio.bench.ours import Ours, compiling_for_card
from studio.bench.workloads import Workload
from studio.cuda.card import Card
from studio.engine.card_peaks import measured_card_peaks
from studio.engine.costs import cost_of
from studio.engine.cuda_device import CudaDevice, is_launched
from studio.engine.peaks import Peaks
from studio.engine.timing import StepCalls
from studio.kernels import control

#: Steps before anything is measured; steps with a clock, at least and at most.
_WARM_UP, _FEWEST, _MOST = 20, 9, 1000
#: Steps in a row whose time is taken together, at least: those of a few graphs.
_IN_A_ROW = 64


@dataclass(frozen=True)
class KernelOnCard:
    """The launches of one kernel for one node in one phase of a step.

    Parameters
    ----------
    kernel : str
    node : str
        Title of the node; empty for what belongs to none.
    phase : str
        ``forward``, ``backward`` or ``update``; empty for what begins or ends the step.
    launches : int
        A step.
    us : float
        Microseconds of all of them, a step: the middle one of many steps.
    operations, traffic : float
        What they do at the least; see `studio.engine.costs`.
    known : bool
        Whether that is known.
    arithmetic_us, memory_us : float
        Microseconds at the card's measured peaks.
    """

    kernel: str
    node: str
    phase: str
    launches: int
    us: float
    operations: float = 0.0
    traffic: float = 0.0
    known: bool = False
    arithmetic_us: float = 0.0
    memory_us: float = 0.0

    @property
    def gflops(self) -> float:
        """10**9 operations a second."""
        return self.operations / self.us / 1e3 if self.us > 0 else 0.0

    @property
    def gigabytes(self) -> float:
        """10**9 bytes a second."""
        return self.traffic / self.us / 1e3 if self.us > 0 else 0.0

    @property
    def bound_us(self) -> float:
        """Microseconds that they need at the least; 0 where nobody knows."""
        return max(self.arithmetic_us, self.memory_us)

    @property
    def roof(self) -> str:
        """``arithmetic`` or ``memory``: what keeps them from being faster; empty where nobody knows."""
        if not self.bound_us:
            return ""
        return "arithmetic" if self.arithmetic_us > self.memory_us else "memory"

    @property
    def share(self) -> float | None:
        """Of what the roof allows; None where nobody knows."""
        return self.bound_us / self.us if self.bound_us and self.us > 0 else None


@dataclass(frozen=True)
class StepOnCard:
    """A training step of a workload, kernel by kernel.

    Parameters
    ----------
    workload : Workload
    kernels : tuple of KernelOnCard
        Those that take longest first.
    step_us : float
        Microseconds of a step in a long row of them, without a clock: the middle one of several rows.
    steps : int
        How many were timed launch by launch.
    """

    workload: Workload
    kernels: tuple[KernelOnCard, ...]
    step_us: float
    steps: int

    @property
    def launches(self) -> int:
        """How many a step has."""
        return sum(k.launches for k in self.kernels)

    @property
    def sum_us(self) -> float:
        """Microseconds of all launches of a step."""
        return sum(k.us for k in self.kernels)

    @property
    def bound_us(self) -> float:
        """Microseconds that the kernels need at the least, of those of which it is known."""
        return sum(k.bound_us for k in self.kernels)

    @property
    def operations(self) -> float:
        """Of a step."""
        return sum(k.operations for k in self.kernels)

    def part(self, kernel: KernelOnCard) -> float:
        """A kernel's share of the sum of all launches."""
        return kernel.us / self.sum_us if self.sum_us > 0 else 0.0


def peaks_of(card: Card, tell: Callable[[str], None] = lambda sentence: None) -> Peaks:
    """Measure what a card can do; what is known from before counts where it is better.

    Raises
    ------
    studio.cuda.card.CardProblem
        When the card fails, or has no room for that.
    """
    tell("measuring what the card can do")
    return measured_card_peaks(card, compiling_for_card(tell), again=True)


def profile(
    workload: Workload,
    card: Card,
    peaks: Peaks,
    rounds: int,
    seconds: float,
    tell: Callable[[str], None] = lambda sentence: None,
) -> StepOnCard:
    """Time a workload's training step on a card.

    Parameters
    ----------
    workload : Workload
    card : Card
    peaks : Peaks
        The card's.
    rounds : int
        Rows of whole steps.
    seconds : float
        About how long a row takes, and all steps with a clock together.
    tell : callable
        Told what is going on.

    Raises
    ------
    studio.core.registry.UnknownName
        When a layer of the workload is not there.
    RuntimeError
        When the card has no room or fails, a kernel cannot be compiled, or a loss is not finite.
    """
    tell(f"{workload.key}: preparing")
    with closing(Ours(workload, 1, card, lambda what: tell(f"{workload.key}: {what}"))) as ours:
        ours.train(_WARM_UP)
        in_a_row = max(_IN_A_ROW, int(seconds / (ours.train(_WARM_UP) / _WARM_UP)))
        tell(f"{workload.key}: whole steps")
        step_us = 1e6 * float(np.median([ours.train(in_a_row) / in_a_row for _ in range(rounds)]))
        tell(f"{workload.key}: kernel by kernel")
        timed = _timed_steps(ours, seconds)
        return StepOnCard(workload, _kernels(ours, peaks, np.median(timed, axis=0)), step_us, len(timed))


def _timed_steps(ours: Ours, seconds: float) -> np.ndarray:
    """Microseconds of each launch of many steps, ``(steps, launches)``."""
    device, bound = ours.network.device, ours.network.train_plan
    assert isinstance(device, CudaDevice)
    found: list[np.ndarray] = []
    begin = time.perf_counter()
    while len(found) < _FEWEST or (len(found) < _MOST and time.perf_counter() - begin < seconds):
        device.time_next(bound, 1)
        ours.train(1)
        found.append(device.take_times(bound, edges=True)[0])
    return np.array(found)


def _kernels(ours: Ours, peaks: Peaks, microseconds: np.ndarray) -> tuple[KernelOnCard, ...]:
    """What is known of a step's launches, those of one kernel for one node in one phase together."""
    plan = ours.network.train_plan.plan
    titles = {node.id: node.name for node in ours.document.graph.nodes}
    # What a kernel leaves behind is as far away as all that a step goes through.
    working_set = StepCalls(ours.network).working_set
    first, last = (
        KernelOnCard(kernel.name, "", "", 1, float(us))
        for kernel, us in ((control.begin_step, microseconds[0]), (control.end_step, microseconds[-1]))
    )
    found: dict[tuple[str, str, str], KernelOnCard] = {}
    for call, us in zip((c for c in plan.calls if is_launched(c)), microseconds[1:-1], strict=True):
        cost, key = cost_of(call, plan), (call.node, call.phase, call.kernel.name)
        before = found.get(key, KernelOnCard(call.kernel.name, titles.get(call.node, ""), call.phase, 0, 0.0, known=True))
        found[key] = KernelOnCard(
            before.kernel, before.node, before.phase,
            before.launches + 1,
            before.us + float(us),
            before.operations + cost.operations,
            before.traffic + cost.traffic,
            before.known and cost.known,
            before.arithmetic_us + cost.operations / peaks.gflops / 1e3,
            before.memory_us + 1e6 * peaks.seconds(cost.read, cost.written, cost.updated, working_set),
        )  # fmt: skip
    return tuple(sorted((first, *found.values(), last), key=lambda k: -k.us))


# Words ---------------------------------------------------------------------------------------------


def to_json(steps: Sequence[StepOnCard], peaks: Peaks) -> dict[str, Any]:
    """The measurement as JSON values."""
    return {"peaks": peaks_json(peaks), "workloads": {step.workload.key: _step_json(step) for step in steps}}


def _step_json(step: StepOnCard) -> dict[str, Any]:
    return {
        "title": step.workload.title,
        "step_us": round(step.step_us, 3),
        "sum_us": round(step.sum_us, 3),
        "bound_us": round(step.bound_us, 3),
        "launches": step.launches,
        "timed_steps": step.steps,
        "kernels": [
            {
                "kernel": k.kernel,
                "node": k.node or None,
                "phase": k.phase or None,
                "launches": k.launches,
                "us": round(k.us, 3),
                "share_of_step": round(step.part(k), 4),
                "operations": k.operations if k.known else None,
                "bytes": k.traffic if k.known else None,
                "gflops": round(k.gflops, 2) if k.known else None,
                "gigabytes_per_second": round(k.gigabytes, 2) if k.known else None,
                "roof": k.roof or None,
                "bound_us": round(k.bound_us, 4) if k.roof else None,
                "share_of_roof": None if k.share is None else round(k.share, 4),
            }
            for k in step.kernels
        ],
    }


_HEADS = ("kernel", "node", "phase", "launches", "time", "of step", "FLOPs", "bytes", "GFLOP/s", "GB/s", "roof", "of roof")
#: Columns of words; others are numbers, which end in line.
_OF_WORDS = (0, 1, 2, 10)


def _rows(step: StepOnCard) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for k in step.kernels:
        costs = ("", "", "", "")
        if k.known:
            costs = _amount(k.operations), _amount(k.traffic), f"{k.gflops:.1f}", f"{k.gigabytes:.1f}"
        share = "" if k.share is None else f"{100 * k.share:.1f} %"
        part = f"{100 * step.part(k):.1f} %"
        rows.append((k.kernel, k.node, k.phase, str(k.launches), f"{k.us:.2f} µs", part, *costs, k.roof, share))
    return rows


def _amount(value: float) -> str:
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g} {letter}"
    return f"{value:.0f}"


def _summary(step: StepOnCard) -> str:
    per_second = step.operations / step.step_us / 1e3 if step.step_us > 0 else 0.0
    words = (
        f"{step.launches} launches take {step.sum_us:.1f} µs together, a whole step by graph {step.step_us:.1f} µs "
        f"({step.step_us / step.sum_us:.2f} of the sum); "
        f"{per_second:.0f} GFLOP/s over the whole step"
    )
    return f"{words}. At the measured peaks the kernels would take {step.bound_us:.1f} µs, {100 * step.bound_us / step.sum_us:.1f} % of that sum."


def text(steps: Sequence[StepOnCard]) -> str:
    """The measurement as lines of text."""
    blocks = []
    for step in steps:
        rows = [_HEADS, *_rows(step)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADS))]
        lines = [f"{step.workload.key}  {step.workload.title}", f"   {_summary(step)}"]
        for row in rows:
            cells = [c.ljust(w) if i in _OF_WORDS else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
            lines.append(f"   {'  '.join(cells)}".rstrip())
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def markdown(steps: Sequence[StepOnCard]) -> str:
    """The measurement as tables in Markdown."""
    blocks = []
    for step in steps:
        lines = [f"**{step.workload.title}**: {_summary(step)}", "", f"| {' | '.join(_HEADS)} |"]
        lines.append(f"|{'|'.join('---' if i in _OF_WORDS else '---:' for i in range(len(_HEADS)))}|")
        lines += [f"| {' | '.join(row)} |" for row in _rows(step)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def peaks_words(peaks: Peaks) -> str:
    """What the card was measured to do, in a line."""
    return peaks_line(peaks_json(peaks), "the card")
