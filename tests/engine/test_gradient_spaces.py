"""Places of gradients are used again; what is learned does not depend on it."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from studio import data
from studio.core.lowering import Ref
from studio.engine.gradient_spaces import GradientSpaces, Layout
from studio.engine.network import Network
from studio.storage import templates


def layout(floats: int, halo: int = 0) -> Layout:
    return Layout((floats,), halo, 1, 1, floats, floats, 0, floats)


def test_a_place_is_free_once_nobody_holds_it() -> None:
    spaces, start = GradientSpaces(), Ref("private", 64)
    spaces.hold(layout(32), start)
    spaces.hold_again(Ref("private", 70))
    spaces.release(start)
    assert spaces.take(layout(32)) is None
    spaces.release(Ref("private", 70))
    assert spaces.take(layout(33)) is None
    assert spaces.take(layout(16, halo=1)) is None
    assert spaces.take(layout(16), may=False) is None
    assert spaces.take(layout(16)) == start
    assert spaces.take(layout(16)) is None


def test_the_smallest_that_fits_is_taken_and_of_these_the_last_given_back() -> None:
    spaces = GradientSpaces()
    for start, floats in ((0, 64), (64, 16), (80, 16)):
        spaces.hold(layout(floats), Ref("private", start))
    for start in (0, 80, 64):
        spaces.release(Ref("private", start))
    assert [spaces.take(layout(n)) for n in (16, 10, 10)] == [Ref("private", n) for n in (64, 80, 0)]


@pytest.mark.parametrize("name", ["spirals", "digits-convnet", "digits-residual", "forecast", "translation"])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_bits_are_learned_when_no_place_is_used_again(name: str, threads: int) -> None:
    document = templates.load(name)
    sources = {n.id: data.load(n.layer) for n in document.graph.nodes if n.layer.family == "Data"}
    found, floats = [], []
    for keeping in (None, lambda lowering, gradient: None):
        with closing(
            Network(document.graph, document.training, sources, threads, on_gradient=keeping)
        ) as network:
            network.train(3)
            found.append(network.weights())
            floats.append(network.train_plan.plan.private_floats)
    # In a short chain no gradient fits where another was.
    deep = name in ("digits-residual", "translation")
    assert floats[0] < floats[1] if deep else floats[0] == floats[1]
    for key, values in found[0].items():
        assert np.array_equal(values, found[1][key]), key
