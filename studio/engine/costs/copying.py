"""Costs of kernels that move numbers: minibatches, copies, rows of tables, pictures."""

from __future__ import annotations

from studio.engine.costs.arguments import Arguments
from studio.engine.costs.formulas import Work, cost, each
from studio.kernels.simd import LANES

_CONTROL = "studio.kernels.control"
_EMBEDDINGS = "studio.kernels.embeddings"
_PICTURES = "studio.kernels.pictures"
_SAMPLING = "studio.kernels.sampling"
_ROWS = "studio.kernels.rows"
_BIDIRECTIONAL = "studio.layers.bidirectional"

cost(_CONTROL, "barrier")(each(lambda a: 0, 0, 0, 0))
cost(_CONTROL, "mark_valid")(each(lambda a: a.batch, 0, 0, 1))
for _module, _name in ((_CONTROL, "gather"), ("studio.kernels.stored", "gather_stored")):
    cost(_module, _name)(each(lambda a: a.rows * a.row_length * a.batch, 0, 1, 1))
cost(_CONTROL, "copy_rows")(each(lambda a: a.rows * a.length, 0, 1, 1))
cost(_CONTROL, "add_into")(each(lambda a: a.rows * a.length, 1, 1, 0, 1))
cost("studio.kernels.copies", "copy_runs")(each(lambda a: a.runs * a.length, 0, 1, 1))
cost("studio.kernels.merging", "clear_rows")(each(lambda a: a.rows * a.length, 0, 0, 1))
cost("studio.layers.shift_right", "fill")(each(lambda a: a.length, 0, 0, 1))
cost("studio.kernels.rates", "set_rate")(each(lambda a: 1, 1, 2, 1))

cost(_BIDIRECTIONAL, "scale_steps")(each(lambda a: a.steps * a.length, 1, 1, 1))
cost(_BIDIRECTIONAL, "add_steps")(each(lambda a: a.steps * a.length, 2, 2, 1))
cost(_BIDIRECTIONAL, "multiply_steps")(each(lambda a: a.steps * a.length, 1, 2, 1))

cost(_ROWS, "unpack")(each(lambda a: a.rows * a.blocks * a.length, 0, 1, 1))


@cost(_ROWS, "pack", "pack_turned")
def _pack(a: Arguments) -> Work:
    return Work(0.0, a.rows * a.blocks * a.length, a.rows * a.blocks * a.width)


@cost(_EMBEDDINGS, "look_up")
def _look_up(a: Arguments) -> Work:
    chosen = a.steps * a.batch
    # Which rows are chosen is in the data; there are no more than the table has.
    return Work(0.0, chosen + min(a.rows, chosen) * a.columns, chosen * a.columns)


@cost(_EMBEDDINGS, "sum_by_row")
def _sum_by_row(a: Arguments) -> Work:
    chosen = a.steps * a.batch
    return Work(chosen * a.columns, chosen * (1 + a.columns), a.rows * a.stride)


@cost(_EMBEDDINGS, "add_to_samples")
def _add_to_samples(a: Arguments) -> Work:
    n = a.features * a.batch
    return Work(n, n + a.features, n)


@cost(_EMBEDDINGS, "sum_over_samples")
def _sum_over_samples(a: Arguments) -> Work:
    n = a.features * a.batch
    return Work(n - a.features * LANES, n, a.features)


@cost("studio.layers.sine_position_encoding", "add_sines")
def _add_sines(a: Arguments) -> Work:
    n = a.features * a.batch
    # Sines are integers of twice as many bytes.
    return Work(n, n + 2 * a.features, n)


@cost(_PICTURES, "mix_pixels")
def _mix_pixels(a: Arguments) -> Work:
    entries = int(a.integers("starts", a.pixels + 1)[-1])
    read = len(set(a.integers("entries", 2 * entries)[::2].tolist()))
    return Work((2.0 * entries - a.filled("starts", a.pixels)) * a.length, read * a.length, a.pixels * a.length)


@cost(_PICTURES, "frame_rows")
def _frame_rows(a: Arguments) -> Work:
    width = a.left + a.length + a.right
    return Work(0.0, a.rows * a.length, (a.above + a.rows + a.below) * width)


def _pixels(a: Arguments) -> int:
    return a.height * a.width * a.batch


@cost(_SAMPLING, "sample_pictures")
def _sample_pictures(a: Arguments) -> Work:
    # Eight for the place of each output. Each sample's pixels lie elsewhere, and no machine reads from as many
    # places at a time as a vector has lanes: a pixel takes an instruction of its own, in which a
    # whole vector could be calculated. At the least it is one pixel, as in pictures that are only mirrored; maps
    # that lead between pixels read four and mix them, but whether they do is in the data.
    pixels = _pixels(a)
    return Work(pixels * (8 + LANES * a.channels), pixels * a.channels + 6 * a.batch, pixels * a.channels)


@cost(_SAMPLING, "sample_pictures_backward")
def _sample_pictures_backward(a: Arguments) -> Work:
    # As for `sample_pictures`: an addition for each lane of the one pixel at the least.
    pixels = _pixels(a)
    return Work(pixels * (8 + LANES * a.channels), pixels * a.channels + 6 * a.batch, pixels * a.channels)


@cost(_SAMPLING, "flip_maps", "translation_maps", "rotation_maps")
def _maps(a: Arguments) -> Work:
    return Work(6 * a.batch, 2 * a.batch, 6 * a.batch)
