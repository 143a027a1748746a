"""The loss for counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.loss import ElementWiseLoss
from studio.kernels.losses import EPSILON
from studio.kernels.maths import log


@dataclass(frozen=True)
class Poisson(ElementWiseLoss):
    """``y - t log y``, averaged over a sample's numbers and over the samples."""

    targets: ClassVar[tuple[str, ...]] = ("values", "labels")
    domain: ClassVar[tuple[float, float]] = (0.0, math.inf)
    keywords: ClassVar[tuple[str, ...]] = ("counts", "regression", "rate", "events")
    help: ClassVar[str] = (
        "For counts, such as visitors an hour. The network predicts the mean, which must be positive: "
        "end it with softplus. Being one off matters more where few are expected."
    )
    formula: ClassVar[str] = "loss = mean of y − t log y"
    source: ClassVar[str] = "J. A. Nelder, R. W. M. Wedderburn, Generalized linear models (1972); Keras: Poisson"
    keras: ClassVar[str] = "Poisson"
    torch: ClassVar[str] = "PoissonNLLLoss"

    @staticmethod
    def function(y: Any, t: Any) -> Any:
        return y - t * log(y + EPSILON)

    @staticmethod
    def derivative(y: Any, t: Any) -> Any:
        return 1.0 - t / (y + EPSILON)
