"""The loss for numbers that is squared when close and absolute when far, without a corner."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.loss import ElementWiseLoss
from studio.kernels.maths import absolute, softplus, tanh

_LOG_2 = math.log(2.0)


@dataclass(frozen=True)
class LogCosh(ElementWiseLoss):
    """``log cosh(y - t)``, averaged over a sample's numbers and over the samples."""

    targets: ClassVar[tuple[str, ...]] = ("values", "one_hot", "labels")
    keywords: ClassVar[tuple[str, ...]] = ("regression", "robust", "outliers", "hyperbolic cosine")
    help: ClassVar[str] = (
        "For numbers with a few wild samples. Works like squared errors while the answer is close, "
        "and like absolute errors while it is far off."
    )
    formula: ClassVar[str] = "loss = mean of log cosh(y − t)"
    source: ClassVar[str] = "R. Neuneier, H. G. Zimmermann, How to train neural networks (1998); Keras: LogCosh"
    keras: ClassVar[str] = "LogCosh"

    @staticmethod
    def function(y: Any, t: Any) -> Any:
        error = absolute(y - t)
        return error + softplus(-2.0 * error) - _LOG_2

    @staticmethod
    def derivative(y: Any, t: Any) -> Any:
        return tanh(y - t)
