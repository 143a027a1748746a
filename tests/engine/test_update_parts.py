"""Penalties and limits on gradients as they are lowered for a card, against the processor's; the processor runs both."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from networks import classifier, clouds, layer, optimizer

from studio.core.document import Training
from studio.engine.network import Network
from studio.kernels.jit import compile_ahead
from studio.kernels.penalties import parts_of
from studio.kernels.simd import LANES
from studio.testing.cards import ProcessorCard

FEATURES, UNITS = 210, 80


def trained(card: ProcessorCard | None, penalty: dict[str, float], limit: dict[str, float]) -> tuple[list[np.ndarray], set[str]]:
    """Penalties and weights of some steps, and the kernels of the update."""
    graph, data, nodes = classifier(layer("Dense", units=UNITS, activation="tanh", **penalty))
    training = Training(optimizer=optimizer("SGD", learning_rate=0.1, **limit), batch_size=32, seed=4, threads=1)
    with closing(Network(graph, training, {data: clouds(90, FEATURES)}, 1, compile_ahead, card=card)) as network:
        found = []
        for _ in range(3):
            network.train(1)
            found += [np.array(network.take_sums().penalty), *(w.copy() for w in network.node_weights(nodes[0]).values())]
        return found, {call.kernel.name for call in network.train_plan.plan.calls if call.phase == "update"}


@pytest.mark.parametrize("penalty", [{}, {"l1": 1e-3}, {"l2": 1e-2}], ids=["none", "l1", "l2"])
@pytest.mark.parametrize("limit", [{}, {"clipnorm": 0.01}, {"global_clipnorm": 0.01}], ids=["no limit", "each", "together"])
def test_parts_come_to_the_whole_again_and_again(penalty: dict[str, float], limit: dict[str, float]) -> None:
    here, mine = trained(None, penalty, limit)
    there, its = trained(ProcessorCard(), penalty, limit)
    again, _ = trained(ProcessorCard(), penalty, limit)
    assert its - mine == {"add_penalty"}
    assert bool(here[0]) == bool(penalty)
    free, _ = trained(None, {}, {})
    assert np.array_equal(here[1], free[1]) != bool(penalty or limit)  # both matter
    for one, other, once_more in zip(here, there, again, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-7)
        assert np.array_equal(other, once_more)


def test_small_arrays_are_not_worth_another_call() -> None:
    assert parts_of(7 * 64 * LANES, LANES, True) == 1
    assert parts_of(FEATURES * UNITS, LANES, True) == FEATURES * UNITS // LANES // 64 > 8
    assert parts_of(1 << 30, LANES, True) == 256
    assert parts_of(1 << 30, LANES, False) == 1
