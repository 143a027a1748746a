"""What each kernel call of a training step costs.

``python -m studio.bench.profile d e --calls 15`` prints, for a workload, the calls
that take longest: microseconds inside a whole step, where other calls have pushed their data
out of the near caches, and by themselves, again and again; and GFLOP/s where the call is a
product.
"""

from __future__ import annotations

import argparse
import ctypes
import dataclasses
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from studio.bench.ours import Ours
from studio.bench.workloads import WORKLOADS
from studio.engine.costs import cost_of
from studio.engine.cpu_device import BoundPlan
from studio.engine.plan import Call
from studio.kernels import control, state

#: Type of the runner: arena, record, table, state.
_RUNNER = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
#: Microseconds of a step below which calls are looked at by themselves.
_SMALL_STEP = 30.0
#: Microseconds that a measurement of one call by itself should last.
_LONG_ENOUGH = 500.0


@dataclass(frozen=True)
class Cost:
    """What one call takes.

    Parameters
    ----------
    index : int
        Its place in the plan.
    call : Call
    step_us : float
        Microseconds inside a step.
    alone_us : float
        Microseconds when it is repeated by itself.
    operations : float
        Floating-point operations; 0 where they are not known.
    """

    index: int
    call: Call
    step_us: float
    alone_us: float
    operations: float

    @property
    def gigaflops(self) -> float:
        """10**9 operations a second inside a step."""
        return self.operations / self.step_us / 1e3 if self.step_us > 0 else 0.0

    @property
    def gigaflops_alone(self) -> float:
        """10**9 operations a second when repeated."""
        return self.operations / self.alone_us / 1e3 if self.alone_us > 0 else 0.0


class _Runner:
    """Runs single calls of a bound plan as the plan itself would, on one thread."""

    def __init__(self, ours: Ours) -> None:
        self._ours = ours
        self._bound: BoundPlan = ours.network.train_plan
        self._run = _RUNNER(control.run.address)
        self._state = self._bound.states[0]
        self._records = self._cut()

    def _cut(self) -> list[np.ndarray]:
        """A record of one call for each call of the plan."""
        whole, place, parts = self._bound.records[0], 1, []
        for _ in range(int(whole[0])):
            length = int(whole[place + 1])
            parts.append(np.concatenate([np.ones(1, np.int64), whole[place : place + length]]))
            place += length
        return parts

    def repeated(self, index: int, times: int) -> np.ndarray:
        """A record that makes one call many times in a step."""
        call = self._records[index][1:]
        return np.concatenate([np.full(1, times, np.int64), np.tile(call, times)])

    def seconds(self, record: np.ndarray) -> float:
        """Run a record for one minibatch, which stays the same."""
        one = self._state
        kept = [int(one[place]) for place in (state.STEP, state.POSITION, state.EPOCH)]
        one[state.STEPS] = 1
        one[state.SHUFFLE] = 0
        arena = self._ours.network.device.arena
        arguments = (arena.ctypes.data, record.ctypes.data, self._bound.table.ctypes.data, one.ctypes.data)
        begin = time.perf_counter()
        self._run(*arguments)
        seconds = time.perf_counter() - begin
        one[state.STEP], one[state.POSITION], one[state.EPOCH] = kept
        one[state.SHUFFLE] = 1
        return seconds

    def nothing(self) -> float:
        """Seconds that a record without calls takes."""
        empty = np.zeros(1, np.int64)
        return min(self.seconds(empty) for _ in range(200))

    def inside_step(self, rounds: int) -> np.ndarray:
        """Microseconds of each call when all are made in order: medians over the rounds."""
        overhead = self.nothing()
        seen = [[self.seconds(record) - overhead for record in self._records] for _ in range(rounds)]
        return np.maximum(np.median(seen, axis=0), 0.0) * 1e6

    def alone(self, index: int, guess_us: float, rounds: int) -> float:
        """Microseconds of one call when it is repeated."""
        times = max(1, min(1000, int(_LONG_ENOUGH / max(guess_us, 0.01))))
        record = self.repeated(index, times)
        overhead = self.nothing()
        return float(np.median([self.seconds(record) - overhead for _ in range(rounds)])) / times * 1e6


