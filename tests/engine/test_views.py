"""What is copied for the window: any sample, any node, any size of the data."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from networks import classifier, clouds, layer, network, pictures

from studio.engine.commands import Watch
from studio.engine.messages import OwnSample
from studio.engine.views import take_views


@pytest.mark.parametrize("samples", [1, 5, 16, 17, 300])
def test_outputs_for_any_number_of_samples(samples: int) -> None:
    graph, data, (dense, last, _) = classifier(layer("Dense", units=7, activation="tanh"))
    shown = clouds(300)
    with closing(network(graph, {data: shown})) as one:
        x, y = shown.train.x[:samples], shown.train.y[:samples]
        seen = one.look([x, y], [data, dense, last])
        w = one.node_weights(dense)
        assert np.array_equal(seen[data], x)
        assert np.allclose(seen[dense], np.tanh(x @ w["kernel"] + w["bias"]), atol=1e-5)
        assert np.allclose(seen[last].sum(-1), 1.0, atol=1e-5)


def test_looking_changes_nothing() -> None:
    graph, data, nodes = classifier(layer("Dense", units=7), layer("BatchNormalization"), layer("Dropout"))
    found = []
    for looks in (0, 3):
        with closing(network(graph, {data: clouds(validation=30)})) as one:
            for _ in range(10):
                one.train(3)
                for _ in range(looks):
                    take_views(one, Watch(frozenset(nodes), frozenset(nodes), scatter=nodes[0]))
                    one.evaluate(lambda d: d.validation)
            found.append(one.state())
    for key, values in found[0].weights.items():
        assert np.array_equal(found[1].weights[key], values)


@pytest.mark.parametrize("first", [0, 1, 29, 30, 1000])
def test_the_probe_batch_starts_anywhere_and_wraps_around(first: int) -> None:
    graph, data, _ = classifier()
    shown = clouds(90, validation=30)
    with closing(network(graph, {data: shown})) as one:
        views = take_views(one, Watch(frozenset([data]), sample=first))
        assert views.probe_x is not None
        assert np.array_equal(views.probe_x, shown.validation.x[(np.arange(16) + first) % 30])


def test_a_sample_of_ones_own_comes_first_and_nobody_knows_its_answer() -> None:
    graph, data, (dense, last, _) = classifier(layer("Dense", units=7, activation="tanh"))
    shown = clouds(90, validation=30)
    own = OwnSample(data, np.array(shown.validation.x[0] * 3 + 1, np.float32))
    with closing(network(graph, {data: shown})) as one:
        views = take_views(one, Watch(frozenset([data, dense, last]), sample=4, own=own))
        assert views.own is own
        assert views.probe_y is None
        assert np.array_equal(views.probe_x[0], own.x)  # type: ignore[index]
        assert np.array_equal(views.probe_x[1:], shown.validation.x[5:20])  # type: ignore[index]
        w = one.node_weights(dense)
        seen = views.nodes[dense].activations
        assert np.allclose(seen[0], np.tanh(own.x @ w["kernel"] + w["bias"]), atol=1e-5)  # type: ignore[index]
        for stranger in (OwnSample("n99", own.x), OwnSample(data, np.zeros((8, 8, 1), np.float32))):
            views = take_views(one, Watch(frozenset([data]), sample=4, own=stranger))
            assert views.own is None
            assert views.probe_y is not None
            assert np.array_equal(views.probe_x, shown.validation.x[4:20])  # type: ignore[arg-type]
        assert not np.any(shown.validation.x == own.x)  # the data themselves stay as they are


def test_without_validation_samples_training_ones_are_shown() -> None:
    graph, data, _ = classifier()
    shown = clouds(10)
    with closing(network(graph, {data: shown})) as one:
        views = take_views(one, Watch(frozenset([data])))
        assert np.array_equal(views.probe_x, shown.train.x)  # type: ignore[arg-type]
        assert views.nodes[data].activations is not None


def test_feature_maps_have_the_layer_s_shape() -> None:
    graph, data, nodes = classifier(
        layer("Conv2D", filters=5, kernel_size=3, padding="same"), layer("MaxPooling2D"), layer("Flatten")
    )
    with closing(network(graph, {data: pictures()})) as one:
        views = take_views(one, Watch(frozenset(nodes)))
        shapes = [views.nodes[n].activations.shape[1:] for n in nodes[:3]]  # type: ignore[union-attr]
    assert shapes == [(6, 5, 5), (3, 2, 5), (30,)]


def test_nodes_that_are_gone_are_left_out() -> None:
    graph, data, _ = classifier()
    with closing(network(graph, {data: clouds()})) as one:
        views = take_views(one, Watch(frozenset(["n77", data]), frozenset(["n77"]), scatter="n77"))
        assert set(views.nodes) == {data}
        assert views.scatter is None


def test_the_plane_covers_all_points() -> None:
    graph, data, (dense, *_) = classifier(layer("Dense", units=4))
    shown = clouds(60, features=2, validation=20)
    with closing(network(graph, {data: shown})) as one:
        views = take_views(one, Watch(frozenset([dense]), plane=24))
        low_x, high_x, low_y, high_y = views.plane_extent
        points = np.concatenate([shown.train.x, shown.validation.x])
        assert low_x < points[:, 0].min()
        assert high_x > points[:, 0].max()
        assert low_y < points[:, 1].min()
        assert high_y > points[:, 1].max()
        assert high_x - low_x == pytest.approx(high_y - low_y)
        plane = views.nodes[dense].plane
        assert plane is not None
        w = one.node_weights(dense)
        expected = np.array([low_x, high_y]) @ w["kernel"] + w["bias"]
        assert np.allclose(plane[-1, 0], expected, atol=1e-4)


def test_a_scatter_keeps_samples_and_targets_together() -> None:
    graph, data, (dense, *_) = classifier(layer("Dense", units=4))
    shown = clouds(1500, validation=700)
    with closing(network(graph, {data: shown})) as one:
        scatter = take_views(one, Watch(scatter=dense)).scatter
        assert scatter is not None
        assert scatter.activations.shape == (500, 4)
        assert np.array_equal(scatter.targets, shown.validation.y[:500])
        w = one.node_weights(dense)
        expected = shown.validation.x[:500] @ w["kernel"] + w["bias"]
        assert np.allclose(scatter.activations, expected, atol=1e-4)


def test_answers_are_those_of_the_scored_node_whatever_else_is_looked_at() -> None:
    graph, data, (dense, last, _) = classifier(layer("Dense", units=4))
    shown = clouds(90, validation=30)
    with closing(network(graph, {data: shown})) as one:
        views = take_views(one, Watch(scatter=dense, answers=True))
        assert views.scatter is not None
        assert views.answers is not None
        assert (views.scatter.node, views.answers.node) == (dense, last)
        seen = one.look([shown.validation.x, shown.validation.y], [last])[last]
        assert np.array_equal(views.answers.activations, seen)
        assert np.array_equal(views.answers.targets, shown.validation.y)
        alone = take_views(one, Watch(answers=True))
        assert alone.scatter is None
        assert take_views(one, Watch(scatter=dense)).answers is None
