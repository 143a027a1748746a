"""Training layer by layer: which graphs follow each other, and what is carried over."""

from __future__ import annotations

import dataclasses
from contextlib import closing

import numpy as np
import pytest
from networks import chain, classifier, clouds, layer, optimizer, pictures, require_equal_states

from studio.core.dataset import Dataset
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.inference import infer
from studio.engine.greedy import GreedyProblem, Stage, greedy_stages, stage_at
from studio.engine.messages import TrainingState
from studio.engine.run import TrainingRun
from studio.kernels.jit import compile_ahead

SETTINGS = Training(optimizer=optimizer("Adam", learning_rate=0.02), batch_size=8, threads=1, epochs=9, mode="greedy")


def three() -> tuple[Graph, dict[str, Dataset], list[str]]:
    graph, data, nodes = classifier(
        layer("Dense", units=9, activation="tanh"), layer("Dense", units=7, activation="tanh")
    )
    return graph, {data: clouds(60, validation=20)}, nodes


def stages(graph: Graph, sets: dict[str, Dataset], epochs: int = 9) -> tuple[Stage, ...]:
    inference = infer(graph, {n: d.info for n, d in sets.items()})
    assert not inference.errors
    found = greedy_stages(graph, inference, epochs)
    for stage in found:
        assert not infer(stage.graph, {n: d.info for n, d in sets.items()}).errors
    return found


def started(settings: Training = SETTINGS) -> tuple[TrainingRun, list[str]]:
    graph, sets, nodes = three()
    return TrainingRun(graph, settings, sets, compile_ahead), nodes


def test_each_layer_has_its_turn_with_a_temporary_head() -> None:
    graph, sets, (first, second, last, loss) = three()
    one, two, three_ = stages(graph, sets)
    assert [(s.start, s.end, s.learns) for s in (one, two, three_)] == [
        (0, 3, "Dense"),
        (3, 6, "Dense_2"),
        (6, 9, "Dense_3"),
    ]
    assert [n.id for n in one.graph.nodes if n.id in graph] == ["n1", first, loss]
    head = one.graph.nodes[-1]
    assert head.layer == layer("Dense", units=3, activation="softmax")
    assert all(n.trainable for n in one.graph.nodes)
    assert [n.id for n in two.graph.nodes if not n.trainable] == [first]
    assert two.graph.nodes[-1].id != head.id
    assert three_.graph == graph.set_trainable([first, second], False)
    assert last in three_.graph


def test_normalisation_activation_and_pooling_go_with_their_layer() -> None:
    graph, data, (conv, norm, relu, pool, flat, _, _) = classifier(
        layer("Conv2D", filters=4, padding="same"),
        layer("BatchNormalization"),
        layer("ReLU"),
        layer("MaxPooling2D"),
        layer("Flatten"),
    )
    one, two = stages(graph, {data: pictures()})
    assert {conv, norm, relu, pool, flat} <= set(one.graph.by_id)
    assert {n.id for n in two.graph.nodes if not n.trainable} == {conv, norm}


def test_a_picture_gets_a_flat_head_and_numbers_a_linear_one() -> None:
    graph, data, nodes = chain(
        [layer("Conv2D", filters=4), layer("Conv2D", filters=3), layer("Flatten"), layer("Dense", units=1)],
        layer("MeanSquaredError"),
    )
    one, *_ = stages(graph, {data: dataclasses.replace(pictures(), info=dataclasses.replace(pictures().info, target="values", classes=()))})
    added = [n.layer for n in one.graph.nodes if n.id not in graph]
    assert added == [layer("Flatten"), layer("Dense", units=1, activation="linear")]
    assert nodes


def test_what_a_person_froze_has_no_turn() -> None:
    graph, sets, (first, *_) = three()
    assert [s.learns for s in stages(graph.set_trainable([first], False), sets)] == ["Dense_2", "Dense_3"]
    everything = graph.set_trainable([n.id for n in graph.nodes], False)
    assert [s.graph for s in stages(everything, sets)] == [everything]


