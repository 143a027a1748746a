"""Bricks made of layers: opening one gives the same network."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from studio.core.composite import Composite, opened
from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.core.document import Training
from studio.core.fields import integer
from studio.core.graph import Graph
from studio.core.layer import Layer
from studio.core.parts import owner_of
from studio.core.shapes import Shape
from studio.engine.network import Network
from studio.engine.optimizers.adam import Adam
from studio.kernels.jit import compile_ahead
from studio.layers.batch_normalization import BatchNormalization
from studio.layers.conv1d import Conv1D
from studio.layers.data import Data
from studio.layers.dense import Dense
from studio.layers.flatten import Flatten
from studio.layers.residual_block import ResidualBlock
from studio.losses.mean_squared_error import MeanSquaredError
from studio.storage.document_json import graph_from_json, graph_to_json
from studio.testing import check_layer

SHAPE = (6, 5, 3)


def _graph(block: ResidualBlock) -> tuple[Graph, str, str]:
    graph, data = Graph().add(Data(source="rig"))
    before, ids = data, []
    for layer in (block, Flatten(), Dense(units=2), MeanSquaredError()):
        graph, node = graph.add(layer)
        graph = graph.connect(before, 0, node, 0)
        before = node
        ids.append(node)
    return graph.connect(data, 1, before, 1), data, ids[0]


def _network(graph: Graph, data: str) -> Network:
    generator = np.random.default_rng(3)
    x = generator.normal(size=(24, *SHAPE)).astype(np.float32)
    y = generator.normal(size=(24, 2)).astype(np.float32)
    info = DatasetInfo("rig", SHAPE, (2,), "values", samples=24)
    dataset = Dataset(info, Split(x, y), Split(x[:8], y[:8]), Split(x[:0], y[:0]))
    return Network(graph, Training(optimizer=Adam(), batch_size=12), {data: dataset}, 1, compile_ahead)


@pytest.mark.parametrize("block", [ResidualBlock(filters=4, strides=2), ResidualBlock(filters=3, activation="elu")])
def test_an_opened_block_trains_as_the_block_does(block: ResidualBlock) -> None:
    graph, data, node = _graph(block)
    other, ids = opened(graph, node, SHAPE)
    assert node not in other
    assert len(other.nodes) == len(graph.nodes) - 1 + len(ids)
    with closing(_network(graph, data)) as whole, closing(_network(other, data)) as parts:
        for network in (whole, parts):
            assert network.train(6) == 6
        assert whole.take_sums().loss == pytest.approx(parts.take_sums().loss, rel=1e-6)
        for network in (whole, parts):
            assert network.train(2) == 2
        # Opened in the middle of a run, the parts go on where the block was.
        with closing(_network(other, data)) as later:
            later.restore(whole.state())
            assert later.step == 8
            for (owner, name), values in later.weights().items():
                np.testing.assert_array_equal(values, whole.weights()[_before_opening(owner, name)])
            assert all(np.abs(v).sum() > 0 for (o, n, s), v in later.state().slots.items() if s == "v" and n == "kernel")
    assert graph_from_json(graph_to_json(other)) == other


def _before_opening(owner: str, name: str) -> tuple[str, str]:
    node, slash, part = owner.partition("/")
    return (node, f"{part}/{name}") if slash else (owner, name)


def test_parameters_of_parts_are_found_and_a_slash_in_a_name_is_no_part() -> None:
    block = ResidualBlock(filters=4)
    owner, prefix, name = owner_of(block, "normalization_1/momentum")
    assert isinstance(owner, BatchNormalization)
    assert (prefix, name) == ("normalization_1/", "momentum")
    assert owner_of(block, "query/kernel") == (block, "", "query/kernel")


def test_a_picture_is_asked_for_in_one_sentence() -> None:
    graph, data = Graph().add(Data(source="rig"))
    graph, node = graph.add(ResidualBlock())
    graph = graph.connect(data, 0, node, 0)
    from studio.core.inference import infer

    info = DatasetInfo("rig", (8, 8), (), "labels", ("a", "b"), samples=9)
    problem = next(p for p in infer(graph, {data: info}).problems if p.node == node)
    assert "needs a picture" in problem.message
    assert problem.remedy is not None


@dataclass(frozen=True)
class _TwoConvolutions(Composite):
    """Convolutions of a sequence, which want zeros around what they get, one after the other."""

    icon: ClassVar[str] = "convolution"
    help: ClassVar[str] = "Two convolutions of a sequence."
    formula: ClassVar[str] = "y = g(f(x))"
    source: ClassVar[str] = "a test"

    filters: int = integer(2, 1, 9, help="How many.")

    def parts(self, *shapes: Shape) -> Mapping[str, Layer]:
        return {name: Conv1D(filters=self.filters, padding="same", activation="tanh") for name in ("first", "second")}

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return ((cls(), ((5, 3),)), (cls(filters=3), ((4, 2),)))


def test_parts_get_the_zeros_around_sequences_that_they_want() -> None:
    check_layer(_TwoConvolutions)
