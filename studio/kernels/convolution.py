"""Convolutions as kernel calls: all layers of the family lower to the three products here.

A convolution joins a *fine* picture, over which a window slides, and a *coarse* one that has a
pixel for each place of the window. Conv2D goes from the fine to the coarse picture, and its
input gradient goes back; Conv2DTranspose does the same the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studio.core.lowering import Lowering, Ref, Tensor, WeightRef
from studio.core.windows import Pair, Window
from studio.kernels.channel_parts import lower_channel_sums
from studio.kernels.channelwise import MOST_TERMS, Rows, collect_kernel, collect_rows_kernel, weigh_kernel
from studio.kernels.correlations import NEAR, Groups, lower_correlation
from studio.kernels.products import lower_product, pack, split_evenly

#: Up to so many outputs a group, holding one output of many pixels in registers is faster
#: than holding many outputs of one pixel.
_FEW = 2
#: Fewest places of a window for which its rows are looked at together.
_WORTH_ROWS = 4
#: Pixels whose weight gradients are summed in registers at a time.
_CHUNK = 2


@dataclass(frozen=True)
class Convolution:
    """A window with weights, between a fine and a coarse picture.

    Parameters
    ----------
    window : Window
        On the fine picture.
    groups : int
        Parts of both pictures' channels; each part of one meets one part of the other.
    channels, filters : int
        Of the fine and of the coarse picture, in a group.
    kernel : WeightRef
    tap_step, group_step, channel_step : int
        Distance in the kernel of neighbouring taps, groups and channels of the fine picture;
        filters are neighbours.
    """

    window: Window
    groups: int
    channels: int
    filters: int
    kernel: WeightRef
    tap_step: int
    group_step: int
    channel_step: int

    def collect(self, lowering: Lowering, fine: Tensor, coarse: Tensor, bias: WeightRef | None = None) -> None:
        """coarse = K * fine + bias: each place of the window collects what it sees."""
        taps = np.arange(self.window.size, dtype=np.int64) * self.tap_step
        seen = (self.window.output, self.window.reach, self.window.strides, self.window.dilation)
        product = _Product(self.groups, self.channels, self.filters, _Order(*seen), coarse)
        product.emit(
            lowering,
            fine,
            self._start(fine),
            self.window.pixel_offsets(fine.row_stride, fine.shape[2] * fine.batch),
            self._tap_offsets(fine),
            self._packed(lowering, taps, self.filters, 1, self.channels, self.channel_step),
            coarse.pixel_offsets(),
            bias,
        )

    def spread(self, lowering: Lowering, coarse: Tensor, fine: Tensor, bias: WeightRef | None = None) -> None:
        """fine = K' * coarse + bias: each pixel sums what the places that saw it send back.

        With strides, pixels fall into phases; all pixels of a phase meet the same taps of the
        window, at the same distances, so that each phase is one product.
        """
        steps = (coarse.row_stride, coarse.shape[2] * coarse.batch)
        for phase in self.window.phases():
            moves = phase.move_offsets(*steps)[:, None] + np.arange(self.filters) * coarse.batch
            packed = self._packed(lowering, phase.taps * self.tap_step, self.channels, self.channel_step, self.filters, 1)
            if not len(phase.taps):
                # No place saw these pixels: one input of weight zero.
                moves = np.zeros((1, 1), np.int64)
            gaps = self.window.dilation if self.window.strides == (1, 1) else (1, 1)
            product = _Product(self.groups, self.filters, self.channels, _Order(phase.grid, phase.reach, gaps=gaps), fine)
            product.emit(
                lowering,
                coarse,
                coarse.base,
                phase.source_offsets(*steps),
                moves.ravel(),
                packed,
                phase.pixel_offsets(fine.row_stride, fine.shape[2] * fine.batch),
                bias,
            )

    def gradient(self, lowering: Lowering, fine: Tensor, coarse: Tensor, bias: WeightRef | None = None) -> None:
        """The kernel's gradient; one of the pictures is a gradient, and so zero in padding columns.

        Parameters
        ----------
        bias : WeightRef or None
            The bias of what `collect` gave, if its gradient is to be computed too.
        """
        if bias is not None and not bias.trainable:
            bias = None
        if not self.kernel.trainable:
            if bias is not None:
                sum_over_pixels(lowering, coarse, bias)
            return
        window, batch = self.window, lowering.batch
        start = self._start(fine)
        pixels, coarse_pixels = window.pixel_offsets(fine.row_stride, fine.shape[2] * batch), coarse.pixel_offsets()
        offsets = self._tap_offsets(fine)
        if self.filters <= _FEW:
            self._few_gradients(lowering, fine, coarse, bias, (start, pixels, offsets), coarse_pixels)
            return
        lower_correlation(
            lowering,
            self.filters,
            (start, pixels, offsets),
            (coarse.base, coarse_pixels),
            (self.kernel.gradient, self.tap_step // self.channels),
            bias.gradient if bias is not None else None,
            Groups(self.groups, self.channels * batch, self.filters * batch, self.group_step),
        )

    def _few_gradients(
        self,
        lowering: Lowering,
        fine: Tensor,
        coarse: Tensor,
        bias: WeightRef | None,
        seen: tuple[Ref, np.ndarray, np.ndarray],
        coarse_pixels: np.ndarray,
    ) -> None:
        """`gradient` where a channel meets few others; `seen` is where the fine picture, its pixels and its taps begin."""
        window, batch, (start, pixels, offsets) = self.window, lowering.batch, seen
        places = (np.arange(window.size)[:, None] * self.tap_step + np.arange(self.channels) * self.channel_step).ravel()

        def weigh(first: int, terms: int, blocks: int, near: int, places_of: tuple[np.ndarray, ...], rows: _RowsOfPixels | None) -> None:
            summed = bias is not None and first == 0
            sums = lowering.scratch(self.groups * self.filters * blocks * (terms + summed) * lowering.lanes)
            own, others = places_of
            lowering.emit(
                weigh_kernel(terms, summed, rows.together if rows else None),
                *(self.groups, self.filters, blocks, len(own), batch),
                *(self.groups if lowering.on_card else near, _CHUNK),
                *(start, lowering.table(own), lowering.table(offsets[first:]), self.channels * batch),
                *(coarse.base, lowering.table(others)),
                *(self.kernel.gradient, lowering.table(places[first:]), self.group_step),
                *(sums, bias.gradient if bias is not None else sums),
                *(rows.arguments if rows else ()),
            )

        alone = self.channels == 1 and window.strides == (1, 1)
        bands = Rows.bands(window.kernel, _parts(window.output, window.dilation)) if alone else []
        for row, together in bands:
            high, wide = together.window
            moved = pixels + row * window.dilation[0] * fine.row_stride
            rows = _rows_of_pixels(lowering, together, window.output, window.dilation, fine, moved, coarse_pixels)
            near = _groups_near(together, fine.shape[1] // window.dilation[1], batch)
            weigh(row * wide, high * wide, 1, near, (pixels[:0], pixels[:0]), rows)
        if not bands:
            near, *arranged = _Order(window.output, window.reach, window.strides).arrange(self.groups, self.channels * batch, pixels, coarse_pixels)
            for first, terms, blocks in split_evenly(len(offsets), MOST_TERMS):
                weigh(first, terms, blocks, near, tuple(arranged), None)

    def _start(self, fine: Tensor) -> Ref:
        """Where the window's first place begins, in the zeros around the picture."""
        before = self.window.before
        return fine.base + -(before[0] * fine.row_stride + before[1] * fine.shape[2] * fine.batch)

    def _tap_offsets(self, fine: Tensor) -> np.ndarray:
        """Distances of all taps and all channels of a group."""
        return self.window.tap_offsets(fine.row_stride, fine.shape[2] * fine.batch, self.channels, fine.batch)

    def _packed(self, lowering: Lowering, taps: np.ndarray, rows: int, step: int, inner: int, inner_step: int) -> Ref:
        """The weights with those of an output in one run: emits the copy."""
        if not len(taps):
            return lowering.zeros(self.groups * rows)
        packed = lowering.scratch(self.groups * rows * len(taps) * inner)
        lowering.emit(
            pack,
            *(self.groups, self.group_step, rows, step),
            *(len(taps), lowering.table(taps), inner, inner_step),
            *(self.kernel.value, packed, lowering.table(np.arange(lowering.lanes) * inner_step)),
        )
        return packed


