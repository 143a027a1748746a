"""The loss for numbers: squared distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.loss import ElementWiseLoss


@dataclass(frozen=True)
class MeanSquaredError(ElementWiseLoss):
    """``(y - t)²``, averaged over a sample's numbers and over the samples."""

    targets: ClassVar[tuple[str, ...]] = ("values", "one_hot", "labels")
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("mse", "regression", "least squares", "l2", "autoencoder")
    help: ClassVar[str] = (
        "For numbers, such as prices or pictures. Squares how far each answer is off, "
        "so a few large errors count more than many small ones."
    )
    formula: ClassVar[str] = "loss = mean of (y − t)²"
    source: ClassVar[str] = "A.-M. Legendre, least squares (1805); Keras: MeanSquaredError"
    keras: ClassVar[str] = "MeanSquaredError"
    torch: ClassVar[str] = "MSELoss"

    @staticmethod
    def function(y: Any, t: Any) -> Any:
        return (y - t) * (y - t)

    @staticmethod
    def derivative(y: Any, t: Any) -> Any:
        return 2.0 * (y - t)
