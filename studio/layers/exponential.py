"""The exponential function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import ElementWise
from studio.kernels.maths import exp


@dataclass(frozen=True)
class Exponential(ElementWise):
    """``y = eˣ``"""

    activation: ClassVar[str] = "exponential"
    icon: ClassVar[str] = "activation"
    keywords: ClassVar[tuple[str, ...]] = ("exp",)
    help: ClassVar[str] = (
        "Makes any number positive; equal steps become equal factors. "
        "For outputs that are counts, rates or spreads. Large inputs give very large numbers."
    )
    formula: ClassVar[str] = "y = eˣ"
    source: ClassVar[str] = "Keras: exponential"
    keras: ClassVar[str] = "Activation('exponential')"
    torch: ClassVar[str] = "exp"
    onnx: ClassVar[str] = "Exp"

    @staticmethod
    def function(x: Any) -> Any:
        return exp(x)

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return y
