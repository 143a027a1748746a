"""Numbers for people and for programs."""

from __future__ import annotations

import json

import pytest

from studio.bench import report
from studio.bench.comparison import Measurement, PeerTiming, Timing, largest_difference
from studio.bench.machine import machine
from studio.bench.window import Turn, summary, window_table
from studio.bench.workloads import WORKLOADS
from studio.engine.processor import cores


def measurement(eager=(300.0, 310.0, 290.0), difference=2e-7, key="a"):
    ours = {1: Timing((1.0, 1.1, 0.9)), 2: Timing((2.0, 2.1, 1.9))}
    peers = (
        PeerTiming("torch", "eager", Timing(tuple(eager)), difference),
        PeerTiming("torch", "compile", Timing((350.0, 360.0, 340.0)), 1e-6),
        PeerTiming("jax", "scan", Timing((8.0, 8.8, 7.2)), 1e-6),
    )
    return Measurement(WORKLOADS[key], ours, peers, ("Keras could not take part.",), {"torch": "2.0"})


@pytest.mark.parametrize(
    ("value", "words"), [(0.5432, "0.54 µs"), (17.21, "17.2 µs"), (422.4, "422 µs"), (28960.2, "28960 µs")]
)
def test_times_have_three_digits(value, words):
    assert report.microseconds(value) == words


@pytest.mark.parametrize(("value", "words"), [(1.3234, "1.32x"), (18.04, "18.0x"), (297.4, "297x")])
def test_ratios_have_three_digits(value, words):
    assert report.times(value) == words


@pytest.mark.parametrize(
    ("value", "words"), [(18.52e6, "18.5 M/s"), (152_300.0, "152 k/s"), (4651.0, "4.7 k/s"), (312.0, "312 /s")]
)
def test_rates_have_units(value, words):
    assert report.per_second(value) == words


def test_the_better_number_of_threads_counts():
    found = measurement()
    assert found.best_threads == 1
    assert found.step_us == 1.0
    assert found.samples_per_second == 10e6
    assert found.ratio(found.peers[0]) == 300.0
    low, high = found.ratio_spread(found.peers[0])
    assert low == pytest.approx(310 / 1.1)
    assert high == pytest.approx(290 / 0.9)


def test_json_has_what_programs_read():
    values = json.loads(json.dumps(report.workload_json(measurement())))
    assert values["step_us"] == 1.0
    assert values["step_us_by_threads"] == {"1": 1.0, "2": 2.0}
    assert values["threads"] == 1
    assert values["samples_per_second"] == 10e6
    assert values["peers"]["torch"]["step_us"] == 300.0
    assert values["peers"]["torch"]["variant"] == "eager"
    assert set(values["peers"]["torch"]["variants"]) == {"eager", "compile"}
    assert values["peers"]["jax"]["ratio"] == 8.0
    assert values["peers"]["jax"]["ratio_of_fastest"] == 8.0
    assert values["best_peer_ratio"] == 8.0
    # The fastest peer counts, whichever it is.
    assert values["gate"] == {"peer": "JAX scan", "wanted": 5.0, "found": 8.0, "met": True}
    assert values["goal"]["step_us"] == {"wanted": 0.45, "met": False}
    assert values["goal"]["torch"] == {"wanted": 350.0, "met": False}
    assert values["goal"]["jax"] == {"wanted": 10.0, "met": False}
    assert set(values["goal"]) == {"step_us", "torch", "jax"}
    assert values["losses_agree"] is True
    assert values["steady"] is True
    assert values["notes"] == ["Keras could not take part."]


def test_the_machine_is_described():
    about = json.loads(json.dumps(machine({"torch": "2.0"}, [1, 2])))
    assert about["cores"] == cores() >= 1
    assert about["lanes"] in (4, 8, 16)
    assert about["cpu"]
    assert {"python", "numpy", "numba", "torch"} <= set(about["versions"])
    assert about["peaks"]["2"]["gflops"] == 100.0
    words = report.heading(about)
    assert "torch 2.0" in words
    assert "measured peaks of 1 thread: 100 GFLOP/s; copying 10 GB/s in memory (50 within 16 KiB)" in words
    assert "measured peaks of 2 threads" in words


