"""Training and evaluating from the command line."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import studio as package
from studio.core import registry
from studio.storage import open_project
from tests.cli.commands import Studio

FAST = ("--epochs", "3")


def test_the_json_of_the_design(studio: Studio) -> None:
    outcome = studio("train", "iris", *FAST, "--seed", 5, "--threads", 1, "--json")
    assert outcome.code == 0
    values = outcome.values
    assert values["epochs"] == 3
    assert values["steps"] == 3 * -(-90 // 16)
    for part in ("train", "validation", "test"):
        assert values[part]["loss"] > 0
        assert 0 <= values[part]["accuracy"] <= 1
    assert values["seconds"] > 0
    assert values["samples_per_second"] == pytest.approx(270 / values["seconds"], rel=0.2)
    assert (values["device"], values["threads"], values["seed"]) == ("cpu", 1, 5)


def test_text_for_people(studio: Studio) -> None:
    outcome = studio("train", "regression", *FAST)
    assert outcome.out.startswith("3 epochs, ")
    assert "validation" in outcome.out


def test_values_have_no_accuracy(studio: Studio) -> None:
    assert set(studio("train", "regression", *FAST, "--json").values["test"]) == {"loss", "mae", "rmse", "r2"}


def test_the_same_seed_gives_the_same_numbers(studio: Studio) -> None:
    first, again, other = (studio("train", "xor", *FAST, "--seed", s, "--json").values for s in (1, 1, 2))
    assert first["train"] == again["train"]
    assert first["train"] != other["train"]


def test_going_on_is_as_never_having_stopped(studio: Studio, tmp_path: Path) -> None:
    half, whole, both = (tmp_path / f"{n}.studio" for n in ("half", "whole", "both"))
    studio("train", "iris", "--epochs", 2, "-o", half)
    studio("train", half, "--epochs", 3, "-o", both)
    studio("train", "iris", "--epochs", 5, "-o", whole)
    one, other = open_project(both), open_project(whole)
    assert one.state is not None
    assert other.state is not None
    assert one.state.step == other.state.step
    assert one.state.epoch == 5
    assert one.state.weights.keys() == other.state.weights.keys()
    for key, values in one.state.weights.items():
        np.testing.assert_array_equal(values, other.state.weights[key])
    assert one.history.series("loss")[0][-1] == 5
    assert one.history.count("val_loss") > open_project(half).history.count("val_loss")


def test_options_are_kept_in_the_file(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "x.studio"
    studio("train", "iris", *FAST, "--batch-size", 7, "--learning-rate", 0.02, "--data", "wine", "-o", path)
    document = open_project(path).document
    assert document.training.batch_size == 7
    assert document.training.optimizer.learning_rate == 0.02
    assert document.graph.node("n1").layer.source == "wine"


def test_evaluate(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "x.studio"
    trained = studio("train", "iris", *FAST, "-o", path, "--json").values
    values = studio("evaluate", path, "--json").values
    for part in ("train", "validation", "test"):
        assert values[part]["loss"] == pytest.approx(trained[part]["loss"])
        assert np.trace(values[part]["confusion"]) / np.sum(values[part]["confusion"]) == pytest.approx(
            trained[part]["accuracy"]
        )
    assert "validation" in studio("evaluate", path).out


def test_other_data_must_fit_the_graph(studio: Studio) -> None:
    outcome = studio("train", "xor", "--data", "iris", *FAST)
    assert outcome.code == 1
    assert outcome.sentence.startswith("studio: Loss ")
    outcome = studio("train", "iris", "--data", "digits", *FAST)
    assert outcome.code == 1
    assert "needs a flat input: add Flatten before it." in outcome.sentence


def test_a_table_of_ones_own(studio: Studio, tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    rows = [f"{a:.3f},{b:.3f},{'high' if a > b else 'low'}" for a, b in generator.random((200, 2))]
    table = tmp_path / "mine.csv"
    table.write_text("a,b,answer\n" + "\n".join(rows) + "\n")
    path = tmp_path / "x.studio"
    source = f"csv:{table}?target=answer"
    outcome = studio("train", "xor", "--data", source, "--epochs", 50, "-o", path, "--json")
    assert outcome.values["test"]["accuracy"] > 0.8
    table.write_text("a,b,answer\n" + "\n".join(rows[:100]) + "\n")
    assert "changed since the project was saved" in studio("evaluate", path).sentence


def test_numbers_that_explode_keep_the_last_good_weights(studio: Studio, tmp_path: Path) -> None:
    path, result = tmp_path / "x.studio", tmp_path / "y.studio"
    project = package.new("regression")
    project.document = project.document.with_training(
        optimizer=registry.optimizer("SGD")(learning_rate=100.0)
    )
    project.save(path)
    outcome = studio("train", path, "-o", result)
    assert outcome.code == 1
    assert outcome.out == ""
    assert "lower the learning rate" in outcome.sentence
    state = open_project(result).state
    assert state is not None
    assert all(np.isfinite(v).all() for v in state.weights.values())


def test_ctrl_c_stops_cleanly_and_keeps_the_output(tmp_path: Path) -> None:
    """A real process with a real terminal, a real bar and a real signal."""
    path = tmp_path / "kept.studio"
    ours, theirs = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "studio",
        "train",
        "digits-mlp",
        "--epochs",
        "1000000",
        "--json",
        "-o",
        str(path),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    seen = b""
    while b"epoch " not in seen:
        seen += os.read(ours, 4096)
    assert b"[" in seen
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    while True:
        try:
            more = os.read(ours, 4096)
        except OSError:  # the other end is gone
            break
        seen += more
    os.close(ours)
    assert process.returncode == 1
    assert b"Stopped at epoch " in seen
    assert b"Traceback" not in seen
    values = json.loads(out)
    assert values["stopped"] is True
    state = open_project(path).state
    assert state is not None
    assert state.step == values["steps"]


def test_ctrl_c_while_kernels_are_prepared(tmp_path: Path) -> None:
    """A fresh cache folder, so that there is something to prepare."""
    ours, theirs = pty.openpty()
    path = tmp_path / "none.studio"
    command = [sys.executable, "-m", "studio", "train", "digits-convnet", "-o", str(path)]
    environment = {**os.environ, "STUDIO_CACHE_DIR": str(tmp_path / "cache")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment, text=True)
    os.close(theirs)
    seen = b""
    while b"Preparing kernels" not in seen:
        seen += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    while True:
        try:
            seen += os.read(ours, 4096)
        except OSError:  # the other end is gone
            break
    os.close(ours)
    assert process.returncode == 1
    assert out == ""
    assert b"Stopped before training began" in seen
    assert b"Traceback" not in seen
    assert not path.exists()


def test_from_python(tmp_path: Path) -> None:
    project = package.new("iris")
    result = project.train(epochs=2)
    assert result.epochs == 2
    assert project.train(epochs=1).epochs == 3
    project.save(tmp_path / "x.studio")
    again = package.load(tmp_path / "x.studio")
    assert again.document == project.document
    assert again.evaluate()["test"].loss == pytest.approx(project.evaluate()["test"].loss)
    assert again.history.count("loss") == project.history.count("loss")
    assert again.train().epochs == project.document.training.epochs


def test_on_other_data_training_goes_on() -> None:
    """Weights, the optimizer's memory, steps and curves stay."""
    project = package.new("spirals")
    project.train(epochs=2)
    before, points = project.state, project.history.count("loss")
    project.set_data("moons")
    assert project.state.step == before.step
    np.testing.assert_array_equal(project.state.weights["n2", "kernel"], before.weights["n2", "kernel"])
    assert all(np.array_equal(v, before.slots[k]) for k, v in project.state.slots.items())
    assert project.train(epochs=1).epochs == 3
    assert project.state.step > before.step
    assert project.history.count("loss") > points
    assert project.history.series("loss")[0][points - 1] == 2


def test_layer_by_layer(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "x.studio"
    assert studio("train", "spirals", "--mode", "greedy", "--epochs", 6, "--threads", 1, "-o", path).code == 0
    opened = open_project(path)
    assert opened.state is not None
    assert opened.state.epoch == 6
    assert (opened.document.training.mode, opened.document.training.epochs) == ("greedy", 6)
    assert not any(node.startswith("greedy") for node, _ in opened.state.weights)
    assert opened.history.last_epoch == 6


def test_a_run_that_ends_early_says_why(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "x.studio"
    project = package.new("iris")
    rule = registry.stoppings()["EarlyStopping"](min_delta=1e6, patience=2)
    project.document = project.document.with_training(early_stopping=rule)
    project.save(path)
    outcome = studio("train", path, "--epochs", 50)
    assert outcome.code == 0
    assert outcome.out.startswith("3 epochs, ")
    assert "Training stopped early: the validation loss has not improved for 2 epochs, since epoch 1." in outcome.out
