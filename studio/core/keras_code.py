"""Python expressions that make the Keras twin of a component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from studio.core.fields import Field

if TYPE_CHECKING:
    from studio.core.layer import Layer

#: Parameters that Keras has no default for, so that they are always written.
REQUIRED = frozenset(
    (
        "units", "filters", "kernel_size", "pool_size", "rate", "stddev", "input_dim", "output_dim", "num_heads",
        "key_dim", "dims", "target_shape", "axes", "factor", "height_factor", "width_factor",
    )
)  # fmt: skip
#: Parameters that Keras has under another name or not at all, or that do not carry over.
_LEFT_OUT = frozenset(("seed", "l1", "l2"))
#: Initializers that Keras knows; the others are for lessons.
_INITIALIZERS = frozenset(
    (
        "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal",
        "random_normal", "random_uniform", "truncated_normal", "orthogonal", "identity", "zeros", "ones",
    )
)  # fmt: skip


class NoTwin(ValueError):
    """Keras cannot say this; the message is the rest of a sentence that begins with the layer's name."""


class Code(str):
    """A piece of a program, which is written as it is rather than in quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def call(function: str, *positional: Any, **keywords: Any) -> Code:
    """A call as a program has it: ``call("f", 1, b="x")`` is ``f(1, b='x')``."""
    written = [repr(value) for value in positional]
    written += [f"{name}={value!r}" for name, value in keywords.items()]
    return Code(f"{function}({', '.join(written)})")


def written_parameters(values: Mapping[str, Any], fields: Mapping[str, Field]) -> dict[str, Any]:
    """Those parameters that a program has to state, since Keras would take another value."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name in _LEFT_OUT or (name == "activation" and value == "linear"):
            continue
        if name.endswith("initializer"):
            if value != fields[name].default and value in _INITIALIZERS:
                found[name] = value
        elif name == "strides" and value in (0, (0, 0)):
            continue  # "as large as the window" in both
        elif name in REQUIRED or value != fields[name].default:
            found[name] = value
    return found


def layer_arguments(layer: Layer, shapes: Sequence[Any]) -> dict[str, Any]:
    """What a program passes to make a layer, by Keras's names; see `Layer.keras_arguments`."""
    values = {name: getattr(layer, name) for name in layer.parameters()}
    found = written_parameters(values, layer.parameters())
    l1, l2 = values.get("l1", 0.0), values.get("l2", 0.0)
    if l1 or l2:
        penalty = call("keras.regularizers.L1L2", **{n: v for n, v in (("l1", l1), ("l2", l2)) if v})
        found |= {f"{w.name}_regularizer": penalty for w in layer.weights(*shapes) if w.penalized}
    return found


def layer_code(layer: Layer, shapes: Sequence[Any]) -> Code:
    """The expression that makes a layer; see `Layer.keras_code`."""
    if layer.keras.startswith("Activation("):
        return Code(f"keras.layers.{layer.keras}")
    if not layer.keras and not layer.keras_source:
        raise NoTwin("has no twin in Keras: replace it before exporting, or export a picture.")
    function = f"keras.layers.{layer.keras}" if layer.keras else layer.type_name()
    return call(function, **layer.keras_arguments(*shapes))


def layer_call(layer: Layer, made: str, inputs: Sequence[str | None]) -> Code:
    """The expression that applies a layer that is made; see `Layer.keras_call`."""
    given = [Code(name) for name in inputs if name is not None]
    # All of Keras's layers that merge take one list.
    if layer.is_variadic() or layer.family == "Merge":
        return call(made, given)
    return call(made, *given)
