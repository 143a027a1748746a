"""How near each kernel is to what this machine can do: ``studio bench --kernels``.

All calls of the workloads' training steps are timed on one thread, and of everything else that
layers, losses and optimizers can do, examples whose kernels no workload has (see
`studio.bench.examples`). A call's bound is the time that its operations would take at the measured
peak, or the reading and writing of its bytes at the measured rates of the nearest memory that holds them, whichever is longer:
that is its roof. Its share is the bound divided by the time it takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from studio.bench.calls import CallRunner
from studio.bench.examples import examples_beside
from studio.bench.machine import peaks_json
from studio.bench.ours import Ours
from studio.bench.workloads import WORKLOADS
from studio.engine.costs import cost_of
from studio.engine.network import Network
from studio.engine.peaks import Peaks, measured_peaks

#: Of the peak of calculating, and of the rate of memory.
GOALS = {"arithmetic": 0.85, "memory": 0.70}
#: Kernels of products, which are to reach the peak of calculating where that is their roof.
_PRODUCTS = re.compile(r"(multiply|correlate|outer|collect|weigh|sample_product)_\d.*|attend|attend_backward|(lstm|gru|simplernn)_(forward|backward)")
#: Microseconds of a kernel's bound below which the call itself takes a good part of the time.
_SMALL = 0.05
#: Microseconds above which the clock's own time and grain do not matter.
_LONG = 1.0
#: Steps before anything is measured.
_WARM_UP = 3


@dataclass(frozen=True)
class CallRate:
    """What one call takes and what it could take.

    Parameters
    ----------
    kernel : str
    where : str
        A workload's key, or whose example it is.
    node : str
        Title of the node.
    phase : str
    alone_us, step_us : float
        Microseconds when it is repeated by itself, and within a step.
    operations, traffic : float
        What it does at the least; see `studio.engine.costs`.
    known : bool
        Whether that is known.
    arithmetic_us, memory_us : float
        Microseconds at the measured peaks.
    """

    kernel: str
    where: str
    node: str
    phase: str
    alone_us: float
    step_us: float
    operations: float
    traffic: float
    known: bool
    arithmetic_us: float
    memory_us: float

    @property
    def bound_us(self) -> float:
        """Microseconds that it needs at the least."""
        return max(self.arithmetic_us, self.memory_us)


@dataclass
class KernelRate:
    """All calls of a kernel together.

    Parameters
    ----------
    name : str
    calls : list of CallRate
    """

    name: str
    calls: list[CallRate] = field(default_factory=list)

    def total(self, name: str) -> float:
        """The sum of a number of all calls."""
        return float(sum(getattr(call, name) for call in self.calls))

    @property
    def known(self) -> bool:
        """Whether its costs are known, and there are some."""
        return all(call.known for call in self.calls) and self.total("bound_us") > 0

    @property
    def roof(self) -> str:
        """``arithmetic`` or ``memory``: what keeps it from being faster."""
        return "arithmetic" if self.total("arithmetic_us") > self.total("memory_us") else "memory"

    @property
    def share(self) -> float:
        """Of what its roof allows, repeated by itself; 0 where it is not known."""
        return self.total("bound_us") / self.total("alone_us") if self.known and self.total("alone_us") else 0.0

    @property
    def step_share(self) -> float:
        """The same within a step, where other calls have moved its data out of the near caches."""
        return self.total("bound_us") / self.total("step_us") if self.known and self.total("step_us") else 0.0

    @property
    def gflops(self) -> float:
        """10**9 operations a second."""
        return self.total("operations") / self.total("alone_us") / 1e3 if self.total("alone_us") else 0.0

    @property
    def gigabytes(self) -> float:
        """10**9 bytes a second."""
        return self.total("traffic") / self.total("alone_us") / 1e3 if self.total("alone_us") else 0.0

    @property
    def goal(self) -> float:
        """The share it is to reach: matrix-like kernels another than those that numbers stream through.

        0 where all its calls are so small that there is nothing to gain.
        """
        if max((c.bound_us for c in self.calls), default=0.0) < _SMALL:
            return 0.0
        return GOALS["arithmetic" if self.roof == "arithmetic" and _PRODUCTS.fullmatch(self.name) else "memory"]

    @property
    def met(self) -> bool:
        """Whether it reaches its goal."""
        return self.share >= self.goal

    def in_workloads(self) -> dict[str, float]:
        """Microseconds a step of each workload that has it."""
        found: dict[str, float] = {}
        for call in self.calls:
            if call.where in WORKLOADS:
                found[call.where] = found.get(call.where, 0.0) + call.step_us
        return found

    @property
    def lost_us(self) -> float:
        """Microseconds of the workloads' steps that are above what its roof allows."""
        return float(sum(max(0.0, c.step_us - c.bound_us) for c in self.calls if c.where in WORKLOADS and c.known))


