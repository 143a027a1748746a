"""What the panels below the canvas have in common: they pull snapshots only while visible."""

from __future__ import annotations

import time
from dataclasses import replace

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from studio.engine.commands import Watch
from studio.engine.messages import Snapshot
from studio.gui.live import Live
from studio.gui.session import Session
from studio.gui.theme import Theme


class Panel(QWidget):
    """A view of the latest snapshot that costs nothing while it is hidden.

    Subclasses give `show_snapshot`, and where they want to watch nodes `wish`.

    Parameters
    ----------
    session : Session
        The document and what is selected.
    live : Live
        Where snapshots come from.
    """

    #: Seconds between two drawings at the least; `Live` may stretch them while training runs.
    interval = 0.1

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.live = live
        self.theme = Theme.instance()
        self._drawn_at = 0.0
        #: Processor time of the last drawing and of the one before.
        self._costs = (0.0, 0.0)
        # Draws the last snapshot of a burst: without it a pause would leave an old picture.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._draw)
        live.add_wish(self._wish_if_visible)
        live.snapshot_taken.connect(self._take)
        self.theme.changed.connect(self._restyle)

    def wish(self) -> Watch | None:
        """What this panel wants to watch while it is visible."""
        return None

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Draw a snapshot; called at most every `interval` seconds, and only while visible."""

    def restyle(self) -> None:
        """Take colours and fonts from the theme again."""

    def refresh(self) -> None:
        """Draw the latest snapshot now, if anybody can see it; what is watched may be something else."""
        self.live.renew()
        self._draw()

    def _draw(self) -> None:
        self._later.stop()
        if not self.isVisible():
            return
        began = time.thread_time()
        self.show_snapshot(self.live.latest)
        self._costs = (time.thread_time() - began, self._costs[0])
        self._drawn_at = time.monotonic()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.live.renew()

    def _wish_if_visible(self) -> Watch | None:
        wanted = self.wish() if self.isVisible() else None
        # The curves and the run bar want ten a second, whatever else is seen.
        interval = min(self.interval, 0.1) * self.live.stretch
        return replace(wanted, interval=interval) if wanted is not None else None

    def _take(self, snapshot: Snapshot) -> None:
        running = snapshot.status == "running"
        if not self.isVisible() or (self._later.isActive() and running):
            return
        # A slow drawing is done less often, so that it never takes over the window. The first one, which
        # has more to do, does not count; and when training has ended, its last answers come at once.
        pause = max(self.interval, (20 if running else 2) * min(self._costs)) * self.live.stretch
        wait = self._drawn_at + pause - time.monotonic()
        if wait <= 0:
            self._draw()
        else:
            self._later.start(int(1000 * wait) + 1)

    def _restyle(self) -> None:
        self.restyle()
        self.refresh()
        self.update()
