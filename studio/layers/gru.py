"""A layer that reads a sequence with two gates: cheaper than LSTM, and often as good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core import registry
from studio.core.fields import choice, flag
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.recurrent import Recurrent, curve_names
from studio.core.shapes import Shape
from studio.kernels.recurrence import lower_recurrent
from studio.kernels.recurrent import Cell, Group

#: Columns: what is remembered of the candidate; z and r; what the candidate gets of the input.
_RESET_AFTER = Cell(
    "GRU",
    parts=("h", "1h", "x", "1"),
    groups=(Group((2,), ("h", "1h")), Group((0, 1), ("h", "1h", "x", "1")), Group((2,), ("x", "1"))),
    back=((0, (2, 0, 1)),),
    direct=True,
    forward="""
{sum_0}
{sum_1}
{sum_2}
        for b in range(samples):
{carry}
            sums = at(g, b * columns)
            for j in range(0, width, LANES):
                old, z_gate, r = load(at(sums, j)), gate(load(at(sums, width + j))), gate(load(at(sums, 2 * width + j)))
                if gate_stays:
                    store(at(sums, width + j), z_gate)
                    store(at(sums, 2 * width + j), r)
                store(at(sums, 3 * width + j), load(at(sums, 3 * width + j)) + r * old)
            # In a loop of its own, what depends on the gates does not wait for them.
            for j in range(0, width, LANES):
                place = b * width + j
                z_gate, total = gate_again(load(at(sums, width + j))), load(at(sums, 3 * width + j))
                new = curve(total)
                if curve_stays:
                    store(at(sums, 3 * width + j), new)
                h = z_gate * load(at(previous, place)) + (1.0 - z_gate) * new
                store(at(following, place), h)
                store(at(zn, b * row + j), h)
""",
    backward="""
        for b in range(samples):
{carry}
            sums = at(g, b * columns)
            for j in range(0, width, LANES):
                place = b * width + j
                old, sz = load(at(sums, j)), load(at(sums, width + j))
                sr, sn = load(at(sums, 2 * width + j)), load(at(sums, 3 * width + j))
                z_gate, r, new = gate_again(sz), gate_again(sr), curve_again(sn)
                total = load(at(dh, place)) + load(at(dys, place))
                candidate = total * (1.0 - z_gate) * curve_slope(sn, new)
                store(at(sums, j), candidate * r)
                store(at(sums, width + j), total * (load(at(previous, place)) - new) * gate_slope(sz, z_gate))
                store(at(sums, 2 * width + j), candidate * old * gate_slope(sr, r))
                store(at(sums, 3 * width + j), candidate)
                store(at(dh, place), total * z_gate)
        if t > 0:
{back_0}
{merge}
""",
)

#: Columns: z and r; the candidate, which sees h times r.
_RESET_BEFORE = Cell(
    "GRU",
    parts=("h", "x", "1", "rh"),
    groups=(Group((0, 1), ("h", "x", "1")), Group((2,), ("x", "1", "rh"))),
    back=((0, (0, 1)), (2, (2,))),
    direct=True,
    forward="""
{sum_0}
        for b in range(samples):
            sums = at(g, b * columns)
            for j in range(0, width, LANES):
                z_gate, r = gate(load(at(sums, j))), gate(load(at(sums, width + j)))
                if gate_stays:
                    store(at(sums, j), z_gate)
                    store(at(sums, width + j), r)
                store(at(zt, b * row + reset_column + j), r * load(at(zt, b * row + j)))
{sum_1}
        for b in range(samples):
{carry}
            sums = at(g, b * columns)
            for j in range(0, width, LANES):
                place = b * width + j
                z_gate, total = gate_again(load(at(sums, j))), load(at(sums, 2 * width + j))
                new = curve(total)
                if curve_stays:
                    store(at(sums, 2 * width + j), new)
                h = z_gate * load(at(previous, place)) + (1.0 - z_gate) * new
                store(at(following, place), h)
                store(at(zn, b * row + j), h)
