"""Each channel is brought to mean 0 and deviation 1."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import flag, real
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Ref, Tensor
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape
from studio.kernels.channel_parts import lower_gradient_sums, lower_moments
from studio.kernels.control import copy_rows
from studio.kernels.normalization import (
    HEADER,
    batch_statistics,
    gradient_shares,
    moving_statistics,
    normalize,
    normalize_backward,
    scale_channels,
)


@dataclass(frozen=True)
class BatchNormalization(Layer):
    """``y = gamma * (x - mean) / sqrt(variance + epsilon) + beta``, for each channel by itself.

    While training, mean and variance are those of the whole minibatch, however many threads
    share it; afterwards they are the moving averages.
    """

    family: ClassVar[str] = "Normalisation"
    icon: ClassVar[str] = "normalisation"
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("batch norm", "bn", "normalize", "normalise", "standardise", "standardize")
    help: ClassVar[str] = (
        "Brings each channel to mean 0 and spread 1 over the minibatch, then scales and shifts it as training likes. "
        "Deep networks learn faster with it. Once training is over, it uses averages that it kept."
    )
    formula: ClassVar[str] = "y = γ · (x − mean) / √(variance + ε) + β"
    source: ClassVar[str] = "S. Ioffe and C. Szegedy, Batch normalization, ICML 2015; Keras: BatchNormalization"
    keras: ClassVar[str] = "BatchNormalization"
    torch: ClassVar[str] = "BatchNorm2d"
    onnx: ClassVar[str] = "BatchNormalization"

    momentum: float = real(0.99, 0.0, 1.0, help="How slowly the kept averages follow; nearer to 1 is slower.", live=True)
    epsilon: float = real(1e-3, 1e-7, 1.0, help="A small number added to the variance, so that nothing is divided by 0.", live=True, logarithmic=True)
    center: bool = flag(True, help="Whether each channel is shifted by a learned number (beta).")
    scale: bool = flag(True, help="Whether each channel is scaled by a learned number (gamma).")

    def output_shape(self, *shapes: Shape) -> Shape:
        if not shapes[0]:
            raise ShapeProblem("gets one number a sample, needs a list of features or a picture: wire Data's X to it.")
        return shapes[0]

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        one_a_channel = (shapes[0][-1],)
        found = [Weight("gamma", one_a_channel, "ones")] if self.scale else []
        found += [Weight("beta", one_a_channel)] if self.center else []
        found += [Weight("moving_mean", one_a_channel, trainable=False)]
        return (*found, Weight("moving_variance", one_a_channel, "ones", trainable=False))

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        # Rows of pictures may lie apart; anything else must have no gaps.
        x = inputs[0] if len(inputs[0].shape) == 3 else lowering.contiguous(inputs[0])
        y = lowering.output(x.shape)
        channels = x.shape[-1]
        padded = -(-channels // lowering.lanes) * lowering.lanes
        sizes = (channels, math.prod(x.shape[:-1]), lowering.batch, padded)
        source, target = _place(lowering, x), _place(lowering, y)
        mean, variance = lowering.weight("moving_mean"), lowering.weight("moving_variance")
        gamma = lowering.weight("gamma") if self.scale else None
        beta = lowering.weight("beta") if self.center else None
        nowhere = lowering.zeros(1)
        affine = (
            lowering.number("epsilon"),
            *((1, gamma.value) if gamma else (0, nowhere)),
            *((1, beta.value) if beta else (0, nowhere)),
        )
        statistics = lowering.scratch(4 * padded)
        if not lowering.training or lowering.frozen:
            lowering.emit(moving_statistics, padded, statistics, mean.value, variance.value, *affine)
            lowering.emit(normalize, *sizes, *source, *target, statistics)

            def backward_frozen(dy: Tensor) -> None:
                dx = lowering.gradient(x)
                if dx is not None:
                    lowering.emit(scale_channels, *sizes, *_place(lowering, dy), *_place(lowering, dx), statistics)

            lowering.backward(y, backward_frozen)
            return y
        own, counted = lowering.scratch(HEADER + 2 * padded), lowering.scratch(1)
        lower_moments(lowering, x, padded, own)
        lowering.barrier()
        averages = (lowering.number("momentum"), mean.value, variance.value)
        lowering.emit(batch_statistics, padded, *lowering.shards(own), statistics, counted, *averages, *affine)
        lowering.emit(normalize, *sizes, *source, *target, statistics)

        def backward(dy: Tensor) -> None:
            result = lowering.scratch(2 * padded)
            gradient = _place(lowering, dy)
            lower_gradient_sums(lowering, x, dy, padded, statistics, result)
            for weight, part in ((beta, result), (gamma, result + padded)):
                if weight is not None and weight.trainable:
                    # The engine adds up what the threads found.
                    lowering.emit(copy_rows, 1, channels, weight.gradient, 0, part, 0)
            dx = lowering.gradient(x)
            if dx is None:
                return
            shares = lowering.scratch(2 * padded)
            lowering.barrier()
            lowering.emit(gradient_shares, padded, *lowering.shards(result), statistics, counted, shares)
            places = (*source, *gradient, *_place(lowering, dx))
            lowering.emit(normalize_backward, *sizes, *places, statistics, shares, lowering.valid)

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x = inputs[0]
        axes = tuple(range(x.ndim - 1))
        mean = x.mean(axes) if training else weights["moving_mean"]
        variance = x.var(axes) if training else weights["moving_variance"]
        y = (x - mean) / np.sqrt(variance + self.epsilon)
        if self.scale:
            y = y * weights["gamma"]
        if self.center:
            y = y + weights["beta"]
        return np.asarray(y)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,),)),
            (cls(), ((5, 7, 3),)),
            (cls(center=False), ((3, 2, 5),)),
            (cls(scale=False, momentum=0.5, epsilon=0.1), ((3, 5),)),
            (cls(center=False, scale=False), ((17,),)),
        )


def _place(lowering: Lowering, tensor: Tensor) -> tuple[Ref, Ref]:
    """Where a tensor is, and where its pixels are from there."""
    return tensor.base, lowering.table(tensor.pixel_offsets())
