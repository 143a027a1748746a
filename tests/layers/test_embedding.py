"""Embedding: which rows are taken, and which change."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from studio.core.dataset import DatasetInfo
from studio.core.graph import Graph
from studio.core.inference import infer
from studio.core.problems import ShapeProblem
from studio.layers.data import Data
from studio.layers.dense import Dense
from studio.layers.embedding import Embedding
from studio.layers.position_embedding import PositionEmbedding
from studio.layers.sine_position_encoding import SinePositionEncoding
from studio.testing.rig import Rig


@pytest.mark.parametrize("columns", [3, 16, 19])
def test_numbers_beyond_the_table_give_its_ends(columns: int) -> None:
    layer = Embedding(input_dim=5, output_dim=columns)
    x = np.array([[-3, 0, 4, 5, 1e9, -np.inf, np.inf, np.nan, 2.0000002]], np.float32)
    table = np.arange(5 * columns, dtype=np.float32).reshape(5, columns)
    with closing(Rig(layer, [x], np.ones((1, 9, columns), np.float32), 1, weights={"embeddings": table})) as rig:
        rows = rig.infer()[0]
        gradient = rig.train().weights["embeddings"]
    assert np.array_equal(rows, table[[0, 0, 4, 4, 4, 0, 4, 0, 2]])
    assert np.array_equal(gradient, np.repeat([[4.0], [0.0], [1.0], [0.0], [4.0]], columns, 1))


@pytest.mark.parametrize("threads", [1, 2])
def test_only_rows_in_use_have_gradients_and_nothing_is_left_from_the_step_before(threads: int) -> None:
    layer = Embedding(input_dim=2000, output_dim=24)
    generator = np.random.default_rng(2)
    x = generator.integers(0, 2000, (20, 7)).astype(np.float32)
    factors = generator.normal(size=(20, 7, 24)).astype(np.float32)
    with closing(Rig(layer, [x], factors, 10, threads)) as rig:
        outcome = rig.train(2)
    expected = np.zeros((2000, 24))
    for sample in outcome.samples:
        for step in range(7):
            expected[int(x[sample, step])] += factors[sample, step]
    assert np.abs(outcome.weights["embeddings"] - expected).max() < 1e-5


def test_sines_are_keras_hub_s() -> None:
    """The formula of the paper, written out for a few places."""
    waves = SinePositionEncoding().waves((50, 8))
    assert waves.shape == (50, 8)
    assert np.array_equal(waves[0], [0, 1] * 4)
    assert waves[7, 0] == pytest.approx(np.sin(7))
    assert waves[7, 1] == pytest.approx(np.cos(7))
    assert waves[49, 6] == pytest.approx(np.sin(49 / 10_000 ** (6 / 8)))
    assert waves[49, 7] == pytest.approx(np.cos(49 / 10_000 ** (6 / 8)))


@pytest.mark.parametrize(
    ("layer", "shape", "sentence"),
    [
        (Embedding(), (4, 4), "gets 4 x 4, needs a list of whole numbers, one for each word: add Flatten before it."),
        (Embedding(), (), "gets one number a sample, needs a list of whole numbers, one for each word."),
        (PositionEmbedding(), (8,), "gets 8, needs a sequence (steps x channels): add Embedding before it if these are words, or else Reshape."),
        (SinePositionEncoding(), (4, 5, 3), "gets 4 x 5 x 3, needs a sequence (steps x channels): add Reshape before it, so that each pixel is a step."),
        (Dense(), (4, 4, 1), "gets 4 x 4 x 1, needs a flat input: add Flatten before it."),
    ],
)  # fmt: skip
def test_what_they_cannot_take(layer: object, shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ShapeProblem) as caught:
        layer.output_shape(shape)  # type: ignore[attr-defined]
    assert str(caught.value) == sentence


def test_all_words_of_the_data_need_a_row() -> None:
    info = DatasetInfo("Stories", (6,), (), "labels", vocabulary=tuple(f"word {i}" for i in range(12)))
    for words, messages in ((11, ["Embedding knows 11 words, but gets 12 different ones: raise input_dim."]), (12, [])):
        graph, source = Graph().add(Data())
        graph, node = graph.add(Embedding(input_dim=words))
        graph = graph.connect(source, 0, node, 0)
        found = [p for p in infer(graph, {source: info}).problems if p.node == node and p.severity == "error"]
        assert [p.message for p in found] == messages
        for problem in found:
            assert problem.remedy is not None
            assert problem.remedy.values == (("input_dim", 12),)
