"""What a person waits for after Run on a fresh machine: how many kernels are compiled."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from studio.engine.messages import Snapshot
from studio.gui.live import Live
from studio.gui.theme import Theme
from studio.gui.training_link import TrainingLink


def preparing_words(snapshot: Snapshot) -> tuple[str, str]:
    """What is being prepared, and how many of how many are done or what share; empty if nothing is that takes time."""
    if snapshot.status != "preparing":
        return "", ""
    words, _, count = snapshot.message.partition(": ")
    if not count and not snapshot.progress:
        return "", ""
    return words, count or f"{100 * snapshot.progress:.0f} %"


class PreparingNote(QWidget):
    """A sentence and a bar at the top of the canvas while Run waits for kernels.

    Parameters
    ----------
    over : QWidget
        Where it floats.
    live, link
        The snapshots and the way to the trainer.
    """

    def __init__(self, over: QWidget, live: Live, link: TrainingLink) -> None:
        super().__init__(over)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(self.tr("Preparing"))
        self._live, self._link = live, link
        self.text, self.share = "", 0.0
        over.installEventFilter(self)
        live.snapshot_taken.connect(lambda _: self._follow())
        link.state_changed.connect(self._follow)
        Theme.instance().changed.connect(self._place)
        self.hide()

    def _follow(self) -> None:
        snapshot = self._live.latest
        words, count = preparing_words(snapshot)
        if not words or not self._link.running:
            self.hide()
            return
        text = f"{words} {count}"
        if text != self.text or not self.isVisible():
            self.text, self.share = text, snapshot.progress
            self.setAccessibleDescription(text)
            self._place()
            self.show()
            self.raise_()
            self.update()

    def _explanation(self) -> str:
        return self.tr("Needed once for each kind of layer on this machine. Pause stops waiting.")

    def sizeHint(self) -> QSize:
        theme = Theme.instance()
        widths = [
            QFontMetricsF(theme.font(font)).horizontalAdvance(text)
            for font, text in (("body", self.text), ("small", self._explanation()))
        ]
        return QSize(round(max(widths)) + 36, round(64 * theme.scale))

    def _place(self) -> None:
        over = self.parentWidget()
        assert over is not None
        self.resize(self.sizeHint().boundedTo(QSize(max(120, over.width() - 24), 200)))
        self.move((over.width() - self.width()) // 2, 12)

    def eventFilter(self, watched, event) -> bool:  # type: ignore[no-untyped-def]
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return bool(super().eventFilter(watched, event))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.color("border"))
        painter.setBrush(theme.color("dock"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        scale, width = theme.scale, self.width() - 36
        painter.setFont(theme.font("body"))
        painter.setPen(theme.color("text"))
        painter.drawText(QRectF(18, 8 * scale, width, 20 * scale), Qt.AlignmentFlag.AlignVCenter, self.text)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("text-2"))
        painter.drawText(QRectF(18, 28 * scale, width, 18 * scale), Qt.AlignmentFlag.AlignVCenter, self._explanation())
        groove = QRectF(18, 51 * scale, width, 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("border"))
        painter.drawRoundedRect(groove, 2, 2)
        if self.share > 0:
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(QRectF(18, groove.y(), max(4.0, width * min(1.0, self.share)), 4), 2, 2)
