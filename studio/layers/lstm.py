"""A layer that reads a sequence and decides what to remember, what to forget and what to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from studio.core import registry
from studio.core.fields import choice, flag
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.recurrent import Recurrent, curve_names
from studio.core.shapes import Shape
from studio.kernels.recurrence import lower_recurrent
from studio.kernels.recurrent import Cell, Group

_CELL = Cell(
    "LSTM",
    parts=("h", "x", "1"),
    groups=(Group((0, 1, 2, 3), ("h", "x", "1")),),
    back=((0, (0, 1, 2, 3)),),
    memory=True,
    forward="""
{sum_0}
        for b in range(samples):
{carry}
            sums = at(g, b * columns)
            for j in range(0, width, LANES):
                place = b * width + j
                i, f = gate(load(at(sums, j))), gate(load(at(sums, width + j)))
                c = curve(load(at(sums, 2 * width + j)))
                if gate_stays:
                    store(at(sums, j), i)
                    store(at(sums, width + j), f)
                    store(at(sums, 3 * width + j), gate(load(at(sums, 3 * width + j))))
                if curve_stays:
                    store(at(sums, 2 * width + j), c)
                store(at(next_memory, place), f * load(at(memory, place)) + i * c)
            # In a loop of its own, what depends on the state does not wait for it.
            for j in range(0, width, LANES):
                place = b * width + j
                shown = curve(load(at(next_memory, place)))
                h = gate_again(load(at(sums, 3 * width + j))) * shown
                store(at(kept, place), shown)
                store(at(following, place), h)
                store(at(zn, b * row + j), h)
""",
    backward="""
        for b in range(samples):
{carry}
            sums = at(g, b * columns)
            for j in range(0, width, LANES):
                place = b * width + j
                si, sf = load(at(sums, j)), load(at(sums, width + j))
                sc, so = load(at(sums, 2 * width + j)), load(at(sums, 3 * width + j))
                i, f, c, o = gate_again(si), gate_again(sf), curve_again(sc), gate_again(so)
                shown = load(at(kept, place))
                total = load(at(dh, place)) + load(at(dys, place))
                state = load(at(dc, place)) + total * o * curve_slope(load(at(next_memory, place)), shown)
                store(at(sums, j), state * c * gate_slope(si, i))
                store(at(sums, width + j), state * load(at(memory, place)) * gate_slope(sf, f))
                store(at(sums, 2 * width + j), state * i * curve_slope(sc, c))
                store(at(sums, 3 * width + j), total * shown * gate_slope(so, o))
                store(at(dc, place), state * f)
                if DIRECT:
                    store(at(dh, place), splat(0.0))
        if t > 0:
{back_0}
{merge}
""",
)


@dataclass(frozen=True)
class LSTM(Recurrent):
    """Long short-term memory: gates write to, clear and read a memory, step by step."""

    gates: ClassVar[int] = 4
    gate_names: ClassVar[tuple[str, ...]] = ("input gate", "forget gate", "new memory", "output gate")
    states: ClassVar[int] = 2
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("recurrent", "memory", "sequence", "time series", "text", "rnn", "gates")
    help: ClassVar[str] = (
        "Reads a sequence step by step and keeps a memory. Gates decide at each step what is written into it, what is "
        "cleared and what is shown, so that it can hold on to something for many steps."
    )
    formula: ClassVar[str] = "c = f · c + i · tanh(x W + h U + b), h = o · tanh(c)"
    source: ClassVar[str] = "S. Hochreiter and J. Schmidhuber, Long short-term memory, Neural Computation 9 (1997); Keras: LSTM"
    keras: ClassVar[str] = "LSTM"
    torch: ClassVar[str] = "LSTM"
    onnx: ClassVar[str] = "LSTM"

    recurrent_activation: str = choice("sigmoid", curve_names, help="The curve of the gates: 0 is shut, 1 is open.")
    unit_forget_bias: bool = flag(True, help="Whether the bias of the gate that keeps the memory starts at 1, so that little is forgotten at first.")

    def weights(self, *shapes: Any) -> tuple[Weight, ...]:
        found = super().weights(*shapes)
        if self.use_bias and self.unit_forget_bias:
            return (*found[:2], replace(found[2], ones=(self.units, 2 * self.units)))
        return found

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_recurrent(lowering, self, _CELL, *inputs)

    def step(
        self, x: np.ndarray, states: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, ...]:
        h, c = states
        sums = x @ weights["kernel"] + h @ weights["recurrent_kernel"] + weights.get("bias", 0.0)
        i, f, new, o = np.split(sums, 4, axis=1)
        gate, curve = self.recurrent_activation, self.activation
        c = registry.activate(gate, f) * c + registry.activate(gate, i) * registry.activate(curve, new)
        return registry.activate(gate, o) * registry.activate(curve, c), c

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(units=5), ((4, 3), None)),
            (cls(units=17, return_sequences=True), ((3, 2), None)),
            (cls(units=3, use_bias=False, go_backwards=True, return_sequences=True), ((5, 1), None)),
            (cls(units=4, activation="gelu", recurrent_activation="silu", unit_forget_bias=False), ((3, 2), None)),
            (cls(units=2, activation="linear", recurrent_activation="softplus", zero_output_for_mask=True, return_sequences=True), ((3, 2), (3,))),
            (cls(units=3), ((4, 2), (4,))),
            (cls(units=3, dropout=0.25, recurrent_dropout=0.5, return_sequences=True), ((3, 5), None)),
        )  # type: ignore[return-value]
