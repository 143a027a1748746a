"""The formulas of what kernels cost, against kernels whose Python text runs on counted memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
from counted_memory import CannotCount, count

from studio.bench.examples import _optimizers, example_of, kind_of
from studio.core import registry
from studio.core.layer import Loss
from studio.engine.costs import cost_of

SAMPLES = 20
#: Work of a call that Python does in a moment.
_MOST = 2e5
#: What they read is in the data, or in the table of integers, which is not counted.
_DATA = {"gather", "look_up", "sum_by_row", "rotation_maps", "flip_maps", "translation_maps", "sample_pictures", "add_sines", "find_scale"}
#: Their scalars are not counted as operations, or a live number says which of two ways they go.
_SCALAR = _DATA | {"draw_sample_numbers", "sample_pictures_backward", "sgd_momentum", "add_into", "draw_row_masks"}


def check(call, plan) -> bool:
    """Whether the call could be run; its cost is right if so."""
    cost = cost_of(call, plan)
    if not cost.known or not cost.traffic or cost.operations + cost.traffic > _MOST:
        return False
    try:
        operations, read, written, updated = count(call, plan, SAMPLES)
    except CannotCount:
        return False
    name = call.kernel.name
    # A vector more or less: live numbers, and ends of rows.
    slack = 32
    if name not in _DATA:
        # What must be read is read, and most of what is read must be; the compiler leaves out what is not used.
        assert (cost.read + cost.updated) / 4 <= 1.02 * (read + updated) + slack, call
        unused = 0.3 if name.endswith("derivative") or "_slope_" in name else 0.9
        assert (cost.read + cost.updated) / 4 >= unused * (read + updated) - slack, call
    # What is kept only meanwhile is written too.
    assert (cost.written + cost.updated) / 4 <= 1.02 * (written + updated) + slack, call
    if name not in _SCALAR:
        assert 0.3 * operations - 200 <= cost.operations <= 1.5 * operations + 200, call
    return True


@pytest.mark.parametrize("name", sorted(n for n, c in registry.layers().items() if c.family != "Data"))
def test_layers_and_losses(name):
    seen = set()
    for layer, shapes in registry.layer(name).examples():
        activations = ("", "softmax") if isinstance(layer, Loss) and shapes[0][-1:] > (1,) else ("",)
        for activation in activations:
            example = example_of(layer, shapes, activation)
            plan = replace(example, training=replace(example.training, batch_size=SAMPLES)).plan()
            for call in plan.calls:
                fresh = kind_of(call.kernel) not in seen and not call.kernel.function.__module__.startswith("studio.testing")
                if fresh and check(call, plan):
                    seen.add(kind_of(call.kernel))
    assert len(seen) >= 3, seen


@pytest.mark.parametrize("name", ["SGD", "Lion", "Adamax", "Adadelta", "Adagrad", "RMSprop"])
def test_optimizers(name):
    example = example_of(registry.layer("Dense")(units=16), ((32,),))
    kind = registry.optimizer(name)
    for optimizer in _optimizers(kind):
        training = replace(example.training, batch_size=SAMPLES, optimizer=optimizer)
        plan = replace(example, training=training).plan()
        updates = [c for c in plan.calls if c.phase == "update" and c.kernel.name not in ("barrier", "penalize", "scale_gradient")]
        assert updates
        assert all(check(call, plan) for call in updates)
