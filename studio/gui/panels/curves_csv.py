"""The curves of a run as a table for other programs."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

from studio.engine.history import History


def curves_as_csv(history: History) -> str:
    """All points of all curves, long form.

    The first line is ``epoch,name,value``; then one line a point, curve by curve in the
    order of the history. `name` is Keras's (``loss``, ``val_loss``, ``accuracy``,
    ``val_accuracy``); numbers have as many digits as they need to come back exactly. Curves
    are measured at different epochs, so a wide table would be full of holes.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["epoch", "name", "value"])
    for name in history.names:
        epochs, values = history.series(name)
        writer.writerows((repr(e), name, repr(v)) for e, v in zip(epochs.tolist(), values.tolist(), strict=True))
    return out.getvalue()


def save_curves(history: History, path: Path) -> None:
    """Write `curves_as_csv` to a file, whole or not at all.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    beside = path.with_name(path.name + ".part")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            file.write(curves_as_csv(history))
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
