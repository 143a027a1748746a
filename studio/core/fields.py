"""Typed dataclass fields: one declaration gives signature, form, JSON and validation.

A parameter of a layer, loss or optimizer is declared once::

    units: int = integer(32, 1, 65_536, help="How many neurons the layer has.")

The declaration is an ordinary `dataclasses.field`, so the constructor's signature follows
from it; its `Field` in the metadata is what the inspector builds a form from, what JSON is
checked against and what `Component.__post_init__` validates.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

METADATA_KEY = "studio"


class FieldError(ValueError):
    """A parameter has a value it cannot have; the message is one plain sentence."""


@dataclasses.dataclass(frozen=True)
class Field:
    """What is known of one parameter.

    Parameters
    ----------
    kind : str
        ``integer``, ``real``, ``choice``, ``flag``, ``text``, ``pair`` (two integers),
        ``sides`` (four integers: top, bottom, left, right), ``shape`` (a tuple of integers),
        ``reals`` (a tuple of numbers, empty only if the default is), ``names`` (a tuple of some
        of the choices, each once) or ``axes`` (as `shape`, negative values allowed).
    default : Any
        The value a new component has; Keras's default where Keras has the parameter.
    help : str
        One or two short sentences for a beginner.
    minimum, maximum : float or None
        Closed range of a number (of each number for ``pair`` and ``shape``).
    choices : tuple of str or callable
        Legal values of a ``choice`` or of ``names``; a callable is asked each time, so that plug-ins count.
    live : bool
        Whether the value can change while training runs, without a restart.
    logarithmic : bool
        Whether a slider should move by factors (learning rates) rather than by steps.
    unit : str
        Unit shown behind the value, such as ``px``.
    """

    kind: str
    default: Any
    help: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] | Callable[[], Sequence[str]] = ()
    live: bool = False
    logarithmic: bool = False
    unit: str = ""

    def options(self) -> tuple[str, ...]:
        """Legal values of a ``choice`` or of ``names`` now."""
        return tuple(self.choices() if callable(self.choices) else self.choices)

    def check(self, name: str, value: Any) -> Any:
        """Return `value` in its canonical type.

        Raises
        ------
        FieldError
            When the value has the wrong type or is out of range.
        """
        return _CHECKS[self.kind](self, name, value)

    def _number(self, name: str, value: float) -> None:
        if self.minimum is not None and value < self.minimum:
            raise FieldError(f"{name} is {value:.12g}, but must be at least {self.minimum:.12g}.")
        if self.maximum is not None and value > self.maximum:
            raise FieldError(f"{name} is {value:.12g}, but must be at most {self.maximum:.12g}.")


def _as_integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not (isinstance(value, (int, float)) or hasattr(value, "__index__")):
        raise FieldError(f"{name} must be a whole number, not {value!r}.")
    if isinstance(value, float) and (not math.isfinite(value) or value != int(value)):
        raise FieldError(f"{name} must be a whole number, not {value!r}.")
    return int(value)


def _check_integer(field: Field, name: str, value: Any) -> int:
    number = _as_integer(name, value)
    field._number(name, number)
    return number


def _check_real(field: Field, name: str, value: Any) -> float:
    try:
        if isinstance(value, (bool, str)):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise FieldError(f"{name} must be a number, not {value!r}.") from None
    if not math.isfinite(number):
        raise FieldError(f"{name} must be a finite number, not {value!r}.")
    field._number(name, number)
    return number


def _check_choice(field: Field, name: str, value: Any) -> str:
    if value is None and "linear" in field.options():
        return "linear"  # Keras writes "no activation" as None
    if value not in field.options():
        legal = ", ".join(field.options())
        raise FieldError(f"{name} cannot be {value!r}: choose one of {legal}.")
    return str(value)


def _check_flag(field: Field, name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise FieldError(f"{name} must be true or false, not {value!r}.")
    return value


def _check_text(field: Field, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise FieldError(f"{name} must be text, not {value!r}.")
    if len(value) > 4096:
        raise FieldError(f"{name} is longer than 4096 characters.")
    return value


def _check_pair(field: Field, name: str, value: Any) -> tuple[int, int]:
    values = value if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2:
        raise FieldError(f"{name} must be one or two whole numbers, not {value!r}.")
    first, second = (_check_integer(field, name, v) for v in values)
    return first, second


def _check_sides(field: Field, name: str, value: Any) -> tuple[int, int, int, int]:
    # As Keras: one number for all; one for rows, one for columns; or ((top, bottom), (left, right)).
    values = list(value) if isinstance(value, (tuple, list)) else [value, value]
    if len(values) == 2:
        values = [n for one in values for n in (one if isinstance(one, (tuple, list)) else (one, one))]
    if len(values) != 4:
        raise FieldError(f"{name} must be one, two or four whole numbers, not {value!r}.")
    top, bottom, left, right = (_check_integer(field, name, n) for n in values)
    return top, bottom, left, right


def _check_shape(field: Field, name: str, value: Any) -> tuple[int, ...]:
    values = value if isinstance(value, (tuple, list)) else (value,)
    if not values or len(values) > 8:
        raise FieldError(f"{name} must be 1 to 8 whole numbers, not {value!r}.")
    return tuple(_check_integer(field, name, v) for v in values)


def _check_reals(field: Field, name: str, value: Any) -> tuple[float, ...]:
    values = value if isinstance(value, (tuple, list)) else (value,)
    if not values and field.default:
        raise FieldError(f"{name} must be at least one number, not {value!r}.")
    if len(values) > 4096:
        raise FieldError(f"{name} has more than 4096 numbers.")
    return tuple(_check_real(field, name, v) for v in values)


def _check_names(field: Field, name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, (tuple, list)):
        raise FieldError(f"{name} must be a list of names, not {value!r}.")
    return tuple(dict.fromkeys(_check_choice(field, name, v) for v in value))


_CHECKS = {
    "integer": _check_integer,
    "real": _check_real,
    "choice": _check_choice,
    "flag": _check_flag,
    "text": _check_text,
    "pair": _check_pair,
    "sides": _check_sides,
    "shape": _check_shape,
    "reals": _check_reals,
    "names": _check_names,
}


def _declare(field: Field) -> Any:
    return dataclasses.field(default=field.default, metadata={METADATA_KEY: field})


def integer(default: int, minimum: int | None = None, maximum: int | None = None, *, help: str, **more: Any) -> Any:
    """Declare a whole number with a closed range."""
    return _declare(Field("integer", default, help, minimum, maximum, **more))


def real(default: float, minimum: float | None = None, maximum: float | None = None, *, help: str, **more: Any) -> Any:
    """Declare a finite number with a closed range."""
    return _declare(Field("real", default, help, minimum, maximum, **more))


def choice(default: str, choices: Sequence[str] | Callable[[], Sequence[str]], *, help: str, **more: Any) -> Any:
    """Declare one of several names."""
    legal = choices if callable(choices) else tuple(choices)
    return _declare(Field("choice", default, help, choices=legal, **more))


def flag(default: bool, *, help: str, **more: Any) -> Any:
    """Declare a yes or no."""
    return _declare(Field("flag", default, help, **more))


def text(default: str, *, help: str, **more: Any) -> Any:
    """Declare a line of text."""
    return _declare(Field("text", default, help, **more))


def pair(default: int | tuple[int, int], minimum: int, maximum: int, *, help: str, **more: Any) -> Any:
    """Declare two whole numbers, such as the height and width of a window; one stands for both."""
    both = default if isinstance(default, tuple) else (default, default)
    return _declare(Field("pair", both, help, minimum, maximum, **more))


def sides(default: int, minimum: int, maximum: int, *, help: str, **more: Any) -> Any:
    """Declare four whole numbers: what is done at the top, bottom, left and right of a picture."""
    return _declare(Field("sides", (default,) * 4, help, minimum, maximum, **more))


def shape(default: tuple[int, ...], *, help: str, minimum: int = 1, **more: Any) -> Any:
    """Declare a shape: a tuple of whole numbers, channels last, without the batch axis."""
    return _declare(Field("shape", default, help, minimum, 1_000_000, **more))


def reals(
    default: tuple[float, ...], minimum: float | None = None, maximum: float | None = None, *, help: str, **more: Any
) -> Any:
    """Declare a row of numbers, such as one a class; it may be empty only if the default is."""
    return _declare(Field("reals", default, help, minimum, maximum, **more))


def names(
    default: tuple[str, ...], choices: Sequence[str] | Callable[[], Sequence[str]], *, help: str, **more: Any
) -> Any:
    """Declare some of several names; none at all is one choice."""
    legal = choices if callable(choices) else tuple(choices)
    return _declare(Field("names", default, help, choices=legal, **more))


def fields_of(component: Any) -> dict[str, Field]:
    """The declared parameters of a component or of its class, in order of declaration."""
    return {
        f.name: f.metadata[METADATA_KEY]
        for f in dataclasses.fields(component)
        if METADATA_KEY in f.metadata
    }
