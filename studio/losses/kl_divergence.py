"""The loss for targets that are probabilities themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import Layer
from studio.core.loss import ElementWiseLoss
from studio.core.shapes import Shape
from studio.kernels.losses import EPSILON
from studio.kernels.maths import log, maximum, minimum, where


@dataclass(frozen=True)
class KLDivergence(ElementWiseLoss):
    """``sum of t log(t / p)`` over the last axis, averaged over steps and samples."""

    averaged: ClassVar[bool] = False
    targets: ClassVar[tuple[str, ...]] = ("values", "one_hot")
    reads: ClassVar[str] = "softmax"
    domain: ClassVar[tuple[float, float]] = (0.0, 1.0)
    keywords: ClassVar[tuple[str, ...]] = ("kullback", "leibler", "relative entropy", "distribution", "distillation")
    help: ClassVar[str] = (
        "For targets that are probabilities, such as another network's answers. Zero when the two "
        "distributions agree; large where something likely is predicted as unlikely."
    )
    formula: ClassVar[str] = "loss = Σ t log(t / p)"
    source: ClassVar[str] = "S. Kullback, R. A. Leibler, On information and sufficiency (1951); Keras: KLDivergence"
    keras: ClassVar[str] = "KLDivergence"
    torch: ClassVar[str] = "KLDivLoss"

    @staticmethod
    def function(y: Any, t: Any) -> Any:
        p, share = maximum(minimum(y, 1.0), EPSILON), maximum(minimum(t, 1.0), EPSILON)
        return share * (log(share) - log(p))

    @staticmethod
    def derivative(y: Any, t: Any) -> Any:
        p, share = maximum(minimum(y, 1.0), EPSILON), maximum(minimum(t, 1.0), EPSILON)
        return where(y < EPSILON, 0.0, where(y > 1.0, 0.0, -share / p))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,), (7,))),
            (cls(weight=0.5), ((5,), (5,), ())),
            (cls(), ((3, 2, 5), (3, 2, 5), (3, 2))),
        )
