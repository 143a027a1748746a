"""Every template learns on a card, as its plans are lowered for one, what it learns on the processor.

The kernels are run by the processor here: what they compute on cards is `tests/cuda`'s to say.
"""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from studio.data import load
from studio.engine.network import Network
from studio.kernels.jit import compile_ahead
from studio.layers.data import Data
from studio.storage import templates
from studio.testing.cards import ProcessorCard

#: Minibatches of each template.
STEPS = 100


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", templates.names())
def test_a_template_learns_on_a_card_what_it_learns_on_the_processor(name: str) -> None:
    document = templates.load(name)
    sets = {n.id: load(n.layer) for n in document.graph.nodes if isinstance(n.layer, Data)}
    card = ProcessorCard()

    def network(on: ProcessorCard | None) -> Network:
        return Network(document.graph, document.training, sets, 1, compile_ahead, card=on)

    with closing(network(None)) as here, closing(network(card)) as there:
        assert there.device.name == "cuda"
        # Deep networks with batch normalisation double each rounding within some steps, on two threads of the
        # processor as well, and Adam makes of a gradient that is only rounding a step of full length. So
        # both start from the same state again and again: the second loss shows what the first step did.
        for _ in range(STEPS // 2):
            there.restore(here.state())
            for _ in range(2):
                here.train(1)
                there.train(1)
                mine, its = here.take_sums(), there.take_sums()
                assert np.all(np.isfinite(mine.loss))
                np.testing.assert_allclose(its.loss, mine.loss, rtol=1e-4)
                np.testing.assert_allclose(its.penalty, mine.penalty, rtol=1e-4)
                # An answer may be right or wrong by rounding.
                assert np.all(np.abs(its.right - mine.right) <= 1)
                assert np.array_equal(its.samples, mine.samples)
        assert (here.step, here.epoch) == (there.step, there.epoch)
        assert here.step == STEPS
