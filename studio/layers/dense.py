"""A layer in which each neuron sees every input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core import parameters, registry
from studio.core.fields import integer
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.products import lower_product, sum_rows, transpose
from studio.kernels.projections import pieces_of, project


@dataclass(frozen=True)
class Dense(Layer):
    """``y = activation(x W + b)``."""

    family: ClassVar[str] = "Core"
    icon: ClassVar[str] = "dense"
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = (
        "fully connected", "linear", "neurons", "perceptron", "mlp", "time distributed", "projection",
    )  # fmt: skip
    help: ClassVar[str] = (
        "Each neuron weighs all inputs, adds its bias and passes the sum through the activation. "
        "Early layers find simple patterns; later ones combine them. Of a sequence, each step goes through "
        "the same neurons, what Keras also calls TimeDistributed."
    )
    formula: ClassVar[str] = "y = activation(x W + b)"
    source: ClassVar[str] = "F. Rosenblatt, The perceptron, Psychological Review 65 (1958); Keras: Dense"
    keras: ClassVar[str] = "Dense"
    torch: ClassVar[str] = "Linear"
    onnx: ClassVar[str] = "Gemm"

    units: int = integer(32, 1, 65_536, help="How many neurons the layer has.")
    activation: str = parameters.activation()
    use_bias: bool = parameters.use_bias()
    kernel_initializer: str = parameters.weight_initializer()
    bias_initializer: str = parameters.bias_initializer()
    l1: float = parameters.l1()
    l2: float = parameters.l2()

    def summary(self) -> str:
        return f"Dense · {self.activation}"

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        if not shape:
            raise ShapeProblem("gets one number a sample, needs a list of features: wire Data's X to it.")
        if len(shape) > 2:
            # Keras would take it, but who wires a picture to Dense has mostly forgotten Flatten;
            # Conv2D with patterns of one pixel does what Keras's Dense would do.
            raise ShapeProblem(
                f"gets {describe(shape)}, needs a flat input: add Flatten before it.",
                Remedy("insert", "Add Flatten before it", type="Flatten"),
            )
        return (*shape[:-1], self.units)

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        kernel = Weight("kernel", (shapes[0][-1], self.units), self.kernel_initializer, penalized=True)
        return (kernel, Weight("bias", (self.units,), self.bias_initializer)) if self.use_bias else (kernel,)

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        kernel = lowering.weight("kernel")
        bias = lowering.weight("bias") if self.use_bias else None
        batch = lowering.batch
        if len(x.shape) > 1:
            y = lowering.output((*x.shape[:-1], self.units))
            project(lowering, x, pieces_of(kernel, bias, x.shape[-1]), y)
            return lowering.activation(self.activation, y)
        y = lowering.output((self.units,))
        start = lowering.table([0])
        offsets = lowering.table(x.offsets())
        lower_product(
            lowering,
            self.units,
            (1, x.features, batch),
            (x.base, start, offsets),
            (kernel.value, kernel.stride, 1),
            (bias.value, 1) if bias else None,
            (y.base, start, batch),
        )

        def weight_gradients(dy: Tensor) -> None:
            # dW and db run over the units in vectors, so they read dy with the units innermost.
            width = -(-self.units // lowering.lanes) * lowering.lanes
            turned = lowering.scratch(batch * width)
            lowering.emit(transpose, self.units, batch, dy.base, lowering.table(dy.offsets()), turned, width)
            if bias is not None:
                lowering.emit(sum_rows, batch, width, width, turned, bias.gradient)
            samples = lowering.table(np.arange(batch) * width)
            for first, length, base in x.runs():
                lower_product(
                    lowering,
                    length,
                    (1, batch, width),
                    (turned, start, samples),
                    (base, 1, batch),
                    None,
                    (kernel.gradient + first * kernel.stride, start, kernel.stride),
                )

        def backward(dy: Tensor) -> None:
            if kernel.trainable:
                weight_gradients(dy)
            dx = lowering.gradient(x)
            if dx is None:
                return
            units = lowering.table(dy.offsets())
            for first, length, base in dx.runs():
                lower_product(
                    lowering,
                    length,
                    (1, self.units, batch),
                    (dy.base, start, units),
                    (kernel.value + first * kernel.stride, 1, kernel.stride),
                    None,
                    (base, start, batch),
                )

        lowering.backward(y, backward)
        return lowering.activation(self.activation, y)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        y = inputs[0] @ weights["kernel"]
        if self.use_bias:
            y = y + weights["bias"]
        return registry.activate(self.activation, y)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(units=5), ((7,),)),
            (cls(units=1, activation="sigmoid"), ((3,),)),
            (cls(units=10, activation="softmax"), ((17,),)),
            (cls(units=33, activation="gelu", use_bias=False), ((19,),)),
            (cls(units=8, activation="tanh", l1=0.01, l2=0.02), ((2,),)),
            (cls(units=9, activation="relu"), ((5, 7),)),
            (cls(units=3, activation="leaky_relu"), ((4,),)),
            (cls(units=3, activation="softmax", l2=0.02), ((1, 4),)),
            (cls(units=17, use_bias=False), ((6, 1),)),
        )
