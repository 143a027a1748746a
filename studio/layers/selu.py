"""The scaled exponential linear unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import ElementWise
from studio.kernels.maths import exp, minimum, where

#: The fixed point of the paper: mean 0 and deviation 1 stay from layer to layer.
SCALE = 1.0507009873554805
ALPHA = 1.6732632423543772
BELOW = SCALE * ALPHA


@dataclass(frozen=True)
class SELU(ElementWise):
    """``y = 1.0507 x if x > 0 else 1.7581 (eˣ − 1)``"""

    activation: ClassVar[str] = "selu"
    icon: ClassVar[str] = "activation"
    keywords: ClassVar[tuple[str, ...]] = ("self-normalizing", "exponential")
    help: ClassVar[str] = (
        "Like ELU, with numbers chosen so that signals keep mean 0 and spread 1 from layer to layer by themselves. "
        "Draw the weights with lecun_normal, and use AlphaDropout instead of Dropout."
    )
    formula: ClassVar[str] = "y = 1.0507 x if x > 0 else 1.7581 (eˣ − 1)"
    source: ClassVar[str] = "G. Klambauer et al., Self-normalizing neural networks, NeurIPS 2017; Keras: selu"
    keras: ClassVar[str] = "Activation('selu')"
    torch: ClassVar[str] = "SELU"
    onnx: ClassVar[str] = "Selu"

    @staticmethod
    def function(x: Any) -> Any:
        return where(x > 0, SCALE * x, BELOW * (exp(minimum(x, 0.0)) - 1.0))

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return where(y > 0, SCALE, y + BELOW)
