"""Reshape: sizes that fit, sentences and remedies for those that do not, and pictures made anew."""

from __future__ import annotations

import math
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.problems import ShapeProblem
from studio.engine.network import Network
from studio.engine.optimizers.sgd import SGD
from studio.kernels.jit import compile_ahead
from studio.layers.conv2d import Conv2D
from studio.layers.data import Data
from studio.layers.reshape import Reshape
from studio.losses.mean_squared_error import MeanSquaredError

shapes = st.lists(st.integers(1, 12), min_size=0, max_size=4).map(tuple)
targets = st.lists(st.integers(-1, 12), min_size=1, max_size=4).map(tuple)


@given(shapes, targets)
def test_every_target_fits_or_is_repaired_by_its_remedy(shape, target):
    layer = Reshape(target_shape=target)
    problem = None
    try:
        result = layer.output_shape(shape)
    except ShapeProblem as raised:
        problem = raised
    if problem is not None:
        assert str(problem).endswith(".")
        assert problem.remedy is not None
        result = layer.replace(**dict(problem.remedy.values)).output_shape(shape)
    assert math.prod(result) == math.prod(shape)
    assert min(result) >= 1


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ((8, 8, 2), r"gets 64, which is 64 numbers, but 8 x 8 x 2 holds 128"),
        ((-1, 7), r"cannot be cut into -1 x 7: choose sizes that divide 64\."),
        ((-1, -1), r"has more than one axis of size -1"),
        ((0, 64), r"has an axis of size 0"),
    ],
)
def test_sentences(target, sentence):
    with pytest.raises(ShapeProblem, match=sentence):
        Reshape(target_shape=target).output_shape((64,))


def test_the_remedy_keeps_what_it_can():
    with pytest.raises(ShapeProblem) as caught:
        Reshape(target_shape=(8, 8, 2)).output_shape((64,))
    assert caught.value.remedy is not None
    assert dict(caught.value.remedy.values) == {"target_shape": (8, 8, 1)}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_picture_between_convolutions_may_change_its_rows(threads):
    # The first convolution wants zeros around its gradient, whose rows are not the second's.
    first, reshape, second = Conv2D(filters=2), Reshape(target_shape=(2, 6, 2)), Conv2D(filters=3, kernel_size=(2, 2))
    generator = np.random.default_rng(0)
    x = generator.normal(size=(7, 5, 6, 2)).astype(np.float32)
    t = generator.normal(size=(7, 1, 5, 3)).astype(np.float32)
    graph, data = Graph().add(Data())
    before = data
    nodes = []
    for layer in (Conv2D(filters=2), first, reshape, second):
        layer = layer.replace(padding="same") if not nodes else layer
        graph, node = graph.add(layer)
        graph = graph.connect(before, 0, node, 0)
        before = node
        nodes.append(node)
    graph, loss = graph.add(MeanSquaredError())
    graph = graph.connect(before, 0, loss, 0).connect(data, 1, loss, 1)
    whole, nothing = Split(x, t), Split(x[:0], t[:0])
    datasets = {data: Dataset(DatasetInfo("pictures", x.shape[1:], t.shape[1:], "values"), whole, nothing, nothing)}
    training = Training(optimizer=SGD(learning_rate=0.0), batch_size=7)
    with closing(Network(graph, training, datasets, threads, compile_ahead)) as network:
        weights = {n: {k: v.astype(np.float64) for k, v in network.node_weights(n).items()} for n in nodes}
        network.train(1)
        gradient = network.node_gradients(nodes[0])["kernel"]

    def objective(kernel: np.ndarray) -> float:
        y = x.astype(np.float64)
        for node in nodes:
            own = {**weights[node], "kernel": kernel} if node == nodes[0] else weights[node]
            y = graph.node(node).layer.reference([y], own, training=True)
        return float(((y - t) ** 2).mean())

    kernel = weights[nodes[0]]["kernel"]
    for place in ((0, 0, 0, 0), (1, 2, 1, 1), (2, 2, 0, 1)):
        step = np.zeros_like(kernel)
        step[place] = 1e-5
        slope = (objective(kernel + step) - objective(kernel - step)) / 2e-5
        assert gradient[place] == pytest.approx(slope, rel=2e-3, abs=1e-5)
