"""Names of components, and plug-ins found through their entry points."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from studio.core import registry
from studio.core.layer import FAMILIES, Loss

PLUGIN = '''
"""A plug-in."""

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import ElementWise
from studio.kernels.maths import tanh


@dataclass(frozen=True)
class Swirl(ElementWise):
    """``y = tanh(2 x)``"""

    activation: ClassVar[str] = "swirl"
    icon: ClassVar[str] = "activation"
    help: ClassVar[str] = "Bends twice as fast as tanh."
    formula: ClassVar[str] = "y = tanh(2 x)"
    source: ClassVar[str] = "This test"

    @staticmethod
    def function(x: Any) -> Any:
        return tanh(x * 2.0)

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return (1.0 - y * y) * 2.0
'''


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


def install(folder: Path, name: str, module: str, text: str) -> None:
    """What installing a plug-in leaves behind: a module and its entry point."""
    (folder / f"{module}.py").write_text(text, encoding="utf-8")
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (information / "entry_points.txt").write_text(f"[studio.layers]\n{name} = {module}\n", encoding="utf-8")


def in_another_process(folder: Path, program: str) -> str:
    program = f"import sys; sys.path.insert(0, {str(folder)!r})\n" + program
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_plug_in_is_found_and_keeps_the_contract(tmp_path: Path) -> None:
    install(tmp_path, "swirl", "swirl_layers", PLUGIN)
    program = (
        "from studio.core import registry\n"
        "from studio.testing import check_layer\n"
        "swirl = registry.layer('Swirl')\n"
        "assert 'swirl' in registry.activation_names()\n"
        "registry.layer('Dense')(activation='swirl')\n"
        "check_layer(swirl)\n"
        "print('kept')\n"
    )
    assert in_another_process(tmp_path, program).strip() == "kept"


def test_a_plug_in_cannot_take_the_place_of_a_built_in_layer(tmp_path: Path) -> None:
    install(tmp_path, "thief", "thief_layers", PLUGIN.replace("Swirl", "Dense"))
    program = "from studio.core import registry; print(registry.layer('Dense').__module__)"
    assert in_another_process(tmp_path, program).strip() == "studio.layers.dense"


def test_a_broken_plug_in_is_left_out_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "broken", "broken_layers", "raise RuntimeError('out of order')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._layers.cache_clear()
    try:
        with pytest.warns(UserWarning, match=r"The plug-in 'broken' could not be loaded: out of order"):
            assert "Dense" in registry.layers()
    finally:
        registry._layers.cache_clear()
        sys.modules.pop("broken_layers", None)


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
