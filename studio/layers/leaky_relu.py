"""The rectifier with a small slope for negative numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.fields import real
from studio.core.layer import ElementWise
from studio.kernels.maths import where


@dataclass(frozen=True)
class LeakyReLU(ElementWise):
    """``y = x if x > 0 else slope x``"""

    activation: ClassVar[str] = "leaky_relu"
    by_name: ClassVar[Mapping[str, float]] = {"negative_slope": 0.2}
    in_place: ClassVar[bool] = False
    icon: ClassVar[str] = "activation"
    keywords: ClassVar[tuple[str, ...]] = ("rectifier", "leaky")
    help: ClassVar[str] = (
        "Like ReLU, but negative numbers keep a small slope, "
        "so that a neuron cannot get stuck at 0. As a layer's activation the slope is 0.2."
    )
    formula: ClassVar[str] = "y = x if x > 0 else slope x"
    source: ClassVar[str] = "A. Maas et al., Rectifier nonlinearities, ICML 2013"
    keras: ClassVar[str] = "LeakyReLU"
    torch: ClassVar[str] = "LeakyReLU"
    onnx: ClassVar[str] = "LeakyRelu"

    negative_slope: float = real(0.3, 0.0, 10.0, help="How steep the line is for negative numbers.", live=True)

    @staticmethod
    def function(x: Any, negative_slope: Any) -> Any:
        return where(x > 0, x, negative_slope * x)

    @staticmethod
    def derivative(x: Any, y: Any, negative_slope: Any) -> Any:
        return where(x > 0, 1.0, negative_slope)