def calls_of(
    network: Network,
    where: str,
    titles: Mapping[str, str],
    peaks: Peaks,
    rounds: int,
    only: frozenset[str] | None = None,
) -> Iterator[CallRate]:
    """Time the calls of a network's training step, or those of some kernels; the shortest of the rounds count."""
    for _ in range(_WARM_UP):
        network.train(1)
    runner, plan = CallRunner(network), network.train_plan.plan
    inside = runner.inside_step(rounds).min(axis=0)
    for index, call in enumerate(plan.calls):
        if only is not None and call.kernel.name not in only:
            continue
        cost = cost_of(call, plan)
        if cost.known and not cost.operations and not cost.traffic:
            continue  # a barrier
        alone = float(np.min(runner.alone(index, float(inside[index]), rounds)))
        if inside[index] > _LONG:
            # By itself it finds its data nearer, so that more time is some other program's.
            alone = min(alone, float(inside[index]))
        yield CallRate(
            call.kernel.name, where, titles.get(call.node, ""), call.phase,
            alone, float(inside[index]), cost.operations, cost.traffic, cost.known,
            cost.operations / peaks.gflops / 1e3,
            1e6 * peaks.seconds(cost.read, cost.written, cost.updated, cost.read + cost.written + cost.updated),
        )


def measure(
    keys: Sequence[str], others: bool = True, rounds: int = 15, tell: Callable[[str], None] = lambda sentence: None
) -> tuple[list[KernelRate], Peaks]:
    """Measure all kernels.

    Parameters
    ----------
    keys : sequence of str
        Which workloads.
    others : bool
        Whether to measure what no workload uses, too.
    rounds : int
        Measurements of each call.
    tell : callable
        Told what is going on.

    Returns
    -------
    list of KernelRate
        Those with the smallest share first, then those whose costs are not known.
    Peaks
        Of one thread.
    """
    tell("measuring what the machine can do")
    peaks = measured_peaks(1, again=True)
    found: dict[str, KernelRate] = {}

    def note(call: CallRate) -> None:
        found.setdefault(call.kernel, KernelRate(call.kernel)).calls.append(call)

    for key in keys:
        tell(f"kernels of workload {key}")
        with closing(Ours(WORKLOADS[key], 1)) as ours:
            titles = {n.id: n.name for n in ours.document.graph.nodes}
            for call in calls_of(ours.network, key, titles, peaks, rounds):
                note(call)
    for example in examples_beside() if others else ():
        tell(f"kernels of {example.title}")
        with closing(example.network()) as network:
            for call in calls_of(network, example.title, {}, peaks, rounds, example.kernels):
                note(call)
    return sorted(found.values(), key=lambda k: (not k.known, k.share, k.name)), peaks


def kernels_json(kernels: Sequence[KernelRate], peaks: Peaks) -> dict[str, Any]:
    """The measurement as JSON values."""
    return {
        "peaks": peaks_json(peaks),
        "kernels": {
            k.name: {
                "us": round(k.total("alone_us"), 3),
                "gflops": round(k.gflops, 2),
                "gigabytes_per_second": round(k.gigabytes, 2),
                "roof": k.roof if k.known else None,
                "share": round(k.share, 3) if k.known else None,
                "share_in_step": round(k.step_share, 3) if k.known else None,
                "goal": (k.goal or None) if k.known else None,
                "met": k.met if k.known else None,
                "workloads": {key: round(us, 2) for key, us in k.in_workloads().items()},
                "lost_us": round(k.lost_us, 2),
                "calls": len(k.calls),
                "where": sorted({c.where for c in k.calls}),
            }
            for k in kernels
        },
    }


def table(kernels: Sequence[KernelRate], peaks: Peaks) -> str:
    """The measurement as lines of text.

    Parameters
    ----------
    kernels : sequence of KernelRate
    peaks : Peaks
        Those that they were measured against.
    """
    lines = [
        f"{'kernel':<36}{'time':>10}{'GFLOP/s':>9}{'GB/s':>7}  {'roof':<11}{'share':>6}{'in step':>9}  {'goal':<9}{'lost':>9}  where"
    ]
    for k in kernels:
        where = ", ".join(k.in_workloads()) or k.calls[0].where
        numbers = f"{k.name[:35]:<36}{k.total('alone_us'):>8.2f}µs"
        if not k.known:
            lines.append(f"{numbers}{'not known':>36}{'':<31}  {where}")
            continue
        mark = f"{100 * k.goal:.0f} %" + ("" if k.met else " MISS") if k.goal else "small"
        lines.append(
            f"{numbers}{k.gflops:>9.1f}{k.gigabytes:>7.1f}  {k.roof:<11}{100 * k.share:>5.0f}%{100 * k.step_share:>8.0f}%"
            f"  {mark:<9}{k.lost_us:>7.1f}µs  {where}"
        )
    missed = [k for k in kernels if k.known and not k.met]
    known = [k for k in kernels if k.known and k.goal]
    lines.append(f"{len(known) - len(missed)} of {len(known)} kernels reach their goal: of the peak 85 % where products are bound by arithmetic, else 70 %.")
    # Most numbers lie in caches, which are several times as fast as memory: so the goals ask for more than memory gives.
    streams = [k for k in known if k.roof == "memory"]
    kept_up = [k for k in streams if k.gigabytes >= GOALS["memory"] * peaks.gigabytes_per_second]
    lines.append(f"Of memory's own rate, {len(kept_up)} of the {len(streams)} kernels that numbers stream through reach 70 %, wherever theirs lie.")
    return "\n".join(lines)
