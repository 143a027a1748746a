"""Add and Concatenate: one input twice, and sentences for inputs that do not fit."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.layer import Layer
from studio.core.problems import ShapeProblem
from studio.engine.network import Network
from studio.engine.optimizers.sgd import SGD
from studio.kernels.jit import compile_ahead
from studio.layers.add import Add
from studio.layers.concatenate import Concatenate
from studio.layers.data import Data
from studio.layers.dense import Dense
from studio.losses.mean_squared_error import MeanSquaredError


@pytest.mark.parametrize("merge", [Add(), Concatenate()])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_input_may_come_in_twice(merge: Layer, threads: int):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(11, 3)).astype(np.float32)
    width = merge.output_shape((4,), (4,))[0]
    t = generator.normal(size=(11, width)).astype(np.float32)
    graph, data = Graph().add(Data())
    graph, dense = graph.add(Dense(units=4, use_bias=False))
    graph, both = graph.add(merge)
    graph, loss = graph.add(MeanSquaredError())
    for wire in ((data, 0, dense, 0), (dense, 0, both, 0), (dense, 0, both, 1), (both, 0, loss, 0), (data, 1, loss, 1)):
        graph = graph.connect(*wire)
    whole = Split(x, t)
    nothing = Split(x[:0], t[:0])
    datasets = {data: Dataset(DatasetInfo("twice", (3,), (width,), "values"), whole, nothing, nothing)}
    training = Training(optimizer=SGD(learning_rate=0.0), batch_size=11)
    with closing(Network(graph, training, datasets, threads, compile_ahead)) as network:
        kernel = network.node_weights(dense)["kernel"].astype(np.float64)
        network.train(1)
        gradient = network.node_gradients(dense)["kernel"]
    y = x @ kernel
    error = merge.reference([y, y], {}) - t
    back = 2.0 * error / error.size
    expected = x.T @ (2.0 * back if isinstance(merge, Add) else back[:, :4] + back[:, 4:])
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


def test_add_names_both_shapes_that_differ():
    with pytest.raises(ShapeProblem, match=r"gets 4 x 4 x 2 and 4 x 4 x 3, needs inputs of the same shape"):
        Add().output_shape((4, 4, 2), (4, 4, 2), (4, 4, 3))


@pytest.mark.parametrize(
    ("layer", "shapes", "sentence"),
    [
        (Concatenate(), ((4, 4, 2), (4, 5, 2)), r"gets 4 x 4 x 2 and 4 x 5 x 2, needs inputs that differ only in the last axis"),
        (Concatenate(axis=1), ((4, 4, 2), (4, 5, 2)), r"differ only in axis 1"),
        (Concatenate(), ((4, 4, 2), (7,)), r"as many axes: add Flatten before the one with more\.$"),
        (Concatenate(axis=0), ((4,), (4,)), r"axis 0, which counts the samples"),
        (Concatenate(axis=2), ((4,), (4,)), r"has axis 2, but its inputs are 4"),
        (Concatenate(axis=-2), ((4,), (4,)), r"has axis -2, but its inputs are 4"),
        (Concatenate(), ((), ()), r"one number a sample"),
    ],
)
def test_concatenate_says_what_does_not_fit(layer, shapes, sentence):
    with pytest.raises(ShapeProblem, match=sentence) as caught:
        layer.output_shape(*shapes)
    assert str(caught.value).endswith(".")


def test_remedies_of_concatenate_help():
    with pytest.raises(ShapeProblem) as caught:
        Concatenate(axis=0).output_shape((4,), (5,))
    assert caught.value.remedy is not None
    assert Concatenate().replace(**dict(caught.value.remedy.values)).output_shape((4,), (5,)) == (9,)
    with pytest.raises(ShapeProblem) as caught:
        Concatenate().output_shape((7,), (4, 4, 2))
    assert caught.value.remedy is not None
    assert (caught.value.remedy.type, caught.value.remedy.port) == ("Flatten", 1)
