"""What a change of the graph or of the settings keeps, and what it starts anew."""

from __future__ import annotations

import dataclasses
from contextlib import closing

import numpy as np
import pytest
from networks import classifier, clouds, layer, network, optimizer, require_equal_states

from studio.engine.changes import only_live
from studio.engine.messages import TrainingState
from studio.engine.network import Network
from studio.engine.threads import counted_threads
from studio.kernels.simd import LANES


def rebuilt(old: Network, graph, data) -> Network:  # type: ignore[no-untyped-def]
    new = network(graph, data, using=old.optimizer)
    new.restore(old.state())
    return new


def test_weights_whose_node_and_shape_stay_are_kept() -> None:
    graph, data, (first, second, last, _) = classifier(layer("Dense", units=6), layer("Dense", units=5))
    sets = {data: clouds()}
    with closing(network(graph, sets, using=optimizer("Adam"))) as old:
        old.train(30)
        before = old.state()
        wider = graph.set_parameters(second, units=9)
        with closing(rebuilt(old, wider, sets)) as new:
            after = new.state()
    assert after.step == 30
    assert after.epoch == before.epoch
    for name in ("kernel", "bias"):
        assert np.array_equal(after.weights[first, name], before.weights[first, name])
        for slot in ("m", "v"):
            assert np.array_equal(after.slots[first, name, slot], before.slots[first, name, slot])
    assert after.weights[second, "kernel"].shape == (6, 9)
    assert np.any(after.weights[second, "kernel"] != 0)
    assert np.array_equal(after.weights[last, "bias"], before.weights[last, "bias"])
    assert after.weights[last, "kernel"].shape == (9, 3)
    assert not after.slots[second, "kernel", "m"].any()


def test_a_layer_put_on_a_wire_leaves_all_others_alone() -> None:
    graph, data, (first, last, _) = classifier(layer("Dense", units=6))
    sets = {data: clouds()}
    with closing(network(graph, sets)) as old:
        old.train(30)
        before = old.weights()
        graph, middle = graph.add(layer("Tanh"))
        graph = graph.insert(graph.outgoing(first)[0], middle)
        with closing(rebuilt(old, graph, sets)) as new:
            assert all(np.array_equal(new.weights()[k], v) for k, v in before.items())
            new.train(1)
            assert last in new.graph


def test_another_optimizer_keeps_weights_and_starts_its_own_memory() -> None:
    graph, data, _ = classifier(layer("Dense", units=6))
    sets = {data: clouds()}
    with closing(network(graph, sets, using=optimizer("Adam"))) as old:
        old.train(30)
        state = old.state()
    with closing(network(graph, sets, using=optimizer("SGD", momentum=0.9))) as new:
        new.restore(state)
        assert all(np.array_equal(new.weights()[k], v) for k, v in state.weights.items())
        assert new.step == 30
        assert not any(values.any() for values in new.state().slots.values())


def test_a_state_is_a_copy() -> None:
    graph, data, _ = classifier()
    with closing(network(graph, {data: clouds()})) as one:
        state = one.state()
        copy = TrainingState({k: v.copy() for k, v in state.weights.items()}, {}, state.step)
        one.train(5)
        assert all(np.array_equal(state.weights[k], v) for k, v in copy.weights.items())


def test_live_numbers_are_read_while_training_runs() -> None:
    """Changing the learning rate on the way is the same as having had it from there on."""
    graph, data, _ = classifier(layer("Dense", units=6, l2=0.1))
    sets = {data: clouds()}
    slow, fast = optimizer(learning_rate=0.01), optimizer(learning_rate=0.5)
    with closing(network(graph, sets, using=slow)) as one:
        one.train(7)
        device = one.device
        one.set_numbers(graph, dataclasses.replace(one.training, optimizer=fast))
        assert one.device is device
        one.train(7)
        live = one.state()
    with closing(network(graph, sets, using=slow)) as one:
        one.train(7)
        state = one.state()
    with closing(network(graph, sets, using=fast)) as one:
        one.restore(state)
        one.train(7)
        require_equal_states(one.state(), live)


def test_steps_to_counts_partial_minibatches() -> None:
    graph, data, _ = classifier()
    with closing(network(graph, {data: clouds(90)}, batch_size=32)) as one:
        assert one.steps_to(1) == 3
        assert one.steps_to(4) == 12
        one.train(2)
        assert one.epoch == pytest.approx(64 / 90)
        assert one.steps_to(1) == 1
        assert one.steps_to(2) == 4
        one.train(1)
        assert one.epoch == 1.0
        assert one.steps_to(1) == 0


def test_a_batch_larger_than_the_data_is_one_minibatch() -> None:
    graph, data, _ = classifier()
    with closing(network(graph, {data: clouds(21)}, threads=2, batch_size=4096)) as one:
        assert one.train(3) == 3
        assert one.epoch == 3.0
        assert one.take_sums().samples[0] == 63


def test_small_networks_train_on_one_thread_and_large_ones_on_all() -> None:
    small, data, _ = classifier(layer("Dense", units=8))
    large = classifier(layer("Dense", units=2000), layer("Dense", units=2000))[0]
    with closing(network(small, {data: clouds()})) as one:
        training = dataclasses.replace(one.training, batch_size=8 * LANES)
    sets = {data: clouds()}
    assert counted_threads(small, training, sets, most=8) == 1
    assert counted_threads(large, training, sets, most=8) == 8
    assert counted_threads(large, training, sets, most=1) == 1
    # Each thread computes whole vectors of samples: one that would share a vector saves nothing.
    for batch_size, threads in ((3, 1), (LANES, 1), (LANES + 1, 2), (4 * LANES, 4)):
        smaller = dataclasses.replace(training, batch_size=batch_size)
        assert counted_threads(large, smaller, sets, most=8) == threads


@pytest.mark.parametrize("name", ["MultiHeadAttention", "LSTM", "GRU", "SimpleRNN", "Bidirectional", "TransformerEncoder", "TransformerDecoder"])
def test_a_dropout_changes_while_training_runs_but_begins_with_another_plan(name: str) -> None:
    none, some, more = (layer(name, dropout=share) for share in (0.0, 0.2, 0.5))
    assert only_live(some, more)
    assert not only_live(none, some)
    assert not only_live(more, none)


def test_a_rectifier_s_limits_change_while_training_runs() -> None:
    assert only_live(layer("ReLU", max_value=6.0), layer("ReLU", max_value=5.0, negative_slope=0.1))
    assert not only_live(layer("ReLU"), layer("ReLU", max_value=5.0))
