"""Two bars: samples a second of processor and card, and how far their race is."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.engine.race_messages import RaceView
from studio.gui.theme import Theme
from studio.gui.widgets import numbers

#: Heights in pixels, times the type's scale: a row's words, its bar, what is below it, and the line of the progress.
_WORDS, _BAR, _SPACE, _LINE = 22.0, 10.0, 8.0, 3.0
_ROW = _WORDS + _BAR + _SPACE
#: Pixels between a name and its rate.
_GAP = 12.0


class RaceBars(QWidget):
    """The longer bar is the faster side's; lengths are in proportion. Nothing is drawn before there is a race."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = RaceView()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Samples a second of processor and card"))
        Theme.instance().changed.connect(self._restyle)

    def sizeHint(self) -> QSize:
        return QSize(360, round((2 * _ROW + _LINE) * Theme.instance().scale) + 1)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def _restyle(self) -> None:
        self.updateGeometry()
        self.update()

    def show_race(self, view: RaceView) -> None:
        """Draw how a race goes, or what came of it."""
        if view == self.view:
            return
        self.view = view
        words = "; ".join(f"{name}: {words}" for name, words, _, _ in self.rows())
        self.setAccessibleDescription(words)
        # A card's whole name may have no room.
        self.setToolTip(words if view.card.title else "")
        self.update()

    def rows(self) -> tuple[tuple[str, str, float, str], ...]:
        """Of each side its name, its rate in words, its bar's share of the whole length, and the bar's colour token."""
        view = self.view
        threads = numbers.counted(
            view.processor.threads, self.tr("Processor · {count} thread"), self.tr("Processor · {count} threads")
        )
        sides = (("cpu", threads, view.processor), ("cuda", view.card.title or self.tr("Card"), view.card))
        best = max(view.processor.samples_per_second, view.card.samples_per_second)
        found = []
        for key, name, racer in sides:
            rate = racer.samples_per_second
            words = self.tr("{0} samples/s").format(numbers.amount(rate)) if rate else "–"
            behind = view.stage == "done" and view.faster not in ("", key)
            found.append((name, words, rate / best if best else 0.0, "border-strong" if behind else "train"))
        return tuple(found)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.view.stage == "none":
            return
        theme, painter = Theme.instance(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font, scale, rows = theme.font("body"), theme.scale, self.rows()
        metrics = QFontMetricsF(font)
        painter.setFont(font)
        middle = Qt.AlignmentFlag.AlignVCenter
        for number, (name, words, share, token) in enumerate(rows):
            line = QRectF(0, number * _ROW * scale, self.width(), _WORDS * scale)
            painter.setPen(theme.color("text"))
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | middle, words)
            room = line.width() - metrics.horizontalAdvance(words) - _GAP
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft | middle, metrics.elidedText(name, Qt.TextElideMode.ElideRight, room))
            self._paint_bar(painter, QRectF(0, line.bottom(), line.width(), _BAR * scale), share, token)
        if self.view.is_on:
            under = QRectF(0, 2 * _ROW * scale, self.width(), _LINE * scale)
            self._paint_bar(painter, under, self.view.progress, "accent")

    def _paint_bar(self, painter: QPainter, whole: QRectF, share: float, token: str) -> None:
        """A groove, filled from the left as far as the share goes."""
        theme, radius = Theme.instance(), min(4.0, whole.height() / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("border"))
        painter.drawRoundedRect(whole, radius, radius)
        if share > 0:
            painter.setBrush(theme.color(token))
            painter.drawRoundedRect(QRectF(whole.topLeft(), whole.bottomRight()).adjusted(0, 0, (share - 1) * whole.width(), 0), radius, radius)
