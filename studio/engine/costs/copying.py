"""Costs of kernels that move numbers: minibatches, copies, rows of tables, pictures."""

from __future__ import annotations

from studio.engine.costs.arguments import Arguments
from studio.engine.costs.formulas import cost, each

_CONTROL = "studio.kernels.control"
_EMBEDDINGS = "studio.kernels.embeddings"
_PICTURES = "studio.kernels.pictures"
_SAMPLING = "studio.kernels.sampling"
_ROWS = "studio.kernels.rows"
_BIDIRECTIONAL = "studio.layers.bidirectional"

cost(_CONTROL, "barrier")(each(lambda a: 0, 0, 0))
cost(_CONTROL, "mark_valid")(each(lambda a: a.batch, 0, 1))
cost(_CONTROL, "gather")(each(lambda a: a.rows * a.row_length * a.batch, 0, 2))
cost(_CONTROL, "copy_rows")(each(lambda a: a.rows * a.length, 0, 2))
cost(_CONTROL, "add_into")(each(lambda a: a.rows * a.length, 1, 3))
cost("studio.kernels.copies", "copy_runs")(each(lambda a: a.runs * a.length, 0, 2))
cost("studio.kernels.merging", "clear_rows")(each(lambda a: a.rows * a.length, 0, 1))
cost("studio.layers.shift_right", "fill")(each(lambda a: a.length, 0, 1))
cost("studio.kernels.rates", "set_rate")(each(lambda a: 1, 1, 3))

cost(_BIDIRECTIONAL, "scale_steps")(each(lambda a: a.steps * a.length, 1, 2))
cost(_BIDIRECTIONAL, "add_steps")(each(lambda a: a.steps * a.length, 2, 3))
cost(_BIDIRECTIONAL, "multiply_steps")(each(lambda a: a.steps * a.length, 1, 3))

cost(_ROWS, "pack")(each(lambda a: a.rows * a.blocks * (a.length + a.width), 0, 1))
cost(_ROWS, "pack_turned")(each(lambda a: a.rows * a.blocks * (a.length + a.width), 0, 1))
cost(_ROWS, "unpack")(each(lambda a: a.rows * a.blocks * a.length, 0, 2))


@cost(_EMBEDDINGS, "look_up")
def _look_up(a: Arguments) -> tuple[float, float]:
    chosen = a.steps * a.batch
    # Which rows are chosen is in the data; there are no more than the table has.
    return 0.0, chosen * (1 + a.columns) + min(a.rows, chosen) * a.columns


@cost(_EMBEDDINGS, "sum_by_row")
def _sum_by_row(a: Arguments) -> tuple[float, float]:
    chosen = a.steps * a.batch
    return chosen * a.columns, chosen * (1 + a.columns) + a.rows * a.stride


@cost(_EMBEDDINGS, "add_to_samples")
def _add_to_samples(a: Arguments) -> tuple[float, float]:
    n = a.features * a.batch
    return n, 2 * n + a.features


@cost(_EMBEDDINGS, "sum_over_samples")
def _sum_over_samples(a: Arguments) -> tuple[float, float]:
    n = a.features * a.batch
    return n, n + a.features


@cost("studio.layers.sine_position_encoding", "add_sines")
def _add_sines(a: Arguments) -> tuple[float, float]:
    n = a.features * a.batch
    # Sines are integers of twice as many bytes.
    return n, 2 * n + 2 * a.features


@cost(_PICTURES, "mix_pixels")
def _mix_pixels(a: Arguments) -> tuple[float, float]:
    entries = int(a.integers("starts", a.pixels + 1)[-1])
    read = len(set(a.integers("entries", 2 * entries)[::2].tolist()))
    return 2.0 * entries * a.length, (read + a.pixels) * a.length


@cost(_PICTURES, "frame_rows")
def _frame_rows(a: Arguments) -> tuple[float, float]:
    width = a.left + a.length + a.right
    return 0.0, (a.above + a.rows + a.below) * width + a.rows * a.length


def _pixels(a: Arguments) -> int:
    return a.height * a.width * a.batch


@cost(_SAMPLING, "sample_pictures")
def _sample_pictures(a: Arguments) -> tuple[float, float]:
    # Eight for the place of each output, nine for the mixture of four pixels.
    pixels = _pixels(a)
    return pixels * (8 + 9 * a.channels), 2 * pixels * a.channels + 6 * a.batch


@cost(_SAMPLING, "sample_pictures_backward")
def _sample_pictures_backward(a: Arguments) -> tuple[float, float]:
    pixels = _pixels(a)
    return pixels * (8 + 18 * a.channels), 2 * pixels * a.channels + 6 * a.batch


@cost(_SAMPLING, "flip_maps", "translation_maps", "rotation_maps")
def _maps(a: Arguments) -> tuple[float, float]:
    return 6 * a.batch, 8 * a.batch
