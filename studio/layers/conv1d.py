"""Small patterns that slide along a sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core import parameters, registry
from studio.core.convolution import check_groups, sequence_window
from studio.core.fields import choice, integer
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.shapes import Shape
from studio.core.windows import Window
from studio.kernels.convolution import convolution


@dataclass(frozen=True)
class Conv1D(Layer):
    """``y = activation(K * x + b)``: each filter looks for one short pattern at every step."""

    family: ClassVar[str] = "Convolution"
    icon: ClassVar[str] = "convolution"
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("convolution", "filter", "sequence", "time series", "signal", "causal", "tcn")
    help: ClassVar[str] = (
        "Slides short patterns along a sequence. Each output channel lights up at the steps where its pattern matches. "
        "With causal padding a step sees only itself and what came before."
    )
    formula: ClassVar[str] = "y = activation(K ∗ x + b)"
    source: ClassVar[str] = "A. Waibel et al., Phoneme recognition using time-delay neural networks, 1989; Keras: Conv1D"
    keras: ClassVar[str] = "Conv1D"
    torch: ClassVar[str] = "Conv1d"
    onnx: ClassVar[str] = "Conv"

    filters: int = parameters.filters()
    kernel_size: int = integer(3, 1, 512, help="How many steps each pattern covers.")
    strides: int = integer(1, 1, 512, help="How far the pattern moves each time; 2 halves the sequence.")
    padding: str = choice("valid", ("valid", "same", "causal"), help="valid: only where the pattern fits. same: zeros around, so the length stays. causal: zeros before, so that no step sees a later one.")
    dilation_rate: int = integer(1, 1, 512, help="Gaps between the steps of the pattern; 1 is none.")
    groups: int = parameters.groups()
    activation: str = parameters.activation()
    use_bias: bool = parameters.use_bias("channel")
    kernel_initializer: str = parameters.weight_initializer("patterns")
    bias_initializer: str = parameters.bias_initializer()
    l1: float = parameters.l1()
    l2: float = parameters.l2()

    def summary(self) -> str:
        return f"{self.kernel_size} · {self.activation}"

    def window(self, shape: Shape) -> Window:
        """Where the patterns lie on a sequence of this shape, seen as a picture of one row."""
        return sequence_window(shape, self.kernel_size, self.strides, self.padding, self.dilation_rate)

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        window = self.window(shape)
        check_groups(shape[1], self.filters, self.groups)
        return (window.output[1], self.filters)

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        shape = (self.kernel_size, shapes[0][1] // self.groups, self.filters)
        kernel = Weight("kernel", shape, self.kernel_initializer, penalized=True)
        return (kernel, Weight("bias", (self.filters,), self.bias_initializer)) if self.use_bias else (kernel,)

    def halo(self, *shapes: Shape) -> int:
        return self.window(shapes[0]).halo

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        patterns = convolution(self.window(x.shape), lowering.weight("kernel"), self.groups)
        bias = lowering.weight("bias") if self.use_bias else None
        y = lowering.output(self.output_shape(x.shape), gradient_halo=patterns.window.gradient_halo)
        patterns.collect(lowering, x.picture(), y.picture(), bias)

        def backward(dy: Tensor) -> None:
            if not lowering.frozen:
                patterns.gradient(lowering, x.picture(), dy.picture(), bias)
            dx = lowering.gradient(x)
            if dx is not None:
                patterns.spread(lowering, dy.picture(), dx.picture())

        lowering.backward(y, backward)
        return lowering.activation(self.activation, y)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x, kernel = inputs[0], weights["kernel"]
        reach = (self.kernel_size - 1) * self.dilation_rate + 1
        steps = x.shape[1]
        if self.padding != "valid":
            covered = (-(-steps // self.strides) - 1) * self.strides + reach
            missing = reach - 1 if self.padding == "causal" else max(0, covered - steps)
            before = missing if self.padding == "causal" else missing // 2
            x = np.pad(x, ((0, 0), (before, missing - before), (0, 0)))
        starts = np.arange(0, x.shape[1] - reach + 1, self.strides)
        channels, filters = kernel.shape[1], self.filters // self.groups
        y = np.zeros((len(x), len(starts), self.filters))
        for tap in range(self.kernel_size):
            seen = x[:, starts + tap * self.dilation_rate]
            for g in range(self.groups):
                mine = slice(g * filters, (g + 1) * filters)
                y[:, :, mine] += seen[:, :, g * channels : (g + 1) * channels] @ kernel[tap][:, mine]
        return registry.activate(self.activation, y + weights["bias"] if self.use_bias else y)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(filters=5), ((7, 3),)),
            (cls(filters=9, kernel_size=2, padding="same", activation="relu"), ((5, 2),)),
            (cls(filters=3, kernel_size=4, strides=3, padding="same", use_bias=False), ((11, 4),)),
            (cls(filters=4, padding="causal", dilation_rate=2, activation="gelu"), ((7, 3),)),
            (cls(filters=2, kernel_size=2, strides=2, padding="causal", l1=0.01, l2=0.02), ((6, 1),)),
            (cls(filters=6, groups=3, kernel_size=2), ((5, 9),)),
        )
