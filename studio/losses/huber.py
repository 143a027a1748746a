"""The loss for numbers with a few outliers: squared when close, absolute when far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.fields import real
from studio.core.layer import Layer
from studio.core.loss import ElementWiseLoss
from studio.core.shapes import Shape
from studio.kernels.maths import absolute, maximum, minimum, where


@dataclass(frozen=True)
class Huber(ElementWiseLoss):
    """``½ (y - t)²`` up to a distance of `delta`, and a straight line beyond; averaged."""

    targets: ClassVar[tuple[str, ...]] = ("values", "one_hot", "labels")
    keywords: ClassVar[tuple[str, ...]] = ("regression", "robust", "outliers", "smooth l1")
    help: ClassVar[str] = (
        "For numbers with a few wild samples. Small errors are squared, as usual; from delta on an "
        "error counts by its size only, so that outliers do not take over."
    )
    formula: ClassVar[str] = "loss = mean of ½ e² if |e| ≤ δ, else δ |e| − ½ δ²; e = y − t"
    source: ClassVar[str] = "P. J. Huber, Robust estimation of a location parameter (1964); Keras: Huber"
    keras: ClassVar[str] = "Huber"
    torch: ClassVar[str] = "HuberLoss"

    delta: float = real(
        1.0, 1e-6, 1e6, help="Up to which distance an error is squared.", live=True, logarithmic=True
    )

    @staticmethod
    def function(y: Any, t: Any, delta: Any) -> Any:
        error = absolute(y - t)
        return where(error <= delta, 0.5 * error * error, delta * error - 0.5 * delta * delta)

    @staticmethod
    def derivative(y: Any, t: Any, delta: Any) -> Any:
        return maximum(minimum(y - t, delta), -delta)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (*super().examples(), (cls(delta=0.3), ((5,), (5,))))
