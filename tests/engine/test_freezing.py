"""Frozen layers, and layers that learn at a rate of their own."""

from __future__ import annotations

import dataclasses
from contextlib import closing

import numpy as np
import pytest
from networks import chain, classifier, clouds, layer, network, optimizer, pictures, require_equal_states

from studio.core.graph import Graph, GraphError
from studio.core.inference import infer
from studio.engine.changes import same_network
from studio.engine.network import Network
from studio.storage.document_json import graph_from_json, graph_to_json
from studio.storage.errors import StorageError

ADAM = optimizer("Adam", learning_rate=0.02)


def kernels_of(one: Network, node: str, phase: str) -> list[str]:
    return [c.kernel.name for c in one.train_plan.plan.calls if c.node == node and c.phase == phase]


def three() -> tuple[Graph, str, list[str]]:
    return classifier(
        layer("Dense", units=9, activation="tanh", l2=0.1), layer("Dense", units=7, activation="tanh")
    )


@pytest.mark.parametrize("threads", [1, 2])
def test_frozen_weights_stay_to_the_last_bit_and_the_others_learn(threads: int) -> None:
    graph, data, nodes = three()
    graph = graph.set_trainable([nodes[1]], False)
    with closing(network(graph, {data: clouds()}, threads, using=ADAM)) as one:
        before = one.weights()
        one.train(10)
        after = one.weights()
    for (node, name), values in before.items():
        assert np.array_equal(after[node, name], values) == (node == nodes[1]), (node, name)


def test_a_frozen_layer_in_the_middle_hands_gradients_on() -> None:
    """With a rate of 0 for the middle layer the others get the same gradients."""
    graph, data, nodes = three()
    states = []
    for changed in (
        graph.set_trainable([nodes[1]], False),
        graph.set_learning_rate_multiplier([nodes[1]], 0.0),
    ):
        with closing(network(changed, {data: clouds()}, using=optimizer("SGD", learning_rate=0.1))) as one:
            one.train(20)
            states.append(one.state())
    require_equal_states(*states)


def test_nothing_before_the_first_learning_layer_computes_gradients() -> None:
    graph, data, nodes = three()
    with closing(network(graph.set_trainable(nodes[:2], False), {data: clouds()}, using=ADAM)) as one:
        assert kernels_of(one, nodes[0], "backward") == []
        assert kernels_of(one, nodes[1], "backward") == []
        assert kernels_of(one, nodes[0], "update") == []  # no penalty either, as in Keras
        assert kernels_of(one, nodes[2], "backward")
        assert one.penalty() == 0.0
    with closing(network(graph, {data: clouds()}, using=ADAM)) as one:
        assert kernels_of(one, nodes[0], "backward")
        assert one.penalty() > 0.0


@pytest.mark.parametrize("kind", ["Dense", "Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D"])
def test_a_frozen_layer_saves_the_work_of_its_weights_gradients(kind: str) -> None:
    graph, data, (_, node, *_) = three()
    sets = {data: clouds()}
    if kind != "Dense":
        known = {"kernel_size": 3} if kind == "DepthwiseConv2D" else {"kernel_size": 3, "filters": 5}
        graph, data, (_, node, *_) = classifier(
            layer("Conv2D", filters=3, kernel_size=2), layer(kind, **known), layer("Flatten")
        )
        sets = {data: pictures()}
    with closing(network(graph, sets)) as one:
        ordinary = kernels_of(one, node, "backward")
    with closing(network(graph.set_trainable([node], False), sets)) as one:
        frozen = kernels_of(one, node, "backward")
    assert 0 < len(frozen) < len(ordinary)


def test_an_ordinary_network_is_updated_by_one_call_and_others_by_one_a_run() -> None:
    graph, data, nodes = three()
    counts = []
    for changed in (
        graph,
        graph.set_trainable([nodes[0]], False),
        graph.set_trainable([nodes[1]], False),
        graph.set_learning_rate_multiplier([nodes[1]], 0.1),
        graph.set_learning_rate_multiplier(nodes[:2], 0.1),
    ):
        with closing(network(changed, {data: clouds()}, using=ADAM)) as one:
            counts.append(sum(c.kernel.name == "adam" for c in one.train_plan.plan.calls))
    assert counts == [1, 1, 2, 3, 2]


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_a_multiplier_is_another_learning_rate_for_that_layer(name: str) -> None:
    graph, data, nodes = three()
    graph = graph.set_parameters(nodes[0], l2=0.0)
    slow, fast = optimizer(name, learning_rate=0.01), optimizer(name, learning_rate=0.05)
    found = {}
    for key, changed, using in (
        ("slow", graph, slow),
        ("fast", graph, fast),
        ("mixed", graph.set_learning_rate_multiplier([nodes[1]], 5.0), slow),
    ):
        with closing(network(changed, {data: clouds()}, using=using)) as one:
            one.train(1)
            found[key] = one.weights()
    for (node, weight), values in found["mixed"].items():
        like = "fast" if node == nodes[1] else "slow"
        assert np.allclose(values, found[like][node, weight], rtol=1e-6, atol=1e-8), (node, weight)


