"""What every component must say of itself, and comparisons with sentences."""

from __future__ import annotations

import json

import numpy as np

from studio.core.component import Component
from studio.core.fields import FieldError
from studio.core.layer import Layer


def require(condition: bool, sentence: str) -> None:
    """Raise AssertionError with the sentence unless the condition holds."""
    if not condition:
        raise AssertionError(sentence)


def require_close(actual: np.ndarray, expected: np.ndarray, tolerance: float, what: str) -> None:
    """Raise AssertionError unless two arrays agree.

    Parameters
    ----------
    actual, expected : numpy.ndarray
        Of the same shape.
    tolerance : float
        Of the largest difference, relative to the largest number, or to 1 if that is smaller.
    what : str
        Start of the sentence: what is compared.
    """
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    require(actual.shape == expected.shape, f"{what} has the shape {actual.shape}, not {expected.shape}.")
    if actual.size == 0:
        return
    require(bool(np.isfinite(actual).all()), f"{what} has numbers that are not finite.")
    difference = np.abs(actual - expected)
    allowed = tolerance * max(1.0, float(np.abs(expected).max()))
    worst = np.unravel_index(int(difference.argmax()), difference.shape)
    require(
        bool(difference.max() <= allowed),
        f"{what} is {actual[worst]:.9g} at {tuple(int(i) for i in worst)}, but should be {expected[worst]:.9g} "
        f"(allowed difference {allowed:.2g}).",
    )


def check_declaration(component: type[Component]) -> None:
    """Name, help, formula, source and parameters of a component class."""
    name = component.type_name()
    for attribute in ("help", "formula", "source"):
        text = getattr(component, attribute)
        require(isinstance(text, str) and bool(text.strip()), f"{name} has no {attribute}.")
    require(component.help.rstrip().endswith((".", "!", "?")), f"{name}: help must be whole sentences.")
    require(bool((component.__doc__ or "").strip()), f"{name} has no docstring.")
    for parameter, field in component.parameters().items():
        require(bool(field.help.strip()), f"{name}.{parameter} has no help.")
        require(
            field.check(parameter, field.default) == field.default,
            f"{name}.{parameter}: the default {field.default!r} is not in its canonical form.",
        )
        for end in (field.minimum, field.maximum):
            if end is not None and field.kind in ("integer", "real"):
                value = int(end) if field.kind == "integer" else float(end)
                require(field.check(parameter, value) == value, f"{name}.{parameter} refuses its own limit {end:g}.")
        require_refusal(component, parameter, object())


def require_refusal(component: type[Component], parameter: str, value: object) -> None:
    """Require that a bad value is refused by one plain sentence."""
    name = component.type_name()
    try:
        component(**{parameter: value})
    except FieldError as error:
        sentence = str(error)
        require(
            sentence.startswith(parameter) and sentence.endswith("."),
            f"{name}.{parameter}: {sentence!r} is not a sentence about it.",
        )
        return
    raise AssertionError(f"{name}.{parameter} takes {value!r}.")


def check_json(component: Component) -> None:
    """Parameters survive being saved and loaded."""
    text = json.dumps(component.to_json(), allow_nan=False)
    require(
        type(component).from_json(json.loads(text)) == component,
        f"{component.type_name()} is not the same after saving and loading {text}.",
    )


def check_variety(layer_class: type[Layer]) -> None:
    """Examples try at least two values of each parameter, but of where chance begins."""
    name = layer_class.type_name()
    examples = [example for example, _ in layer_class.examples()]
    require(bool(examples), f"{name} has no examples.")
    for parameter in layer_class.parameters():
        if parameter == "seed" or parameter.endswith("initializer"):
            continue
        tried = {getattr(example, parameter) for example in examples}
        require(len(tried) > 1, f"{name}: all examples have the same {parameter}, {tried.pop()!r}.")
