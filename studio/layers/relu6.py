"""The rectifier with a limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import ElementWise
from studio.kernels.maths import maximum, minimum, where


@dataclass(frozen=True)
class ReLU6(ElementWise):
    """``y = min(max(0, x), 6)``"""

    activation: ClassVar[str] = "relu6"
    icon: ClassVar[str] = "activation"
    keywords: ClassVar[tuple[str, ...]] = ("rectifier", "mobile", "limit", "clip")
    help: ClassVar[str] = (
        "Like ReLU, but never larger than 6. "
        "Numbers of a known range suit phones and small computers."
    )
    formula: ClassVar[str] = "y = min(max(0, x), 6)"
    source: ClassVar[str] = "A. Krizhevsky, Convolutional deep belief networks on CIFAR-10, 2010; Keras: relu6"
    keras: ClassVar[str] = "Activation('relu6')"
    torch: ClassVar[str] = "ReLU6"
    onnx: ClassVar[str] = "Clip"

    @staticmethod
    def function(x: Any) -> Any:
        return minimum(maximum(x, 0.0), 6.0)

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return where(y > 0, where(y < 6, 1.0, 0.0), 0.0)
