"""The same matrix for each place of a tensor: each step of a sequence, each pixel of a picture.

What Dense does over a sequence, and what attention makes its queries, keys and values with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studio.core.lowering import Lowering, Ref, Tensor, WeightRef
from studio.kernels.control import copy_rows
from studio.kernels.correlations import lower_correlation
from studio.kernels.products import lower_product


@dataclass(frozen=True)
class Piece:
    """Some of a projection's outputs, whose weights lie side by side.

    Parameters
    ----------
    outputs : int
        How many they are.
    kernel, kernel_gradient : Ref
        The weight of the first input for the first of these outputs, and its gradient.
    stride : int
        Floats from one input's weights to the next one's.
    bias, bias_gradient : Ref or None
        Of the first of these outputs.
    """

    outputs: int
    kernel: Ref
    kernel_gradient: Ref
    stride: int
    bias: Ref | None = None
    bias_gradient: Ref | None = None


def pieces_of(kernel: WeightRef, bias: WeightRef | None, inputs: int) -> list[Piece]:
    """The pieces of a kernel whose first axes are `inputs` and whose other axes are the outputs.

    Rows of a weight are padded to whole vectors; where the last axis fills them, as mostly, all
    outputs are one piece.
    """
    length = kernel.shape[-1]
    rows = int(np.prod(kernel.shape)) // (inputs * length)
    distance = rows * kernel.stride
    if rows == 1 or kernel.stride == length:
        length, rows = rows * length, 1
    return [
        Piece(
            length,
            kernel.value + row * kernel.stride,
            kernel.gradient + row * kernel.stride,
            distance,
            bias.value + row * bias.stride if bias else None,
            bias.gradient + row * bias.stride if bias else None,
        )
        for row in range(rows)
    ]


def project(lowering: Lowering, x: Tensor, pieces: Sequence[Piece], y: Tensor, inputs: int | None = None) -> None:
    """Emit ``y[place, o] = bias[o] + sum over k of kernel[k, o] x[place, k]``, and its gradients.

    Parameters
    ----------
    x : Tensor
        Of two or more axes; the last is summed over.
    pieces : sequence of Piece
        Of all outputs, in order.
    y : Tensor
        Of the same places as `x`; its last axis is the outputs, and maybe some that stay free.
    inputs : int, optional
        How many of the last axis of `x` there are to sum over; all by default.
    """
    batch, inputs, outputs = lowering.batch, inputs or x.shape[-1], sum(piece.outputs for piece in pieces)
    places = x.features // x.shape[-1]
    x_places, y_places = lowering.table(x.pixel_offsets()), lowering.table(y.pixel_offsets())
    x_offsets = lowering.table(np.arange(inputs) * batch)
    kernel, stride = pieces[0].kernel, pieces[0].stride
    bias = pieces[0].bias
    if len(pieces) > 1:
        kernel, stride = lowering.scratch(inputs * outputs), outputs
        bias = lowering.scratch(outputs) if bias is not None else None
        first = 0
        for piece in pieces:
            lowering.emit(copy_rows, inputs, piece.outputs, kernel + first, stride, piece.kernel, piece.stride)
            if bias is not None and piece.bias is not None:
                lowering.emit(copy_rows, 1, piece.outputs, bias + first, 0, piece.bias, 0)
            first += piece.outputs
    lower_product(
        lowering,
        outputs,
        (places, inputs, batch),
        (x.base, x_places, x_offsets),
        (kernel, stride, 1),
        (bias, 1) if bias is not None else None,
        (y.base, y_places, batch),
    )

    def backward(dy: Tensor) -> None:
        first = 0
        for piece in () if lowering.frozen else pieces:
            lower_correlation(
                lowering,
                piece.outputs,
                (x.base, x.pixel_offsets(), np.arange(inputs) * batch),
                (dy.base + first * batch, dy.pixel_offsets()),
                (piece.kernel_gradient, piece.stride),
                piece.bias_gradient,
            )
            first += piece.outputs
        dx = lowering.gradient(x)
        if dx is None:
            return
        dx_places, dy_places = lowering.table(dx.pixel_offsets()), lowering.table(dy.pixel_offsets())
        dy_offsets = lowering.table(np.arange(outputs) * batch)
        lower_product(
            lowering,
            inputs,
            (places, outputs, batch),
            (dy.base, dy_places, dy_offsets),
            (kernel, 1, stride),
            None,
            (dx.base, dx_places, batch),
        )

    lowering.backward(y, backward)
