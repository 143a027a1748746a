"""A curve that ends slowly at its limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import ElementWise
from studio.kernels.maths import absolute


@dataclass(frozen=True)
class Softsign(ElementWise):
    """``y = x / (1 + |x|)``"""

    activation: ClassVar[str] = "softsign"
    icon: ClassVar[str] = "activation"
    keywords: ClassVar[tuple[str, ...]] = ("squash", "soft sign")
    help: ClassVar[str] = (
        "Squashes any number to between −1 and 1, like tanh, "
        "but reaches its limits much more slowly, so that its slope does not vanish as soon."
    )
    formula: ClassVar[str] = "y = x / (1 + |x|)"
    source: ClassVar[str] = "J. Bergstra et al., Quadratic polynomials learn better image features, 2009; Keras: softsign"
    keras: ClassVar[str] = "Activation('softsign')"
    torch: ClassVar[str] = "Softsign"
    onnx: ClassVar[str] = "Softsign"

    @staticmethod
    def function(x: Any) -> Any:
        return x / (1.0 + absolute(x))

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return (1.0 - absolute(y)) * (1.0 - absolute(y))
