"""No schedule: the optimizer's learning rate all the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from studio.core.schedule import Schedule


@dataclass(frozen=True)
class Constant(Schedule):
    """The same learning rate all the way."""

    stepwise: ClassVar[bool] = False
    help: ClassVar[str] = "The learning rate stays as it is set. You can move it by hand while training runs."
    formula: ClassVar[str] = "rate(t) = rate"
    source: ClassVar[str] = "H. Robbins and S. Monro (1951); Keras: a number as learning_rate"
