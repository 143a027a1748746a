"""Costs of single calls of a step."""

from __future__ import annotations

import pytest

from studio.bench.ours import Ours
from studio.bench.profile import lines, main, profile
from studio.bench.workloads import WORKLOADS
from studio.engine.costs import cost_of


def multiplications(key, phase, nodes):
    ours = Ours(WORKLOADS[key], 1)
    try:
        plan = ours.network.train_plan.plan
        calls = [c for c in plan.calls if c.phase == phase and c.node in nodes]
        return sum(cost_of(c, plan).operations for c in calls if c.kernel.name.startswith("multiply"))
    finally:
        ours.close()


def test_operations_of_a_dense_forward_pass():
    assert multiplications("b", "forward", {"n2", "n3", "n4"}) == 2 * 32 * (64 * 128 + 128 * 64 + 64 * 10)


def test_operations_of_a_convolutions_forward_pass():
    assert multiplications("d", "forward", {"n2"}) == 2 * 64 * 24 * 24 * 6 * 25


def test_every_call_has_a_cost():
    costs, whole = profile("a", rounds=2)
    assert whole > 0
    assert [c.index for c in costs] == list(range(len(costs)))
    assert all(c.alone_us >= 0 and c.step_us >= 0 for c in costs)
    assert any(c.operations and c.gigaflops_alone > 0 for c in costs)
    words = "\n".join(lines("a", costs, whole, len(costs), {"n2": "First layer"}))
    assert "MLP 2-8-8-1" in words
    assert "First layer" in words
    assert "by phase" in words


def test_half_a_minibatch_is_half_the_work():
    whole, half = profile("b", rounds=1)[0], profile("b", batch_share=2, rounds=1)[0]
    products = ([c.operations for c in costs if c.call.kernel.name.startswith("multiply")] for costs in (whole, half))
    assert [n / 2 for n in next(products)] == next(products)


def test_the_command(capsys):
    assert main(["b", "--calls", "3", "--rounds", "1"]) == 0
    printed = capsys.readouterr().out
    assert "MLP 64-128-64-10" in printed
    assert "GFLOP/s" in printed
    with pytest.raises(SystemExit):
        main(["z"])
