"""``studio bench`` as people call it."""

from __future__ import annotations

import json

import pytest

from studio.bench import command
from studio.bench.peer_process import PEERS
from studio.cli import main


def test_json_is_one_object(capsys):
    assert main(["bench", "--workloads", "a", "--peers", "none", "--rounds", "2", "--seconds", "0.01", "--json"]) == 0
    printed = capsys.readouterr()
    values = json.loads(printed.out)
    assert set(values) == {"machine", "workloads", "notes"}
    assert set(values["workloads"]) == {"a"}
    found = values["workloads"]["a"]
    assert found["samples_per_second"] == pytest.approx(10 / found["step_us"] * 1e6, rel=0.01)
    assert found["step_us"] == min(found["step_us_by_threads"].values())
    assert set(values["machine"]["peaks"]) == {"1", str(values["machine"]["cores"])}
    assert found["rounds"] == 2
    assert found["threads"] in (1, values["machine"]["cores"])


def test_the_table_says_what_was_measured(capsys):
    assert main(["bench", "--workloads", "a", "--peers", "none", "--rounds", "1", "--seconds", "0.01", "--threads", "1"]) == 0
    printed = capsys.readouterr().out
    assert "MLP 2-8-8-1 tanh, batch 10, SGD" in printed
    assert "with 1 thread" in printed
    assert "with 2 threads" not in printed


def test_a_table_in_markdown(capsys):
    arguments = ["bench", "--workloads", "a", "--peers", "none", "--rounds", "1", "--seconds", "0.01", "--markdown"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "measured peaks of 1 thread: 100 GFLOP/s" in printed
    assert "| MLP 2-8-8-1 tanh, batch 10, SGD | " in printed
    assert "goals not met" not in printed


@pytest.mark.parametrize(
    ("arguments", "peers", "compiled"),
    [
        ([], ("torch",), False),
        (["--peers"], ("torch", "jax", "keras", "sklearn"), True),
        (["--peers", "all"], ("torch", "jax", "keras", "sklearn"), False),
        (["--peers", "jax", "--compile"], ("jax",), True),
    ],
)
def test_peers_without_names_are_all_in_every_way(monkeypatch, arguments, peers, compiled):
    asked = []
    monkeypatch.setattr(command, "run", lambda options: asked.append(options) or 0)
    assert main(["bench", *arguments]) == 0
    assert (asked[0].peers, asked[0].compile) == (peers, compiled)


def test_a_missing_peer_is_a_sentence_and_not_an_error(capsys, monkeypatch):
    monkeypatch.setitem(PEERS, "jax", ("studio.bench.peers_jax", "no_such_package_here", "JAX"))
    arguments = ["bench", "--workloads", "none", "--peers", "jax", "--json"]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert "JAX is not installed, so it is not compared" in printed.err
    assert json.loads(printed.out)["notes"] == [printed.err.strip()]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--workloads", "z"], "'z' is none of a, b, c, d, e"),
        (["--peers", "torch,caffe"], "'caffe' is none of torch"),
        (["--rounds", "0"], "'0' is not a whole number"),
        (["--seconds", "nan"], "'nan' is not a number of seconds"),
        (["--threads", "-1"], "'-1' is not a whole number"),
    ],
)
def test_wrong_options_are_one_sentence(capsys, arguments, words):
    assert main(["bench", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.strip().splitlines()) == 1


def test_a_workload_that_cannot_be_measured_is_one_sentence(capsys, monkeypatch):
    def fail(*_arguments, **_named):
        raise RuntimeError("The loss is no longer a finite number.")

    monkeypatch.setattr(command, "compare", fail)
    assert main(["bench", "--workloads", "a", "--peers", "none"]) == 1
    error = capsys.readouterr().err
    assert error == "studio: Workload a could not be measured: The loss is no longer a finite number.\n"