@dataclass(frozen=True)
class _Order:
    """In which order pixels are visited, so that what their windows share is still near.

    Parameters
    ----------
    grid : pair
        Rows and columns of the pixels.
    reach, strides : pair
        Rows and columns that a pixel's window covers, and how far it moves.
    gaps : pair
        How far neighbouring places of it are apart.
    """

    grid: Pair
    reach: Pair
    strides: Pair = (1, 1)
    gaps: Pair = (1, 1)

    @property
    def window(self) -> Pair:
        """Rows and columns of a window's places."""
        return (self.reach[0] - 1) // self.gaps[0] + 1, (self.reach[1] - 1) // self.gaps[1] + 1

    def arrange(
        self, groups: int, floats: int, sources: np.ndarray, targets: np.ndarray
    ) -> tuple[int, np.ndarray, np.ndarray]:
        """Reorder pixels, for so many groups of so many floats a pixel.

        Returns
        -------
        int
            How many groups to finish before the next ones.
        sources, targets : numpy.ndarray
            As given, row by row, but in the new order: strips of so few columns that the
            rows a window covers stay near while it moves down.
        """
        rows, columns = self.grid
        share = NEAR // floats
        strip = columns
        while strip > 4 and self._held(strip) * groups > share:
            strip = max(4, strip // 2)
        near = max(1, min(groups, share // self._held(strip)))
        if strip == columns or self.reach[0] <= self.strides[0]:
            return near, sources, targets
        order = np.arange(rows * columns).reshape(rows, columns)
        order = np.concatenate([order[:, c : c + strip].ravel() for c in range(0, columns, strip)])
        return near, sources[order], targets[order]

    def _held(self, columns: int) -> int:
        """Pixels that the windows of a row of so many columns cover."""
        return self.reach[0] * ((columns - 1) * self.strides[1] + self.reach[1])


@dataclass(frozen=True)
class _RowsOfPixels:
    """Rows of pixels that a kernel looks at together, and its last arguments, which say where they are."""

    together: Rows
    arguments: tuple[int | Ref, ...]


def _parts(grid: Pair, dilation: Pair) -> Pair:
    """Of every so manieth row and column of a grid: how many there are, at the least."""
    return grid[0] // dilation[0], grid[1] // dilation[1]


def _groups_near(together: Rows, columns: int, batch: int) -> int:
    """Of how many groups so many rows of pixels are looked at before the next rows."""
    return max(1, NEAR // ((together.rows + together.window[0] - 1) * columns * batch))


def _rows_of_pixels(
    lowering: Lowering, together: Rows, grid: Pair, dilation: Pair, source: Tensor, sources: np.ndarray, targets: np.ndarray
) -> _RowsOfPixels:
    """Which rows of pixels a kernel looks at together.

    Where windows have gaps, every so manieth row and column are neighbours.

    Parameters
    ----------
    grid : pair
        Rows and columns of the pixels.
    dilation : pair
        How far neighbouring places of a window are apart.
    source : Tensor
        What windows look at.
    sources, targets : numpy.ndarray
        Where each pixel begins in it, and in what has a pixel for each place of the window; int64, row by row.
    """
    (rows, columns), (down, across) = grid, dilation
    as_many: list[tuple[int, int]] = []
    one_less: list[tuple[int, int]] = []
    for row in range(down):
        for column in range(across):
            times, _, firsts = together.starts(len(range(row, rows, down)))
            width = len(range(column, columns, across))
            found = [((row + first * down) * columns + column, width) for first in firsts]
            as_many += found[:times]
            one_less += found[times:]
    starts, widths = np.array(as_many + one_less).T
    # Windows reach beyond the pixels, even where there is only one row or column of those.
    seen = np.arange(widths.max() + together.window[1] - 1) * (across * source.shape[2] * source.batch)
    below = int(targets[down * columns] - targets[0]) if rows > down else 0
    arguments = (
        *(len(as_many), len(one_less), lowering.table(widths)),
        *(lowering.table(sources[starts]), down * source.row_stride, lowering.table(seen)),
        *(lowering.table(targets[starts]), below, lowering.table(targets[:columns:across] - targets[0])),
    )
    return _RowsOfPixels(together, arguments)


@dataclass(frozen=True)
class _Product:
    """target[g, o, p] = bias + sum over k of w[g, o, k] * source[g, k, p]

    Parameters
    ----------
    groups, inputs, outputs : int
        How many groups, and channels of one in source and target.
    order : _Order
        Of the pixels p.
    target : Tensor
    """

    groups: int
    inputs: int
    outputs: int
    order: _Order
    target: Tensor

    def emit(
        self,
        lowering: Lowering,
        source: Tensor,
        start: Ref,
        sources: np.ndarray,
        offsets: np.ndarray,
        packed: Ref,
        targets: np.ndarray,
        bias: WeightRef | None,
    ) -> None:
        """Emit it.

        Parameters
        ----------
        source : Tensor
        start : Ref
            What distances in it are counted from.
        sources, targets : numpy.ndarray
            Where each pixel p begins in source and target.
        offsets : numpy.ndarray
            Distance of each k.
        packed : Ref
            The weights, by g, o and k.
        bias : WeightRef or None
        """
        batch, depth = lowering.batch, len(offsets)
        constant, bias_step = (bias.value, 1) if bias else (lowering.zeros(self.groups * self.outputs), 0)
        if bands := self._bands(lowering, source, offsets):
            for row, together in bands:
                near = self.outputs * _groups_near(together, source.shape[1] // self.order.gaps[1], batch)
                moved = sources + row * self.order.gaps[0] * source.row_stride
                rows = _rows_of_pixels(lowering, together, self.order.grid, self.order.gaps, source, moved, targets)
                for number in range(self.inputs):
                    own = offsets[number :: self.inputs]
                    order = np.argsort(own)[row * together.window[1] :] * self.inputs + number
                    lowering.emit(
                        collect_rows_kernel(together, goes_on=row + number > 0),
                        *(self.groups * self.outputs, self.outputs, depth, batch, near),
                        *(start + int(own.min()), self.inputs * batch, self.target.base),
                        *(packed, lowering.table(order), constant, bias_step),
                        *rows.arguments,
                    )
            return
        if self.outputs <= _FEW:
            near, sources, targets = self.order.arrange(self.groups, self.inputs * batch, sources, targets)
            lowering.emit(
                collect_kernel(batch, many=self.groups * self.outputs > _FEW),
                *(self.groups, self.outputs, depth, len(sources), batch, near),
                *(start, lowering.table(sources), lowering.table(offsets), self.inputs * batch),
                *(packed, constant, bias_step),
                *(self.target.base, lowering.table(targets)),
            )
            return
        steps = (self.groups, self.inputs * batch, self.outputs * depth, self.outputs * bias_step, self.outputs * batch)
        lower_product(
            lowering,
            self.outputs,
            (len(sources), depth, batch),
            (start, lowering.table(sources), lowering.table(offsets)),
            (packed, 1, depth),
            (constant, bias_step),
            (self.target.base, lowering.table(targets), batch),
            steps if self.groups > 1 else None,
        )

    def _bands(self, lowering: Lowering, source: Tensor, offsets: np.ndarray) -> list[tuple[int, Rows]]:
        """Which rows of pixels are looked at together, for which rows of their windows.

        None are: on cards, which share out single pixels; with many inputs or outputs; where windows are moved by more
        than a pixel, or are so small that they share little.
        """
        steps = self.order.gaps[0] * source.row_stride, self.order.gaps[1] * source.shape[2] * source.batch
        high, wide = self.order.window
        places = np.add.outer(np.arange(high) * steps[0], np.arange(wide) * steps[1]).ravel()
        if lowering.on_card or max(self.inputs, self.outputs) > _FEW or self.order.strides != (1, 1) or len(places) < _WORTH_ROWS:
            return []
        alike = all(np.array_equal(np.sort(own) - own.min(), places) for own in (offsets[i :: self.inputs] for i in range(self.inputs)))
        return Rows.bands((high, wide), _parts(self.order.grid, self.order.gaps)) if alike else []


def convolution(window: Window, kernel: WeightRef, groups: int = 1) -> Convolution:
    """The convolution of a kernel ``(..., channels of a group, filters)``."""
    *_, channels, filters = kernel.shape
    each = filters // groups
    return Convolution(window, groups, channels, each, kernel, channels * kernel.stride, each, kernel.stride)


def depthwise_convolution(window: Window, kernel: WeightRef) -> Convolution:
    """The convolution of a kernel ``(..., channels, filters of a channel)``."""
    *_, channels, filters = kernel.shape
    return Convolution(window, channels, 1, filters, kernel, channels * kernel.stride, kernel.stride, 0)


def sum_over_pixels(lowering: Lowering, gradient: Tensor, bias: WeightRef) -> None:
    """The gradient of a bias that was added to each pixel."""
    if not bias.trainable:
        return
    channels = gradient.shape[-1]
    lower_channel_sums(lowering, channels, lowering.batch, (gradient.base, gradient.pixel_offsets()), bias.gradient)
