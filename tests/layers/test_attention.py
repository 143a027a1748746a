"""MultiHeadAttention: who sees whom, long sequences, dropout, and what there is to see."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from studio.core.graph import Graph
from studio.core.inference import infer
from studio.core.problems import ShapeProblem
from studio.engine.commands import Watch
from studio.engine.views import take_views
from studio.layers.input import Input
from studio.layers.multi_head_attention import MultiHeadAttention
from studio.testing.declarations import require_close
from studio.testing.differences import check_gradient
from studio.testing.rig import Rig

generator = np.random.default_rng(4)


def make(layer: MultiHeadAttention, *shapes: tuple[int, ...] | None, samples: int = 3) -> tuple[list, dict, np.ndarray]:
    """Inputs, weights and factors."""
    inputs = []
    for port, shape in enumerate(shapes):
        if shape is None:
            inputs.append(None)
        elif port == 2:
            inputs.append(generator.integers(0, 3, (samples, *shape)).astype(np.float32))
        else:
            inputs.append(generator.normal(size=(samples, *shape)).astype(np.float32))
    weights = {w.name: (0.4 * generator.normal(size=w.shape)).astype(np.float32) for w in layer.weights(*shapes)}
    return inputs, weights, generator.normal(size=(samples, *layer.output_shape(*shapes))).astype(np.float32)


def double(arrays: list) -> list:
    return [None if a is None else a.astype(np.float64) for a in arrays]


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (MultiHeadAttention(num_heads=2, key_dim=3, mask="causal"), ((300, 3), None, (300,))),
        (MultiHeadAttention(num_heads=1, key_dim=16, value_dim=5), ((33, 4), (600, 2), None)),
        (MultiHeadAttention(num_heads=3, key_dim=8, mask="causal"), ((41, 4), (13, 2), None)),
        (
            MultiHeadAttention(num_heads=2, key_dim=4, mask="permutation", order=" ".join(map(str, np.random.default_rng(1).permutation(150)))),
            ((150, 3), None, (150,)),
        ),
    ],
    ids=["long causal", "long keys", "few keys", "long permutation"],
)  # fmt: skip
def test_sequences_longer_than_a_tile_and_a_chunk(layer: MultiHeadAttention, shapes: tuple) -> None:
    inputs, weights, factors = make(layer, *shapes)
    with closing(Rig(layer, inputs, factors, 3, weights=weights)) as rig:
        outcome = rig.train()
    mine = [None if a is None else a[outcome.samples] for a in double(inputs)]
    doubled = {n: w.astype(np.float64) for n, w in weights.items()}
    r = factors[outcome.samples].astype(np.float64)
    require_close(outcome.output, layer.reference(mine, doubled), 5e-5, "output")

    def of_query(x: np.ndarray) -> float:
        return float((layer.reference([x, *mine[1:]], doubled) * r).sum())

    check_gradient(of_query, mine[0], outcome.inputs[0], "query", generator, False, 2e-4)
    for name, gradient in outcome.weights.items():

        def of_weight(w: np.ndarray, name: str = name) -> float:
            return float((layer.reference(mine, {**doubled, name: w}) * r).sum())

        check_gradient(of_weight, doubled[name], gradient, name, generator, False, 2e-4)


def test_the_future_and_padding_are_out_of_sight() -> None:
    layer = MultiHeadAttention(num_heads=2, key_dim=3, mask="causal")
    inputs, weights, factors = make(layer, (7, 4), None, (7,))
    inputs[2][:] = 1
    inputs[2][1, 2] = 0
    with closing(Rig(layer, inputs, factors, 3, weights=weights)) as rig:
        before = rig.infer()
    changed = [inputs[0].copy(), None, inputs[2]]
    changed[0][0, 5] += 1.0  # seen by 5 and 6 only
    changed[0][1, 2] += 1.0  # padding: seen by nobody, but it looks around itself
    with closing(Rig(layer, changed, factors, 3, weights=weights)) as rig:
        after = rig.infer()
    moved = np.abs(after - before).max(-1) > 0
    assert moved.tolist() == [[False] * 5 + [True] * 2, [False, False, True, False, False, False, False], [False] * 7]


def test_who_may_look_at_nothing_sees_nothing() -> None:
    layer = MultiHeadAttention(num_heads=2, key_dim=3)
    inputs, weights, factors = make(layer, (5, 4), None, (5,))
    inputs[2][:] = 0
    with closing(Rig(layer, inputs, factors, 3, weights=weights)) as rig:
        output = rig.infer()
        outcome = rig.train()
    assert np.allclose(output, weights["attention_output/bias"], atol=1e-7)
    assert not any(g.any() for g in outcome.inputs)


def test_a_failure_is_seen() -> None:
    layer = MultiHeadAttention(num_heads=1, key_dim=3)
    inputs, weights, factors = make(layer, (5, 4))
    inputs[0][0, 3, 1] = np.nan
    with closing(Rig(layer, inputs, factors, 3, weights=weights)) as rig:
        output = rig.infer()
    assert np.isnan(output[0]).all()
    assert np.isfinite(output[1:]).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_dropout_leaves_out_its_share_and_keeps_the_mean(threads: int) -> None:
    layer = MultiHeadAttention(num_heads=2, key_dim=2, value_dim=1, dropout=0.25, use_bias=False)
    steps = 40
    x = np.ones((32, steps, 1), np.float32)
    weights = {w.name: np.ones(w.shape, np.float32) for w in layer.weights((steps, 1))}
    # All scores are equal and all values 1: a step's output is twice the share that is kept, enlarged.
    with closing(Rig(layer, [x], np.ones((32, steps, 1), np.float32), 32, threads, weights)) as rig:
        outcome = rig.train()
    assert outcome.output.mean() == pytest.approx(2.0, abs=0.01)
    kept = outcome.output * 0.75 * steps  # how many looks were kept by both heads
    assert np.allclose(kept, np.round(kept), atol=1e-3)
    assert kept.std() == pytest.approx(np.sqrt(2 * steps * 0.75 * 0.25), rel=0.1)


def test_dropout_draws_the_same_for_any_number_of_threads() -> None:
    layer = MultiHeadAttention(num_heads=2, key_dim=3, dropout=0.5)
    inputs, weights, factors = make(layer, (6, 4), samples=13)
    outputs = []
    for threads in (1, 2):
        with closing(Rig(layer, inputs, factors, 13, threads, weights)) as rig:
            outputs.append(rig.train().output)
    assert np.allclose(outputs[0], outputs[1], atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        MultiHeadAttention(num_heads=2, key_dim=3),
        MultiHeadAttention(num_heads=3, key_dim=2, mask="causal"),
        MultiHeadAttention(num_heads=1, key_dim=2, mask="permutation", order="4 2 0 1 3"),
    ],
    ids=lambda layer: layer.mask,
)
def test_who_looks_at_whom_can_be_seen(layer: MultiHeadAttention) -> None:
    inputs, weights, factors = make(layer, (5, 4))
    with closing(Rig(layer, inputs, factors, 3, weights=weights)) as rig:
        views = take_views(rig.network, Watch(frozenset([rig.node])))
        seen = views.nodes[rig.node].extras["attention"]
        assert not take_views(rig.network, Watch(frozenset())).nodes
    assert seen.shape == (3, 5, 5, layer.num_heads)
    assert np.allclose(seen.sum(2), 1.0, atol=1e-5)
    # What a step gets follows from what is seen.
    x = inputs[0].astype(np.float64)
    v = np.einsum("btc,chd->bthd", x, weights["value/kernel"]) + weights["value/bias"]
    gathered = np.einsum("bijh,bjhd->bihd", seen, v)
    y = np.einsum("bihd,hdc->bic", gathered, weights["attention_output/kernel"]) + weights["attention_output/bias"]
    assert np.allclose(y, layer.reference([x], {n: w.astype(float) for n, w in weights.items()}), atol=1e-5)
    rank = [layer.positions(5).index(i) for i in range(5)]
    for i in range(5):
        for j in range(5):
            hidden = layer.mask != "none" and rank[j] > rank[i]
            assert (seen[:, i, j] == 0).all() == hidden


@pytest.mark.parametrize(
    ("layer", "shapes", "start"),
    [
        (MultiHeadAttention(), ((5,), None, None), "gets 5, needs a sequence"),
        (MultiHeadAttention(), ((5, 3), (4,), None), "gets 4 as value, needs a sequence"),
        (MultiHeadAttention(), ((5, 3), None, (4,)), "gets 4 as padding, needs 5 word numbers: wire what goes into Embedding"),
        (MultiHeadAttention(mask="permutation"), ((5, 3), (4, 3), None), "looks from 5 at 4 steps"),
        (MultiHeadAttention(mask="permutation", order="0 1 1"), ((3, 3), None, None), "needs each position from 0 to 2 once in its order, such as 1 0 2."),
        (MultiHeadAttention(mask="permutation", order="a b c"), ((3, 3), None, None), "needs each position from 0 to 2 once"),
    ],
)  # fmt: skip
def test_what_it_cannot_take(layer: MultiHeadAttention, shapes: tuple, start: str) -> None:
    with pytest.raises(ShapeProblem) as caught:
        layer.output_shape(*shapes)
    assert str(caught.value).startswith(start)


def test_the_remedy_for_a_missing_order_gives_a_legal_one() -> None:
    layer = MultiHeadAttention(mask="permutation")
    with pytest.raises(ShapeProblem) as caught:
        layer.output_shape((300, 3))
    assert caught.value.remedy is not None
    mended = layer.replace(**dict(caught.value.remedy.values))
    assert mended.output_shape((300, 3)) == (300, 3)


def test_only_the_query_needs_a_wire() -> None:
    graph, source = Graph().add(Input(shape=(5, 4)))
    graph, node = graph.add(MultiHeadAttention())
    assert any(p.node == node for p in infer(graph, {}).problems)
    graph = graph.connect(source, 0, node, 0)
    assert infer(graph, {}).shapes[node] == ((5, 4),)
