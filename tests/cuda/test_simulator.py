"""Kernels in numba-cuda's simulator against the processor's, call by call of a training step."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def found() -> dict[str, list[float]]:
    script = Path(__file__).with_name("simulate.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    counts: dict[str, list[float]] = json.loads(done.stdout.strip().splitlines()[-1])
    return counts


def test_each_call_leaves_what_the_processor_leaves(found: dict[str, list[float]]) -> None:
    # Sums are added up in another order there.
    assert {name: worst for name, (_, _, worst) in found.items() if not worst < 1e-4} == {}


def test_most_kinds_of_kernels_are_among_them(found: dict[str, list[float]]) -> None:
    assert len(found) > 200
    for kernel in (
        "attention_softmax", "attention_products", "attention_slopes", "lstm_backward", "moments", "correlate_", "lstm_weights", "silence",
        "adam", "from_logits", "multiply_shared", "read_shared", "copy_shared", "change_shared",
    ):  # fmt: skip
        calls, changed, _ = next(counts for name, counts in found.items() if name.startswith(kernel))
        assert calls > 0
        assert changed > 0


def test_hardly_a_call_leaves_all_as_it_was(found: dict[str, list[float]]) -> None:
    idle = {name for name, (_, changed, _) in found.items() if not changed}
    assert idle <= {"clear_rows", "softmax_backward", "leave_out"}  # zeros where zeros were
