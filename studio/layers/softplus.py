"""A smooth rectifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import ElementWise
from studio.kernels.maths import sigmoid, softplus


@dataclass(frozen=True)
class Softplus(ElementWise):
    """``y = log(1 + eˣ)``"""

    activation: ClassVar[str] = "softplus"
    in_place: ClassVar[bool] = False
    icon: ClassVar[str] = "activation"
    keywords: ClassVar[tuple[str, ...]] = ("smooth relu",)
    help: ClassVar[str] = (
        "A ReLU without the corner: always positive, always smooth."
    )
    formula: ClassVar[str] = "y = log(1 + eˣ)"
    source: ClassVar[str] = "C. Dugas et al., Incorporating second-order functional knowledge, NIPS 2000"
    keras: ClassVar[str] = "Activation('softplus')"
    torch: ClassVar[str] = "Softplus"
    onnx: ClassVar[str] = "Softplus"

    @staticmethod
    def function(x: Any) -> Any:
        return softplus(x)

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return sigmoid(x)
