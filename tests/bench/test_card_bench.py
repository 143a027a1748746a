"""``studio bench --device cuda``, on a card whose kernels the processor runs."""

from __future__ import annotations

import functools
import json
from contextlib import closing

import numpy as np
import pytest

from studio.bench import command, comparison, product, report
from studio.bench.comparison import Measurement, PeerTiming, Timing
from studio.bench.ours import Ours
from studio.bench.peer_process import PEERS, clean_environment, why_not_on_card
from studio.bench.product import OurProduct, Product
from studio.bench.workloads import WORKLOADS
from studio.cli import main
from studio.cuda import card as cards
from studio.cuda import probe
from studio.testing.cards import ProcessorCard

QUICK = ["--rounds", "2", "--seconds", "0.01"]

STAND_IN = '''
import time

class Peer:
    variants = ("eager", "cuda_graph")

    def __init__(self, task, place):
        self.task, self.place = task, place

    def versions(self):
        return {"stand-in": self.place}

    def start(self, variant):
        pass

    def losses(self, steps):
        return FOUND

    def train(self, steps):
        time.sleep(0.0005 * steps)
        return steps

class ProductPeer(Peer):
    variants = ("matmul",)

    def losses(self, steps):
        (kernel,) = self.task.weights.values()
        return ((self.task.x @ kernel)[:steps].astype(float) ** 2).sum(1).tolist()

def why_not_on_card():
    return SENTENCE

def create(task, threads, with_compile):
    return Peer(task, "processor")

def create_on_card(task, threads, with_compile):
    return (Peer if task.loss else ProductPeer)(task, "card")
'''


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """PyTorch's place is taken by a module with these losses and this sentence."""

    def put(losses: str = "[1.0] * steps", sentence: str = "") -> None:
        text = STAND_IN.replace("FOUND", losses).replace("SENTENCE", repr(sentence))
        (tmp_path / "stand_in_on_card.py").write_text(text)

    put()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(PEERS, "torch", ("stand_in_on_card", "json", "PyTorch"))
    monkeypatch.setattr(product, "_MODULE", "stand_in_on_card")
    return put


@pytest.mark.parametrize("key", ["a", "d"])
def test_a_workload_learns_the_same_on_the_card(card, key):
    workload = WORKLOADS[key]
    with closing(Ours(workload, 1)) as here, closing(Ours(workload, 1, card)) as there:
        assert there.network.device.name == "cuda"
        losses = here.losses(workload.compared_steps)
        assert len(set(losses)) > 10
        assert np.allclose(there.losses(workload.compared_steps), losses, rtol=1e-6)
        runs = card.runs
        assert there.train(150) > 0
        assert card.runs > runs
    assert card.blocks == 0


def test_nothing_is_measured_before_the_card_knows_what_is_fastest(card, monkeypatch):
    with closing(Ours(WORKLOADS["a"], 1, card)) as there, closing(Ours(WORKLOADS["a"], 1)) as here:
        there.settle()
        assert there.network.step == 0  # nothing to find out
        monkeypatch.setattr(card, "is_settled", lambda prepared: there.network.step >= 250)
        there.settle()
        assert there.network.step == 300
        monkeypatch.setattr(card, "is_settled", lambda prepared: False)
        there.settle(patience=0.05)
        assert there.network.step > 300
        here.settle()
        assert here.network.step == 0


def test_peers_are_on_the_card_too(card, stand_in):
    losses = []
    with closing(Ours(WORKLOADS["a"], 1)) as here:
        losses = here.losses(WORKLOADS["a"].compared_steps)
    stand_in(repr(losses))
    told: list[str] = []
    found = comparison.compare(WORKLOADS["a"], ["torch"], 2, rounds=2, seconds=0.01, tell=told.append, card=card)
    assert found.card == "card for tests"
    assert list(found.ours) == [1]
    assert found.versions == {"stand-in": "card"}
    assert [p.variant for p in found.peers] == ["eager", "cuda_graph"]
    # The stand-in says what the processor found, which the card finds too.
    assert all(p.losses_agree for p in found.peers)
    assert "a: preparing" in told
    there = comparison.compare(WORKLOADS["a"], ["torch"], 1, rounds=1, seconds=0.01)
    assert there.versions == {"stand-in": "processor"}
    assert there.card == ""


