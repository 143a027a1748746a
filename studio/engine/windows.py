"""The order of samples that stay on the disk: blocks in random order, shuffled a window at a time.

In any order at all, each sample would be a place of its own on the disk. So neighbours are read
together: an epoch takes the blocks of a part in random order, and mixes all samples of as many
blocks as make a window. While one window is learned, the next is fetched.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from studio.core.problems import Problem
from studio.core.stored import WINDOW_BYTES, StoredArray, advise
from studio.engine.failure import EngineProblem
from studio.kernels.random_numbers import SHUFFLE_KEY, philox

#: Bytes of a block, whose samples lie together in the file.
BLOCK_BYTES = 1 << 20
#: Samples of a window at most, where they are small.
_MOST_SAMPLES = 1 << 20


def _stamp(path: str | Path) -> tuple[int, int]:
    """What tells whether a file changed; nothing is like that of one that is gone."""
    try:
        status = os.stat(path)
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


class Windows:
    """Where the samples of each stretch of an epoch are.

    Parameters
    ----------
    arrays : sequence of StoredArray
        What is read, the same samples of each.
    shuffle : bool
        Whether each epoch has an order of its own; otherwise samples come as they are.
    batch : int
        Samples of a minibatch; a window has as many at least.
    block_bytes, window_bytes : int
        How much lies together, and how much is mixed.
    """

    def __init__(
        self,
        arrays: Sequence[StoredArray],
        shuffle: bool,
        batch: int,
        block_bytes: int = BLOCK_BYTES,
        window_bytes: int = WINDOW_BYTES,
    ) -> None:
        self._arrays = arrays
        self._shuffle = shuffle
        self.samples = len(arrays[0])
        each = sum(a.raw[:1].nbytes for a in arrays)
        self.block = max(1, min(block_bytes // each, _MOST_SAMPLES // 64))
        #: Samples of a window: whole blocks.
        blocks = min(window_bytes // each, _MOST_SAMPLES) // self.block
        self.window = max(1, blocks, -(-batch // self.block)) * self.block
        self._blocks = -(-self.samples // self.block)
        self._pass: tuple[int, int] | None = None
        self._order_of_blocks = np.zeros(0, np.int64)
        self._starts = np.zeros(0, np.int64)
        self._made: dict[int, np.ndarray] = {}
        self._fetched = 0
        self._left = 0
        self._files = {a.raw.filename: _stamp(a.raw.filename) for a in arrays if isinstance(a.raw, np.memmap) and a.raw.filename}

    def _check_files(self) -> None:
        # What is read behind the end of a file that became shorter would end the process.
        for path, stamp in self._files.items():
            if _stamp(path) != stamp:
                raise EngineProblem(Problem("", f"{Path(path).name} changed while the network learned from it: start again."))

    def cover(self, seed: int, epoch: int, position: int, batch: int) -> tuple[np.ndarray, int, int]:
        """The order around a place in an epoch.

        Parameters
        ----------
        seed, epoch : int
            What the order follows from, and nothing else.
        position : int
            Samples of the epoch that are done.
        batch : int

        Returns
        -------
        order : numpy.ndarray
            int64: the samples of the epoch from `start` on.
        start : int
        steps : int
            Minibatches that may be taken before this is asked again, at least 1.

        Raises
        ------
        EngineProblem
            When a file changed.
        """
        self._check_files()
        if self._pass != (seed, epoch):
            self._begin(seed, epoch)
        number = position // self.window
        if number not in self._made or number + 1 not in self._made:
            self._made = {n: self._made[n] if n in self._made else self._window(n) for n in (number, number + 1)}
            self._joined = np.concatenate([self._made[number], self._made[number + 1]])
        self._fetch_and_drop(position, number)
        start = number * self.window
        end = min(start + self.window, self.samples)
        # A few at a time, so that fetching keeps step with learning.
        piece = max(batch, self.window // 64)
        return self._joined, start, max(1, -(-(min(end - position, piece)) // batch))

    def _begin(self, seed: int, epoch: int) -> None:
        self._pass = (seed, epoch)
        self._order_of_blocks = self._permutation(self._blocks, 0) if self._shuffle else np.arange(self._blocks)
        # Only one block may be short, wherever its turn comes.
        sizes = np.full(self._blocks, self.block, np.int64)
        sizes[self._order_of_blocks == self._blocks - 1] = self.samples - (self._blocks - 1) * self.block
        self._starts = np.concatenate([[0], np.cumsum(sizes)])
        self._made = {}
        self._fetched = self._left = 0

    def _permutation(self, count: int, stretch: int) -> np.ndarray:
        """A random order of so many, int64; `stretch` tells those of an epoch apart."""
        assert self._pass is not None
        seed, epoch = self._pass
        index = np.arange(count, dtype=np.uint64)
        same = np.zeros(count, np.uint64)
        drawn, *_ = philox(
            index,
            same + np.uint64(stretch + 1),
            same + np.uint64(epoch & 0xFFFFFFFF),
            same + np.uint64(SHUFFLE_KEY),
            same + np.uint64(seed & 0xFFFFFFFF),
            same + np.uint64(seed >> 32),
        )
        return np.asarray(np.argsort(drawn, kind="stable"), np.int64)

    def _window(self, number: int) -> np.ndarray:
        """The samples of a window in their order; none behind the last one."""
        first, last = number * self.window, min((number + 1) * self.window, self.samples)
        if first >= last:
            return np.zeros(0, np.int64)
        if not self._shuffle:
            return np.arange(first, last, dtype=np.int64)
        begin = int(np.searchsorted(self._starts, first, "right")) - 1
        end = int(np.searchsorted(self._starts, last, "left"))
        blocks = self._order_of_blocks[begin:end]
        samples = (blocks[:, None] * self.block + np.arange(self.block)).ravel()
        samples = samples[samples < self.samples]
        # The short block moves what follows it, so that a window may begin inside a block.
        skipped = first - int(self._starts[begin])
        samples = samples[skipped : skipped + last - first]
        return np.asarray(samples[self._permutation(len(samples), number + 1)])

    # Fetching ---------------------------------------------------------------------------

    def _fetch_and_drop(self, position: int, number: int) -> None:
        """Let the system read what comes within a window's length, and take back what is done."""
        ahead = int(np.searchsorted(self._starts, position + self.window + self.window // 32, "left"))
        for turn in range(self._fetched, min(ahead, self._blocks)):
            self._advise(turn, "MADV_WILLNEED")
        self._fetched = max(self._fetched, ahead)
        done = int(np.searchsorted(self._starts, number * self.window, "right")) - 1
        for turn in range(self._left, done):
            self._advise(turn, "MADV_DONTNEED")
        self._left = max(self._left, done)

    def _advise(self, turn: int, what: str) -> None:
        block = int(self._order_of_blocks[turn])
        first, last = block * self.block, min((block + 1) * self.block, self.samples) - 1
        for array in self._arrays:
            advise(array.raw, int(array.rows[first]), int(array.rows[last]) + 1, what)

    def close(self) -> None:
        """Give back what is mapped now."""
        for turn in range(self._left, min(self._fetched, self._blocks)):
            self._advise(turn, "MADV_DONTNEED")
        self._pass = None

