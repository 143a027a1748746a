"""What each of the names in a list means, where the names are those of registered parts."""

from __future__ import annotations

import importlib

from studio.core import registry
from studio.core.fields import Field
from studio.core.monitor import metric_of, monitors
from studio.core.recurrent import curve_names


def help_of(field: Field, name: str) -> str:
    """One or two sentences on a choice; empty where the field's own help says all there is."""
    if field.choices is registry.initializer_names:
        initializers = importlib.import_module("studio.engine.initializers").INITIALIZERS
        return str(initializers[name].help) if name in initializers else ""
    if field.choices in (registry.activation_names, curve_names):
        layer = registry.activations().get(name)
        return layer.help if layer is not None else ""
    if field.choices is registry.metric_names:
        return registry.metric(name).help
    if field.choices is monitors and metric_of(name):
        return registry.metric(metric_of(name)).help
    return ""