def test_two_losses_are_refused_in_a_sentence() -> None:
    graph, sets, (first, *_) = three()
    graph, loss = graph.add(layer("SparseCategoricalCrossentropy"))
    graph, head = graph.add(layer("Dense", units=3, activation="softmax"))
    graph = graph.connect(first, 0, head, 0).connect(head, 0, loss, 0).connect("n1", 1, loss, 1)
    with pytest.raises(GreedyProblem, match="needs one Loss, but this one has 2"):
        stages(graph, sets)


def test_the_stage_follows_from_the_epoch() -> None:
    graph, sets, _ = three()
    found = stages(graph, sets, 10)
    assert [stage_at(found, epoch) for epoch in (0, 2.9, 3, 6.5, 7, 10, 99)] == [0, 0, 1, 1, 2, 2, 2]
    assert [s.end for s in stages(graph, sets, 1)][-1] == 1


def test_a_layer_learns_in_its_turn_only_and_curves_go_on() -> None:
    run, (first, second, last, _) = started()
    with closing(run):
        kernels = []
        for epochs in (3, 6, 9):
            run.train(epochs)
            state = run.state()
            kernels.append({n: state.weights[n, "kernel"] for n in (first, second, last) if (n, "kernel") in state.weights})
        assert run.network.epoch == 9
        assert run.history.last_epoch == 9
        assert np.all(np.diff(run.history.series("loss")[0]) > 0)
        assert run.turn == "Layer 3 of 3 learns now: Dense_3."
    assert np.array_equal(kernels[0][first], kernels[1][first])
    assert np.array_equal(kernels[1][first], kernels[2][first])
    assert np.array_equal(kernels[1][second], kernels[2][second])
    assert set(kernels[0]) == {first}
    losses = run.history.series("val_loss")[1]
    assert losses[-1] < 1.0


@pytest.mark.parametrize("first", [7, 15, 22])
def test_going_on_later_is_the_same_as_never_stopping(first: int) -> None:
    """Fifteen steps are a stage."""

    def train(run: TrainingRun, step: int) -> TrainingState:
        while run.network.step < step and run.advance(9, step - run.network.step):
            pass
        return run.state()

    run, _ = started()
    with closing(run):
        expected = train(run, 40)
    run, _ = started()
    with closing(run):
        saved = train(run, first)
    run, _ = started()
    with closing(run):
        run.restore(saved)
        require_equal_states(train(run, 40), expected)


def test_everybody_can_see_whose_turn_it_is() -> None:
    run, (first, second, last, _) = started()
    with closing(run):
        seen = []
        for end in (3, 6, 9):
            while run.advance(end):
                seen.append(run.turns)
        assert {(t.number, t.nodes) for t in seen if t} == {
            (0, frozenset([first])), (1, frozenset([second])), (2, frozenset([last])),
        }  # fmt: skip
        assert seen[0] is not None
        assert seen[0].names == ("Dense", "Dense_2", "Dense_3")
        assert seen[0].starts == (0, 3, 6)
    run, _ = started(dataclasses.replace(SETTINGS, mode="joint"))
    with closing(run):
        assert run.turns is None


def test_a_reset_begins_with_the_first_layer_again() -> None:
    run, (first, *_) = started()
    with closing(run):
        begin = run.state()
        run.train(9)
        run.reset(0)
        require_equal_states(run.state(), begin)
        assert run.stage.learns == "Dense"
        run.reset(5)
        assert not np.array_equal(run.state().weights[first, "kernel"], begin.weights[first, "kernel"])


def test_layers_whose_turn_comes_later_keep_what_they_learned_before() -> None:
    """Such as in a joint run before."""
    graph, sets, (first, second, last, _) = three()
    joint = dataclasses.replace(SETTINGS, mode="joint", epochs=2)
    with closing(TrainingRun(graph, joint, sets, compile_ahead)) as run:
        run.train(2)
        before = run.state()
    with closing(TrainingRun(graph, SETTINGS, sets, compile_ahead)) as run:
        run.restore(before)
        run.advance(3)
        after = run.state()
    assert not np.array_equal(after.weights[first, "kernel"], before.weights[first, "kernel"])
    for node in (second, last):
        assert np.array_equal(after.weights[node, "kernel"], before.weights[node, "kernel"])
