"""Every registered component keeps the contract that `studio.testing` states."""

from __future__ import annotations

import pytest

from studio.core import registry
from studio.core.layer import Loss
from studio.testing import check_initializer, check_layer, check_loss, check_optimizer

LOSSES = sorted(n for n, c in registry.layers().items() if issubclass(c, Loss))
LAYERS = sorted(n for n, c in registry.layers().items() if not issubclass(c, Loss) and c.family != "Data")
#: Cold, a layer's kernels are compiled first.
pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str) -> None:
    check_layer(registry.layer(name))


@pytest.mark.parametrize("name", LOSSES)
def test_loss(name: str) -> None:
    loss = registry.layer(name)
    assert issubclass(loss, Loss)
    check_loss(loss)


@pytest.mark.parametrize("name", sorted(registry.optimizers()))
def test_optimizer(name: str) -> None:
    check_optimizer(registry.optimizer(name))


@pytest.mark.parametrize("name", registry.initializer_names())
def test_initializer(name: str) -> None:
    check_initializer(name)
