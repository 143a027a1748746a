"""The logistic curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import ElementWise
from studio.kernels.maths import sigmoid


@dataclass(frozen=True)
class Sigmoid(ElementWise):
    """``y = 1 / (1 + e⁻ˣ)``"""

    activation: ClassVar[str] = "sigmoid"
    in_place: ClassVar[bool] = False
    icon: ClassVar[str] = "activation"
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("logistic", "squash", "probability")
    help: ClassVar[str] = (
        "Squashes any number to between 0 and 1, "
        "which can be read as a probability."
    )
    formula: ClassVar[str] = "y = 1 / (1 + e⁻ˣ)"
    source: ClassVar[str] = "J. Berkson, Application of the logistic function, JASA 39 (1944)"
    keras: ClassVar[str] = "Activation('sigmoid')"
    torch: ClassVar[str] = "Sigmoid"
    onnx: ClassVar[str] = "Sigmoid"

    @staticmethod
    def function(x: Any) -> Any:
        return sigmoid(x)

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return y * (1.0 - y)
