"""Components whose loops are lowered in another way for a card keep the contract there; the processor runs them here.

With ``STUDIO_TEST_DEVICE=cuda`` all of ``tests/test_contract.py`` runs on this machine's card.
"""

from __future__ import annotations

import pytest

from studio.core import registry
from studio.cuda import card as cards
from studio.testing import check_layer, check_optimizer
from studio.testing.cards import ProcessorCard
from studio.testing.rig import card_under_test

LAYERS = (
    "DepthwiseConv2D", "Embedding", "GaussianNoise", "GroupNormalization", "LayerNormalization",
    "MultiHeadAttention", "RandomFlip", "SimpleRNN",
)  # fmt: skip
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def lowered_for_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_TEST_DEVICE", "cuda-lowering")


@pytest.mark.usefixtures("lowered_for_a_card")
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer(name: str) -> None:
    check_layer(registry.layer(name))


@pytest.mark.usefixtures("lowered_for_a_card")
def test_an_optimizer() -> None:
    check_optimizer(registry.optimizer("Adam"))


def test_the_environment_says_which_card(monkeypatch: pytest.MonkeyPatch) -> None:
    assert card_under_test() is None
    mine = ProcessorCard()
    cards.use(mine)
    try:
        monkeypatch.setenv("STUDIO_TEST_DEVICE", "cuda")
        assert card_under_test() is mine
        monkeypatch.setenv("STUDIO_TEST_DEVICE", "cuda-lowering")
        assert isinstance(card_under_test(), ProcessorCard)
    finally:
        cards.use(None)
