"""Learned numbers for each place in a sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core import registry
from studio.core.fields import choice
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.sequences import check_sequence
from studio.core.shapes import Shape
from studio.kernels.control import copy_rows
from studio.kernels.embeddings import add_to_samples, sum_over_samples


@dataclass(frozen=True)
class PositionEmbedding(Layer):
    """``y[t] = x[t] + P[t]``: learned numbers say where in the sequence a step is."""

    family: ClassVar[str] = "Attention"
    icon: ClassVar[str] = "book"
    keywords: ClassVar[tuple[str, ...]] = ("position", "order", "place", "sequence", "transformer", "learned")
    help: ClassVar[str] = (
        "Adds to each step numbers of its own that training finds. Attention looks at all steps at once and "
        "would not know their order; with these it does."
    )
    formula: ClassVar[str] = "yₜ = xₜ + Pₜ"
    source: ClassVar[str] = (
        "J. Gehring et al., Convolutional sequence to sequence learning, ICML 2017; "
        "KerasHub: PositionEmbedding (there, adding is left to you)"
    )
    keras_source: ClassVar[str] = '''
class PositionEmbedding(keras.layers.Layer):
    """Adds to each step of a sequence learned numbers of its own."""

    def __init__(self, initializer="glorot_uniform", **options):
        super().__init__(**options)
        self.initializer = initializer

    def build(self, shape):
        self.position_embeddings = self.add_weight(
            name="position_embeddings", shape=shape[1:], initializer=self.initializer
        )

    def call(self, sequence):
        return sequence + self.position_embeddings
'''
    torch: ClassVar[str] = "Parameter, added"
    onnx: ClassVar[str] = "Add"

    initializer: str = choice("glorot_uniform", registry.initializer_names, help="How the numbers are drawn before training.")

    def output_shape(self, *shapes: Shape) -> Shape:
        check_sequence(shapes[0])
        return shapes[0]

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        return (Weight("position_embeddings", shapes[0], self.initializer),)

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        x = lowering.contiguous(inputs[0])
        weight = lowering.weight("position_embeddings")
        y = lowering.output(x.shape)
        sizes = (x.features, lowering.batch, x.shape[1], weight.stride)
        lowering.emit(add_to_samples, *sizes, x.base, weight.value, y.base)

        def backward(dy: Tensor) -> None:
            if weight.trainable:
                lowering.emit(sum_over_samples, *sizes, dy.base, weight.gradient)
            dx = lowering.gradient(x)
            if dx is not None:
                lowering.emit(copy_rows, 1, x.features * lowering.batch, dx.base, 0, dy.base, 0)

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.asarray(inputs[0] + weights["position_embeddings"])

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((5, 7),)),
            (cls(initializer="random_normal"), ((3, 16),)),
            (cls(), ((1, 1),)),
        )
