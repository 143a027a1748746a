"""Class shares as bars, or one number, for the place under the pointer."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.gui.panels.images import draw_legend
from studio.gui.panels.ticks import range_text
from studio.gui.theme import Theme

_ROW = 20
_MOST_ROWS = 10


class ScoresBox(QWidget):
    """A title and, below it, the classes with their names or with bars of their shares."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.instance()
        self.title = ""
        self.names: tuple[str, ...] = ()
        self.colours: tuple[QColor, ...] = ()
        self.shares: tuple[float, ...] | None = None
        self.lines: tuple[str, ...] = ()
        self.legend: tuple[float, float, str] | None = None
        self.squares = False
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_classes(
        self, title: str, names: tuple[str, ...], colours: tuple[QColor, ...], shares: tuple[float, ...] | None
    ) -> None:
        """Show classes; with shares as bars, without as names."""
        self.names, self.colours, self.shares = names, colours, shares
        self._renew(title, (), None)

    def show_lines(self, title: str, lines: tuple[str, ...], legend: tuple[float, float, str] | None) -> None:
        """Show plain lines and the range of a colour map."""
        self.names, self.colours, self.shares = (), (), None
        self._renew(title, lines, legend)

    def _renew(self, title: str, lines: tuple[str, ...], legend: tuple[float, float, str] | None) -> None:
        height = self.sizeHint().height()
        self.title, self.lines, self.legend = title, lines, legend
        if self.sizeHint().height() != height or self.minimumHeight() != self.sizeHint().height():
            self.setFixedHeight(self.sizeHint().height())
        self.update()

    def sizeHint(self) -> QSize:
        rows = min(len(self.names), _MOST_ROWS) + (len(self.names) > _MOST_ROWS) + len(self.lines)
        if self._two_columns():
            rows = -(-rows // 2)
        return QSize(150, 22 + _ROW * rows + (24 if self.legend else 0))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self.theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bold = theme.font("tab")
        bold.setWeight(QFont.Weight.DemiBold)
        painter.setFont(bold)
        painter.setPen(theme.color("text"))
        painter.drawText(QRectF(0, 0, self.width(), 20), Qt.AlignmentFlag.AlignVCenter, self.title)
        y = 22.0
        order = self._order()
        if self._two_columns():
            rows = -(-len(order) // 2)
            for place, index in enumerate(order):
                x = self.width() / 2 * (place // rows)
                self._paint_class(painter, index, QRectF(x, y + _ROW * (place % rows), self.width() / 2, _ROW))
            y += _ROW * rows
            order = []
        for index in order:
            self._paint_class(painter, index, QRectF(0, y, self.width(), _ROW))
            y += _ROW
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("text-3"))
        if len(self.names) > _MOST_ROWS:
            more = self.tr("and {0} more").format(len(self.names) - _MOST_ROWS)
            painter.drawText(QRectF(0, y, self.width(), _ROW), Qt.AlignmentFlag.AlignVCenter, more)
            y += _ROW
        for line in self.lines:
            painter.setPen(theme.color("text-2"))
            painter.drawText(QRectF(0, y, self.width(), _ROW), Qt.AlignmentFlag.AlignVCenter, line)
            y += _ROW
        if self.legend:
            low, high, name = self.legend
            draw_legend(painter, QRectF(0, y, self.width(), 22), range_text(low), range_text(high), name, theme)

    def _two_columns(self) -> bool:
        """Many names alone stand in two columns, to leave room for the rest."""
        return self.shares is None and len(self.names) > 5

    def _order(self) -> list[int]:
        """The classes shown; of many, those with the largest shares."""
        if len(self.names) <= _MOST_ROWS or self.shares is None:
            return list(range(min(len(self.names), _MOST_ROWS)))
        return sorted(sorted(range(len(self.names)), key=lambda i: -self.shares[i])[:_MOST_ROWS])  # type: ignore[index]

    def _paint_class(self, painter: QPainter, index: int, row: QRectF) -> None:
        theme, middle, left = self.theme, row.center().y(), row.left()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.colours[index])
        if self.squares and index % 2:
            painter.drawRect(QRectF(left + 1, middle - 4, 8, 8))
        else:
            painter.drawEllipse(QPointF(left + 5, middle), 4.5, 4.5)
        painter.setFont(theme.font("small"))
        metrics = painter.fontMetrics()
        if self.shares is None:
            painter.setPen(theme.color("text-2"))
            words = metrics.elidedText(self.names[index], Qt.TextElideMode.ElideRight, int(row.width()) - 18)
            painter.drawText(row.adjusted(16, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, words)
            return
        share = self.shares[index]
        words = f"{100 * share:.1f} %"
        number = metrics.horizontalAdvance("100.0 %")
        bar = QRectF(16, middle - 3, max(12.0, self.width() - 16 - number - 8), 6)
        painter.setBrush(theme.color("border"))
        painter.drawRoundedRect(bar, 3, 3)
        filled = QRectF(bar)
        filled.setWidth(bar.width() * share)
        painter.setBrush(self.colours[index])
        painter.drawRoundedRect(filled, min(3.0, filled.width() / 2), 3)
        painter.setPen(theme.color("text"))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(row, right, words)


class PointLegend(QWidget):
    """What rings and outlines of points mean, with how many are wrong."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.instance()
        self.wrong: int | None = None
        self.setFixedHeight(2 * _ROW)
        self.theme.changed.connect(self.update)

    def show_wrong(self, wrong: int | None) -> None:
        """Say how many points are misclassified; None for no classes."""
        if wrong != self.wrong:
            self.wrong = wrong
            self.setAccessibleDescription("" if wrong is None else self.words())
            self.update()

    def words(self) -> str:
        """How many points are wrong."""
        return self.tr("{0} misclassified").format(self.wrong)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self.theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("small"))
        y = self.height() - _ROW * (1 if self.wrong is None else 2)
        half = painter.fontMetrics().horizontalAdvance(self.tr("training")) + 34
        places = [("train", self.tr("training"), 0, y), ("check", self.tr("validation"), half, y)]
        if self.wrong is not None:
            places.append(("ring", self.words(), 0, y + _ROW))
        for kind, words, x, y in places:
            at = QPointF(x + 6, y + _ROW / 2)
            if kind == "ring":
                painter.setPen(QPen(theme.color("text"), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawEllipse(at, 5, 5)
            else:
                painter.setBrush(theme.color("border-strong"))
                painter.setPen(QPen(theme.color("canvas" if kind == "train" else "text"), 1.4))
                painter.drawEllipse(at, 4, 4)
            painter.setPen(theme.color("text-3"))
            painter.drawText(QRectF(x + 17, y, self.width() - x - 17, _ROW), Qt.AlignmentFlag.AlignVCenter, words)
