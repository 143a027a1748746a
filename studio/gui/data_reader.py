"""Describes data sets for the session; files that take long are looked into on threads of their own."""

from __future__ import annotations

import threading

from PySide6.QtCore import QObject, QTimer, Signal

from studio import data
from studio.core.dataset import DatasetInfo, StillReading
from studio.core.graph import Graph
from studio.data import DataError
from studio.gui.in_clicks import in_clicks
from studio.layers.data import Data

#: Seconds that an edit waits for a file. Most are known by then, and nothing flickers.
PATIENCE = 0.1
#: Milliseconds between two looks whether a file is known now, while one is not.
_INTERVAL = 50
#: Seconds that closing waits for a thread to notice.
_CLOSING = 2.0


class _Closing(Exception):
    """Nobody waits any more."""


class _Job:
    """One file being looked into."""

    def __init__(self, layer: Data, closing: threading.Event) -> None:
        self.layer = layer
        self.answer: DatasetInfo | str | None = None
        self._closing = closing
        self.thread = threading.Thread(target=self._look, name="studio-data", daemon=True)
        self.thread.start()

    def _look(self) -> None:
        try:
            self.answer = data.describe(self.layer, self._progress)
        except DataError as error:
            self.answer = in_clicks(str(error))
        except _Closing:
            pass
        except Exception as error:  # a defect must reach the person as a sentence
            self.answer = f"It cannot be looked into ({type(error).__name__}: {error}): choose another source."

    def _progress(self, done: int, total: int) -> None:
        if self._closing.is_set():
            raise _Closing


class DataReader(QObject):
    """Called with a graph, as `studio.data.describe_all`, but never waits long.

    A data set that is not known in time is `StillReading`; `known` is emitted when it is.
    """

    #: Emitted when another look at the graph's data would tell more.
    known = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: dict[Data, _Job] = {}
        self._closing = threading.Event()
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL)
        self._timer.timeout.connect(self._look)

    def __call__(self, graph: Graph) -> dict[str, DatasetInfo | str]:
        """What is known of the data sets now, by Data node."""
        found: dict[str, DatasetInfo | str] = {}
        for node in graph.nodes:
            if isinstance(node.layer, Data):
                found[node.id] = self._describe(node.layer)
        if self._jobs:
            self._timer.start()
        return found

    def close(self) -> None:
        """End all looking."""
        self._timer.stop()
        self._closing.set()
        for job in self._jobs.values():
            job.thread.join(_CLOSING)
        self._jobs.clear()

    def _describe(self, layer: Data) -> DatasetInfo | str:
        if not data.reads_files(layer):
            try:
                return data.describe(layer)
            except DataError as error:
                return in_clicks(str(error))
        job = self._jobs.get(layer)
        if job is None:
            job = self._jobs[layer] = _Job(layer, self._closing)
            job.thread.join(PATIENCE)
        if job.answer is None:
            return StillReading(self.tr("is being read: wait a moment."))
        del self._jobs[layer]
        return job.answer

    def _look(self) -> None:
        if any(job.answer is not None for job in self._jobs.values()):
            # What nobody asks for again, since the graph has changed, is of no use.
            self.known.emit()
            self._jobs = {layer: job for layer, job in self._jobs.items() if job.answer is None}
        if not self._jobs:
            self._timer.stop()
