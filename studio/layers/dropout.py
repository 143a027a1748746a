"""Random neurons fall silent while training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import float32

from studio.core.fields import integer, real
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.shapes import Shape
from studio.kernels.jit import kernel
from studio.kernels.random_vectors import draw_uniforms
from studio.kernels.simd import LANES, at, load, select, store
from studio.kernels.state import SEED, SHARD, STEP, THREAD


@kernel
def draw_mask(arena: Any, record: Any, table: Any, state: Any) -> None:
    """mask[n, b] = 0 with probability `rate`, else 1 / (1 - rate).

    The numbers depend on the sample's place in the whole minibatch, not on the thread.
    """
    features, batch, mask = record[2], record[3], at(arena, record[4])
    rate, key = arena[record[5]], record[6]
    seed = record[7] if record[7] != 0 else state[SEED]
    keep = float32(1.0) / (float32(1.0) - rate)
    first = state[THREAD] * state[SHARD]
    for n in range(0, features, 4):
        for b in range(0, batch, LANES):
            place = at(mask, n * batch + b)
            draw_uniforms(place, batch, first + b, n // 4, state[STEP], key, seed)
            for i in range(4):
                store(at(place, i * batch), select(load(at(place, i * batch)) < rate, 0.0, keep))


@kernel
def multiply_rows(arena: Any, record: Any, table: Any, state: Any) -> None:
    """y = x * mask, row by row; the mask has no gaps."""
    rows, length, mask = record[2], record[3], at(arena, record[8])
    for row in range(rows):
        y, x = at(arena, record[4] + row * record[5]), at(arena, record[6] + row * record[7])
        for i in range(0, length, LANES):
            store(at(y, i), load(at(x, i)) * load(at(mask, row * length + i)))


@dataclass(frozen=True)
class Dropout(Layer):
    """``y = x * mask / (1 - rate)`` while training; ``y = x`` otherwise."""

    family: ClassVar[str] = "Core"
    is_random: ClassVar[bool] = True
    icon: ClassVar[str] = "dropout"
    keywords: ClassVar[tuple[str, ...]] = ("regularisation", "regularization", "random", "noise", "overfitting")
    help: ClassVar[str] = (
        "Silences random neurons, other ones in each training step, so that no neuron can rely on a single other one. "
        "It helps against learning by heart. It does nothing once training is over."
    )
    formula: ClassVar[str] = "y = x · mask / (1 − rate) while training, else y = x"
    source: ClassVar[str] = "N. Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, JMLR 15 (2014); Keras: Dropout"
    keras: ClassVar[str] = "Dropout"
    torch: ClassVar[str] = "Dropout"
    onnx: ClassVar[str] = "Dropout"

    rate: float = real(0.5, 0.0, 0.99, help="Which share of the neurons is silent at any time.", live=True)
    seed: int = integer(0, 0, 2**31 - 1, help="The number this layer's chance follows from; 0 takes the training's seed.")

    def summary(self) -> str:
        return f"{self.rate:.0%}"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        if not lowering.training:
            return lowering.view(inputs[0], inputs[0].shape)
        # Rows of pictures lie apart in the same way; anything else must have no gaps.
        x = inputs[0] if len(inputs[0].shape) == 3 else lowering.contiguous(inputs[0])
        y = lowering.output(x.shape)
        mask = lowering.scratch(-(-x.features // 4) * 4 * lowering.batch)
        lowering.emit(
            draw_mask,
            *(x.features, lowering.batch, mask),
            *(lowering.number("rate"), lowering.node_key(), self.seed),
        )
        lengths = (x.rows, x.row_length * lowering.batch)
        lowering.emit(multiply_rows, *lengths, y.base, y.row_stride, x.base, x.row_stride, mask)

        def backward(dy: Tensor) -> None:
            dx = lowering.gradient(x)
            if dx is not None:
                lowering.emit(multiply_rows, *lengths, dx.base, dx.row_stride, dy.base, dy.row_stride, mask)

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        """What it computes once training is over, and its mean over all masks before."""
        return inputs[0]

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,),)),
            (cls(rate=0.25), ((5, 7, 3),)),
            (cls(rate=0.9, seed=5), ((3, 5),)),
            (cls(rate=0.0), ((7,),)),
        )