""",
    backward="""
        for b in range(samples):
{carry}
            sums = at(g, b * columns)
            for j in range(0, width, LANES):
                place = b * width + j
                sz, sn = load(at(sums, j)), load(at(sums, 2 * width + j))
                z_gate, new = gate_again(sz), curve_again(sn)
                total = load(at(dh, place)) + load(at(dys, place))
                store(at(sums, j), total * (load(at(previous, place)) - new) * gate_slope(sz, z_gate))
                store(at(sums, 2 * width + j), total * (1.0 - z_gate) * curve_slope(sn, new))
                store(at(dh, place), total * z_gate)
{back_1}
        for b in range(samples):
            sums = at(g, b * columns)
            for j in range(0, width, LANES):
                place = b * width + j
                sr, slope = load(at(sums, width + j)), load(at(reset, place))
                r = gate_again(sr)
                store(at(sums, width + j), slope * load(at(zt, b * row + j)) * gate_slope(sr, r))
                before = slope * r
                store(at(into, place), before if DROPPED else load(at(into, place)) + before)
        if t > 0:
{back_0}
{merge}
""",
)


@dataclass(frozen=True)
class GRU(Recurrent):
    """Gated recurrent unit: one gate mixes old and new, another lets go of the old."""

    gates: ClassVar[int] = 3
    gate_names: ClassVar[tuple[str, ...]] = ("update gate", "reset gate", "new output")
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("recurrent", "memory", "sequence", "time series", "text", "rnn", "gates")
    help: ClassVar[str] = (
        "Reads a sequence step by step. One gate decides how much of what it remembers is replaced, another how much of it "
        "matters for the replacement. It has fewer weights than LSTM and often does as well."
    )
    formula: ClassVar[str] = "h = z · h + (1 − z) · tanh(x W + r · (h U) + b)"
    source: ClassVar[str] = "K. Cho et al., Learning phrase representations using RNN encoder-decoder, EMNLP 2014; Keras: GRU"
    keras: ClassVar[str] = "GRU"
    torch: ClassVar[str] = "GRU"
    onnx: ClassVar[str] = "GRU"

    recurrent_activation: str = choice("sigmoid", curve_names, help="The curve of the gates: 0 is shut, 1 is open.")
    reset_after: bool = flag(True, help="Whether the second gate acts after the weights of the remembered numbers, or before them as in the paper.")

    def bias_shape(self) -> Shape:
        # After the weights, the remembered numbers' sum has a bias of its own.
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lower_recurrent(lowering, self, _RESET_AFTER if self.reset_after else _RESET_BEFORE, *inputs)

    def step(
        self, x: np.ndarray, states: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, ...]:
        (h,) = states
        bias = np.zeros((2, 3 * self.units))
        if self.use_bias:
            bias[: 2 if self.reset_after else 1] = weights["bias"]
        xz, xr, xn = np.split(x @ weights["kernel"] + bias[0], 3, axis=1)
        uz, ur, un = np.split(weights["recurrent_kernel"], 3, axis=1)
        bz, br, bn = np.split(bias[1], 3)
        z = registry.activate(self.recurrent_activation, xz + h @ uz + bz)
        r = registry.activate(self.recurrent_activation, xr + h @ ur + br)
        remembered = r * (h @ un + bn) if self.reset_after else (r * h) @ un
        return (z * h + (1 - z) * registry.activate(self.activation, xn + remembered),)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(units=5), ((4, 3), None)),
            (cls(units=17, return_sequences=True), ((3, 2), None)),
            (cls(units=5, reset_after=False, return_sequences=True), ((4, 3), None)),
            (cls(units=3, use_bias=False, go_backwards=True, return_sequences=True), ((5, 1), None)),
            (cls(units=3, use_bias=False, reset_after=False, go_backwards=True), ((4, 2), None)),
            (cls(units=4, activation="gelu", recurrent_activation="silu"), ((3, 2), None)),
            (cls(units=4, activation="leaky_relu", recurrent_activation="silu", reset_after=False), ((3, 17), None)),
            (cls(units=2, zero_output_for_mask=True, return_sequences=True), ((3, 2), (3,))),
            (cls(units=3, reset_after=False), ((4, 2), (4,))),
            (cls(units=3, dropout=0.25, recurrent_dropout=0.5, return_sequences=True), ((3, 5), None)),
            (cls(units=3, dropout=0.25, recurrent_dropout=0.5, reset_after=False), ((3, 5), None)),
        )  # type: ignore[return-value]
