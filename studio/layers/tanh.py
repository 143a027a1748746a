"""The hyperbolic tangent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import ElementWise
from studio.kernels.maths import tanh


@dataclass(frozen=True)
class Tanh(ElementWise):
    """``y = tanh(x)``"""

    activation: ClassVar[str] = "tanh"
    icon: ClassVar[str] = "activation"
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("squash", "hyperbolic tangent")
    help: ClassVar[str] = (
        "Squashes any number to between −1 and 1. "
        "Smooth, and centred on 0."
    )
    formula: ClassVar[str] = "y = tanh(x)"
    source: ClassVar[str] = "Y. LeCun et al., Efficient backprop, 1998"
    keras: ClassVar[str] = "Activation('tanh')"
    torch: ClassVar[str] = "Tanh"
    onnx: ClassVar[str] = "Tanh"

    @staticmethod
    def function(x: Any) -> Any:
        return tanh(x)

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return 1.0 - y * y
