"""How graphs become plans: shared inputs, fused losses, several losses, branches that lead nowhere."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from networks import chain, classifier, clouds, dataset, layer, network, optimizer, pictures

from studio.core.graph import Graph
from studio.engine.messages import TrainingState
from studio.engine.network import Network
from studio.engine.plan import Plan


def kernels(plan: Plan) -> set[str]:
    return {call.kernel.name for call in plan.calls}


def values(network: Network, node: str) -> np.ndarray:
    data = next(iter(network.datasets.values())).train
    return network.look([data.x, data.y], [node])[node].astype(np.float64)


def weights(network: Network, node: str) -> dict[str, np.ndarray]:
    return {n: w.astype(np.float64) for n, w in network.node_weights(node).items()}


@pytest.mark.parametrize("own_node", [False, True])
@pytest.mark.parametrize(
    ("activation", "loss", "classes", "fused"),
    [
        ("softmax", "SparseCategoricalCrossentropy", 3, "from_logits"),
        ("sigmoid", "BinaryCrossentropy", 2, "binarycrossentropy_function_of_scores"),
    ],
)
def test_a_loss_takes_in_the_activation_before_it(
    own_node: bool, activation: str, loss: str, classes: int, fused: str
) -> None:
    units = 1 if classes == 2 else classes
    if own_node:
        layers = [layer("Dense", units=units), layer(activation.capitalize())]
    else:
        layers = [layer("Dense", units=units, activation=activation)]
    graph, data, _ = chain(layers, layer(loss))
    with closing(network(graph, {data: clouds(classes=classes)})) as one:
        plan = one.train_plan.plan
        assert fused in kernels(plan)
        assert not any(activation in name for name in kernels(plan))


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_a_fused_loss_survives_very_large_scores(scale: float) -> None:
    """Separately, softmax or sigmoid would round to 0 and the logarithm would be lost."""
    for activation, loss, classes in (
        ("softmax", "SparseCategoricalCrossentropy", 3),
        ("sigmoid", "BinaryCrossentropy", 2),
    ):
        units = 1 if classes == 2 else classes
        graph, data, (dense, _) = chain([layer("Dense", units=units, activation=activation)], layer(loss))
        clouded = clouds(classes=classes)
        with closing(network(graph, {data: clouded}, batch_size=90)) as one:
            state = one.state()
            for key in state.weights:
                state.weights[key][...] *= scale  # type: ignore[index]
            one.restore(state)
            kept = weights(one, dense)
            one.train(1)
            assert not one.failed
            loss_found = one.take_sums().loss[0] / 90
        z = clouded.train.x.astype(np.float64) @ kept["kernel"] + kept["bias"]
        y = clouded.train.y.astype(int)
        if units == 1:
            expected = (np.logaddexp(0.0, z[:, 0]) - z[:, 0] * y).mean()
        else:
            largest = z.max(1, keepdims=True)
            expected = (np.log(np.exp(z - largest).sum(1)) + largest[:, 0] - z[np.arange(90), y]).mean()
        assert loss_found == pytest.approx(expected, rel=1e-5)


def test_an_output_with_two_readers_gets_the_sum_of_their_gradients() -> None:
    graph, data = Graph().add(layer("Data"))
    graph, shared = graph.add(layer("Dense", units=6, activation="tanh"))
    graph, left = graph.add(layer("Dense", units=4, activation="tanh"))
    graph, right = graph.add(layer("Dense", units=4))
    graph, add = graph.add(layer("Add"))
    graph, loss = graph.add(layer("MeanSquaredError"))
    for wire in ((data, 0, shared, 0), (shared, 0, left, 0), (shared, 0, right, 0), (left, 0, add, 0),
                 (right, 0, add, 1), (add, 0, loss, 0), (data, 1, loss, 1)):  # fmt: skip
        graph = graph.connect(*wire)
    generator = np.random.default_rng(0)
    x, t = generator.normal(size=(10, 3)), generator.normal(size=(10, 4))
    with closing(network(graph, {data: dataset(x, t, "values")}, batch_size=10, using=optimizer(learning_rate=0.0))) as one:
        one.train(1)
        w = {n: weights(one, n) for n in (shared, left, right)}
        found = one.node_gradients(shared)
    h = np.tanh(x @ w[shared]["kernel"] + w[shared]["bias"])
    a = np.tanh(h @ w[left]["kernel"] + w[left]["bias"])
    b = h @ w[right]["kernel"] + w[right]["bias"]
    dy = 2.0 * (a + b - t) / t.size
    dh = (dy * (1 - a**2)) @ w[left]["kernel"].T + dy @ w[right]["kernel"].T
    dz = dh * (1 - h**2)
    assert np.allclose(found["kernel"], x.T @ dz, atol=1e-5)
    assert np.allclose(found["bias"], dz.sum(0), atol=1e-5)


def test_two_losses_add_up_with_their_weights() -> None:
    graph, data, (dense, first) = chain([layer("Dense", units=3)], layer("MeanSquaredError", weight=0.5))
    graph, second = graph.add(layer("MeanAbsoluteError", weight=3.0))
    graph = graph.connect(dense, 0, second, 0).connect(data, 1, second, 1)
    generator = np.random.default_rng(0)
    x, t = generator.normal(size=(10, 4)), generator.normal(size=(10, 3))
    with closing(network(graph, {data: dataset(x, t, "values")}, batch_size=10, using=optimizer(learning_rate=0.0))) as one:
        assert one.losses == (first, second)
        one.train(1)
        w = weights(one, dense)
        sums = one.take_sums()
        error = x @ w["kernel"] + w["bias"] - t
        assert one.total_loss(sums) == pytest.approx(0.5 * (error**2).mean() + 3.0 * np.abs(error).mean(), rel=1e-5)
        slope = (0.5 * 2.0 * error + 3.0 * np.sign(error)) / error.size
        assert np.allclose(one.node_gradients(dense)["kernel"], x.T @ slope, atol=1e-5)


def test_a_reader_besides_the_loss_still_gets_the_probabilities() -> None:
    """Softmax feeds its loss (which does not need its numbers) and another layer (which does)."""
    graph, data, (dense, _) = chain(
        [layer("Dense", units=3, activation="softmax")], layer("SparseCategoricalCrossentropy")
    )
    graph, more = graph.add(layer("Dense", units=1))
    graph, other = graph.add(layer("MeanSquaredError"))
    graph = graph.connect(dense, 0, more, 0).connect(more, 0, other, 0).connect(data, 1, other, 1)
    clouded = clouds(20)
    with closing(network(graph, {data: clouded}, batch_size=20, using=optimizer(learning_rate=0.0))) as one:
        one.train(1)
        x, y = clouded.train.x.astype(np.float64), clouded.train.y.astype(np.float64)
        w, v = weights(one, dense), weights(one, more)
        found, found_more = one.node_gradients(dense), one.node_gradients(more)
    z = x @ w["kernel"] + w["bias"]
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    error = p @ v["kernel"][:, 0] + v["bias"] - y
    assert np.allclose(found_more["kernel"][:, 0], p.T @ (2.0 * error / 20), atol=1e-5)
    dp = (2.0 * error / 20)[:, None] * v["kernel"][:, 0]
    dz = p * (dp - (dp * p).sum(1, keepdims=True)) + (p - np.eye(3)[y.astype(int)]) / 20
    assert np.allclose(found["kernel"], x.T @ dz, atol=1e-5)


def test_what_leads_to_no_loss_is_not_trained_but_can_be_seen() -> None:
    graph, data, (dense, _) = classifier()
    graph, lonely = graph.add(layer("Dense", units=5))
    graph = graph.connect(data, 0, lonely, 0)
    with closing(network(graph, {data: clouds()})) as one:
        before = one.node_weights(lonely)["kernel"]
        assert (lonely, 0) not in one.train_plan.plan.outputs
        one.train(10)
        assert np.array_equal(one.node_weights(lonely)["kernel"], before)
        w = weights(one, lonely)
        x = one.datasets[data].train.x.astype(np.float64)
        assert np.allclose(values(one, lonely), x @ w["kernel"] + w["bias"], atol=1e-5)
        assert dense in one.graph


def test_a_network_that_reads_pictures_twice() -> None:
    """One reader wants zeros around the picture, the other wants it flat."""
    graph, data = Graph().add(layer("Data"))
    graph, first = graph.add(layer("Conv2D", filters=2, kernel_size=1))
    graph, conv = graph.add(layer("Conv2D", filters=3, kernel_size=3, padding="same", strides=2))
    graph, flat = graph.add(layer("Flatten"))
    graph, other = graph.add(layer("Flatten"))
    graph, curve = graph.add(layer("Tanh"))
    graph, join = graph.add(layer("Concatenate"))
    graph, dense = graph.add(layer("Dense", units=3, activation="softmax"))
    graph, loss = graph.add(layer("SparseCategoricalCrossentropy"))
    for wire in ((data, 0, first, 0), (first, 0, conv, 0), (first, 0, flat, 0), (flat, 0, curve, 0),
                 (conv, 0, other, 0), (curve, 0, join, 0), (other, 0, join, 1), (join, 0, dense, 0),
                 (dense, 0, loss, 0), (data, 1, loss, 1)):  # fmt: skip
        graph = graph.connect(*wire)
    shown = pictures(16)
    found = {}
    for threads in (1, 2):
        with closing(network(graph, {data: shown}, threads, batch_size=16)) as one:
            picture = values(one, first)
            assert np.allclose(values(one, curve), np.tanh(picture.reshape(16, -1)), atol=1e-5)
            joined = np.concatenate([values(one, curve), values(one, other)], -1)
            assert np.allclose(values(one, join), joined, atol=1e-6)
            one.train(1)
            found[threads] = one.node_gradients(first)["kernel"]
            # The slope of the loss along one weight, from the engine's own losses.
            slopes = []
            step = 2.0**-7
            for sign in (1, -1):
                one.draw_weights(0)
                state = one.state()
                state.weights[first, "kernel"][0, 0, 1, 0] += sign * step
                one.restore(state, place=False)
                evaluation = one.evaluate(lambda d: d.train)
                assert evaluation is not None
                slopes.append(evaluation.loss)
        assert found[threads][0, 0, 1, 0] == pytest.approx((slopes[0] - slopes[1]) / (2 * step), abs=2e-3)
    assert np.allclose(found[1], found[2], atol=1e-5)


def test_two_data_nodes_go_through_their_samples_together() -> None:
    graph, one_data = Graph().add(layer("Data", source="one"))
    graph, other_data = graph.add(layer("Data", source="other"))
    graph, add = graph.add(layer("Add"))
    graph, dense = graph.add(layer("Dense", units=1))
    graph, loss = graph.add(layer("MeanSquaredError"))
    for wire in ((one_data, 0, add, 0), (other_data, 0, add, 1), (add, 0, dense, 0), (dense, 0, loss, 0),
                 (one_data, 1, loss, 1)):  # fmt: skip
        graph = graph.connect(*wire)
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(30, 3)), generator.normal(size=(30, 3))
    # The sum of both is the answer, but only if the same samples meet.
    answers = (x + y) @ np.array([1.0, -2.0, 0.5])
    data = {one_data: dataset(x, answers, "values"), other_data: dataset(y, answers, "values")}
    with closing(network(graph, data, threads=2, batch_size=6, using=optimizer(learning_rate=0.1))) as engine:
        engine.train(500)
        found = engine.evaluate(lambda d: d.train)
        assert found is not None
        assert found.loss < 1e-6


def test_a_layer_may_read_the_same_output_twice() -> None:
    graph, data = Graph().add(layer("Data"))
    graph, dense = graph.add(layer("Dense", units=2))
    graph, add = graph.add(layer("Add"))
    graph, loss = graph.add(layer("MeanSquaredError"))
    for wire in ((data, 0, dense, 0), (dense, 0, add, 0), (dense, 0, add, 1), (add, 0, loss, 0), (data, 1, loss, 1)):
        graph = graph.connect(*wire)
    generator = np.random.default_rng(0)
    x, t = generator.normal(size=(10, 3)), generator.normal(size=(10, 2))
    with closing(network(graph, {data: dataset(x, t, "values")}, batch_size=10, using=optimizer(learning_rate=0.0))) as one:
        one.train(1)
        w = weights(one, dense)
        dy = 2.0 * (2.0 * (x @ w["kernel"] + w["bias"]) - t) / t.size
        assert np.allclose(one.node_gradients(dense)["kernel"], x.T @ (2.0 * dy), atol=1e-5)


def test_gradients_find_their_way_where_rows_are_moved_out_of_step() -> None:
    """Rows of 16 columns, 8 pixels and 8 channels would be a power of two apart, and are moved."""
    generator = np.random.default_rng(8)
    data_set = dataset(generator.normal(size=(16, 4, 6, 8)), np.arange(16) % 3, "labels", 3)
    drawn: list[dict[str, np.ndarray]] = []
    found = []
    for own_node in (False, True):
        layers = []
        for _ in range(3):
            # Within the layer the curve overwrites its input, as a node of its own it does not.
            layers.append(layer("Conv2D", filters=8, padding="same", activation="linear" if own_node else "relu"))
            layers += [layer("ReLU")] if own_node else []
        graph, data, nodes = classifier(*layers, layer("Flatten"))
        with closing(network(graph, {data: data_set}, batch_size=16)) as one:
            learning = [node for node in nodes if one.node_weights(node)]
            drawn = drawn or [one.node_weights(node) for node in learning]
            values = {(node, n): w for node, own in zip(learning, drawn, strict=True) for n, w in own.items()}
            one.restore(TrainingState(values), place=False)
            one.train(1)
            tensor = one.train_plan.plan.gradients[nodes[0]]
            assert tensor.row_stride > 8 * 8 * 16
            found.append([one.node_gradients(node) for node in learning])
    for mine, others in zip(*found, strict=True):
        for name, gradient in mine.items():
            assert np.abs(gradient).max() > 1e-4
            np.testing.assert_allclose(gradient, others[name], atol=1e-6, rtol=1e-4)
