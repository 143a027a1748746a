"""Hypothesis strategies for legal documents, and for damaging files."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
from hypothesis import strategies as st

from studio.core import registry
from studio.core.component import Component
from studio.core.document import Document, Training
from studio.core.fields import Field
from studio.core.graph import Graph
from studio.core.layer import Layer
from studio.core.pretrained import Pretrained
from studio.core.unknown import UnknownLayer
from studio.engine.history import History
from studio.engine.messages import TrainingState
from studio.storage import StorageError


def values_of(field: Field) -> st.SearchStrategy[Any]:
    """Legal values of a declared parameter."""
    lowest = 0 if field.minimum is None else field.minimum
    highest = 1000 if field.maximum is None else field.maximum
    integers = st.integers(int(lowest), int(highest))
    return {
        "integer": integers,
        "real": st.floats(float(lowest), float(highest), allow_subnormal=False),
        "choice": st.sampled_from(field.options() or (field.default,)),
        "flag": st.booleans(),
        "text": st.text(max_size=20),
        "pair": st.tuples(integers, integers),
        "sides": st.tuples(integers, integers, integers, integers),
        "names": st.lists(st.sampled_from(field.options() or ("none",)), max_size=3, unique=True).map(tuple),
        "shape": st.lists(integers, min_size=1, max_size=4).map(tuple),
        "reals": st.lists(st.floats(float(lowest), float(highest)), min_size=1, max_size=4).map(tuple),
    }[field.kind]


def component_of(kind: type[Component]) -> st.SearchStrategy[Component]:
    """A component of that type with any parameters it accepts, alone or together."""
    fields = {n: st.one_of(st.just(f.default), values_of(f)) for n, f in kind.parameters().items()}
    return st.fixed_dictionaries(fields).map(lambda v: _accepted(kind, v))


def _accepted(kind: type[Component], values: dict[str, Any]) -> Component:
    try:
        return kind(**values)
    except ValueError:  # some values are only legal alone
        return kind()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)

unknown_layers = st.builds(
    lambda name, values, ports: UnknownLayer(
        "NotInstalled" + name, json.dumps(values, sort_keys=True), *ports
    ),
    st.text("abcXYZ_", max_size=6),
    st.dictionaries(st.text(max_size=5), json_values, max_size=3),
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
)


def layers() -> st.SearchStrategy[Layer]:
    """Any layer with any parameters, those that are not installed included."""
    known = st.sampled_from(sorted(registry.layers())).flatmap(lambda n: component_of(registry.layer(n)))
    return st.one_of(known, known, unknown_layers)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any legal graph, made as a person makes one: by adding, wiring and removing."""
    graph = Graph()
    for layer in draw(st.lists(layers(), max_size=8)):
        graph, _ = graph.add(layer, draw(st.text(max_size=10)))
    ids = [n.id for n in graph.nodes]
    ports = st.integers(0, 3)
    if ids:
        wires = st.tuples(st.sampled_from(ids), ports, st.sampled_from(ids), ports)
        for wire in draw(st.lists(wires, max_size=14)):
            if not graph.why_not_connect(*wire):
                graph = graph.connect(*wire)
        graph = graph.remove(draw(st.sets(st.sampled_from(ids), max_size=2)))
    if graph.nodes:
        chosen = draw(st.sets(st.sampled_from([n.id for n in graph.nodes]), max_size=2))
        graph = graph.set_pretrained({n: draw(pretrained()) for n in sorted(chosen)})
    return graph


def pretrained() -> st.SearchStrategy[Pretrained]:
    """Weights of a brick of any name, under any names."""
    names = st.text("abc_/ ü", min_size=1, max_size=5)
    return st.builds(Pretrained, st.text(max_size=8), st.dictionaries(names, arrays(), min_size=1, max_size=2))


coordinates = st.floats(-1e6, 1e6, allow_subnormal=False)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Any legal document."""
    graph = draw(graphs())
    kind = draw(st.none() | st.sampled_from(sorted(registry.optimizers())))
    optimizer = None if kind is None else draw(component_of(registry.optimizer(kind)))
    training = draw(component_of(Training))
    assert isinstance(training, Training)
    parts = {"optimizer": optimizer}
    for name, known in (("schedule", registry.schedules()), ("early_stopping", registry.stoppings())):
        kinds = st.sampled_from(sorted(known)).flatmap(lambda n, known=known: component_of(known[n]))  # type: ignore[misc]
        parts[name] = draw(st.none() | kinds)
    return Document(
        graph=graph,
        positions={n.id: draw(st.tuples(coordinates, coordinates)) for n in graph.nodes},
        training=dataclasses.replace(training, **parts),  # type: ignore[arg-type]
        title=draw(st.text(max_size=20)),
        notes=draw(st.text(max_size=50)),
    )


def arrays() -> st.SearchStrategy[np.ndarray]:
    """Small float32 arrays of any shape, infinite numbers and negative zeros included."""
    shapes = st.lists(st.integers(0, 4), max_size=4)
    return st.tuples(shapes, st.integers(0, 2**32 - 1)).map(
        lambda pair: np.random.default_rng(pair[1]).standard_normal(pair[0]).astype(np.float32)
    )


_names = st.text("abcdefgh_/ %", min_size=1, max_size=8)


@st.composite
def states(draw: st.DrawFn) -> TrainingState:
    """Any state of training."""
    weights = draw(
        st.dictionaries(st.tuples(st.sampled_from(["n1", "n2", "n30"]), _names), arrays(), max_size=4)
    )
    slots = draw(
        st.dictionaries(
            st.tuples(st.sampled_from(["n1", "n2"]), _names, st.sampled_from(["m", "v"])),
            arrays(),
            max_size=4,
        )
    )
    return TrainingState(
        weights,
        slots,
        step=draw(st.integers(0, 2**62)),
        epoch=draw(st.floats(0, 1e9)),
        position=draw(st.integers(0, 2**31)),
        seed=draw(st.integers(0, 2**31 - 1)),
        optimizer=draw(st.sampled_from(["", "Adam"])),
        memory=draw(st.dictionaries(_names, st.floats(allow_nan=False, allow_infinity=False), max_size=3)),
        best=draw(st.dictionaries(st.tuples(st.sampled_from(["n1", "n2"]), _names), arrays(), max_size=2)),
    )


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Any curves, also those that went to NaN or infinity."""
    history = History()
    for name in draw(st.lists(st.sampled_from(["loss", "val_loss", "accuracy", "a/b %"]), unique=True)):
        for epoch, value in draw(st.lists(st.tuples(st.floats(0, 1e6), st.floats()), min_size=1, max_size=5)):
            history.append(name, epoch, value)
    return history


def same_state(a: TrainingState, b: TrainingState) -> bool:
    """Whether two states are equal to the last bit."""
    rest = ("step", "epoch", "position", "seed", "optimizer", "memory")
    return (
        all(getattr(a, r) == getattr(b, r) for r in rest)
        and a.weights.keys() == b.weights.keys()
        and a.slots.keys() == b.slots.keys()
        and a.best.keys() == b.best.keys()
        and all(np.array_equal(a.best[k], b.best[k]) for k in a.best)
        and all(np.array_equal(a.weights[k], b.weights[k]) for k in a.weights)
        and all(np.array_equal(a.slots[k], b.slots[k]) for k in a.slots)
    )


def assert_one_sentence(error: StorageError) -> None:
    """What a person reads is one line that ends like a sentence."""
    text = str(error)
    assert text.endswith((".", "?"))
    assert "\n" not in text
