"""Plug-ins: packages that bring layers of their own.

A plug-in is an installed package with an entry point in the group ``studio.layers`` whose value
is a module; each layer class defined there is registered. What is wrong with one is kept as a
sentence and never keeps the app from starting.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from studio.core.component import Component
from studio.core.layer import Layer

ENTRY_POINT_GROUP = "studio.layers"


@dataclass(frozen=True)
class Plugin:
    """One entry point and what came of it.

    Parameters
    ----------
    name : str
        Of the entry point.
    package : str
        Name and version of the package that brings it, such as ``swirl 1.0``.
    layers : tuple of type
        Layers that are registered.
    problems : tuple of str
        What is wrong with it, one plain sentence each.
    """

    name: str
    package: str
    layers: tuple[type[Layer], ...] = ()
    problems: tuple[str, ...] = ()


def from_plugin(layer: type[Layer]) -> bool:
    """Whether a layer is not one of Layer Studio's own, so that a mistake in it is not ours."""
    return layer.__module__.partition(".")[0] != "studio"


def components_of(module: ModuleType) -> list[type[Component]]:
    """Component classes that a module defines, by name; those with an underscore are its own affair."""
    return [
        c
        for _, c in inspect.getmembers(module, inspect.isclass)
        if issubclass(c, Component) and c.__module__ == module.__name__ and not c.__name__.startswith("_")
    ]


def load_plugins(layers: dict[str, type[Layer]], changed: Callable[[], None] = lambda: None) -> tuple[Plugin, ...]:
    """Import all installed plug-ins and add their layers.

    Parameters
    ----------
    layers : dict of str to type
        Built-in layers by type name; those of plug-ins are put into it. None can take the place of
        another, or of a name that ``activation=`` knows.
    changed : callable
        Called after each change of `layers`.
    """
    entries = sorted(importlib.metadata.entry_points(group=ENTRY_POINT_GROUP), key=lambda e: (e.name, e.value))
    loaded: list[Plugin] = []
    for entry in dict.fromkeys(entries):
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.name
        module, problem = _module_of(entry)
        found: list[type[Layer]] = []
        problems = [problem] if problem else []
        for layer in components_of(module) if module is not None else ():
            if not issubclass(layer, Layer):
                continue
            refusal = _taken(entry.name, layer, layers, loaded)
            if not refusal:
                layers[layer.type_name()] = layer
                changed()
                refusal = _unusable(entry.name, layer)
                if refusal:
                    del layers[layer.type_name()]
                    changed()
            if refusal:
                problems.append(refusal)
                continue
            found.append(layer)
            if not layer.help.strip():
                problems.append(f"The layer {layer.type_name()} of the plug-in {entry.name} has no help: its author should add it.")
        if not found and not problems:
            problems.append(f"The plug-in {entry.name} defines no layer in {entry.value}: uninstall it, or ask its author.")
        loaded.append(Plugin(entry.name, package, tuple(found), tuple(problems)))
    return tuple(loaded)


def _module_of(entry: importlib.metadata.EntryPoint) -> tuple[ModuleType | None, str]:
    """The module with the layers, or the sentence why there is none."""
    try:
        # What a plug-in prints must not end up in the one JSON object that a command prints.
        with contextlib.redirect_stdout(sys.stderr):
            module = entry.load()
    except (Exception, SystemExit) as error:
        return None, f"The plug-in {entry.name} does not load ({_reason(error)}): update it, or uninstall it."
    if not inspect.ismodule(module):
        return None, f"The plug-in {entry.name} names {entry.value}, which is no module: its author must name the module with the layers."
    return module, ""


def _reason(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _activation(layer: type[Layer]) -> str:
    """What ``activation=`` calls the layer; empty for most."""
    name = getattr(layer, "activation", "")
    return name if layer.family == "Activation" and isinstance(name, str) else ""


def _taken(plugin: str, layer: type[Layer], layers: Mapping[str, type[Layer]], loaded: Sequence[Plugin]) -> str:
    """Why a layer cannot have its name or its activation's name; empty if it can."""
    name, activation = layer.type_name(), _activation(layer)
    what = f"layer {name}"
    there = layers.get(name)
    if there is None and activation:
        what = f"activation {activation}"
        there = next((c for c in layers.values() if _activation(c) == activation), None)
    if there is None:
        return ""
    owner = next((f"the plug-in {p.name}" for p in loaded if there in p.layers), "Layer Studio itself")
    return f"The plug-in {plugin} brings the {what}, which {owner} has already: it was left out; its author must rename it."


def _unusable(plugin: str, layer: type[Layer]) -> str:
    """Why a layer cannot be put on the canvas; empty if it can."""
    try:
        made = layer()
        made.summary()
        made.to_json()
    except Exception as error:
        return f"The layer {layer.type_name()} of the plug-in {plugin} cannot be made ({_reason(error)}): it was left out; tell its author."
    return ""
