"""Sums of losses in parts, as they are lowered for a card, against the processor's; the processor runs both."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from networks import chain, dataset, layer, optimizer

from studio.core.document import Training
from studio.core.layer import Loss
from studio.engine.network import Network
from studio.engine.observed import LossSums
from studio.kernels.jit import compile_ahead
from studio.kernels.loss_sums import MOST_PARTS
from studio.testing.cards import ProcessorCard
from studio.testing.losses import check_loss

#: What has another kernel for its value each.
LOSSES = ("CategoricalCrossentropy", "CategoricalHinge", "CosineSimilarity", "MeanSquaredError", "SparseCategoricalCrossentropy")


def sums(steps: int, samples: int, loss: Loss, card: ProcessorCard | None, spoilt: bool = False) -> tuple[list[LossSums], bool]:
    """Sums of some minibatches of a network that says something of each step, and whether it failed."""
    generator = np.random.default_rng(3)
    classes = 4
    x, labels = generator.normal(size=(samples, steps, 3)), generator.integers(0, classes, (samples, steps))
    if spoilt:
        x[0, steps // 2] = np.inf
    if type(loss).__name__ == "MeanSquaredError":
        data = dataset(x, generator.normal(size=(samples, steps, classes)), "values")
    else:
        data = dataset(x, labels, "labels", classes)
    graph, node, _ = chain([layer("Dense", units=classes, activation="softmax")], loss)
    training = Training(optimizer=optimizer("SGD"), batch_size=samples, seed=2, threads=1)
    with closing(Network(graph, training, {node: data}, 1, compile_ahead, card=card)) as network:
        found = []
        for _ in range(3):
            network.train(1)
            found.append(network.take_sums())
        return found, network.failed


@pytest.mark.parametrize(("steps", "samples"), [(1, 40), (3, 5), (70, 40), (2 * MOST_PARTS + 3, 20)])
@pytest.mark.parametrize("loss", ["MeanSquaredError", "SparseCategoricalCrossentropy"])
def test_parts_come_to_the_whole_again_and_again(steps: int, samples: int, loss: str) -> None:
    here, _ = sums(steps, samples, layer(loss), None)
    there, _ = sums(steps, samples, layer(loss), ProcessorCard())
    again, _ = sums(steps, samples, layer(loss), ProcessorCard())
    for mine, its, once_more in zip(here, there, again, strict=True):
        np.testing.assert_allclose(its.loss, mine.loss, rtol=2e-6)
        np.testing.assert_allclose(its.right, mine.right, rtol=1e-6)
        assert np.array_equal(its.samples, mine.samples)
        assert np.array_equal(its.loss, once_more.loss)
        assert float(mine.loss.sum()) > 0


def test_words_that_do_not_count_are_no_samples() -> None:
    loss = layer("SparseCategoricalCrossentropy", ignore_class=0)
    (here, *_), _ = sums(50, 40, loss, None)
    (there, *_), _ = sums(50, 40, loss, ProcessorCard())
    assert 0 < float(here.samples.sum()) < 40
    assert np.array_equal(there.samples, here.samples)
    np.testing.assert_allclose(there.loss, here.loss, rtol=2e-6)
    np.testing.assert_allclose(there.right, here.right, rtol=1e-6)


@pytest.mark.parametrize("loss", ["MeanSquaredError", "SparseCategoricalCrossentropy"])
def test_a_loss_that_is_not_finite_in_one_part_is_noticed(loss: str) -> None:
    assert not sums(70, 40, layer(loss), ProcessorCard())[1]
    assert sums(70, 40, layer(loss), ProcessorCard(), spoilt=True)[1]


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_keeps_its_contract_in_parts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_TEST_DEVICE", "cuda-lowering")
    check_loss(type(layer(name)))  # type: ignore[arg-type]
