"""Names of all layers, losses, optimizers and initializers, plug-ins included.

Files and the command line may only name what is registered here; nothing is ever imported
because a file says so. Layers of plug-ins count as well; see `studio.core.plugins`.
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
from functools import cache

import numpy as np

from studio.core.component import Component
from studio.core.layer import ElementWise, Layer
from studio.core.metric import Metric
from studio.core.plugins import Plugin, components_of, load_plugins

_BUILT_IN_PACKAGES = ("studio.layers", "studio.losses")
_OPTIMIZERS = "studio.engine.optimizers"
_SCHEDULES = "studio.engine.schedules"
_STOPPING = "studio.engine.stopping"
_METRICS = "studio.engine.metrics"
_INITIALIZERS = "studio.engine.initializers"


class UnknownName(LookupError):
    """A name that is not registered; the message is one plain sentence."""


def _package_components(package: str) -> list[type[Component]]:
    """Components of a module, or of all modules of a package (one component a file)."""
    root = importlib.import_module(package)
    found = components_of(root)
    for info in pkgutil.iter_modules(getattr(root, "__path__", ())):
        found += components_of(importlib.import_module(f"{package}.{info.name}"))
    return found


@cache
def _built_in() -> dict[str, type[Layer]]:
    components = (c for package in _BUILT_IN_PACKAGES for c in _package_components(package))
    return {c.type_name(): c for c in components if issubclass(c, Layer)}


class _Table:
    """All layers, filled when they are first asked for; by one thread, while others wait."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._layers: dict[str, type[Layer]] | None = None
        self._plugins: tuple[Plugin, ...] = ()

    def layers(self) -> dict[str, type[Layer]]:
        with self._lock:
            if self._layers is None:
                # There before the plug-ins are: layers are made while these load, which looks names up.
                self._layers = dict(_built_in())
                self._plugins = load_plugins(self._layers, activations.cache_clear)
            return self._layers

    def plugins(self) -> tuple[Plugin, ...]:
        self.layers()
        return self._plugins

    def clear(self) -> None:
        """Forget all, so that plug-ins are looked for again."""
        with self._lock:
            self._layers, self._plugins = None, ()
            activations.cache_clear()


_table = _Table()


def plugins() -> tuple[Plugin, ...]:
    """The installed plug-ins, with what is wrong with them."""
    return _table.plugins()


def _layers() -> dict[str, type[Layer]]:
    return _table.layers()


def layers() -> dict[str, type[Layer]]:
    """All layer classes by type name, losses and data sources included."""
    return dict(_layers())


def layer(name: str) -> type[Layer]:
    """The layer class of that name.

    Raises
    ------
    UnknownName
        When no such layer is registered.
    """
    try:
        return _layers()[name]
    except KeyError:
        raise UnknownName(f"There is no layer called {name!r}.") from None


def register(component: type[Layer]) -> type[Layer]:
    """Add a layer class for this process (a notebook's or a test's own)."""
    _layers()[component.type_name()] = component
    activations.cache_clear()
    return component


@cache
def activations() -> dict[str, type[Layer]]:
    """Layers that ``activation=`` can name, by that name."""
    named = ((getattr(c, "activation", None), c) for c in _layers().values() if c.family == "Activation")
    return {name: c for name, c in named if isinstance(name, str) and name}


def activation(name: str) -> Layer:
    """The layer that ``activation=`` by this name stands for; ``linear`` is none."""
    kind = activations()[name]
    return kind.named() if issubclass(kind, ElementWise) else kind()


def activation_names() -> tuple[str, ...]:
    """Legal values of ``activation=``; ``linear`` is none at all."""
    return ("linear", *sorted(activations()))


def activate(name: str, x: np.ndarray) -> np.ndarray:
    """Apply an activation in float64 NumPy (for references)."""
    return x if name == "linear" else activation(name).reference([x], {})


@cache
def optimizers() -> dict[str, type[Component]]:
    """All optimizer classes by name."""
    return {c.type_name(): c for c in _package_components(_OPTIMIZERS)}


def optimizer(name: str) -> type[Component]:
    """The optimizer class of that name.

    Raises
    ------
    UnknownName
        When no such optimizer is registered.
    """
    try:
        return optimizers()[name]
    except KeyError:
        raise UnknownName(f"There is no optimizer called {name!r}.") from None


@cache
def schedules() -> dict[str, type[Component]]:
    """All learning-rate schedule classes by name."""
    return {c.type_name(): c for c in _package_components(_SCHEDULES)}


@cache
def stoppings() -> dict[str, type[Component]]:
    """All classes that say when to stop, by name."""
    return {c.type_name(): c for c in _package_components(_STOPPING)}


@cache
def metrics() -> dict[str, type[Metric]]:
    """All metric classes by their (Keras's) names, such as ``mean_iou``."""
    return {c.metric: c for c in _package_components(_METRICS) if issubclass(c, Metric)}


def metric(name: str) -> type[Metric]:
    """The metric class of that name.

    Raises
    ------
    UnknownName
        When no such metric is registered.
    """
    try:
        return metrics()[name]
    except KeyError:
        raise UnknownName(f"There is no metric called {name!r}.") from None


def metric_names() -> tuple[str, ...]:
    """Names of all metrics."""
    return tuple(metrics())


def initializer_names() -> tuple[str, ...]:
    """Names of all initializers (Keras's)."""
    module = importlib.import_module(_INITIALIZERS)
    return tuple(module.INITIALIZERS)
