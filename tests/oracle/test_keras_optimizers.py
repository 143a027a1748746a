"""Ten steps of each optimizer move the weights to where Keras's moves them."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import keras
import numpy as np
import pytest

from studio.core import registry
from studio.core.optimizer import Optimizer
from studio.testing.declarations import require_close
from studio.testing.optimizers import _network as optimizer_rig
from studio.testing.optimizers import variants_of as optimizer_variants

STEPS = 10
TOLERANCE = 1e-5
#: Our flags that are numbers in Keras, or are named otherwise there.
CASES = [(name, i) for name in sorted(registry.optimizers()) for i in range(len(list(optimizer_variants(registry.optimizer(name)))))]


def test_every_optimizer_is_compared_in_several_configurations() -> None:
    for name, kind in registry.optimizers().items():
        assert hasattr(keras.optimizers, name)
        tried = list(optimizer_variants(kind))
        assert len(tried) >= 5
        for parameter in kind.parameters():
            assert len({getattr(optimizer, parameter) for optimizer in tried}) > 1, f"{name}.{parameter}"


def _twin(optimizer: Optimizer) -> Any:
    kind = getattr(keras.optimizers, optimizer.type_name())
    values = {name: getattr(optimizer, name) for name in optimizer.parameters()}
    # Keras writes "off" as None.
    for name in ("clipnorm", "clipvalue", "global_clipnorm", "weight_decay"):
        if name in values:
            values[name] = values[name] or None
    return kind(**values)


@pytest.mark.parametrize(("name", "number"), CASES, ids=str)
def test_ten_steps_are_keras_s(name: str, number: int) -> None:
    optimizer = list(optimizer_variants(registry.optimizer(name)))[number]
    with closing(optimizer_rig(optimizer, 1)) as network:
        before = network.weights()
        variables = {key: keras.Variable(values) for key, values in before.items()}
        theirs = _twin(optimizer)
        for _step in range(STEPS):
            network.train(1)
            gradients = {(n.id, k): g for n in network.graph.nodes for k, g in network.node_gradients(n.id).items()}
            theirs.apply([keras.ops.convert_to_tensor(gradients[k]) for k in variables], list(variables.values()))
        after = network.weights()
    for key, variable in variables.items():
        assert not np.array_equal(after[key], before[key])
        require_close(after[key], np.asarray(variable.value), TOLERANCE, f"{optimizer!r}: {key} after {STEPS} steps")