def test_json_says_which_card(card, stand_in, capsys, monkeypatch):
    monkeypatch.setattr(product, "measure", functools.partial(product.measure, size=48))
    assert main(["bench", "--device", "cuda", "--workloads", "a", "--json", *QUICK]) == 0
    values = json.loads(capsys.readouterr().out)
    assert set(values) == {"machine", "workloads", "notes", "product"}
    assert values["machine"]["device"] == "card for tests"
    assert values["machine"]["cpu"] != "card for tests"
    assert values["machine"]["peaks"] == {}
    assert values["machine"]["versions"]["stand-in"] == "card"
    found = values["workloads"]["a"]
    assert found["step_us_by_threads"] == {"1": found["step_us"]}
    assert set(found["peers"]["torch"]["variants"]) == {"eager", "cuda_graph"}
    assert found["losses_agree"] is False
    assert found["gate"]["peer"] == "PyTorch eager"
    assert values["product"]["size"] == 48
    assert values["product"]["agrees"] is True
    assert values["product"]["gate"]["wanted"] == 0.6


def test_the_table_says_which_card(card, stand_in, capsys):
    arguments = ["bench", "--device", "cuda", "--workloads", "a", "--no-product", *QUICK]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("card for tests\n")
    assert "µs on card for tests; " in printed
    assert "gate: 5.00x PyTorch eager, " in printed
    assert "PyTorch CUDA graph " in printed
    assert "DIFFER" in printed
    assert "thread" not in printed
    assert "goal" not in printed
    assert "product" not in printed
    assert main([*arguments, "--markdown"]) == 0
    printed = capsys.readouterr().out
    assert "| workload | step | samples/s | PyTorch eager | CUDA graph | gate |" in printed


def test_a_peer_without_a_card_is_a_sentence_and_we_are_measured(card, stand_in, capsys):
    stand_in(sentence="PyTorch was built without CUDA.")
    assert main(["bench", "--device", "cuda", "--workloads", "a", "--peers", "torch,sklearn", "--no-product", "--json", *QUICK]) == 0
    printed = capsys.readouterr()
    values = json.loads(printed.out)
    assert values["notes"][0] == "PyTorch was built without CUDA."
    assert len(values["notes"]) == 2
    assert printed.err.splitlines() == values["notes"]
    assert values["workloads"]["a"]["step_us"] > 0
    assert values["workloads"]["a"]["peers"] == {}
    assert values["workloads"]["a"]["gate"] is None


def test_libraries_for_the_processor_only_are_not_asked(monkeypatch):
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("a process was started"))
    assert why_not_on_card("sklearn") == "scikit-learn is not compared on a card: its side of the benchmark is for the processor."
    assert why_not_on_card("keras").startswith("Keras is not compared on a card")


def test_a_library_that_breaks_when_asked_is_a_sentence(stand_in, tmp_path):
    assert why_not_on_card("torch") == ""
    (tmp_path / "stand_in_on_card.py").write_text("raise OSError('libcudart is not there')")
    assert why_not_on_card("torch") == "PyTorch ended before its time: OSError: libcudart is not there"


def test_without_a_card_one_sentence_says_why(monkeypatch, capsys):
    cards.use(None)
    monkeypatch.setattr(probe, "cards", lambda: probe.Cards(problem=probe.NO_DRIVER))
    assert main(["bench", "--device", "cuda", "--workloads", "a", *QUICK]) == 2
    printed = capsys.readouterr()
    assert printed.err == f"studio: {probe.NO_DRIVER}\n"
    assert printed.out == ""


@pytest.mark.parametrize("option", [["--start"], ["--window"], ["--soak", "1"], ["--scale", "somewhere"]])
def test_what_measures_the_processor_is_refused(card, capsys, option):
    assert main(["bench", "--device", "cuda", *option]) == 2
    error = capsys.readouterr().err
    assert error == f"studio: {option[0]} measures the processor: leave it out, or --device cuda.\n"


def test_a_card_without_room_is_one_sentence(capsys):
    cards.use(ProcessorCard(room=10_000))
    try:
        assert main(["bench", "--device", "cuda", "--workloads", "b", "--peers", "none", *QUICK]) == 1
    finally:
        cards.use(None)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("studio: Workload b could not be measured: The network needs ")


