"""The contract of an optimizer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import product

import numpy as np

from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.optimizer import CLIPPING, COMMON, Optimizer
from studio.engine.messages import TrainingState
from studio.engine.network import Network
from studio.kernels.jit import compile_ahead
from studio.layers.data import Data
from studio.layers.dense import Dense
from studio.testing.declarations import check_declaration, check_json, require, require_close
from studio.testing.rig import Objective, card_under_test

STEPS = 4
#: Features, then neurons of the layers: no size is a whole number of vectors.
SIZES = (7, 5, 19, 1)


def check_optimizer(optimizer_class: type[Optimizer], *variants: Optimizer) -> None:
    """Check everything the product relies on of one optimizer class.

    Trains a small network of uneven layers and compares each of its first updates with the
    class's float64 `reference`, weights and slots, with one and with two threads, also after
    the learning rate has changed while training runs. Of the class: help, formula, source,
    and help for each parameter.

    Parameters
    ----------
    optimizer_class : type
        An optimizer.
    *variants : Optimizer
        Settings to try. Left out, these are the defaults, all combinations of switching each
        flag and of setting to one half each number whose default is 0, and then, one at a
        time, other values of the other numbers, weight decay and the limits on gradients.

    Raises
    ------
    AssertionError
        When something does not hold; says what.
    """
    check_declaration(optimizer_class)
    learning_rate = optimizer_class.parameters()["learning_rate"]
    require(learning_rate.live, f"{optimizer_class.type_name()}: the learning rate must be live.")
    for optimizer in variants or tuple(variants_of(optimizer_class)):
        check_json(optimizer)
        weights = [_check_updates(optimizer, threads) for threads in (1, 2)]
        for key, one in weights[0].items():
            require_close(weights[1][key], one, 1e-4, f"{optimizer!r}: {key} trained with two threads")


def variants_of(optimizer_class: type[Optimizer]) -> Iterator[Optimizer]:
    """Each of its own options on and off, then what all optimizers have, one at a time."""
    default = optimizer_class(learning_rate=0.05)
    choices: dict[str, tuple[object, ...]] = {}
    for name, declared in optimizer_class.parameters().items():
        if name in COMMON:
            continue
        if declared.kind == "flag":
            choices[name] = (False, True)
        elif declared.kind == "real" and declared.default == 0 and (declared.maximum or 0) > 0:
            choices[name] = (0.0, 0.5 * min(1.0, declared.maximum or 1.0))
    own = [default.replace(**dict(zip(choices, values, strict=True))) for values in product(*choices.values())]
    yield from own
    fields = optimizer_class.parameters().items()
    others = {n: 0.7 * f.default for n, f in fields if n not in COMMON and f.kind == "real" and f.default}
    yield own[-1].replace(**{**others, "learning_rate": 0.02})
    yield own[-1].replace(weight_decay=0.7)
    for name in CLIPPING:
        yield own[-1].replace(weight_decay=0.1, **{name: 0.8})


def _network(optimizer: Optimizer, threads: int) -> Network:
    generator = np.random.default_rng(5)
    graph, source = Graph().add(Data(source="rig"))
    before = source
    for i, units in enumerate(SIZES[1:]):
        dense = Dense(units=units, activation="tanh" if i == 0 else "linear")
        graph, node = graph.add(dense)
        graph = graph.connect(before, 0, node, 0)
        before = node
    graph, loss = graph.add(Objective())
    graph = graph.connect(before, 0, loss, 0).connect(source, 1, loss, 1)
    samples = 5 * STEPS
    x = generator.normal(size=(samples, SIZES[0])).astype(np.float32)
    y = generator.normal(size=(samples, SIZES[-1])).astype(np.float32)
    info = DatasetInfo("rig", x.shape[1:], y.shape[1:], "values", samples=samples)
    dataset = Dataset(info, Split(x, y), Split(x[:0], y[:0]), Split(x[:0], y[:0]))
    training = Training(optimizer=optimizer, batch_size=5)
    network = Network(graph, training, {source: dataset}, threads, compile_ahead, card=card_under_test())
    values = {k: generator.normal(size=w.shape).astype(np.float32) for k, w in network.weights().items()}
    network.restore(TrainingState(values), place=False)
    return network


def _check_updates(optimizer: Optimizer, threads: int) -> dict[tuple[str, str], np.ndarray]:
    # What there was before the limit is seen where there is none.
    free = optimizer.replace(**dict.fromkeys(CLIPPING, 0.0))
    with closing(_network(optimizer, threads)) as network, closing(_network(free, threads)) as twin:
        for step in range(STEPS):
            if step == STEPS - 1:
                optimizer = optimizer.replace(learning_rate=optimizer.learning_rate / 3)
                network.set_numbers(network.graph, replace(network.training, optimizer=optimizer))
            before = network.state()
            network.train(1)
            twin.restore(before)
            twin.train(1)
            gradients = {n.id: twin.node_gradients(n.id) for n in network.graph.nodes}
            _check_update(optimizer, step, before, gradients, network.state(), f"{optimizer!r}, {threads} thread(s)")
        return network.weights()


def _check_update(
    optimizer: Optimizer,
    step: int,
    before: TrainingState,
    gradients: dict[str, dict[str, np.ndarray]],
    after: TrainingState,
    what: str,
) -> None:
    found = {
        (node, name): gradients[node][name].astype(np.float64) for node, name in before.weights
    }
    limited = optimizer.clipped(found)
    if optimizer.clipping() and step == 0:
        shortened = any(not np.array_equal(limited[key], gradient) for key, gradient in found.items())
        require(shortened, f"{what}: the limit on gradients limits nothing.")
    for (node, name), weight in before.weights.items():
        slots = {s: before.slots[node, name, s].astype(np.float64) for s in optimizer.kept()}
        old = weight.astype(np.float64)
        new, new_slots = optimizer.reference(optimizer.decayed(old), limited[node, name], slots, step)
        sentence = f"{what}, step {step}: {name} of {node}"
        require(not np.array_equal(new, old), f"{sentence} does not change.")
        change = after.weights[node, name] - old
        size = float(np.abs(new - old).max())
        # A weight is rounded to float32, however small its change.
        rounding = 1e-7 * float(np.abs(old).max())
        worst = float(np.abs(change - (new - old)).max())
        require(worst <= 2e-5 * size + rounding, f"{sentence} changes by {worst:.3g} too much or too little.")
        require(set(new_slots) == set(optimizer.kept()), f"{sentence}: reference gives other slots.")
        for slot, expected in new_slots.items():
            require_close(after.slots[node, name, slot], expected, 1e-5, f"{sentence}, slot {slot}")
