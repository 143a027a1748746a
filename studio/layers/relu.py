"""The rectifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.fields import real
from studio.core.layer import ElementWise
from studio.kernels.maths import maximum, where


class _GeneralReLU:
    """The maths of a rectifier with limits or a slope of its own."""

    in_place: ClassVar[bool] = False

    @staticmethod
    def function(x: Any, max_value: Any, negative_slope: Any, threshold: Any) -> Any:
        limit = max_value if max_value > 0 else 3.4e38
        return where(x >= limit, limit, where(x >= threshold, x, negative_slope * (x - threshold)))

    @staticmethod
    def derivative(x: Any, y: Any, max_value: Any, negative_slope: Any, threshold: Any) -> Any:
        limit = max_value if max_value > 0 else 3.4e38
        return where(x >= limit, 0.0, where(x >= threshold, 1.0, negative_slope))


@dataclass(frozen=True)
class ReLU(ElementWise):
    """``y = max(0, x)``, with a limit, a slope for negative numbers and a threshold if wanted."""

    activation: ClassVar[str] = "relu"
    icon: ClassVar[str] = "activation"
    common: ClassVar[bool] = True
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

    max_value: float = real(0.0, 0.0, 100.0, help="The largest result; 0 means that there is no limit.", live=True)
    negative_slope: float = real(0.0, 0.0, 10.0, help="How steep the line is below the threshold.", live=True)
    threshold: float = real(0.0, 0.0, 100.0, help="From where on numbers are let through.", live=True)

    def __post_init__(self) -> None:
        if self.max_value is None:  # Keras's word for no limit
            object.__setattr__(self, "max_value", 0.0)
        super().__post_init__()

    def curve(self) -> type[Any]:
        plain = self.max_value == 0 and self.negative_slope == 0 and self.threshold == 0
        return type(self) if plain else _GeneralReLU

    @staticmethod
    def function(x: Any) -> Any:
        return maximum(x, 0.0)

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return where(y > 0, 1.0, 0.0)

    @classmethod
    def examples(cls) -> tuple[tuple[ElementWise, tuple[tuple[int, ...], ...]], ...]:
        return (
            (cls(), ((7,),)),
            (cls(), ((3, 5, 2),)),
            (cls(max_value=0.75), ((3, 5, 2),)),
            (cls(negative_slope=0.25, threshold=0.5), ((7,),)),
            (cls(max_value=1.0, negative_slope=0.1, threshold=0.25), ((3, 5),)),
        )
