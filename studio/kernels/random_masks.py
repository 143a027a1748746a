"""Random numbers that layers draw while training: which numbers fall silent, and noise.

The numbers follow from seed, node, step, the feature's number and the sample's place in the
whole minibatch, not from the thread that draws them. One draw of the generator is four words: four
features' noise, or eight features' chance to fall silent, for each of which 16 bits decide. So a rate
counts as the nearest multiple of 2 ** -16, and numbers that are left grow by what belongs to that one.
What is kept of a number for the way back is one bit.
"""

from __future__ import annotations

from studio.core.lowering import Lowering, Ref, Tensor
from studio.kernels.control import copy_rows
from studio.kernels.jit import inline, kernel
from studio.kernels.maths import erfinv
from studio.kernels.numba_names import float32, int64
from studio.kernels.random_vectors import CHANCES, draw_chances, draw_uniforms
from studio.kernels.sharing import each, inner, outer
from studio.kernels.simd import LANES, at, load, select, store, take_bits
from studio.kernels.state import SEED, SHARD, STEP, THREAD

#: What a silenced number counts as in `AlphaDropout`: where selu ends, far below 0.
SILENT = -1.7580993408473766


@inline
def limit_of(rate):
    """What half a word must reach at the least for a number not to fall silent."""
    return min(int64(rate * float32(65536.0) + float32(0.5)), int64(65535))


@inline
def _change(limit, keeps_moments):
    """Factor, silenced number and shift that belong to the rate of a limit.

    Either what is left grows by 1 / (1 - rate), so that the mean stays; or all numbers are
    scaled and shifted such that mean 0 and deviation 1 stay.
    """
    rate = float32(limit) * float32(2.0**-16)
    if keeps_moments != 0:
        silent = float32(SILENT)
        factor = float32(((1.0 - rate) * (1.0 + rate * SILENT * SILENT)) ** -0.5)
        return factor, silent, -factor * silent * rate
    return float32(1.0) / (float32(1.0) - rate), float32(0.0), float32(0.0)


