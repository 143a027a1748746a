"""What kernel calls cost at the least, against what is known by other means."""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np
import pytest

from studio.bench.examples import example_of
from studio.core import registry
from studio.core.document import Training
from studio.core.inference import infer
from studio.core.layer import Loss
from studio.core.lowering import Ref
from studio.core.optimizer import CLIPPING
from studio.engine.costs import FORMULAS, Cost, cost_of, costs_of, formula_of
from studio.engine.costs.arguments import Arguments, names_of
from studio.engine.costs.arithmetic import of_function, of_maths
from studio.engine.network import make_plans
from studio.engine.optimizers.adam import Adam
from studio.engine.plan import Call
from studio.kernels.clipping import clip_values
from studio.kernels.control import copy_rows
from studio.kernels.jit import Kernel, generated, kernel, named_kernels
from studio.kernels.maths import exp, where
from studio.kernels.products import multiply_kernel
from studio.kernels.simd import LANES, at, load, store
from studio.kernels.tiles import SHAPE
from studio.layers.conv2d import Conv2D
from studio.layers.dense import Dense
from studio.layers.multi_head_attention import MultiHeadAttention
from studio.testing.optimizers import variants_of

#: Columns of a minibatch of 20 samples.
COLUMNS = -(-20 // LANES) * LANES
_TRAINING = Training(optimizer=Adam(), batch_size=20)
#: Kernels that no plan calls.
_RUNNERS = {"studio.kernels.control:run", "studio.kernels.control:run_timed", "studio.kernels.control:read_clock", "studio.engine.peaks:multiply_and_add"}
_RUNNERS |= {f"studio.engine.peaks:{name}" for name in ("read_rows", "change_rows")}
_RUNNERS |= {f"studio.engine.card_peaks:{name}_shared" for name in ("multiply", "read", "copy", "change")}
_RUNNERS |= {f"studio.kernels.control:{name}" for name in ("shuffle", "begin_step", "end_step")}


def hand_written() -> dict[str, Kernel]:
    """All kernels of the product that are written by hand."""
    for package in ("kernels", "layers", "losses", "engine"):
        root = importlib.import_module(f"studio.{package}")
        for module in pkgutil.walk_packages(root.__path__, f"studio.{package}."):
            importlib.import_module(module.name)
    found = {f"{k.function.__module__}:{k.name}": k for k in named_kernels()}
    return {name: k for name, k in found.items() if name.startswith("studio.") and not name.startswith("studio.testing.")}


def plans_with(layer, shapes, training=_TRAINING, activation="", threads=1):
    """Plans of a layer or a loss after probes, and before an objective."""
    example = example_of(layer, shapes, activation)
    inference = infer(example.graph, example.infos)
    return [plan for plan, _ in make_plans(example.graph, inference, example.infos, training, threads)[1]]


def test_every_kernel_has_a_formula():
    kernels = hand_written()
    assert len(kernels) > 100
    assert {name for name, k in kernels.items() if formula_of(k) is None} == _RUNNERS


def test_every_formula_has_a_kernel():
    assert set(FORMULAS) - set(hand_written()) == set()


@pytest.mark.parametrize("name", sorted(n for n, c in registry.layers().items() if c.family != "Data"))
def test_every_call_of_every_layer_has_a_cost(name):
    for layer, shapes in registry.layer(name).examples():
        for plan in plans_with(layer, shapes):
            for call, cost in zip(plan.calls, costs_of(plan, 2), strict=True):
                if call.kernel.function.__module__.startswith("studio.testing"):
                    continue
                if call.kernel.name == "penalize":
                    assert not cost.known  # it does nothing unless a live number is not 0
                    continue
                assert cost.known, call.kernel
                assert cost.operations >= 0
                assert cost.traffic > 0 or call.kernel.name == "barrier", call.kernel


@pytest.mark.parametrize("name", sorted(registry.optimizers()))
def test_every_optimizer_has_a_cost(name):
    for optimizer in variants_of(registry.optimizer(name)):
        plan = plans_with(Dense(units=LANES), ((32,),), Training(optimizer=optimizer, batch_size=20))[0]
        # The probe's own weight, and a whole number of vectors each.
        weights, slots = 16 + 33 * LANES + (-LANES) % 16, len(optimizer.kept())
        update = next(c for c in plan.calls if c.kernel is optimizer.kernel())
        cost, half = cost_of(update, plan), cost_of(update, plan, 2)
        assert cost.traffic == 4 * weights * (3 + 2 * slots)
        assert cost.operations > 3 * weights
        # Both threads' halves, with the gradients of both, unless these were added up before.
        gradients = 1 if any(getattr(optimizer, name) for name in CLIPPING) else 2
        assert half.traffic == 4 * weights * (2 + 2 * slots + gradients)


@pytest.mark.parametrize("name", sorted(n for n, c in registry.layers().items() if issubclass(c, Loss)))
@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_losses_that_work_from_the_numbers_before_an_activation(name, activation):
    for loss, shapes in registry.layer(name).examples():
        if shapes[0] and shapes[0][-1] > 1:
            plan = plans_with(loss, shapes, activation=activation)[0]
            assert all(cost.known for call, cost in zip(plan.calls, costs_of(plan), strict=True) if call.node and call.kernel.name != "penalize")


# Known numbers -----------------------------------------------------------------------------------


def call_of(plan, name, phase="forward", number=0):
    return [c for c in plan.calls if c.kernel.name.startswith(name) and c.phase == phase][number]


#: Outputs that make one call, whose tiles are all of the same size on any processor.
OUTPUTS = 2 * SHAPE.outputs


def test_a_dense_layer():
    features = 2 * OUTPUTS
    plan = plans_with(Dense(units=OUTPUTS), ((features,),))[0]
    assert cost_of(call_of(plan, "multiply"), plan).operations == 2 * features * OUTPUTS * COLUMNS
    assert cost_of(call_of(plan, "multiply"), plan).traffic == 4 * (features * COLUMNS + features * OUTPUTS + OUTPUTS + OUTPUTS * COLUMNS)
    # The weights' gradient and, first features then units, that of the input.
    weights, inputs = (cost_of(call_of(plan, "multiply", "backward", i), plan).operations for i in range(2))
    assert weights == 2 * features * COLUMNS * -(-OUTPUTS // LANES) * LANES
    assert inputs == 2 * features * OUTPUTS * COLUMNS


def test_windows_share_what_they_see():
    """A 3x3 convolution of a picture with zeros around reads each number once, not nine times."""
    plan = plans_with(Conv2D(filters=OUTPUTS, kernel_size=3, padding="same"), ((6, 6, 4),))[0]
    call = call_of(plan, "multiply")
    assert cost_of(call, plan).operations == 2 * 36 * 9 * 4 * OUTPUTS * COLUMNS
    assert cost_of(call, plan).traffic == 4 * (8 * 8 * 4 * COLUMNS + 9 * 4 * OUTPUTS + OUTPUTS + 36 * OUTPUTS * COLUMNS)


def test_strides_and_dilation_leave_numbers_out():
    plan = plans_with(Conv2D(filters=OUTPUTS, kernel_size=1, strides=2), ((6, 6, 4),))[0]
    call = call_of(plan, "multiply")
    assert cost_of(call, plan).traffic == 4 * (9 * 4 * COLUMNS + 4 * OUTPUTS + OUTPUTS + 9 * OUTPUTS * COLUMNS)


def test_sums_of_places_are_counted_as_a_set_counts_them():
    generator = np.random.default_rng(1)
    for _ in range(50):
        batch = int(generator.choice([4, 8, 48]))
        starts = generator.integers(0, 30, generator.integers(1, 12)) * 2 * batch
        moves = np.concatenate([m + np.arange(2) * batch for m in np.unique(generator.integers(0, 9, 4)) * 2 * batch])
        table = np.concatenate([starts, moves])
        call = Call(ONE_READ, (Ref("table", 0), len(starts), Ref("table", len(starts)), len(moves)), "", "forward")
        found = Arguments(call, table, 1).reached("places", len(starts), "moves", len(moves), batch)
        assert found == batch * len({int(s + m) for s in starts for m in moves})


def test_an_activation_reads_what_its_slope_needs():
    """ReLU's slope follows from x or y alone, tanh's from y."""
    for name in ("relu", "tanh"):
        plan = plans_with(registry.activation(name), ((10,),))[0]
        assert cost_of(call_of(plan, name), plan).traffic == 2 * 4 * 10 * COLUMNS
        assert cost_of(call_of(plan, name, "backward"), plan).traffic == 3 * 4 * 10 * COLUMNS


def test_a_causal_mask_halves_attention():
    causal, whole = (
        plans_with(MultiHeadAttention(num_heads=2, key_dim=8, mask=mask), ((16, 8), None, None, None))[0]
        for mask in ("causal", "none")
    )
    some, all_of_them = (cost_of(call_of(p, "attend"), p).operations for p in (causal, whole))
    assert some / all_of_them == (16 * 17 / 2) / 16**2


def curve(x, slope):
    """A curve with a function of `studio.kernels.maths`."""
    return where(x > 0, x * slope, exp(-x)) + 1.0


def twice(x, y):
    """A function that calls another."""
    z = x * y
    return z - curve(z, 2.0)


def test_maths_is_counted_from_its_text():
    assert of_function(curve) == 1 + 1 + 1 + 1 + of_maths("exp") + 1
    assert of_function(twice) == 2 + of_function(curve)
    # Clipping, rounding, two parts of ln 2, six steps of the polynomial, the power of two.
    assert of_maths("exp") == 4 + 3 + 4 + 12 + 1


# Kernels of others -------------------------------------------------------------------------------


@kernel
def one_read(arena, record, table, state):
    """A plug-in's kernel."""
    places, count, moves, many = at(table, record[2]), record[3], at(table, record[4]), record[5]
    for i in range(count * many):
        store(at(arena, places[i]), load(at(arena, moves[i])))


ONE_READ = one_read


def test_a_plugins_kernel_has_no_cost_but_names():
    call = Call(one_read, (Ref("table", 3), 7, Ref("table", 5), 2), "", "forward")
    plan = plans_with(Dense(units=8), ((32,),))[0]
    assert cost_of(call, plan) == Cost(known=False)
    assert names_of(one_read) == {"places": 0, "count": 1, "moves": 2, "many": 3}
    with pytest.raises(AttributeError, match="one_read has no argument that its text calls length"):
        _ = Arguments(call, np.zeros(0, np.int64), 1).length


def test_a_generated_kernel_nobody_knows_has_no_cost():
    other = generated("multiply_by_me", "def run(arena, record, table, state):\n    blocks = record[2]\n")
    assert formula_of(other) is None


def test_names_come_from_loops_and_helpers_too():
    assert names_of(clip_values)["floats"] == 0
    assert names_of(multiply_kernel(4, 1, grouped=True))["groups"] == 16


def test_a_copy_reads_and_writes():
    call = Call(copy_rows, (3, 32, Ref("private", 0), 64, Ref("private", 512), 32), "", "forward")
    plan = plans_with(Dense(units=8), ((32,),))[0]
    assert cost_of(call, plan) == Cost(0.0, 4 * 3 * 32, 4 * 3 * 32)
    assert cost_of(call, plan, 2) == Cost(0.0, 2 * 4 * 3 * 32, 2 * 4 * 3 * 32)
