"""The simplest layer that reads a sequence and remembers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core import registry
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.recurrent import Recurrent
from studio.core.shapes import Shape
from studio.kernels.recurrence import lower_recurrent
from studio.kernels.recurrent import Cell, Group

_CELL = Cell(
    "SimpleRNN",
    parts=("h", "x", "1"),
    groups=(Group((0,), ("h", "x", "1")),),
    back=((0, (0,)),),
    forward="""
{sum_0}
        for b in range(samples):
{carry}
            for j in range(0, width, LANES):
                h = curve(load(at(g, b * columns + j)))
                store(at(following, b * width + j), h)
                store(at(zn, b * row + j), h)
""",
    backward="""
        for b in range(samples):
{carry}
            for j in range(0, width, LANES):
                place, sums = at(dh, b * width + j), at(g, b * columns + j)
                total = load(place) + load(at(dys, b * width + j))
                store(sums, total * curve_slope(load(sums), load(at(following, b * width + j))))
                if DIRECT:
                    store(place, splat(0.0))
        if t > 0:
{back_0}
{merge}
""",
)


@dataclass(frozen=True)
class SimpleRNN(Recurrent):
    """``h = activation(x W + h U + b)``, from step to step."""

    keywords: ClassVar[tuple[str, ...]] = ("recurrent", "memory", "sequence", "time series", "elman")
    help: ClassVar[str] = (
        "Reads a sequence step by step. What it puts out at each step is also what it remembers for the next. "
        "It forgets what is more than a few steps back; LSTM and GRU do not."
    )
    formula: ClassVar[str] = "h = activation(x W + h U + b)"
    source: ClassVar[str] = "J. L. Elman, Finding structure in time, Cognitive Science 14 (1990); Keras: SimpleRNN"
    keras: ClassVar[str] = "SimpleRNN"
    torch: ClassVar[str] = "RNN"
    onnx: ClassVar[str] = "RNN"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_recurrent(lowering, self, _CELL, *inputs)

    def step(
        self, x: np.ndarray, states: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, ...]:
        sums = x @ weights["kernel"] + states[0] @ weights["recurrent_kernel"] + weights.get("bias", 0.0)
        return (registry.activate(self.activation, sums),)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(units=5), ((4, 3), None)),
            (cls(units=17, return_sequences=True, activation="relu"), ((3, 2), None)),
            (cls(units=3, use_bias=False, go_backwards=True, return_sequences=True), ((5, 1), None)),
            (cls(units=4, activation="silu", go_backwards=True), ((3, 17), None)),
            (cls(units=2, zero_output_for_mask=True, return_sequences=True), ((3, 2), (3,))),
            (cls(units=3, dropout=0.25, recurrent_dropout=0.5, return_sequences=True), ((3, 5), None)),
        )  # type: ignore[return-value]
