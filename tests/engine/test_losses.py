"""What each loss counts as right, and that equal questions get equal answers."""

from __future__ import annotations

import dataclasses
from contextlib import closing

import numpy as np
import pytest
from networks import chain, clouds, dataset, layer, network, optimizer, pictures

from studio.core.dataset import Dataset
from studio.core.graph import Graph
from studio.engine.messages import Evaluation
from studio.engine.network import Network


def one_hot(data: Dataset) -> Dataset:
    classes = len(data.info.classes)
    split = dataclasses.replace(data.train, y=np.eye(classes, dtype=np.float32)[data.train.y.astype(int)])
    info = dataclasses.replace(data.info, y_shape=(classes,), target="one_hot")
    empty = dataclasses.replace(split, x=split.x[:0], y=split.y[:0])
    return dataclasses.replace(data, info=info, train=split, validation=empty, test=empty)


def evaluated(network: Network) -> Evaluation:
    found = network.evaluate(lambda d: d.train)
    assert found is not None
    return found


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("activation", ["softmax", "linear"])
def test_class_numbers_and_vectors_train_alike(threads: int, activation: str) -> None:
    """Also without softmax, as given probabilities; only the clipping of Keras differs then."""
    found = {}
    layers = [layer("Dense", units=6, activation="tanh"), layer("Dense", units=3, activation="softmax")]
    if activation == "linear":
        layers.append(layer("Flatten"))  # the loss cannot see the softmax behind it
    for name, data in (("SparseCategoricalCrossentropy", clouds()), ("CategoricalCrossentropy", one_hot(clouds()))):
        graph, source, _ = chain(layers, layer(name))
        with closing(network(graph, {source: data}, threads, using=optimizer(learning_rate=0.1))) as one:
            one.train(40)
            found[name] = (one.weights(), evaluated(one), one.take_sums())
    (w, e, s), (v, f, r) = found.values()
    for key, values in w.items():
        assert np.allclose(v[key], values, atol=2e-5)
    assert e.loss == pytest.approx(f.loss, rel=1e-5)
    assert e.accuracy == f.accuracy
    assert np.array_equal(e.confusion, f.confusion)  # type: ignore[arg-type]
    assert s.right[0] == r.right[0]


def test_two_classes_by_one_neuron_or_by_two() -> None:
    """One sigmoid is a softmax of two scores, one of which is 0."""
    data = clouds(classes=2)
    graph, source, (dense, _) = chain([layer("Dense", units=1, activation="sigmoid")], layer("BinaryCrossentropy"))
    with closing(network(graph, {source: data})) as one:
        one.train(5)
        w = one.node_weights(dense)
        binary = evaluated(one)
    graph, source, (dense, _) = chain(
        [layer("Dense", units=2, activation="softmax")], layer("SparseCategoricalCrossentropy")
    )
    with closing(network(graph, {source: data})) as two:
        state = two.state()
        state.weights[dense, "kernel"][:] = np.concatenate([0.0 * w["kernel"], w["kernel"]], -1)
        state.weights[dense, "bias"][:] = np.concatenate([0.0 * w["bias"], w["bias"]])
        two.restore(state)
        categorical = evaluated(two)
    assert binary.loss == pytest.approx(categorical.loss, rel=1e-5)
    assert binary.accuracy == categorical.accuracy
    assert np.array_equal(binary.confusion, categorical.confusion)  # type: ignore[arg-type]


@pytest.mark.parametrize("own_node", [False, True])
def test_several_sigmoids_are_right_where_the_largest_is(own_node: bool) -> None:
    """Keras's rule for a vector of answers; the confusion matrix tells the same."""
    data = one_hot(clouds())
    layers = [layer("Dense", units=3, activation="sigmoid")]
    if own_node:
        layers.append(layer("Flatten"))
    graph, source, (dense, *_) = chain(layers, layer("BinaryCrossentropy"))
    with closing(network(graph, {source: data}, batch_size=90)) as one:
        found = evaluated(one)
        w = one.node_weights(dense)
        one.train(1)
        sums = one.take_sums()
    z = data.train.x @ w["kernel"] + w["bias"]
    right = (z.argmax(-1) == data.train.y.argmax(-1)).mean()
    assert found.accuracy == pytest.approx(right)
    assert found.confusion is not None
    assert np.trace(found.confusion) / 90 == pytest.approx(right)
    assert sums.right[0] / 90 == pytest.approx(right)