@kernel
def silence(arena, record, table, state):
    """y = silent with probability `rate`, else x; then scaled and shifted. Bits tell what was kept."""
    rows, row_length, batch = record[2], record[3], record[4]
    bits, limit = at(arena, record[9]), limit_of(arena[record[10]])
    key, keeps_moments = record[11], record[13]
    seed = record[12] if record[12] != 0 else state[SEED]
    factor, silent, shift = _change(limit, keeps_moments)
    instead = silent * factor + shift
    first, vectors, features = state[THREAD] * state[SHARD], batch // LANES, rows * row_length
    for n in each(0, features, CHANCES):
        row, column = n // row_length, n % row_length
        for b in range(0, batch, LANES):
            place = n * vectors + b // LANES
            draw_chances(bits, place, vectors, limit, first + b, n // CHANCES, state[STEP], key, seed)
            r, c = row, column
            for i in range(min(CHANCES, features - n)):
                kept = take_bits(bits, place + i * vectors)
                x = load(at(arena, record[7] + r * record[8] + c * batch + b))
                store(at(arena, record[5] + r * record[6] + c * batch + b), select(kept, x * factor + shift, instead))
                c += 1
                if c == row_length:
                    r, c = r + 1, 0


@kernel
def silence_backward(arena, record, table, state):
    """dx = dy * factor where x was kept, else 0."""
    rows, length, bits = record[2], record[3], at(arena, record[8])
    factor, _, _ = _change(limit_of(arena[record[9]]), record[10])
    for row in outer(rows):
        dx, dy = at(arena, record[4] + row * record[5]), at(arena, record[6] + row * record[7])
        for i in inner(rows, 0, length, LANES):
            kept = take_bits(bits, (row * length + i) // LANES)
            store(at(dx, i), select(kept, load(at(dy, i)) * factor, 0.0))


@kernel
def noise(arena, record, table, state):
    """y = x + deviation n, or y = x (1 + deviation n), with normal numbers n of deviation 1.

    Of the second the same call leads back, from dy to dx.
    """
    rows, row_length, batch = record[2], record[3], record[4]
    uniforms, key, multiplies, apart = at(arena, record[9]), record[11], record[13], record[14]
    # Of a rate, the deviation that dropout of that rate has.
    deviation = arena[record[10]]
    if multiplies != 0:
        deviation = float32((deviation / (1.0 - deviation)) ** 0.5)
    seed = record[12] if record[12] != 0 else state[SEED]
    first, features = state[THREAD] * state[SHARD], rows * row_length
    for n in each(0, features, 4):
        row, column, drawn = n // row_length, n % row_length, at(uniforms, n // 4 * apart)
        for b in range(0, batch, LANES):
            draw_uniforms(drawn, LANES, first + b, n // 4, state[STEP], key, seed)
            r, c = row, column
            for i in range(min(4, features - n)):
                # Odd multiples of 2 ** -24 between -1 and 1, which are exact and never the ends.
                spread = load(at(drawn, i * LANES)) * 2.0 - (1.0 - 2.0**-24)
                moved = erfinv(spread) * (deviation * 1.4142135623730951)
                x = load(at(arena, record[7] + r * record[8] + c * batch + b))
                y = at(arena, record[5] + r * record[6] + c * batch + b)
                if multiplies != 0:
                    store(y, x + x * moved)
                else:
                    store(y, x + moved)
                c += 1
                if c == row_length:
                    r, c = r + 1, 0


@kernel
def draw_mask(arena, record, table, state):
    """mask[n, b] = 0 with probability `rate`, else 1 / (1 - rate)."""
    features, batch, mask = record[2], record[3], at(arena, record[4])
    rate, key = arena[record[5]], record[6]
    seed = record[7] if record[7] != 0 else state[SEED]
    keep = float32(1.0) / (float32(1.0) - rate)
    first = state[THREAD] * state[SHARD]
    for n in each(0, features, 4):
        for b in range(0, batch, LANES):
            place = at(mask, n * batch + b)
            draw_uniforms(place, batch, first + b, n // 4, state[STEP], key, seed)
            for i in range(4):
                store(at(place, i * batch), select(load(at(place, i * batch)) < rate, 0.0, keep))


@kernel
def multiply_pixels(arena, record, table, state):
    """y = x * mask, pixel by pixel; all pixels have the same mask."""
    pixels, length, mask = record[2], record[3], at(arena, record[8])
    for p in outer(pixels):
        x, y = at(arena, record[4] + table[record[5] + p]), at(arena, record[6] + table[record[7] + p])
        for i in inner(pixels, 0, length, LANES):
            store(at(y, i), load(at(x, i)) * load(at(mask, i)))


# Lowering ------------------------------------------------------------------------------------


def _rows(lowering: Lowering, tensor: Tensor) -> Tensor:
    """Rows of pictures lie apart in the same way; anything else must have no gaps."""
    return tensor if len(tensor.shape) == 3 else lowering.contiguous(tensor)


def lower_silence(lowering: Lowering, tensor: Tensor, seed: int, keeps_moments: bool) -> Tensor:
    """Emit what silences random numbers of a tensor; the live number is called ``rate``."""
    if not lowering.training:
        return lowering.view(tensor, tensor.shape)
    x = _rows(lowering, tensor)
    y = lowering.output(x.shape)
    batch, rate = lowering.batch, lowering.number("rate")
    # A draw keeps masks for all of its features, even behind the last one.
    bits = lowering.scratch(-(-x.features // CHANCES) * CHANCES * (batch // lowering.lanes) // 2)
    lowering.emit(
        silence,
        *(x.rows, x.row_length, batch, y.base, y.row_stride, x.base, x.row_stride),
        *(bits, rate, lowering.node_key(), seed, int(keeps_moments)),
    )

    def backward(dy: Tensor) -> None:
        dx = lowering.gradient(x)
        if dx is not None:
            places = (dx.base, dx.row_stride, dy.base, dy.row_stride)
            lowering.emit(silence_backward, x.rows, x.row_length * batch, *places, bits, rate, int(keeps_moments))

    lowering.backward(y, backward)
    return y


def lower_noise(lowering: Lowering, tensor: Tensor, number: str, seed: int, multiplies: bool) -> Tensor:
    """Emit what adds noise to a tensor, or multiplies it by noise around 1.

    Parameters
    ----------
    number : str
        The live number: the deviation of what is added, or a rate that stands for that of factors.
    """
    if not lowering.training:
        return lowering.view(tensor, tensor.shape)
    x = _rows(lowering, tensor)
    y = lowering.output(x.shape)
    # Groups of a card that share the features need places of their own for what they draw.
    draws, own = -(-x.features // 4) if lowering.on_card else 1, 4 * lowering.lanes
    chance: tuple[int | Ref, ...] = (
        *(lowering.scratch(draws * own), lowering.number(number)),
        *(lowering.node_key(), seed, int(multiplies), own if lowering.on_card else 0),
    )

    def emit(source: Tensor, target: Tensor) -> None:
        places = (target.base, target.row_stride, source.base, source.row_stride)
        lowering.emit(noise, x.rows, x.row_length, lowering.batch, *places, *chance)

    emit(x, y)

    def backward(dy: Tensor) -> None:
        if not multiplies and lowering.alias_gradient(x, dy):
            return
        dx = lowering.gradient(x)
        if dx is None:
            return
        if multiplies:
            emit(dy, dx)
        else:
            lowering.emit(copy_rows, x.rows, x.row_length * lowering.batch, dx.base, dx.row_stride, dy.base, dy.row_stride)

    lowering.backward(y, backward)
    return y


def lower_spatial(lowering: Lowering, tensor: Tensor, seed: int) -> Tensor:
    """Emit what silences whole channels; the live number is called ``rate``."""
    if not lowering.training:
        return lowering.view(tensor, tensor.shape)
    x = _rows(lowering, tensor)
    y = lowering.output(x.shape)
    channels, batch = x.shape[-1], lowering.batch
    mask = lowering.scratch(-(-channels // 4) * 4 * batch)
    lowering.emit(draw_mask, channels, batch, mask, lowering.number("rate"), lowering.node_key(), seed)

    def emit(source: Tensor, target: Tensor) -> None:
        places = (source.base, lowering.table(source.pixel_offsets()), target.base, lowering.table(target.pixel_offsets()))
        lowering.emit(multiply_pixels, x.features // channels, channels * batch, *places, mask)

    emit(x, y)

    def backward(dy: Tensor) -> None:
        dx = lowering.gradient(x)
        if dx is not None:
            emit(dy, dx)

    lowering.backward(y, backward)
    return y
