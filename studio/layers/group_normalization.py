"""Groups of each sample's channels are brought to mean 0 and deviation 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import flag, integer, real
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape
from studio.kernels.sample_normalization import (
    affine,
    gradient_place,
    group_gradient_sums,
    group_statistics,
    normalize_groups,
    normalize_groups_backward,
)


@dataclass(frozen=True)
class GroupNormalization(Layer):
    """``y = gamma * (x - mean) / sqrt(variance + epsilon) + beta``, group of channels by group, in each sample."""

    family: ClassVar[str] = "Normalisation"
    icon: ClassVar[str] = "normalisation"
    keywords: ClassVar[tuple[str, ...]] = ("group norm", "gn", "instance norm", "normalize", "normalise", "style")
    help: ClassVar[str] = (
        "Brings groups of each picture's maps to mean 0 and spread 1, over all pixels. "
        "Unlike BatchNormalization it looks at one sample at a time, so it works with small minibatches "
        "and does the same in training and afterwards."
    )
    formula: ClassVar[str] = "y = γ · (x − mean) / √(variance + ε) + β"
    source: ClassVar[str] = "Y. Wu and K. He, Group normalization, ECCV 2018; Keras: GroupNormalization"
    keras: ClassVar[str] = "GroupNormalization"
    torch: ClassVar[str] = "GroupNorm"
    onnx: ClassVar[str] = "GroupNormalization"

    groups: int = integer(32, -1, 65_536, help="How many groups the channels are split into. 1 takes all together; -1 takes each by itself.")
    epsilon: float = real(1e-3, 1e-12, 1.0, help="A small number added to the variance, so that nothing is divided by 0.", live=True, logarithmic=True)
    center: bool = flag(True, help="Whether each channel is shifted by a learned number (beta).")
    scale: bool = flag(True, help="Whether each channel is scaled by a learned number (gamma).")

    def summary(self) -> str:
        return {-1: "each channel", 0: "0 groups", 1: "all channels"}.get(self.groups, f"{self.groups} groups")

    def _groups(self, channels: int) -> int:
        """How many groups so many channels make.

        Raises
        ------
        ShapeProblem
            When they cannot be split evenly.
        """
        if self.groups == -1:
            return channels
        if self.groups == 0 or channels % self.groups:
            best = next(g for g in range(min(channels, max(1, self.groups)), 0, -1) if channels % g == 0)
            raise ShapeProblem(
                f"cannot split {channels} channels into {self.groups} equal groups: set groups to {best}.",
                Remedy("set", f"Use {best} groups" if best > 1 else "Use 1 group", values=(("groups", best),)),
            )
        return self.groups

    def output_shape(self, *shapes: Shape) -> Shape:
        if not shapes[0]:
            raise ShapeProblem("gets one number a sample, needs a list of features or a picture: wire Data's X to it.")
        self._groups(shapes[0][-1])
        return shapes[0]

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        one_a_channel = (shapes[0][-1],)
        gamma = (Weight("gamma", one_a_channel, "ones"),) if self.scale else ()
        return (*gamma, Weight("beta", one_a_channel)) if self.center else gamma

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        # Rows of pictures may lie apart; anything else must have no gaps.
        x = inputs[0] if len(inputs[0].shape) == 3 else lowering.contiguous(inputs[0])
        y = lowering.output(x.shape)
        channels, batch = x.shape[-1], lowering.batch
        groups = self._groups(channels)
        sizes = (groups, channels // groups, x.features // channels, batch)
        gamma = lowering.weight("gamma") if self.scale else None
        beta = lowering.weight("beta") if self.center else None
        source = (x.base, lowering.table(x.pixel_offsets()))
        statistics = (lowering.scratch(groups * batch), lowering.scratch(groups * batch))
        # Groups of a card share groups of channels and samples.
        parts = (1, lowering.lanes) if lowering.on_card else (groups, batch)
        lowering.emit(
            group_statistics,
            *(*sizes, *source, lowering.number("epsilon"), *statistics, lowering.scratch(groups * batch), *parts),
        )
        lowering.emit(
            normalize_groups,
            *(*sizes, *source, y.base, lowering.table(y.pixel_offsets()), *statistics),
            *affine(lowering, gamma, beta),
        )

        def backward(dy: Tensor) -> None:
            gradient = (dy.base, lowering.table(dy.pixel_offsets()))
            shares = lowering.scratch(2 * groups * batch)
            scale = affine(lowering, gamma, None)[:2]
            lowering.emit(
                group_gradient_sums,
                *(*sizes, *source, *gradient, *statistics, lowering.scratch(2 * channels * batch), shares, *scale),
                *(gradient_place(lowering, gamma, channels), gradient_place(lowering, beta, channels), parts[0]),
            )
            dx = lowering.gradient(x)
            if dx is not None:
                target = (dx.base, lowering.table(dx.pixel_offsets()))
                lowering.emit(normalize_groups_backward, *sizes, *source, *gradient, *target, *statistics, shares, *scale)

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x = inputs[0]
        groups = self._groups(x.shape[-1])
        split = x.reshape(len(x), -1, groups, x.shape[-1] // groups)
        mean, variance = split.mean((1, 3), keepdims=True), split.var((1, 3), keepdims=True)
        y = ((split - mean) / np.sqrt(variance + self.epsilon)).reshape(x.shape)
        if self.scale:
            y = y * weights["gamma"]
        if self.center:
            y = y + weights["beta"]
        return np.asarray(y)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(groups=2), ((8,),)),
            (cls(groups=3), ((5, 7, 6),)),
            (cls(groups=-1, center=False), ((3, 5, 2),)),
            (cls(groups=1, scale=False), ((4, 3, 5),)),
            (cls(groups=2, epsilon=0.1), ((3, 4),)),
            (cls(center=False, scale=False), ((3, 3, 32),)),
        )
