"""``studio bench --device cuda --kernels``: where the time of a step goes on a card, against its measured peaks."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from studio.bench import card_kernels
from studio.bench.card_kernels import KernelOnCard, StepOnCard
from studio.bench.workloads import WORKLOADS
from studio.cli import main
from studio.cuda import card as cards
from studio.cuda import probe
from studio.cuda.card import Launch
from studio.engine import card_peaks
from studio.engine.costs import costs_of
from studio.engine.cuda_device import is_launched
from studio.engine.peaks import Peaks
from studio.kernels import control
from studio.testing.cards import ProcessorCard

PEAKS = Peaks(50_000.0, 2000.0, ((1 << 23, 4000.0),), 1, ((1 << 23, 4000.0), (1 << 28, 2000.0)), ((1 << 23, 4000.0), (1 << 28, 2000.0)))


class SteadyCard(ProcessorCard):
    """Its clock tells of each launch its number, from 1 on, in every third step ten times as much."""

    def time(self, prepared: Sequence[Launch]) -> np.ndarray:
        super().time(prepared)
        return np.arange(1.0, len(prepared) + 1) * (10.0 if self.timed % 3 == 0 else 1.0)


@pytest.fixture
def steady():
    made = SteadyCard()
    cards.use(made)
    yield made
    cards.use(None)


@pytest.fixture
def card_is_known(monkeypatch):
    """The peaks of a made-up card."""
    monkeypatch.setattr(card_kernels, "measured_card_peaks", lambda card, compile_kernels, again: PEAKS)


def test_a_kernel_is_compared_with_the_nearer_of_two_limits():
    one = KernelOnCard("multiply_8x2", "Dense", "forward", 2, 10.0, 4e8, 1e6, True, 8.0, 0.5)
    assert (one.bound_us, one.roof, one.share) == (8.0, "arithmetic", 0.8)
    assert (one.gflops, one.gigabytes) == (40_000.0, 100.0)
    other = KernelOnCard("relu_function", "ReLU", "forward", 1, 10.0, 1e5, 1e7, True, 0.002, 5.0)
    assert (other.bound_us, other.roof, other.share) == (5.0, "memory", 0.5)
    unknown = KernelOnCard("penalize", "", "update", 1, 10.0)
    assert (unknown.bound_us, unknown.roof, unknown.share) == (0.0, "", None)


def test_the_sum_stands_beside_the_whole_step():
    kernels = (
        KernelOnCard("multiply_8x2", "Dense", "forward", 2, 60.0, 4e8, 1e6, True, 30.0, 0.5),
        KernelOnCard("adam", "", "update", 1, 30.0, 1e6, 6e7, True, 0.02, 15.0),
        KernelOnCard("begin_step", "", "", 1, 10.0),
    )
    step = StepOnCard(WORKLOADS["e"], kernels, 80.0, 50)
    assert (step.launches, step.sum_us, step.bound_us) == (4, 100.0, 45.0)
    assert [step.part(k) for k in kernels] == [0.6, 0.3, 0.1]
    words = card_kernels.text([step])
    assert "4 launches take 100.0 µs together, a whole step by graph 80.0 µs (0.80 of the sum)" in words
    assert "5012 GFLOP/s over the whole step. At the measured peaks the kernels would take 45.0 µs, 45.0 % of that sum." in words
    first, second, third = words.splitlines()[-3:]
    # Columns stay in line.
    assert len({line.index("µs") for line in (first, second, third)}) == 1
    assert first.split() == [
        "multiply_8x2", "Dense", "forward", "2", "60.00", "µs", "60.0", "%", "400", "M", "1", "M", "6666.7", "16.7", "arithmetic", "50.0", "%",
    ]  # fmt: skip
    assert third.split() == ["begin_step", "1", "10.00", "µs", "10.0", "%"]
    table = card_kernels.markdown([step]).splitlines()
    assert table[0].startswith(f"**{WORKLOADS['e'].title}**: 4 launches")
    assert {line.count("|") for line in table[2:]} == {13}
    assert "| adam |  | update | 1 | 30.00 µs | 30.0 % | 1 M | 60 M | 33.3 | 2000.0 | memory | 50.0 % |" in table
    values = json.loads(json.dumps(card_kernels.to_json([step], PEAKS)))
    assert values["peaks"]["gflops"] == 50_000.0
    found = values["workloads"]["e"]
    assert (found["step_us"], found["sum_us"], found["bound_us"], found["launches"], found["timed_steps"]) == (80.0, 100.0, 45.0, 4, 50)
    assert found["kernels"][0]["share_of_roof"] == 0.5
    assert found["kernels"][1]["gigabytes_per_second"] == 2000.0
    last = found["kernels"][2]
    assert (last["node"], last["phase"], last["operations"], last["gflops"], last["roof"], last["share_of_roof"]) == (None,) * 6


def test_each_launch_has_the_middle_time_of_many_steps_and_what_it_does(steady):
    told: list[str] = []
    found = card_kernels.profile(WORKLOADS["b"], steady, PEAKS, 2, 0.01, told.append)
    assert found.steps >= 9
    assert steady.timed == found.steps
    assert steady.blocks == 0
    assert told[0] == "b: preparing"
    from studio.bench.ours import Ours

    ours = Ours(WORKLOADS["b"], 1, steady)
    plan = ours.network.train_plan.plan
    ours.close()
    calls = [call for call in plan.calls if is_launched(call)]
    costs = [cost for call, cost in zip(plan.calls, costs_of(plan), strict=True) if is_launched(call)]
    # Launches are numbered: one that begins the step, the calls, and one that ends it.
    assert found.launches == len(calls) + 2
    assert found.sum_us == pytest.approx(sum(range(1, len(calls) + 3)))
    assert [k.us for k in found.kernels] == sorted((k.us for k in found.kernels), reverse=True)
    by_name = {(k.kernel, k.phase): k for k in found.kernels}
    assert by_name[control.begin_step.name, ""].us == 1.0
    assert by_name[control.end_step.name, ""].us == len(calls) + 2
    titles = {k.node for k in found.kernels}
    assert {"Data", "Dense"} <= titles
    for kernel in found.kernels:
        own = [i for i, c in enumerate(calls) if c.phase == kernel.phase and c.kernel.name == kernel.kernel]
        same_node = [k for k in found.kernels if (k.kernel, k.phase) == (kernel.kernel, kernel.phase)]
        if not own or len(same_node) > 1:
            continue
        assert kernel.us == pytest.approx(sum(i + 2 for i in own))
        assert kernel.operations == sum(costs[i].operations for i in own)
        assert kernel.traffic == sum(costs[i].traffic for i in own)
        # All of this small net is within the card's shared cache, which reads, writes and changes at 4,000 GB/s.
        assert kernel.memory_us == pytest.approx(kernel.traffic / 4e6)
        assert kernel.arithmetic_us == pytest.approx(kernel.operations / 5e7)
    assert found.operations == sum(cost.operations for cost in costs)
    assert found.step_us > 0


def test_the_command(card, card_is_known, capsys):
    arguments = ["bench", "--device", "cuda", "--kernels", "--workloads", "a", "--rounds", "1", "--seconds", "0.01"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("card for tests\n")
    assert "measured peaks of the card: 50000 GFLOP/s; copying 2000 GB/s in memory (4000 within 8 MiB)" in printed
    assert "thread" not in printed
    assert "tanh_function" in printed
    assert "launches take" in printed
    assert main([*arguments, "--markdown"]) == 0
    assert "| kernel | node | phase | launches | time | of step |" in capsys.readouterr().out
    assert main([*arguments, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert set(values) == {"machine", "peaks", "workloads"}
    assert values["machine"]["device"] == "card for tests"
    found = values["workloads"]["a"]
    assert sum(k["us"] for k in found["kernels"]) == pytest.approx(found["sum_us"], abs=0.02 * len(found["kernels"]))
    assert sum(k["share_of_step"] for k in found["kernels"]) == pytest.approx(1.0, abs=0.01)
    assert card.blocks == 0


def test_peaks_are_measured_even_where_they_are_known(card, monkeypatch):
    monkeypatch.setattr(card_peaks, "_known", {})
    rates = iter([7.0, 9.0])
    monkeypatch.setattr(card_peaks, "measure", lambda of: Peaks(next(rates), 3.0))
    monkeypatch.setattr(card_peaks, "kept", lambda file, about: None)
    monkeypatch.setattr(card_peaks, "keep", lambda file, about, peaks: None)
    assert card_kernels.peaks_of(card).gflops == 7.0
    assert card_kernels.peaks_of(card).gflops == 9.0


def test_a_full_card_is_one_sentence(monkeypatch, capsys):
    cards.use(ProcessorCard(room=1_000_000))
    monkeypatch.setattr(card_peaks, "_known", {})
    try:
        assert main(["bench", "--device", "cuda", "--kernels", "--workloads", "a"]) == 1
    finally:
        cards.use(None)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("studio: The kernels could not be measured: The memory of the card for tests is too full")


def test_a_card_that_fails_meanwhile_is_one_sentence(card, card_is_known, capsys):
    card.lasts = 30
    assert main(["bench", "--device", "cuda", "--kernels", "--workloads", "a"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "studio: The kernels could not be measured: The card for tests failed (error 700): train on the processor."


def test_without_a_card_one_sentence_says_why(monkeypatch, capsys):
    cards.use(None)
    monkeypatch.setattr(probe, "cards", lambda: probe.Cards(problem=probe.NO_DRIVER))
    assert main(["bench", "--device", "cuda", "--kernels", "--workloads", "e"]) == 2
    printed = capsys.readouterr()
    assert (printed.err, printed.out) == (f"studio: {probe.NO_DRIVER}\n", "")
