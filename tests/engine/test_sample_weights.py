"""Data's third output: how much each sample counts, in training, evaluation and pictures of the network."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np
from networks import chain, clouds, layer, network, optimizer

from studio.core.dataset import Dataset
from studio.engine.commands import Watch
from studio.engine.views import take_views

RATE = 0.05


def weighted(data: Dataset, seed: int = 5) -> Dataset:
    """The same data, whose samples count 0 to 3 times."""
    generator = np.random.default_rng(seed)
    parts = {}
    for name in ("train", "validation", "test"):
        part = getattr(data, name)
        parts[name] = replace(part, weights=generator.integers(0, 4, len(part)).astype(np.float32))
    return replace(data, info=replace(data.info, weighted=True), **parts)


def test_a_step_and_an_evaluation_count_samples_by_their_weights():
    data = weighted(clouds(8, features=2, classes=2, validation=0))
    source = layer("Data", source="csv:a.csv?target=y&weight=w")
    graph, node, (dense, loss) = chain([layer("Dense", units=1)], layer("MeanSquaredError"))
    graph = graph.set_layer(node, source).connect(node, 2, loss, 2)
    info = replace(data.info, target="values", y_shape=(1,), classes=())
    split = replace(data.train, y=data.train.y[:, None])
    data = replace(data, info=info, train=split)
    with closing(network(graph, {node: data}, using=optimizer(learning_rate=RATE))) as net:
        before = net.node_weights(dense)
        x, y, w = (a.astype(np.float64) for a in split.arrays)
        wrong = x @ before["kernel"] + before["bias"] - y
        evaluation = net.evaluate(lambda d: d.train)
        np.testing.assert_allclose(evaluation.loss, (w[:, None] * wrong**2).mean(), rtol=1e-5)
        net.train(1)
        slope = x.T @ (2 * w[:, None] * wrong) / len(x)
        np.testing.assert_allclose(net.node_weights(dense)["kernel"], before["kernel"] - RATE * slope, rtol=1e-4)


def test_several_data_nodes_each_give_their_own_arrays():
    """One with three outputs before one with two: nobody gets the other's numbers."""
    first, second = weighted(clouds(20, features=2, classes=2)), clouds(20, features=3, classes=2, seed=9)
    graph, node, (_, _, loss) = chain([layer("Dense", units=2), layer("Softmax")], layer("SparseCategoricalCrossentropy"))
    graph = graph.set_layer(node, layer("Data", source="csv:a.csv?target=y&weight=w")).connect(node, 2, loss, 2)
    graph, other = graph.add(layer("Data", source="iris"))
    graph, dense = graph.add(layer("Dense", units=1))
    graph, end = graph.add(layer("MeanSquaredError"))
    graph = graph.connect(other, 0, dense, 0).connect(dense, 0, end, 0).connect(other, 1, end, 1)
    second = replace(second, info=replace(second.info, target="values", y_shape=(1,), classes=()), train=replace(second.train, y=second.train.y[:, None]))
    with closing(network(graph, {node: first, other: second})) as net:
        kernel = net.node_weights(dense)
        seen = net.look([*first.train.arrays, *second.train.arrays], [dense])[dense]
        np.testing.assert_allclose(seen, second.train.x @ kernel["kernel"] + kernel["bias"], rtol=1e-4, atol=1e-5)


def test_pictures_of_the_network_need_no_weights():
    data = weighted(clouds(60, features=2, classes=2, validation=20))
    graph, node, (dense, _, loss) = chain([layer("Dense", units=2), layer("Softmax")], layer("SparseCategoricalCrossentropy"))
    graph = graph.set_layer(node, layer("Data", source="csv:a.csv?target=y&weight=w")).connect(node, 2, loss, 2)
    with closing(network(graph, {node: data})) as net:
        views = take_views(net, Watch(nodes=frozenset([dense]), scatter=dense, plane=8))
        assert views.nodes[dense].plane.shape == (8, 8, 2)
        assert views.nodes[dense].activations.shape == (16, 2)
        assert len(views.scatter.activations) == 20
        np.testing.assert_array_equal(views.probe_y, data.validation.y[:16])
