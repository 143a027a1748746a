"""The network's answer to one sample: the classes' shares as bars, the likeliest in large."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from studio.gui.panels.images import colour_image, mapped
from studio.gui.theme import Theme

_HEAD, _SEEN, _LOWEST, _HIGHEST = 52.0, 48.0, 15.0, 24.0


class AnswerBars(QWidget):
    """What the network sees, what it says, and how sure it is of each class."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.instance()
        self.names: tuple[str, ...] = ()
        self.shares = np.empty(0)
        #: The answer in words; empty while there is none.
        self.says = ""
        self._colours: Sequence[QColor] = ()
        self._seen: np.ndarray | None = None
        self.setMinimumSize(140, 120)
        self.theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(220, 260)

    def show_nothing(self) -> None:
        """There is no answer yet."""
        self._take("", (), np.empty(0), (), None)

    def show_words(self, words: str, seen: np.ndarray) -> None:
        """An answer that is no class."""
        self._take(words, (), np.empty(0), (), seen)

    def show_shares(self, names: tuple[str, ...], shares: np.ndarray, colours: Sequence[QColor], seen: np.ndarray) -> None:
        """Share of each class, in all 1, and the picture that the network sees, ``(height, width)``."""
        self._take(names[int(shares.argmax())], names, shares, colours, seen)

    def _take(
        self, says: str, names: tuple[str, ...], shares: np.ndarray, colours: Sequence[QColor], seen: np.ndarray | None
    ) -> None:
        self.says, self.names, self.shares, self._colours, self._seen = says, names, shares, colours, seen
        self.setAccessibleDescription(self.words())
        self.update()

    def words(self) -> str:
        """The answer in a sentence, for those who cannot see the bars."""
        if not self.says:
            return ""
        if not len(self.shares):
            return self.tr("The network says {0}.").format(self.says)
        sure = f"{100 * float(self.shares.max()):.0f}"
        return self.tr("The network says {0}, and gives it {1} %.").format(self.says, sure)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.says:
            return
        theme, painter = self.theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_head(painter)
        order = self._order()
        if not order:
            return
        small = theme.font("tab")
        painter.setFont(small)
        metrics = painter.fontMetrics()
        room = self.height() - _HEAD * theme.scale - 8
        row = min(_HIGHEST * theme.scale, max(_LOWEST, room / len(order)))
        left = min(self.width() * 0.4, max(metrics.horizontalAdvance(self.names[i]) for i in order) + 8)
        number = metrics.horizontalAdvance("100 %") + 4
        best, y = int(self.shares.argmax()), self.height() - row * len(order)
        y = min(y, _HEAD * theme.scale + 8)
        for index in order:
            chosen = index == best
            small.setWeight(QFont.Weight.DemiBold if chosen else QFont.Weight.Normal)
            painter.setFont(small)
            painter.setPen(theme.color("text" if chosen else "text-2"))
            name = metrics.elidedText(self.names[index], Qt.TextElideMode.ElideRight, int(left - 6))
            painter.drawText(QRectF(0, y, left, row), Qt.AlignmentFlag.AlignVCenter, name)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            share = float(self.shares[index])
            painter.drawText(QRectF(0, y, self.width() - 1, row), right, f"{100 * share:.0f} %")
            bar = QRectF(left, y + row / 2 - 4, max(8.0, self.width() - left - number - 4), 8)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("border"))
            painter.drawRoundedRect(bar, 4, 4)
            bar.setWidth(bar.width() * share)
            painter.setBrush(self._colours[index])
            painter.drawRoundedRect(bar, min(4.0, bar.width() / 2), 4)
            y += row

    def _paint_head(self, painter: QPainter) -> None:
        theme = self.theme
        height, left = _HEAD * theme.scale, 0.0
        if self._seen is not None:
            frame = QRectF(0.5, 0.5, _SEEN * theme.scale, _SEEN * theme.scale)
            painter.drawImage(frame, _picture(self._seen, theme))
            painter.setPen(QPen(theme.color("border-strong"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(frame)
            left = frame.right() + 12
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("text-3"))
        painter.drawText(QRectF(left, 0, self.width() - left, 16 * theme.scale), 0, self.tr("says"))
        painter.setFont(theme.font("page-title"))
        painter.setPen(theme.color("text"))
        words = painter.fontMetrics().elidedText(self.says, Qt.TextElideMode.ElideRight, int(self.width() - left))
        painter.drawText(QRectF(left, 15 * theme.scale, self.width() - left, height - 15 * theme.scale), 0, words)

    def _order(self) -> list[int]:
        """The classes for which there is room; of many those with the largest shares, in their order."""
        room = int((self.height() - _HEAD * self.theme.scale - 8) / _LOWEST)
        likeliest = np.argsort(-self.shares, kind="stable")[: max(1, room)]
        return sorted(likeliest.tolist()) if len(self.shares) else []


def _picture(values: np.ndarray, theme: Theme) -> QImage:
    low, high = float(values.min()), float(values.max())
    return colour_image(mapped(values, low, high, theme.lut("sequential")))
