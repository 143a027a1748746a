"""The Gaussian error linear unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import ElementWise
from studio.kernels.maths import erf, exp


@dataclass(frozen=True)
class GELU(ElementWise):
    """``y = x Φ(x)``"""

    activation: ClassVar[str] = "gelu"
    in_place: ClassVar[bool] = False
    icon: ClassVar[str] = "activation"
    keywords: ClassVar[tuple[str, ...]] = ("gaussian", "transformer")
    help: ClassVar[str] = (
        "A smooth ReLU that dips a little below 0. "
        "The usual choice in Transformers."
    )
    formula: ClassVar[str] = "y = x Φ(x)"
    source: ClassVar[str] = "D. Hendrycks and K. Gimpel, GELUs, arXiv 1606.08415"
    keras: ClassVar[str] = "Activation('gelu')"
    torch: ClassVar[str] = "GELU"
    onnx: ClassVar[str] = "Gelu"

    @staticmethod
    def function(x: Any) -> Any:
        return 0.5 * x * (1.0 + erf(x * 0.7071067811865476))

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return 0.5 * (1.0 + erf(x * 0.7071067811865476)) + x * 0.3989422804014327 * exp(-0.5 * x * x)
