"""A smooth curve that dips below 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import ElementWise
from studio.kernels.maths import exp, minimum


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
        # With n = e^x (e^x + 2) the hyperbolic tangent is n / (n + 2). From 20 on it is 1.
        e = exp(minimum(x, 20.0))
        n = e * (e + 2.0)
        return x * (n / (n + 2.0))

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        # 1 - tanh^2 is 4 (n + 1) / (n + 2)^2, and n + 1 is (e^x + 1)^2, of which the sigmoid takes away one factor.
        e = exp(minimum(x, 20.0))
        n = e * (e + 2.0)
        part = 1.0 / (n + 2.0)
        return n * part + x * (4.0 * e * (e + 1.0)) * (part * part)
