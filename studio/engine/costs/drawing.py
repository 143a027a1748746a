"""Costs of kernels that draw random numbers.

Drawing is whole numbers' arithmetic, but it takes the same lanes of the same units as that of
floating point numbers, an instruction a vector: so it counts as operations. Ten rounds for four words
of 32 bits have two products, two shifts and two sums (exclusive or, of three) each, in lanes of 64 bits, which
count twice. The key's part of a round is the same for all numbers and is not counted.
"""

from __future__ import annotations

from studio.engine.costs.arguments import Arguments
from studio.engine.costs.arithmetic import of_maths
from studio.engine.costs.formulas import Work, cost, each

_MASKS = "studio.kernels.random_masks"

#: Operations of four words, in each of a vector's lanes.
DRAW = 10 * 6 * 2
#: Of a number between 0 and 1, which is a word, and of a chance, which is half a word.
UNIFORM, CHANCE = DRAW / 4, DRAW / 8

cost("studio.kernels.sampling", "draw_sample_numbers")(each(lambda a: 4 * a.batch, UNIFORM + 1, 0, 1))
cost("studio.kernels.rows", "draw_row_masks")(each(lambda a: a.features * a.batch, UNIFORM + 3, 0, 1))
cost("studio.layers.random_mask", "hide_words")(each(lambda a: a.steps * a.batch, 2 * UNIFORM + 14, 1, 2))
cost(_MASKS, "draw_mask")(each(lambda a: a.features * a.batch, UNIFORM + 3, 0, 1))


@cost(_MASKS, "silence")
def _silence(a: Arguments) -> Work:
    n = a.rows * a.row_length * a.batch
    return Work(n * (CHANCE + 4), n, n * (1 + 1 / 32))


@cost(_MASKS, "silence_backward")
def _silence_backward(a: Arguments) -> Work:
    n = a.rows * a.length
    return Work(2 * n, n * (1 + 1 / 32), n)


@cost(_MASKS, "noise")
def _noise(a: Arguments) -> Work:
    n = a.rows * a.row_length * a.batch
    return Work(n * (UNIFORM + of_maths("erfinv") + 5), n, n)


@cost(_MASKS, "multiply_pixels")
def _multiply_pixels(a: Arguments) -> Work:
    n = a.pixels * a.length
    return Work(n, n + a.length, n)
