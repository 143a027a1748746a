"""The same layer for each step of a sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core import parameters, registry
from studio.core.fields import choice, integer
from studio.core.keras_code import Code, call
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.parts import weights_of_part
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.copies import copy_features

#: Layers that it can repeat: how many axes a step may have for them, in numbers and in words.
_REPEATED: Mapping[str, tuple[tuple[int, ...], str]] = {
    "Dense": ((1, 2), "steps x features"),
    "Conv1D": ((2,), "steps x rows x channels"),
    "Conv2D": ((3,), "steps x rows x columns x channels"),
    "Flatten": ((1, 2, 3), "steps x features"),
    "GlobalAveragePooling1D": ((2,), "steps x rows x channels"),
    "GlobalMaxPooling1D": ((2,), "steps x rows x channels"),
    "GlobalAveragePooling2D": ((3,), "steps x rows x columns x channels"),
    "GlobalMaxPooling2D": ((3,), "steps x rows x columns x channels"),
}


@dataclass(frozen=True)
class TimeDistributed(Layer):
    """``y[t] = layer(x[t])``, with the same weights at each step."""

    family: ClassVar[str] = "Core"
    icon: ClassVar[str] = "repeat"
    keywords: ClassVar[tuple[str, ...]] = ("each step", "sequence", "wrapper", "repeat", "shared", "frames", "video", "dense")
    help: ClassVar[str] = (
        "Puts each step of a sequence through the same layer, with the same weights. "
        "So a network can look at each picture of a film, or at each word, before another layer reads them one after the other."
    )
    formula: ClassVar[str] = "yₜ = layer(xₜ)"
    source: ClassVar[str] = "Keras: TimeDistributed"
    keras: ClassVar[str] = "TimeDistributed"
    torch: ClassVar[str] = "flatten(0, 1), unflatten"

    layer: str = choice("Dense", tuple(_REPEATED), help="Which layer each step goes through.")
    units: int = integer(32, 1, 65_536, help="How many neurons Dense has.")
    filters: int = integer(16, 1, 4096, help="How many patterns a convolution looks for.")
    kernel_size: int = integer(3, 1, 64, help="How long, or how high and wide, a convolution's patterns are.")
    strides: int = integer(1, 1, 64, help="How far a convolution's window moves each time.")
    padding: str = choice("valid", ("valid", "same"), help="Whether there are zeros around what a convolution sees, so that its size stays.")
    activation: str = parameters.activation()
    use_bias: bool = parameters.use_bias()
    kernel_initializer: str = parameters.weight_initializer()
    bias_initializer: str = parameters.bias_initializer()
    l1: float = parameters.l1()
    l2: float = parameters.l2()

    def summary(self) -> str:
        count = {"Dense": self.units, "Conv1D": self.filters, "Conv2D": self.filters}.get(self.layer)
        return f"{self.layer} · {count}" if count else self.layer

    def idle(self) -> frozenset[str]:
        used = {"layer", *registry.layer(self.layer).parameters()}
        return frozenset(name for name in self.parameters() if name not in used)

    def parts(self, *shapes: Shape) -> Mapping[str, Layer]:
        kind = registry.layer(self.layer)
        values = {name: getattr(self, name) for name in self.parameters() if name not in {"layer", *self.idle()}}
        if self.layer == "Conv2D":
            values |= {name: (values[name],) * 2 for name in ("kernel_size", "strides")}
        return {"layer": kind(**values)}

    def keras_code(self, *shapes: Shape) -> Code:
        return call("keras.layers.TimeDistributed", self.parts()["layer"].keras_code(shapes[0][1:]))

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        axes, words = _REPEATED[self.layer]
        if len(shape) - 1 not in axes:
            raise ShapeProblem(f"gets {describe(shape)}, needs {words} for {self.layer}: wire a sequence of them to it, or choose another layer.")
        try:
            return (shape[0], *self.parts()["layer"].output_shape(shape[1:]))
        except ShapeProblem as problem:
            # What would help a single step cannot be put before all of them.
            raise ShapeProblem(f"has a {self.layer} for each step that {problem}") from None

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        return weights_of_part("layer", self.parts()["layer"], shapes[0][1:])

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        if self.layer == "Dense" and len(x.shape) == 2:
            return lowering.part("layer", x)  # which does so itself, faster
        steps, batch = x.shape[0], lowering.batch
        # To the layer, steps are samples: each gets columns of its own.
        columns = np.arange(steps).reshape(-1, *(1,) * (len(x.shape) - 1)) * batch
        apart = lowering.side_by_side(x, self.parts()["layer"].halo(x.shape[1:]))
        copy_features(lowering, apart, columns + apart.offsets(), x, x.offsets())

        def join(gradient: Tensor) -> None:
            dx = lowering.gradient(x)
            if dx is not None:
                copy_features(lowering, dx, dx.offsets(), gradient, columns + gradient.offsets())

        lowering.backward(apart, join)
        made = lowering.need(lowering.part("layer", apart, halo=0))
        y = lowering.output((steps, *made.shape))
        columns_made = np.arange(steps).reshape(-1, *(1,) * len(made.shape)) * batch
        copy_features(lowering, y, y.offsets(), made, columns_made + made.offsets())

        def split(dy: Tensor) -> None:
            gradient = lowering.gradient(made)
            if gradient is not None:
                copy_features(lowering, gradient, columns_made + gradient.offsets(), dy, dy.offsets())

        lowering.backward(y, split)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        (x,) = inputs
        part = self.parts()["layer"]
        own = {name.removeprefix("layer/"): w for name, w in weights.items()}
        return np.stack([part.reference([x[:, t]], own, training) for t in range(x.shape[1])], 1)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(units=5, activation="tanh"), ((4, 3),)),
            (cls(units=3, activation="relu", l1=0.01, l2=0.02), ((3, 2, 5),)),
            (cls(layer="Conv1D", filters=3, kernel_size=2, padding="same", activation="relu"), ((3, 5, 2),)),
            (cls(layer="Conv2D", filters=2, use_bias=False, padding="same", activation="gelu"), ((2, 4, 3, 2),)),
            (cls(layer="Conv2D", filters=4, kernel_size=2, strides=2), ((3, 5, 4, 1),)),
            (cls(layer="Flatten"), ((2, 3, 2),)),
            (cls(layer="GlobalAveragePooling2D"), ((3, 2, 2, 5),)),
            (cls(layer="GlobalMaxPooling1D"), ((1, 4, 3),)),
        )