@pytest.mark.parametrize("threads", [1, 2])
def test_numbers_for_class_labels(threads: int) -> None:
    """One linear neuron against class numbers, as people try it first."""
    data = clouds()
    graph, source, (dense, _) = chain([layer("Dense", units=1)], layer("MeanSquaredError"))
    with closing(network(graph, {source: data}, threads)) as one:
        one.train(20)
        w = one.node_weights(dense)
        found = evaluated(one)
    error = (data.train.x @ w["kernel"] + w["bias"])[:, 0] - data.train.y
    assert found.loss == pytest.approx(float((error**2).mean()), rel=1e-5)
    assert found.accuracy is None
    assert found.confusion is None


@pytest.mark.parametrize("loss", ["MeanSquaredError", "MeanAbsoluteError", "BinaryCrossentropy"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_picture_that_is_its_own_target(loss: str, threads: int) -> None:
    """The convolution before wants zeros around the picture that the loss compares with."""
    noise = pictures(20)
    data = dataset(1.0 / (1.0 + np.exp(-noise.train.x)), np.zeros(20), "labels", 2)
    graph, source = Graph().add(layer("Data"))
    graph, conv = graph.add(layer("Conv2D", filters=2, kernel_size=3, padding="same", activation="sigmoid"))
    graph, end = graph.add(layer(loss))
    graph = graph.connect(source, 0, conv, 0).connect(conv, 0, end, 0).connect(source, 0, end, 1)
    with closing(network(graph, {source: data}, threads, batch_size=20, using=optimizer(learning_rate=0.5))) as one:
        assert evaluated(one).accuracy is None
        before = evaluated(one).loss
        x = data.train.x.astype(np.float64)
        y = one.look([data.train.x, data.train.y], [conv])[conv].astype(np.float64)
        errors = {
            "MeanSquaredError": ((x - y) ** 2).mean(),
            "MeanAbsoluteError": np.abs(x - y).mean(),
            "BinaryCrossentropy": -(x * np.log(y) + (1 - x) * np.log(1 - y)).mean(),
        }
        assert before == pytest.approx(errors[loss], rel=1e-5)
        one.train(60)
        assert evaluated(one).loss < before


def test_probabilities_of_zero_are_kept_away_from_the_logarithm() -> None:
    """ReLU may answer 0 for all classes; Keras's epsilon keeps the loss finite."""
    for name, data in (("SparseCategoricalCrossentropy", clouds()), ("CategoricalCrossentropy", one_hot(clouds()))):
        graph, source, (dense, *_) = chain([layer("Dense", units=3, activation="relu")], layer(name))
        with closing(network(graph, {source: data}, batch_size=90)) as one:
            state = one.state()
            state.weights[dense, "bias"][:] = -100.0
            one.restore(state)
            one.train(1)
            assert not one.failed
            assert evaluated(one).loss == pytest.approx(-np.log(1e-7), rel=1e-4)
            assert all(np.isfinite(v).all() for v in one.weights().values())


@pytest.mark.parametrize("more", [{"class_weight": "given", "class_weights": (0.0, 5.0, 1.0)}, {"class_weight": "balanced"}])
def test_class_weights_count_while_training_only(more: dict[str, object]) -> None:
    """As Keras's do: a validation loss is that of the samples as they are."""
    data = clouds(samples=80)  # 27, 27 and 26 of each class
    found = []
    for weighted in (more, {}):
        graph, source, _ = chain([layer("Dense", units=3, activation="softmax")], layer("SparseCategoricalCrossentropy", **weighted))
        with closing(network(graph, {source: data}, using=optimizer(learning_rate=0.0))) as one:
            one.train(10)
            found.append((evaluated(one).loss, one.total_loss(one.take_sums()), one.node_gradients(graph.nodes[1].id)["kernel"]))
    (loss, training_loss, slope), (plain_loss, plain_training_loss, plain_slope) = found
    assert loss == plain_loss
    assert training_loss != pytest.approx(plain_training_loss, rel=1e-3)
    assert np.abs(slope - plain_slope).max() > 1e-3
