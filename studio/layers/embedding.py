"""A list of numbers for each word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core import registry
from studio.core.fields import choice, integer
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe
from studio.kernels.embeddings import look_up, sum_by_row


@dataclass(frozen=True)
class Embedding(Layer):
    """``y[t] = E[x[t]]``: whole numbers choose rows of a table that is learned."""

    family: ClassVar[str] = "Attention"
    icon: ClassVar[str] = "book"
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("word", "token", "text", "vocabulary", "lookup", "vector", "word2vec")
    help: ClassVar[str] = (
        "Turns each word (or letter), given as a whole number, into a list of numbers that training finds. "
        "Words that are used alike end up with similar lists. "
        "Numbers below 0 count as 0, and those that are too large as the last word."
    )
    formula: ClassVar[str] = "yₜ = E[xₜ]"
    source: ClassVar[str] = "Y. Bengio et al., A neural probabilistic language model, JMLR 3 (2003); Keras: Embedding"
    keras: ClassVar[str] = "Embedding"
    torch: ClassVar[str] = "Embedding"
    onnx: ClassVar[str] = "Gather"

    input_dim: int = integer(1000, 1, 1_000_000, help="How many different words there are; they are numbered from 0.")
    output_dim: int = integer(32, 1, 65_536, help="How many numbers stand for a word.")
    embeddings_initializer: str = choice(
        "random_uniform", registry.initializer_names, help="How the words' numbers are drawn before training."
    )

    def summary(self) -> str:
        return f"{self.input_dim} words"

    def whole_numbers(self, port: int) -> int:
        return self.input_dim

    def check_words(self, port: int, words: int) -> None:
        if words > self.input_dim:
            raise ShapeProblem(
                f"knows {self.input_dim} words, but gets {words} different ones: raise input_dim.",
                Remedy("set", f"Make room for {words} words", values=(("input_dim", words),)),
            )

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        if len(shape) != 1:
            sentence = "gets one number a sample" if not shape else f"gets {describe(shape)}"
            remedy = Remedy("insert", "Add Flatten before it", type="Flatten") if shape else None
            rest = ": add Flatten before it." if shape else "."
            raise ShapeProblem(f"{sentence}, needs a list of whole numbers, one for each word{rest}", remedy)
        return (*shape, self.output_dim)

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        return (Weight("embeddings", (self.input_dim, self.output_dim), self.embeddings_initializer),)

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        x = lowering.contiguous(inputs[0])
        weights = lowering.weight("embeddings")
        y = lowering.output((*x.shape, self.output_dim))
        sizes = (x.features, self.input_dim, self.output_dim, lowering.batch)
        lanes, shared = lowering.lanes, lowering.on_card
        chosen = lowering.scratch(2 * (x.features * lowering.batch if shared else lanes))
        # Groups of a card that share the steps or the columns need places of their own.
        apart = 2 if shared else 0
        lowering.emit(look_up, *sizes, x.base, weights.value, weights.stride, y.base, chosen, apart)

        def backward(dy: Tensor) -> None:
            if not weights.trainable:
                return
            width = -(-self.output_dim // lanes) * lanes
            turned, numbers = lowering.scratch(lanes * width), lowering.scratch(2 * width)
            places = lowering.table(np.arange(lanes) * lowering.batch)
            where = (x.base, weights.gradient, weights.stride, dy.base)
            lowering.emit(sum_by_row, *sizes, *where, numbers, turned, places, lanes if shared else width, apart)

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        numbers = np.clip(np.floor(inputs[0] + 0.5), 0, self.input_dim - 1).astype(int)
        return np.asarray(weights["embeddings"][numbers])

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(input_dim=7, output_dim=5), ((6,),)),
            (cls(input_dim=3, output_dim=16), ((11,),)),
            (cls(input_dim=40, output_dim=21, embeddings_initializer="glorot_uniform"), ((4,),)),
            (cls(input_dim=1, output_dim=1), ((1,),)),
        )
