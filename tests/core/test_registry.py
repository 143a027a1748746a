"""Names of components."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from studio.core import registry
from studio.core.layer import FAMILIES, Loss


def test_every_class_is_found_under_its_own_name() -> None:
    for name, component in registry.layers().items():
        assert component.__name__ == name
        assert component.family in FAMILIES
        assert registry.layer(name) is component
    for name, optimizer in registry.optimizers().items():
        assert registry.optimizer(name) is optimizer
        assert optimizer.__name__ == name


def test_the_layers_of_the_first_step_are_there() -> None:
    needed = {
        "Data", "Input", "Dense", "Conv2D", "MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D",
        "Flatten", "Dropout", "BatchNormalization", "Add", "Concatenate", "ReLU", "LeakyReLU", "ELU", "GELU",
        "SiLU", "Tanh", "Sigmoid", "Softplus", "Softmax", "MeanSquaredError", "MeanAbsoluteError",
        "BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy", "Reshape",
    }  # fmt: skip
    assert needed <= set(registry.layers())
    assert {"SGD", "RMSprop", "Adam"} <= set(registry.optimizers())


def test_no_two_activations_share_a_name() -> None:
    layers = [c for c in registry.layers().values() if c.family == "Activation"]
    # One with weights of its own must be a node, so it has no name for activation=.
    names = [getattr(c, "activation", "") for c in layers if not c().weights((3,))]
    assert all(names)
    assert len(set(names)) == len(names)
    assert registry.activation_names() == ("linear", *sorted(names))
    x = np.array([[-1.0, 0.0, 2.0]])
    assert np.array_equal(registry.activate("linear", x), x)
    assert np.array_equal(registry.activate("relu", x), [[0.0, 0.0, 2.0]])


@pytest.mark.parametrize("look_up", [registry.layer, registry.optimizer])
@pytest.mark.parametrize("name", ["Dens", "", "os.system", "studio.layers.dense:Dense", "__class__"])
def test_an_unknown_name_gets_a_sentence(look_up, name: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(registry.UnknownName, match=r"^There is no \w+ called .*\.$"):
        look_up(name)


def test_the_tables_handed_out_are_copies() -> None:
    registry.layers().clear()
    assert "Dense" in registry.layers()


def test_losses_say_what_targets_they_take() -> None:
    for component in registry.layers().values():
        if issubclass(component, Loss):
            assert set(component.targets) <= {"labels", "one_hot", "values"}
            assert component.family == "Loss"


def test_a_layer_of_this_process_can_be_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    dense = registry.layer("Dense")
    mine = type("Mine", (dense,), {"__doc__": "My own.", "__module__": __name__})
    try:
        assert registry.register(mine) is mine
        assert registry.layer("Mine") is mine
    finally:
        with warnings.catch_warnings():
            registry._layers().pop("Mine", None)
            registry.activations.cache_clear()