def test_a_table_for_a_readme():
    lines = report.markdown([measurement(), measurement(key="b")]).splitlines()
    assert lines[0] == "| workload | step | threads | samples/s | PyTorch eager | compile | JAX scan | gate |"
    assert lines[1] == "|---|---|---|---|---|---|---|---|"
    assert lines[2].split(" | ")[1:] == ["1.00 µs", "1", "10.0 M", "300x", "350x", "8.00x", "5.00x met |"]
    assert lines[3].endswith("| 1.50x met |")
    bare = Measurement(WORKLOADS["a"], {1: Timing((1.0,))})
    assert report.markdown([bare]).splitlines()[0] == "| workload | step | threads | samples/s |"


def test_a_missed_gate_and_different_losses_are_said():
    words = report.table(measurement(eager=(4.0, 4.4, 3.6), difference=0.01))
    assert "gate: 5.00x the fastest peer, MISSED with 4.00x of PyTorch eager" in words
    # Rounds that something else disturbed do not help.
    assert not report.gate(measurement(eager=(500.0, 900.0, 3.0)))["met"]
    assert "DIFFER to 1e-02" in words
    assert report.workload_json(measurement(difference=0.01))["losses_agree"] is False


def test_the_table_names_all_sides():
    words = report.table(measurement())
    for part in ("1.00 µs with 1 thread, 2.00 µs with 2 threads", "PyTorch eager", "JAX scan", "8.00x", "met with 8.00x of JAX scan"):
        assert part in words
    assert "Keras could not take part." in words
    assert "goals not met: step time 0.45 µs, PyTorch 350x, JAX 10.0x" in words
    assert "quiet" not in words


def test_a_busy_machine_is_said():
    assert "measure again when it is quiet" in report.table(measurement(eager=(300.0, 900.0, 600.0)))


def test_without_peers_there_is_no_gate():
    bare = Measurement(WORKLOADS["a"], {1: Timing((1.0,))})
    assert report.gate(bare) is None
    values = report.workload_json(bare)
    assert values["peers"] == {}
    assert values["best_peer_ratio"] is None
    assert values["losses_agree"] is None
    assert "gate" not in report.table(bare)


def test_differences_of_losses_are_relative():
    assert largest_difference([2.0, 4.0], [2.0, 4.4]) == pytest.approx(0.1)


def turns(rate, gap):
    return [Turn(rate, (4.0,) * 50 + (gap,), (0.5,) * 51, 0.1)] * 3


def test_the_window_has_limits():
    good = summary(1, 2, turns(98.0, 10.0), turns(100.0, 0.0))
    assert good["kept"] == 0.98
    assert good["kept_of_fastest"] == 0.98
    assert good["kept_wanted"] == 0.96
    assert good["kept_met"]
    assert good["stall_met"]
    assert good["window_share_met"]
    assert good["stall_ms"] == {"p50": 4.0, "p99": 10.0, "max": 10.0}
    assert good["work_ms"]["max"] == 0.5
    bad = summary(2, 2, turns(80.0, 60.0), turns(100.0, 0.0))
    assert bad["kept_wanted"] == 0.88
    assert not bad["kept_met"]
    assert not bad["stall_met"]
    seldom = summary(1, 2, [Turn(98.0, (4.0,) * 500 + (60.0,), (0.5,) * 501, 0.1)], turns(100.0, 0.0))
    assert seldom["stall_ms"]["p99"] == 4.0
    assert not seldom["stall_met"]
    words = window_table(json.loads(json.dumps({"1": good, "2": bad})))
    assert "training keeps 98.0 %" in words
    assert "MISSED" in words
    assert "2 training threads" in words
