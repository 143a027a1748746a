"""The rectifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import ElementWise
from studio.kernels.maths import maximum, where


@dataclass(frozen=True)
class ReLU(ElementWise):
    """``y = max(0, x)``"""

    activation: ClassVar[str] = "relu"
    icon: ClassVar[str] = "activation"
    keywords: ClassVar[tuple[str, ...]] = ("rectifier", "rectified linear")
    help: ClassVar[str] = (
        "Lets positive numbers through and turns negative ones into 0. "
        "Simple and fast: the usual choice inside a network."
    )
    formula: ClassVar[str] = "y = max(0, x)"
    source: ClassVar[str] = "V. Nair and G. Hinton, Rectified linear units, ICML 2010"
    keras: ClassVar[str] = "ReLU"
    torch: ClassVar[str] = "ReLU"
    onnx: ClassVar[str] = "Relu"

    @staticmethod
    def function(x: Any) -> Any:
        return maximum(x, 0.0)

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return where(y > 0, 1.0, 0.0)
