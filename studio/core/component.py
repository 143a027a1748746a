"""What layers, losses, optimizers and initializers have in common: parameters, help, JSON."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Self

from studio.core.fields import Field, FieldError, fields_of


@dataclasses.dataclass(frozen=True)
class Component:
    """A frozen bundle of typed parameters with help for people.

    Subclasses are frozen dataclasses whose fields are declared with `studio.core.fields`.
    Their class attributes describe them to the palette, the inspector and the exports.
    """

    #: What a beginner reads: two to four short sentences.
    help: ClassVar[str] = ""
    #: One line of mathematics in plain Unicode, such as ``y = tanh(x W + b)``.
    formula: ClassVar[str] = ""
    #: Where it comes from: a paper or documentation page.
    source: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for name, field in fields_of(self).items():
            object.__setattr__(self, name, field.check(name, getattr(self, name)))

    @classmethod
    def type_name(cls) -> str:
        """The name in files, in the palette and on the command line (Keras's class name)."""
        return cls.__name__

    @classmethod
    def parameters(cls) -> dict[str, Field]:
        """Declared parameters, in order."""
        return fields_of(cls)

    def replace(self, **changes: Any) -> Self:
        """A copy with other parameter values.

        Raises
        ------
        FieldError
            When a name is unknown or a value is not legal.
        """
        unknown = set(changes) - set(self.parameters())
        if unknown:
            raise FieldError(f"{self.type_name()} has no parameter {sorted(unknown)[0]!r}.")
        return dataclasses.replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Parameter values as JSON types; the type's name is not among them."""
        values = {name: getattr(self, name) for name in self.parameters()}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The component with these parameter values; absent ones take their defaults.

        Raises
        ------
        FieldError
            When a name is unknown or a value is not legal.
        """
        unknown = set(values) - set(cls.parameters())
        if unknown:
            raise FieldError(f"{cls.type_name()} has no parameter {sorted(unknown)[0]!r}.")
        return cls(**values)