def test_a_card_that_fails_meanwhile_is_one_sentence(card, capsys):
    card.lasts = 30
    assert main(["bench", "--device", "cuda", "--workloads", "a", "--peers", "none", *QUICK]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "studio: Workload a could not be measured: The card for tests failed (error 700): train on the processor."


def on_card(key: str, **microseconds: float) -> Measurement:
    """We take 10 µs; each way of PyTorch's so many, and JAX less than anybody."""
    peers = [PeerTiming("torch", variant, Timing((us, us)), 0.0) for variant, us in microseconds.items()]
    jax = PeerTiming("jax", "jit", Timing((1.0, 1.0)), 0.0)
    return Measurement(WORKLOADS[key], {1: Timing((10.0, 10.0))}, (*peers, jax), card="Card 1")


def test_small_networks_are_held_against_eager_steps():
    held = report.gate(on_card("b", eager=51.0, cuda_graph=2.0))
    assert held == {"peer": "PyTorch eager", "wanted": 5.0, "found": 5.1, "met": True}
    assert not report.gate(on_card("a", eager=49.0, cuda_graph=100.0))["met"]
    assert report.gate(on_card("a", cuda_graph=100.0)) is None


def test_large_networks_are_held_against_the_fastest_way_of_pytorch():
    held = report.gate(on_card("e", eager=51.0, cuda_graph=9.0))
    assert held == {"peer": "PyTorch CUDA graph", "wanted": 1.0, "found": 0.9, "met": False}
    assert report.gate(on_card("g", eager=51.0, cuda_graph=10.5))["met"]
    words = report.table(on_card("e", eager=51.0, cuda_graph=9.0, cuda_graph_channels_last=11.0))
    assert "gate: 1.00x the fastest way of PyTorch's, MISSED with 0.90x of PyTorch CUDA graph" in words
    assert report.workload_json(on_card("e", eager=51.0))["goal"] == {}
    # The longest name leaves the columns in line.
    ends = {line.index("µs") for line in words.splitlines() if "PyTorch" in line and "µs" in line}
    assert len(ends) == 1


def test_settings_that_make_a_card_slow_or_inexact_do_not_reach_peers():
    given = {"NVIDIA_TF32_OVERRIDE": "1", "CUDA_LAUNCH_BLOCKING": "1", "TORCH_X": "1", "CUDA_VISIBLE_DEVICES": "1"}
    seen = clean_environment(given, 1, on_card=True)
    assert not {"NVIDIA_TF32_OVERRIDE", "CUDA_LAUNCH_BLOCKING", "TORCH_X", "JAX_PLATFORMS"} & set(seen)
    assert seen["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert seen["CUDA_VISIBLE_DEVICES"] == "1"


@pytest.mark.parametrize("size", [16, 50])
def test_our_product_is_that_of_the_two_matrices(card, size):
    with closing(OurProduct(card, size)) as ours:
        assert ours.train(3)[0] == 3
        (weights,) = ours.task.weights.values()
        wanted = ours.task.x.astype(np.float64) @ weights
        assert np.allclose(ours.result(), wanted, atol=1e-4)
    assert card.blocks == 0


def test_a_product_without_pytorch(card):
    found = product.measure(card, False, 1, rounds=2, seconds=0.01, size=40)
    values = json.loads(json.dumps(found.to_json()))
    assert values["peers"] == {}
    assert values["gate"] is None
    assert values["step_us"] == pytest.approx(2 * 40**3 / values["teraflops"] / 1e6, rel=1e-3)
    assert "PyTorch" not in found.text()


def test_the_share_of_pytorchs_rate():
    found = Product(4096, Timing((4000.0, 5000.0, 4500.0)), Timing((3000.0, 2700.0, 2500.0)), 1e-6)
    assert found.share == 0.6
    assert found.to_json()["gate"] == {"wanted": 0.6, "found": 0.6, "met": True}
    assert found.to_json()["teraflops"] == pytest.approx(30.54)
    assert "ours: 4500 µs, 30.5 TFLOP/s" in found.text()
    assert "gate: 60 % of PyTorch's rate, met with 60 %" in found.text()
    slow = Product(4096, Timing((9000.0,)), Timing((3000.0,)), 0.5)
    assert "MISSED with 33 %" in slow.text()
    assert "results DIFFER to 5e-01" in slow.text()
    assert slow.to_json()["agrees"] is False


def test_the_processor_is_what_is_measured_without_a_word(monkeypatch):
    asked = []
    monkeypatch.setattr(command, "run", lambda options: asked.append(options) or 0)
    assert main(["bench"]) == main(["bench", "--device", "cuda", "--no-product"]) == 0
    assert (asked[0].device, asked[0].product) == ("cpu", True)
    assert (asked[1].device, asked[1].product) == ("cuda", False)
