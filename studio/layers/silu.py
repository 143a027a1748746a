"""The sigmoid linear unit, also called swish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import ElementWise
from studio.kernels.maths import sigmoid


@dataclass(frozen=True)
class SiLU(ElementWise):
    """``y = x / (1 + e⁻ˣ)``"""

    activation: ClassVar[str] = "silu"
    in_place: ClassVar[bool] = False
    icon: ClassVar[str] = "activation"
    keywords: ClassVar[tuple[str, ...]] = ("swish",)
    help: ClassVar[str] = (
        "A smooth ReLU: each number times its own sigmoid."
    )
    formula: ClassVar[str] = "y = x / (1 + e⁻ˣ)"
    source: ClassVar[str] = "S. Elfwing et al., SiLU, Neural Networks 107 (2018)"
    keras: ClassVar[str] = "Activation('silu')"
    torch: ClassVar[str] = "SiLU"
    onnx: ClassVar[str] = ""

    @staticmethod
    def function(x: Any) -> Any:
        return x * sigmoid(x)

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x)))
