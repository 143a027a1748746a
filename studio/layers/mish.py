"""A smooth curve that dips below 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import ElementWise
from studio.kernels.maths import sigmoid, softplus, tanh


@dataclass(frozen=True)
class Mish(ElementWise):
    """``y = x tanh(log(1 + eˣ))``"""

    activation: ClassVar[str] = "mish"
    in_place: ClassVar[bool] = False
    icon: ClassVar[str] = "activation"
    keywords: ClassVar[tuple[str, ...]] = ("smooth", "swish")
    help: ClassVar[str] = (
        "Like ReLU, but smooth, with a small dip for negative numbers. "
        "It often trains a little better than ReLU, and costs more time."
    )
    formula: ClassVar[str] = "y = x tanh(log(1 + eˣ))"
    source: ClassVar[str] = "D. Misra, Mish: a self regularized non-monotonic activation function, BMVC 2020; Keras: mish"
    keras: ClassVar[str] = "Activation('mish')"
    torch: ClassVar[str] = "Mish"
    onnx: ClassVar[str] = "Mish"

    @staticmethod
    def function(x: Any) -> Any:
        return x * tanh(softplus(x))

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        t = tanh(softplus(x))
        return t + x * sigmoid(x) * (1.0 - t * t)
