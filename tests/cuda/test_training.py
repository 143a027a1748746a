"""Training on a simulated card against training on the processor."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def everything() -> dict[str, Any]:
    script = Path(__file__).with_name("train_simulated.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    numbers: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return numbers


@pytest.fixture(scope="module")
def found(everything: dict[str, Any]) -> dict[str, Any]:
    networks: dict[str, Any] = everything["networks"]
    return networks


@pytest.mark.parametrize("name", ["mlp", "convolutions", "words"])
def test_a_card_learns_what_the_processor_learns(found: dict[str, Any], name: str) -> None:
    one = found[name]
    assert one["learned"] < 1e-4
    assert one["loss"] < 1e-5
    assert one["output"] < 1e-5


def test_an_evaluation_is_the_same(found: dict[str, Any]) -> None:
    here, there = found["mlp"]["evaluation"]
    assert abs(here - there) < 1e-5


@pytest.mark.parametrize("name", ["mlp", "convolutions", "words"])
def test_a_run_goes_on_from_what_was_saved_with_its_optimizers_state(found: dict[str, Any], name: str) -> None:
    one = found[name]
    assert one["restored"] < 1e-4
    here, there, epoch_here, epoch_there = one["place"]
    assert (here, epoch_here) == (there, epoch_there)


@pytest.mark.parametrize("name", ["mlp", "convolutions", "words"])
def test_each_call_of_a_timed_step_took_some_time(found: dict[str, Any], name: str) -> None:
    assert found[name]["timed"] == 1.0


def test_a_closed_network_leaves_nothing_on_the_card(found: dict[str, Any]) -> None:
    assert {name: one["left"] for name, one in found.items()} == {"mlp": 0, "convolutions": 0, "words": 0}


def test_groups_shared_the_loops_of_products_curves_and_optimizers(found: dict[str, Any]) -> None:
    shared = {kernel for one in found.values() for kernel in one["shared"]}
    assert {"adam", "sgd_momentum", "tanh_function", "tanh_derivative", "largest_in_windows_with_places"} <= shared
    assert any(name.startswith("multiply_") for name in shared)
    assert any(name.startswith("correlate_") for name in shared)


@pytest.mark.parametrize("name", ["mlp", "convolutions", "words"])
def test_a_walk_leaves_to_the_last_bit_what_launches_leave(found: dict[str, Any], name: str) -> None:
    different, changed = found[name]["walked"]
    assert different == 0
    assert changed > 100


def test_a_walk_ends_where_a_loss_is_not_finite(everything: dict[str, Any]) -> None:
    one = everything["diverging"]
    launched, walked = one["done"]
    assert 1 < launched == walked < 9
    assert one["failed"] == [True, True]
    assert one["different"] == 0
