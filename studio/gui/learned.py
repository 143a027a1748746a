"""What the network has learned, written down now and then, so that a crash loses little of it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, QTimer

from studio.core.document import Document
from studio.engine.history import History
from studio.engine.messages import TrainingState
from studio.gui.live import Live
from studio.gui.session import Session
from studio.storage import StorageError, save

#: Seconds between two backups while the network learns.
INTERVAL = 20.0
#: Larger networks would keep the disk busy: their owners save files.
_MOST_PARAMETERS = 20_000_000
_PATIENCE = 60.0


class StateSource(Protocol):
    """What gives the weights to save (see `studio.engine.trainer.Trainer`)."""

    def export_state(self, timeout: float = 10.0) -> TrainingState | None:
        """Weights as they are now; None if there are none, or not in time."""
        ...


class LearnedBackup(QObject):
    """Saves weights and curves beside the journal while there is something new and unsaved.

    Parameters
    ----------
    session, live
        The document, and how far training is.
    source : StateSource
        Gives the weights.
    record : callable
        Writes down the document, without which weights are worth nothing.
    """

    def __init__(
        self, session: Session, live: Live, source: StateSource, record: Callable[[], None], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._record = record
        self._session, self._live, self._source = session, live, source
        self._path: Path | None = None
        self._thread: threading.Thread | None = None
        self._step = 0
        self._timer = QTimer(self)
        self._timer.setInterval(round(1000 * INTERVAL))
        self._timer.timeout.connect(self.keep)

    def start(self, path: Path) -> None:
        """Write to this file from now on."""
        self._path = path
        self._timer.start()

    def forget(self) -> None:
        """What was learned is safe elsewhere, or nobody wants it."""
        self._step = self._live.latest.step

    def end(self) -> None:
        """Stop, and wait for a backup that is being written."""
        self._timer.stop()
        if self._thread is not None:
            self._thread.join(_PATIENCE)
            self._thread = None

    def keep(self) -> None:
        """Write a backup, in a thread, if the network learned since the last one."""
        latest, document = self._live.latest, self._session.document
        busy = self._thread is not None and self._thread.is_alive()
        if self._path is None or busy or not self._session.dirty or latest.step in (0, self._step):
            return
        # Weights of another graph than the document's would be nobody's.
        if latest.graph != document.graph or self._session.inference.total_parameters > _MOST_PARAMETERS:
            return
        self._record()
        self._step = latest.step
        arguments = (self._path, document, latest.history)
        self._thread = threading.Thread(target=self._write, args=arguments, name="studio-backup", daemon=True)
        self._thread.start()

    def _write(self, path: Path, document: Document, history: History) -> None:
        state = self._source.export_state(timeout=_PATIENCE)
        if state is None:
            return
        # The journal told already if its folder cannot be written to.
        with contextlib.suppress(StorageError, OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            save(path, document, state, history)
