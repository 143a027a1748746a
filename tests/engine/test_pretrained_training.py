"""Training that starts from what a brick has learned."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from networks import classifier, dataset, layer, network, optimizer, pictures, run

from studio.core.brick import Brick, add_brick, make_brick
from studio.core.document import Document, Training
from studio.core.graph import Graph
from studio.core.inference import infer
from studio.engine.changes import same_network
from studio.engine.commands import Pause, Reset, Run, SetGraph
from studio.engine.trainer import Trainer

ADAM = optimizer("Adam", learning_rate=0.02)


def learned() -> Brick:
    """A convolution with batch normalisation that learned from pictures."""
    graph, data, nodes = classifier(layer("Conv2D", filters=3), layer("BatchNormalization"), layer("Flatten"))
    with closing(network(graph, {data: pictures()}, using=ADAM)) as one:
        one.train(40)
        weights = one.weights()
    return make_brick(Document(graph), infer(graph, {data: pictures().info}), weights, nodes[:3], "Rows")


BRICK = None


def brick() -> Brick:
    global BRICK
    BRICK = BRICK or learned()
    return BRICK


def with_brick(frozen: bool = True) -> tuple[Graph, str, dict[str, str]]:
    """The brick between data and a new last layer; the Data node, and new ids by the brick's."""
    graph, data, _ = classifier()
    document, ids = add_brick(Document(graph), brick(), frozen=frozen, wire=graph.outgoing(data)[0])
    return document.graph, data, ids


def starts(graph: Graph) -> dict[tuple[str, str], np.ndarray]:
    return {(n.id, w): a for n in graph.nodes if n.pretrained for w, a in n.pretrained.arrays.items()}


@pytest.mark.parametrize("threads", [1, 2])
def test_it_starts_from_the_exact_numbers_and_frozen_ones_stay(threads: int) -> None:
    graph, data, _ = with_brick()
    expected = starts(graph)
    assert len(expected) == 6
    with closing(network(graph, {data: pictures(seed=9)}, threads, using=ADAM)) as one:
        first = one.weights()
        assert all(np.array_equal(first[key], array) for key, array in expected.items())
        one.train(12)
        after = one.weights()
    for key, array in after.items():
        assert np.array_equal(array, first[key]) == (key in expected), key


def test_not_frozen_it_learns_on_and_reset_goes_back() -> None:
    graph, data, _ = with_brick(frozen=False)
    expected = starts(graph)
    with closing(run(graph, {data: pictures(seed=9)}, using=ADAM)) as one:
        one.train(2)
        after = one.network.weights()
        assert not any(np.array_equal(after[key], array) for key, array in expected.items())
        last = after[next(key for key in after if key not in expected)]
        one.reset(123)
        again = one.network.weights()
    assert all(np.array_equal(again[key], array) for key, array in expected.items())
    assert not np.array_equal(next(a for key, a in again.items() if key not in expected), last)


def test_greedy_training_keeps_it_too() -> None:
    graph, data, _ = with_brick()
    training = Training(optimizer=ADAM, batch_size=8, epochs=4, threads=1, mode="greedy")
    from studio.engine.run import TrainingRun
    from studio.kernels.jit import compile_ahead

    with closing(TrainingRun(graph, training, {data: pictures(seed=9)}, compile_ahead)) as one:
        one.train(4)
        found = one.state().weights
    assert all(np.array_equal(found[key], array) for key, array in starts(graph).items())


def test_other_weights_to_start_from_make_another_network() -> None:
    graph, _, ids = with_brick()
    assert same_network(graph, graph.rename(ids[brick().graph.nodes[0].id], "Other"))
    assert not same_network(graph, graph.start_from_random(ids.values()))


# In the background ---------------------------------------------------------------------


def load(_layer: object, _tell: object = None):  # type: ignore[no-untyped-def]
    return pictures(samples=80, seed=9)


@pytest.fixture
def trainer() -> Iterator[Trainer]:
    one = Trainer(load, ahead=False)
    one.start()
    yield one
    one.close()
    assert not any(t.name == "studio-trainer" for t in threading.enumerate())


SETTINGS = Training(optimizer=ADAM, batch_size=8, epochs=1_000_000, threads=1)


