"""How near kernels are to what the machine can do."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from studio.bench import examples, kernels
from studio.bench.calls import CallRunner
from studio.bench.kernels import CallRate, KernelRate
from studio.bench.ours import Ours
from studio.bench.workloads import WORKLOADS
from studio.cli import main
from studio.core import registry


def call(kernel="relu_function", where="c", alone=10.0, step=20.0, arithmetic=1.0, memory=8.0, known=True):
    return CallRate(kernel, where, "", "forward", alone, step, 1e5, 4e5, known, arithmetic, memory)


def test_a_kernels_calls_count_together():
    kernel = KernelRate("relu_function", [call(), call(alone=30.0, step=50.0, memory=20.0, where="d")])
    assert kernel.roof == "memory"
    assert kernel.share == pytest.approx(28 / 40)
    assert kernel.step_share == pytest.approx(28 / 70)
    assert kernel.goal == 0.70
    assert kernel.met
    assert kernel.in_workloads() == {"c": 20.0, "d": 50.0}
    assert kernel.lost_us == pytest.approx(12.0 + 30.0)
    assert kernel.gflops == pytest.approx(2e5 / 40 / 1e3)
    assert kernel.gigabytes == pytest.approx(8e5 / 40 / 1e3)


@pytest.mark.parametrize(
    ("name", "arithmetic", "goal"),
    [("multiply_8x2", 9.0, 0.85), ("multiply_8x2", 1.0, 0.70), ("attend", 9.0, 0.85), ("lstm_backward", 9.0, 0.85),
     ("multiply_function", 9.0, 0.70), ("tanh_function", 9.0, 0.70), ("outer_8x1", 9.0, 0.85)],
)  # fmt: skip
def test_products_are_to_reach_the_peak_of_calculating(name, arithmetic, goal):
    kernel = KernelRate(name, [call(name, arithmetic=arithmetic)])
    assert kernel.roof == ("arithmetic" if arithmetic > 8 else "memory")
    assert kernel.goal == goal


def test_what_is_too_small_or_unknown_has_no_goal(known_peaks):
    small = KernelRate("sgd", [call("sgd", alone=0.1, arithmetic=0.001, memory=0.002)])
    unknown = KernelRate("penalize", [call("penalize", known=False, arithmetic=0.0, memory=0.0)])
    assert small.goal == 0.0
    assert not unknown.known
    assert unknown.share == unknown.lost_us == 0.0
    rows = kernels.kernels_json([small, unknown], known_peaks)["kernels"]
    assert rows["sgd"]["goal"] is None
    assert rows["sgd"]["share"] == 0.02
    assert rows["penalize"]["share"] is rows["penalize"]["met"] is None
    words = kernels.table([small, unknown], known_peaks)
    assert "small" in words
    assert "not known" in words


def test_the_table_says_who_keeps_up_with_memory_itself(known_peaks):
    rate = known_peaks.gigabytes_per_second
    # Moves so many bytes a microsecond, in a cache that would give twice as much.
    streams = [KernelRate(name, [replace(call(name, alone=10.0, memory=5.0), traffic=1e4 * gigabytes)])
               for name, gigabytes in (("fast", 0.8 * rate), ("slow", 0.6 * rate))]  # fmt: skip
    words = kernels.table(streams, known_peaks)
    assert "0 of 2 kernels reach their goal" in words
    assert "1 of the 2 kernels that numbers stream through reach 70 %" in words


def test_all_kernels_of_a_workload_are_measured(known_peaks):
    found, peaks = kernels.measure(["b"], others=False, rounds=2)
    assert peaks == known_peaks
    names = {k.name for k in found}
    ours = Ours(WORKLOADS["b"], 1)
    assert names == {c.kernel.name for c in ours.network.train_plan.plan.calls} - {"barrier"}
    ours.close()
    assert [k.share for k in found if k.known] == sorted(k.share for k in found if k.known)
    assert all(c.alone_us <= c.step_us for k in found for c in k.calls if c.step_us > 1)
    product = next(k for k in found if re.match(r"multiply_\d+x2", k.name))
    assert product.gflops > 0.5
    assert product.gigabytes > 0.1
    assert product.in_workloads()["b"] > 0


def test_calls_take_as_long_as_the_step_they_make():
    ours = Ours(WORKLOADS["b"], 1)
    ours.train(50)
    runner = CallRunner(ours.network)
    step = ours.network.step
    inside = runner.inside_step(5)
    assert inside.shape == (5, len(ours.network.train_plan.plan.calls))
    assert ours.network.step > step
    whole = min(ours.train(50) / 50 for _ in range(5)) * 1e6
    assert 0.2 * whole < inside.sum(axis=1).min() < 20 * whole
    ours.close()


def test_examples_are_what_workloads_lack():
    beside = examples.examples_beside(("Dense", "PReLU", "LayerNormalization", "Hinge", "Lion"))
    found = {name: example for example in beside for name in example.kernels}
    assert {"prelu_forward", "prelu_backward", "hinge_function", "hinge_derivative", "lion", "clip_values"} <= set(found)
    # Workloads have these, and these are for tests only.
    assert not set(found) & {"normalize_rows", "relu_function", "multiply_8x2", "weighted_sum"}
    # They are enlarged where parameters and shapes allow.
    assert max(max(i.x_shape, default=0) for i in found["prelu_forward"].infos.values()) >= 24


def test_an_example_runs(monkeypatch):
    (layer, shapes), *_ = registry.layer("Embedding").examples()
    example = examples.example_of(layer, shapes)
    assert list(example.whole.values()) == [7]
    monkeypatch.setattr(kernels, "examples_beside", lambda: [replace(example, kernels=frozenset({"look_up"}))])
    found, _ = kernels.measure([], rounds=2)
    assert [k.name for k in found] == ["look_up"]
    assert found[0].calls[0].where == "Embedding"
    assert found[0].in_workloads() == {}
    assert found[0].lost_us == 0.0


def test_the_command(monkeypatch, capsys):
    monkeypatch.setattr(kernels, "examples_beside", lambda: [])
    assert main(["bench", "--kernels", "--workloads", "a", "--rounds", "1"]) == 0
    printed = capsys.readouterr().out
    assert "measured peaks of 1 thread: 100 GFLOP/s" in printed
    assert "tanh_function" in printed
    assert "kernels reach their goal" in printed
    assert main(["bench", "--kernels", "--workloads", "a", "--rounds", "1", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["machine"]["lanes"] in (4, 8, 16)
    assert result["peaks"]["reading"] == [[16 << 10, 60.0]]
    assert result["kernels"]["tanh_function"]["workloads"]["a"] > 0
