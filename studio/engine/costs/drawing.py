"""Costs of kernels that draw random numbers.

Drawing itself is whole numbers' arithmetic (ten rounds of multiplications for four numbers): it
is no traffic and no floating point operation, so that such kernels are far from either peak.
"""

from __future__ import annotations

from studio.engine.costs.arguments import Arguments
from studio.engine.costs.arithmetic import of_maths
from studio.engine.costs.formulas import Work, cost, each

_MASKS = "studio.kernels.random_masks"

cost("studio.kernels.sampling", "draw_sample_numbers")(each(lambda a: 4 * a.batch, 1, 0, 1))
cost("studio.kernels.rows", "draw_row_masks")(each(lambda a: a.features * a.batch, 3, 0, 1))
cost("studio.layers.random_mask", "hide_words")(each(lambda a: a.steps * a.batch, 14, 1, 2))
cost(_MASKS, "draw_mask")(each(lambda a: a.features * a.batch, 3, 0, 1))


@cost(_MASKS, "silence")
def _silence(a: Arguments) -> Work:
    n = a.rows * a.row_length * a.batch
    return Work(5 * n, n, n * (1 + 1 / 32))


@cost(_MASKS, "silence_backward")
def _silence_backward(a: Arguments) -> Work:
    n = a.rows * a.length
    return Work(2 * n, n * (1 + 1 / 32), n)


@cost(_MASKS, "noise")
def _noise(a: Arguments) -> Work:
    n = a.rows * a.row_length * a.batch
    return Work(n * (of_maths("erfinv") + 5), n, n)


@cost(_MASKS, "multiply_pixels")
def _multiply_pixels(a: Arguments) -> Work:
    n = a.pixels * a.length
    return Work(n, n + a.length, n)
