"""The exponential linear unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.fields import real
from studio.core.layer import ElementWise
from studio.kernels.maths import exp, minimum, where


@dataclass(frozen=True)
class ELU(ElementWise):
    """``y = x if x > 0 else α (eˣ − 1)``"""

    activation: ClassVar[str] = "elu"
    in_place: ClassVar[bool] = False
    icon: ClassVar[str] = "activation"
    keywords: ClassVar[tuple[str, ...]] = ("exponential",)
    help: ClassVar[str] = (
        "Like ReLU for positive numbers; negative ones bend smoothly towards −α."
    )
    formula: ClassVar[str] = "y = x if x > 0 else α (eˣ − 1)"
    source: ClassVar[str] = "D. Clevert et al., ELU, ICLR 2016"
    keras: ClassVar[str] = "ELU"
    torch: ClassVar[str] = "ELU"
    onnx: ClassVar[str] = "Elu"

    alpha: float = real(1.0, 0.0, 10.0, help="The value that large negative numbers end at, without its sign.", live=True)

    @staticmethod
    def function(x: Any, alpha: Any) -> Any:
        return where(x > 0, x, alpha * (exp(minimum(x, 0.0)) - 1.0))

    @staticmethod
    def derivative(x: Any, y: Any, alpha: Any) -> Any:
        return where(x > 0, 1.0, alpha * exp(minimum(x, 0.0)))
