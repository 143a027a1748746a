"""What each kernel call of a training step costs.

``python -m studio.bench.profile d e --calls 15`` prints, for a workload, the calls
that take longest: microseconds inside a whole step, where other calls have pushed their data
out of the near caches, and by themselves, again and again; and GFLOP/s where the call is a
product.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from studio.bench.calls import CallRunner
from studio.bench.ours import Ours
from studio.bench.workloads import WORKLOADS
from studio.engine.costs import cost_of
from studio.engine.plan import Call

#: Microseconds of a step below which calls are looked at by themselves.
_SMALL_STEP = 30.0


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
        runner = CallRunner(ours.network)
        inside = np.median(runner.inside_step(rounds), axis=0)
        plan = ours.network.train_plan.plan
        costs = [
            Cost(i, call, float(inside[i]), float(np.median(runner.alone(i, float(inside[i]), rounds))), cost_of(call, plan).operations)
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
