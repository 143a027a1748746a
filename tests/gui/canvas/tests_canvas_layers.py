"""A layer with any number of inputs, for tests of ports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from studio.core.layer import Layer


@dataclass(frozen=True)
class Sum(Layer):
    """Adds what comes in."""

    family: ClassVar[str] = "Merge"
    inputs: ClassVar[tuple[str, ...]] = ("inputs...",)
    icon: ClassVar[str] = "add"