def test_frozen_batch_normalisation_works_as_after_training() -> None:
    """As in Keras: moving averages are used and stay; what comes before learns through it."""
    graph, data, nodes = classifier(
        layer("Conv2D", filters=3),
        layer("BatchNormalization"),
        layer("ReLU"),
        layer("Flatten"),
    )
    sets = {data: pictures()}
    with closing(network(graph, sets, using=ADAM)) as one:
        one.train(10)
        trained = one.state()
    frozen = graph.set_trainable([nodes[1]], False)
    with closing(network(frozen, sets, threads=2, using=optimizer("SGD", learning_rate=0.05))) as one:
        one.restore(trained)
        one.train(1)
        after = one.state()
    for name in ("gamma", "beta", "moving_mean", "moving_variance"):
        assert np.array_equal(after.weights[nodes[1], name], trained.weights[nodes[1], name])
    # The same function written as a depthwise product must give the same gradients.
    weights = {name: trained.weights[nodes[1], name].astype(np.float64) for name in ("gamma", "beta", "moving_mean", "moving_variance")}
    scale = weights["gamma"] / np.sqrt(weights["moving_variance"] + 1e-3)
    twin, data_2, nodes_2 = classifier(
        layer("Conv2D", filters=3), layer("Conv2D", filters=3, kernel_size=1), layer("ReLU"), layer("Flatten")
    )
    twin = twin.set_trainable([nodes_2[1]], False)
    with closing(network(twin, {data_2: pictures()}, threads=2, using=optimizer("SGD", learning_rate=0.05))) as one:
        values = {(n2, name): trained.weights[n, name] for n, n2 in zip(nodes, nodes_2, strict=True) for (k, name) in trained.weights if k == n}
        values = {key: v for key, v in values.items() if key[0] != nodes_2[1]}
        values[nodes_2[1], "kernel"] = np.diag(scale).reshape(1, 1, 3, 3).astype(np.float32)
        values[nodes_2[1], "bias"] = (weights["beta"] - weights["moving_mean"] * scale).astype(np.float32)
        one.restore(dataclasses.replace(trained, weights=values, slots={}))
        one.train(1)
        expected = one.weights()
    for name in ("kernel", "bias"):
        assert np.allclose(after.weights[nodes[0], name], expected[nodes_2[0], name], rtol=1e-5, atol=1e-6)
        assert not np.array_equal(after.weights[nodes[0], name], trained.weights[nodes[0], name])


def test_everything_frozen_trains_nothing_and_does_not_fail() -> None:
    graph, data, nodes = three()
    graph = graph.set_trainable(nodes, False)
    with closing(network(graph, {data: clouds()}, using=optimizer("Adam", global_clipnorm=1.0))) as one:
        before = one.weights()
        one.train(5)
        assert all(np.array_equal(v, before[k]) for k, v in one.weights().items())
        assert not one.failed


def test_thawing_goes_on_from_the_optimizer_s_memory() -> None:
    graph, data, nodes = three()
    sets = {data: clouds()}
    with closing(network(graph, sets, using=ADAM)) as one:
        one.train(10)
        state = one.state()
    with closing(network(graph.set_trainable([nodes[0]], False), sets, using=ADAM)) as one:
        one.restore(state)
        one.train(5)
        frozen = one.state()
    assert np.array_equal(frozen.slots[nodes[0], "kernel", "m"], state.slots[nodes[0], "kernel", "m"])
    assert frozen.step == 15
    with closing(network(graph, sets, using=ADAM)) as one:
        one.restore(frozen)
        require_equal_states(one.state(), frozen)


def test_freezing_makes_another_network() -> None:
    graph, _, nodes = three()
    assert same_network(graph, graph.rename(nodes[0], "first"))
    assert not same_network(graph, graph.set_trainable([nodes[0]], False))
    assert not same_network(graph, graph.set_learning_rate_multiplier([nodes[0]], 2.0))
    assert graph.set_trainable([nodes[0]], False).set_trainable([nodes[0]], True) == graph


def test_files_and_the_clipboard_keep_it() -> None:
    graph, _, nodes = chain([layer("Dense"), layer("Dense")], layer("MeanSquaredError"))
    text = graph_to_json(graph)
    assert not any("trainable" in n or "learning_rate_multiplier" in n for n in text["nodes"])
    changed = graph.set_trainable([nodes[0]], False).set_learning_rate_multiplier([nodes[1]], 0.1)
    text = graph_to_json(changed)
    assert graph_from_json(text) == changed
    pasted, ids = graph.paste(graph_from_json(graph_to_json(changed.subgraph(nodes[:2]))))
    assert not pasted.node(ids[nodes[0]]).trainable
    assert pasted.node(ids[nodes[1]]).learning_rate_multiplier == 0.1
    for bad in ({"trainable": 1}, {"learning_rate_multiplier": -1}, {"learning_rate_multiplier": True}):
        broken = {**text, "nodes": [{**text["nodes"][1], **bad}], "edges": []}
        with pytest.raises(StorageError):
            graph_from_json(broken)
    with pytest.raises(GraphError, match="from 0 to 1000"):
        graph.set_learning_rate_multiplier([nodes[0]], float("nan"))


def test_a_loss_that_teaches_nobody_is_hinted_at() -> None:
    graph, data, nodes = three()
    infos = {data: clouds().info}
    assert not infer(graph.set_trainable(nodes[:2], False), infos).problems
    (hint,) = infer(graph.set_trainable(nodes, False), infos).problems
    assert hint.severity == "hint"
    assert hint.message.endswith("teaches nobody, since all layers before it are frozen: unfreeze one.")


def test_a_frozen_embedding_computes_no_gradient() -> None:
    """Also where what it reads is not Data but a layer that learns."""
    graph, data, nodes = classifier(layer("Dense", units=3), layer("Embedding", input_dim=5, output_dim=2), layer("Flatten"))
    for frozen in (False, True):
        graph = graph.set_trainable([nodes[1]], not frozen)
        with closing(network(graph, {data: clouds()}, using=ADAM)) as one:
            assert kernels_of(one, nodes[1], "backward") == ([] if frozen else ["sum_by_row"])
