"""Names of all layers, losses, optimizers and initializers, plug-ins included.

Files and the command line may only name what is registered here; nothing is ever imported
because a file says so. A plug-in is a package with an entry point in the group
``studio.layers`` whose value is a module; each component class defined there is registered.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import pkgutil
import warnings
from functools import cache
from types import ModuleType

import numpy as np

from studio.core.component import Component
from studio.core.layer import Layer
from studio.core.metric import Metric

ENTRY_POINT_GROUP = "studio.layers"
_BUILT_IN_PACKAGES = ("studio.layers", "studio.losses")
_OPTIMIZERS = "studio.engine.optimizers"
_SCHEDULES = "studio.engine.schedules"
_STOPPING = "studio.engine.stopping"
_METRICS = "studio.engine.metrics"
_INITIALIZERS = "studio.engine.initializers"


class UnknownName(LookupError):
    """A name that is not registered; the message is one plain sentence."""


def _components(module: ModuleType) -> list[type[Component]]:
    return [
        c
        for _, c in inspect.getmembers(module, inspect.isclass)
        if issubclass(c, Component) and c.__module__ == module.__name__ and not c.__name__.startswith("_")
    ]


def _package_components(package: str) -> list[type[Component]]:
    """Components of a module, or of all modules of a package (one component a file)."""
    root = importlib.import_module(package)
    found = _components(root)
    for info in pkgutil.iter_modules(getattr(root, "__path__", ())):
        found += _components(importlib.import_module(f"{package}.{info.name}"))
    return found


@cache
def _layers() -> dict[str, type[Layer]]:
    found: dict[str, type[Layer]] = {}
    for package in _BUILT_IN_PACKAGES:
        for component in _package_components(package):
            if issubclass(component, Layer):
                found[component.type_name()] = component
    for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        try:
            components = _components(entry.load())
        except Exception as error:  # a broken plug-in must not keep the app from starting
            warnings.warn(f"The plug-in {entry.name!r} could not be loaded: {error}", stacklevel=2)
            continue
        for component in components:
            if issubclass(component, Layer):
                found.setdefault(component.type_name(), component)
    return found


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


def activation_names() -> tuple[str, ...]:
    """Legal values of ``activation=``; ``linear`` is none at all."""
    return ("linear", *sorted(activations()))


def activate(name: str, x: np.ndarray) -> np.ndarray:
    """Apply an activation in float64 NumPy (for references)."""
    return x if name == "linear" else activations()[name]().reference([x], {})


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