def profile(key: str, batch_share: int = 1, rounds: int = 15) -> tuple[list[Cost], float]:
    """Costs of all calls of a workload's step, and the microseconds of a whole step.

    Parameters
    ----------
    key : str
        One of `WORKLOADS`.
    batch_share : int
        Profile what one of so many threads does: its share of the minibatch.
    rounds : int
        Measurements of each call; medians are given.
    """
    workload = WORKLOADS[key]
    if batch_share > 1:
        workload = dataclasses.replace(workload, batch_size=-(-workload.batch_size // batch_share))
    ours = Ours(workload, 1)
    try:
        ours.train(20)
        steps = max(5, min(5000, int(2e5 / max(1.0, ours.train(5) / 5 * 1e6))))
        whole = float(np.median([ours.train(steps) / steps for _ in range(5)])) * 1e6
        runner = _Runner(ours)
        inside = runner.inside_step(rounds)
        plan = ours.network.train_plan.plan
        costs = [
            Cost(i, call, float(inside[i]), runner.alone(i, float(inside[i]), rounds), cost_of(call, plan).operations)
            for i, call in enumerate(plan.calls)
        ]
    finally:
        ours.close()
    return costs, whole


def lines(key: str, costs: Sequence[Cost], whole: float, most: int, names: Mapping[str, str]) -> list[str]:
    """The table: the costliest calls, then sums by kernel and by phase."""
    # The clock itself takes a good part of a tenth of a microsecond: of no use for small calls.
    small = whole < _SMALL_STEP

    def cost_of(cost: Cost) -> float:
        return cost.alone_us if small else cost.step_us

    total = sum(map(cost_of, costs))
    found = [
        f"{key}  {WORKLOADS[key].title}: {whole:.2f} µs a step, {total:.2f} µs in {len(costs)} calls",
        f"   {'call':<5}{'node':<24}{'phase':<10}{'kernel':<30}{'in step':>10}{'share':>8}{'alone':>10}{'GFLOP/s':>9}{'alone':>8}",
    ]
    for cost in sorted(costs, key=cost_of, reverse=True)[:most]:
        rates = f"{cost.gigaflops:>9.0f}{cost.gigaflops_alone:>8.0f}" if cost.operations else ""
        found.append(
            f"   {cost.index:<5}{names.get(cost.call.node, '')[:23]:<24}{cost.call.phase:<10}{cost.call.kernel.name[:29]:<30}"
            f"{cost.step_us:>10.2f}{100 * cost_of(cost) / total:>7.1f}%{cost.alone_us:>10.2f}{rates}".rstrip()
        )
    for title in ("kernel", "phase"):
        sums: dict[str, float] = {}
        for cost in costs:
            group = cost.call.kernel.name if title == "kernel" else cost.call.phase
            sums[group] = sums.get(group, 0.0) + cost_of(cost)
        ordered = sorted(sums.items(), key=lambda item: -item[1])[:most]
        parts = ", ".join(f"{name} {value:.2f} µs ({100 * value / total:.0f} %)" for name, value in ordered)
        found.append(f"   by {title}: {parts}")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table for the workloads that are named."""
    parser = argparse.ArgumentParser(prog="python -m studio.bench.profile", description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", default=["d"], choices=[*WORKLOADS], help="which to profile")
    parser.add_argument("--share", type=int, default=1, help="profile one thread's part of so many threads")
    parser.add_argument("--calls", type=int, default=20, help="how many calls to list")
    parser.add_argument("--rounds", type=int, default=15, help="measurements of each call")
    options = parser.parse_args(arguments)
    for key in options.workloads:
        costs, whole = profile(key, options.share, options.rounds)
        graph = WORKLOADS[key].document().graph
        names = {node.id: f"{node.name} {node.id}" for node in graph.nodes}
        print("\n".join(lines(key, costs, whole, options.calls, names)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
