"""Gradients compared with slopes, on the network as it is trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from networks import classifier, clouds, layer, network, optimizer, pictures

from studio.core.document import Training
from studio.core.graph import Graph
from studio.engine import gradient_check
from studio.engine.gradient_check import GradientCheck, check_gradient
from studio.engine.messages import TrainingState
from studio.kernels.jit import compile_ahead
from studio.layers.dense import Dense

TRAINING = Training(optimizer=optimizer("Adam"), batch_size=8)


def state_after(graph: Graph, data, steps: int, **more) -> TrainingState:
    ready = network(graph, data, using=optimizer("Adam"), **more)
    ready.train(steps)
    found = ready.state()
    ready.close()
    return found


def check(graph: Graph, data, node: str, now: TrainingState, training: Training = TRAINING, **more) -> GradientCheck:
    return check_gradient(graph, training, data, now, node, 8, compile_ahead, **more)


def test_weights_and_inputs_of_a_convnet_match():
    graph, data, nodes = classifier(
        layer("Conv2D", filters=4, kernel_size=3, activation="relu"),
        layer("MaxPooling2D"),
        layer("BatchNormalization"),
        layer("Flatten"),
    )
    sets = {data: pictures()}
    now = state_after(graph, sets, 20)
    found = [check(graph, sets, node, now) for node in nodes[:-1]]
    assert [one.subject for one in found] == ["weights", "inputs", "weights", "inputs", "weights"]
    assert all(one.agrees and one.difference < 1e-4 for one in found), found
    assert all((one.samples, one.step, one.problem) == (8, 20, "") for one in found)


def test_recurrence_and_penalties_match():
    graph, data, nodes = classifier(layer("Reshape", target_shape=(2, 2)), layer("LSTM", units=5), layer("Dense", units=6, l2=0.5, l1=0.1))
    sets = {data: clouds()}
    now = state_after(graph, sets, 5)
    for node in nodes[1:4]:
        assert check(graph, sets, node, now).difference < 1e-4, node


def test_dropout_is_switched_off_and_said_so():
    graph, data, nodes = classifier(layer("Dense", units=12), layer("Dropout", rate=0.5), layer("Dense", units=6))
    sets = {data: clouds()}
    now = state_after(graph, sets, 5)
    before, after = check(graph, sets, nodes[0], now), check(graph, sets, nodes[2], now)
    assert before.agrees
    assert before.quiet
    assert after.agrees
    assert not after.quiet
    chance = check(graph, sets, nodes[1], now)
    assert not chance.subject
    assert chance.problem.endswith(".")


def test_frozen_layers_are_checked_by_their_inputs():
    graph, data, nodes = classifier(layer("Dense", units=7, activation="tanh"))
    graph = graph.set_trainable([nodes[0]], False)
    sets = {data: clouds()}
    found = check(graph, sets, nodes[0], state_after(graph, sets, 3))
    assert found.subject == "inputs"
    assert found.agrees


def test_neither_the_state_nor_the_run_is_touched():
    graph, data, nodes = classifier(layer("Dense", units=7, activation="tanh"))
    sets = {data: clouds()}
    now = state_after(graph, sets, 3)
    before = {key: values.copy() for key, values in now.weights.items()}
    check(graph, sets, nodes[0], now)
    assert all(np.array_equal(values, before[key]) for key, values in now.weights.items())


def test_a_wrong_gradient_is_found(monkeypatch):
    """Were the layer to compute something else than its gradient is of, the check would say so."""
    graph, data, nodes = classifier(layer("Dense", units=7, activation="tanh"))
    sets = {data: clouds()}
    now = state_after(graph, sets, 3)

    def other(self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False) -> np.ndarray:
        right = Dense._right(self, inputs, weights, training)
        # The same where the weights are as they are, but steeper around it.
        at = now.weights.get((nodes[0], "kernel"))
        moved = weights["kernel"] - at if at.shape == weights["kernel"].shape else 0.0
        return right + (0.2 * inputs[0] @ moved if np.ndim(moved) else 0.0)

    monkeypatch.setattr(Dense, "_right", Dense.reference, raising=False)
    monkeypatch.setattr(Dense, "reference", other)
    found = check(graph, sets, nodes[0], now)
    assert found.subject == "weights"
    assert not found.agrees
    assert found.difference > 0.01


def test_a_reference_of_another_function_is_no_measure(monkeypatch):
    graph, data, nodes = classifier(layer("Dense", units=7, activation="tanh"))
    sets = {data: clouds()}
    now = state_after(graph, sets, 3)
    monkeypatch.setattr(Dense, "reference", lambda self, inputs, weights, training=False: inputs[0] @ weights["kernel"])
    found = check(graph, sets, nodes[0], now)
    assert not found.subject
    assert found.problem


def test_what_has_no_gradient_says_why():
    graph, data, nodes = classifier(layer("Dense", units=7, activation="tanh"))
    graph, apart = graph.add(layer("Dense", units=3))
    graph = graph.connect(nodes[0], 0, apart, 0)
    sets = {data: clouds()}
    now = state_after(graph, sets, 3)
    sentences = {check(graph, sets, node, now).problem for node in (data, nodes[-1], apart)}
    assert len(sentences) == 3
    assert all(sentence.endswith(".") for sentence in sentences)


def test_nobody_waits_for_a_check_that_is_no_longer_wanted():
    graph, data, nodes = classifier(layer("Dense", units=7, activation="tanh"))
    sets = {data: clouds()}
    found = check(graph, sets, nodes[0], state_after(graph, sets, 3), stopped=lambda: True)
    assert not found.subject


@pytest.mark.parametrize("mode", ["joint", "greedy"])
def test_settings_of_the_run_do_not_matter(mode):
    graph, data, nodes = classifier(layer("Dense", units=7, activation="tanh"), layer("Dense", units=5, activation="tanh"))
    sets = {data: clouds()}
    training = dataclasses.replace(TRAINING, mode=mode, optimizer=optimizer("SGD", clipnorm=0.001), batch_size=64)
    found = check_gradient(graph, training, sets, state_after(graph, sets, 3), nodes[0], 64, compile_ahead)
    assert found.agrees
    assert found.samples == gradient_check.MOST_SAMPLES