def settle(trainer: Trainer, graph: Graph, *statuses: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        snapshot = trainer.take()
        begun = snapshot.step > 0 or "running" not in statuses
        if snapshot.graph == graph and snapshot.status in statuses and begun:
            return
        if snapshot.status == "failed":
            break
        time.sleep(0.002)
    raise AssertionError(f"still {trainer.snapshot.status}: {trainer.snapshot.problem}")


def weights(trainer: Trainer) -> dict[tuple[str, str], np.ndarray]:
    state = trainer.export_state()
    assert state is not None
    return dict(state.weights)


def test_a_brick_put_in_while_training_leaves_all_others_as_they_are(trainer: Trainer) -> None:
    graph, data, (_, last, _) = classifier(layer("Flatten"))
    trainer.send(SetGraph(graph, SETTINGS))
    trainer.send(Run())
    settle(trainer, graph, "running")
    trainer.send(Pause())
    settle(trainer, graph, "paused")
    before, step = weights(trainer), trainer.snapshot.step
    document, ids = add_brick(Document(graph), brick())
    # A branch beside what is there: the last layer keeps its shape.
    first = next(n for n in document.graph.nodes if n.id == ids[brick().graph.order[0]])
    both = document.graph.connect(data, 0, first.id, 0)
    trainer.send(SetGraph(both, SETTINGS))
    settle(trainer, both, "paused")
    after = weights(trainer)
    assert trainer.snapshot.step == step > 0
    assert all(np.array_equal(after[key], array) for key, array in before.items())
    assert all(np.array_equal(after[key], array) for key, array in starts(both).items())
    trainer.send(Run())
    settle(trainer, both, "running")
    end = ids[brick().graph.order[-1]]
    wired = both.connect(end, 0, last, 0)
    trainer.send(SetGraph(wired, SETTINGS))
    settle(trainer, wired, "running")
    assert all(np.array_equal(weights(trainer)[key], array) for key, array in starts(wired).items())


def test_random_weights_instead_forget_what_was_learned_there_alone(trainer: Trainer) -> None:
    graph, _, ids = with_brick(frozen=False)
    trainer.send(SetGraph(graph, SETTINGS))
    trainer.send(Run())
    settle(trainer, graph, "running")
    trainer.send(Pause())
    settle(trainer, graph, "paused")
    before, expected = weights(trainer), starts(graph)
    fresh = graph.start_from_random(ids.values())
    trainer.send(SetGraph(fresh, SETTINGS))
    settle(trainer, fresh, "paused")
    after = weights(trainer)
    state = trainer.export_state()
    assert state is not None
    assert state.step > 0
    for key, array in after.items():
        if key in expected and key[1] == "kernel":
            assert not np.array_equal(array, before[key])
            assert not np.array_equal(array, expected[key])
            assert not state.slots[(*key, "m")].any()
        elif key not in expected:
            assert np.array_equal(array, before[key]), key
    # Undone, it starts from the brick again; so it does after a reset.
    trainer.send(SetGraph(graph, SETTINGS))
    settle(trainer, graph, "paused")
    assert all(np.array_equal(weights(trainer)[key], array) for key, array in expected.items())
    trainer.send(Reset(fresh=True))
    settle(trainer, graph, "ready")
    assert all(np.array_equal(weights(trainer)[key], array) for key, array in expected.items())


def test_what_does_not_fit_stops_training_until_it_is_repaired(trainer: Trainer) -> None:
    graph, _, ids = with_brick()
    convolution = next(n for n in ids.values() if graph.node(n).layer.type_name() == "Conv2D")
    wrong = graph.set_parameters(convolution, filters=5)
    trainer.send(SetGraph(wrong, SETTINGS))
    settle(trainer, wrong, "invalid")
    problem = trainer.snapshot.problem
    assert problem is not None
    assert problem.node == convolution
    assert "start from random weights" in problem.message
    repaired = wrong.start_from_random([convolution, *ids.values()])
    trainer.send(SetGraph(repaired, SETTINGS))
    settle(trainer, repaired, "ready")


def test_what_was_learned_from_plenty_beats_random_weights_where_there_is_little() -> None:
    """Classes of places in a plane that is seen bent and noisy: how it is bent is what there is to learn once."""
    generator = np.random.default_rng(0)
    mix = generator.normal(size=(2, 20))

    def task(samples: int, turn: float, seed: int):  # type: ignore[no-untyped-def]
        own = np.random.default_rng(seed)
        plane = own.uniform(-2, 2, (samples, 2))
        angle = np.arctan2(plane[:, 1], plane[:, 0]) + turn
        labels = ((angle * 4 / np.pi).astype(int) + np.hypot(*plane.T).astype(int)) % 3
        x = np.tanh(plane @ mix) + own.normal(size=(samples, 20)) * 0.4
        return dataset(x, labels, "labels", 3)

    layers = (layer("Dense", units=32, activation="relu"), layer("Dense", units=32, activation="relu"))
    graph, data, nodes = classifier(*layers)
    sets = {data: task(3000, 0.0, 1)}
    with closing(network(graph, sets, using=ADAM, batch_size=32)) as rich:
        rich.train(1500)
        kept = make_brick(Document(graph), infer(graph, {data: sets[data].info}), rich.weights(), nodes[:2], "Plane")
    plain, data, _ = classifier()
    document, ids = add_brick(Document(plain), kept, wire=plain.outgoing(data)[0])
    many = task(1000, 0.0, 3)
    scores = []
    for one in (document.graph, document.graph.start_from_random(ids.values())):
        # How well 30 samples are learned depends much on which they are, so others are tried, too.
        found = []
        for seed in range(10, 18):
            both = dataclasses.replace(task(30, 0.0, seed), validation=many.train)
            with closing(run(one, {data: both}, using=ADAM)) as little:
                little.train(60)
                evaluation = little.evaluate("validation")
                assert evaluation is not None
                assert evaluation.accuracy is not None
                found.append(evaluation.accuracy)
        scores.append(np.array(found))
    # By twice what chance may make of the mean.
    more = scores[0] - scores[1]
    assert more.mean() > 2.0 * more.std(ddof=1) / len(more) ** 0.5, more
    assert more.mean() > 0.03, more
