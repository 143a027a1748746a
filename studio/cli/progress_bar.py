"""Progress on stderr: one line that is drawn again and again, or a line now and then."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

from studio.project import Progress

_REDRAW_SECONDS = 0.1
_LINE_SECONDS = 5.0
_WIDTH = 24


class ProgressBar:
    """Shows `Progress` values on stderr, never more often than a person can read them.

    Parameters
    ----------
    stream : text file, optional
        A terminal gets a bar; anything else an occasional line.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._last = time.monotonic() - (_REDRAW_SECONDS if self._terminal else 0.0)
        self._length = 0

    def __call__(self, progress: Progress) -> None:
        """Show it, if the last was long enough ago."""
        now = time.monotonic()
        if now - self._last < (_REDRAW_SECONDS if self._terminal else _LINE_SECONDS):
            return
        self._last = now
        self._show(progress)

    def finish(self, progress: Progress | None = None) -> None:
        """Show the end and leave the line."""
        if not self._terminal:
            return
        if progress is not None:
            self._show(progress)
        if self._length:
            self._stream.write("\n")
            self._stream.flush()

    def _show(self, progress: Progress) -> None:
        text = describe(progress)
        if not self._terminal:
            print(text, file=self._stream, flush=True)
            return
        filled = round(_WIDTH * min(1.0, max(0.0, progress.done)))
        line = f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {text}"
        line = line[: shutil.get_terminal_size().columns - 1]
        self._stream.write(f"\r{line}{' ' * max(0, self._length - len(line))}")
        self._stream.flush()
        self._length = len(line)


def describe(progress: Progress) -> str:
    """The progress in words."""
    if progress.message:
        return progress.message
    parts = [f"epoch {int(progress.epoch)}/{int(progress.epochs)}"]
    if progress.train is not None:
        parts.append(f"loss {progress.train.loss:.4f}")
    if progress.validation is not None:
        parts.append(f"validation loss {progress.validation.loss:.4f}")
        if progress.validation.accuracy is not None:
            parts.append(f"accuracy {100 * progress.validation.accuracy:.1f} %")
    if progress.samples_per_second:
        parts.append(f"{progress.samples_per_second:,.0f} samples/s")
    return "  ".join(parts)
