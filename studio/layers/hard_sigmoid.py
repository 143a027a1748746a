"""A sigmoid of straight lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import ElementWise
from studio.kernels.maths import maximum, minimum, where


@dataclass(frozen=True)
class HardSigmoid(ElementWise):
    """``y = min(max(x + 3, 0), 6) / 6``"""

    activation: ClassVar[str] = "hard_sigmoid"
    icon: ClassVar[str] = "activation"
    keywords: ClassVar[tuple[str, ...]] = ("gate", "mobile")
    help: ClassVar[str] = (
        "A sigmoid made of three straight lines: 0 below −3, 1 above 3, and a slope between. "
        "Fast to compute, and a gate that can close altogether."
    )
    formula: ClassVar[str] = "y = min(max(x + 3, 0), 6) / 6"
    source: ClassVar[str] = "A. Howard et al., Searching for MobileNetV3, ICCV 2019; Keras: hard_sigmoid"
    keras: ClassVar[str] = "Activation('hard_sigmoid')"
    torch: ClassVar[str] = "Hardsigmoid"
    onnx: ClassVar[str] = "HardSigmoid"

    @staticmethod
    def function(x: Any) -> Any:
        return minimum(maximum(x * (1.0 / 6.0) + 0.5, 0.0), 1.0)

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return where(y > 0, where(y < 1, 1.0 / 6.0, 0.0), 0.0)
