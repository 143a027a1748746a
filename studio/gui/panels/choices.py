"""Small controls of the panels: tabs, segments and a flat choice."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QActionGroup, QEnterEvent, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QMenu, QTabBar, QToolButton, QWidget

from studio.gui.theme import Theme

#: Pixels beside the words of a tab, where there is room and where there is little.
_ROOMY_TAB, _TIGHT_TAB = 23, 13


class _Bar(QTabBar):
    """A tab bar that draws itself, so that it looks the same on every platform."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.instance()
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(False)
        self.setElideMode(Qt.TextElideMode.ElideRight)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._hovered = -1
        self.theme.changed.connect(self.updateGeometry)

    def mouseMoveEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        super().mouseMoveEvent(event)
        self._hover(self.tabAt(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(-1)

    def _hover(self, index: int) -> None:
        if index != self._hovered:
            self._hovered = index
            self.update()

    def minimumTabSizeHint(self, index: int) -> QSize:
        return QSize(40, self.tabSizeHint(index).height())


class TabStrip(_Bar):
    """Tabs as words with an accent line below the current one, and a count where needed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: dict[int, int] = {}
        #: Room beside the words of a tab, both sides together.
        self._padding = _ROOMY_TAB

    def set_count(self, index: int, count: int) -> None:
        """Show a number in a small red pill after the tab's word; 0 shows none."""
        if self._counts.get(index, 0) != count:
            self._counts[index] = count
            # The only public way to make a tab bar lay its tabs out again.
            word = self.tabText(index)
            self.setTabText(index, "")
            self.setTabText(index, word)
            self.updateGeometry()
            self.setTabToolTip(index, self.tr("%n problem(s)", "", count) if count else "")

    def fit(self, width: int) -> None:
        """Make tabs narrow where so many pixels would cut their words otherwise."""
        shown = [index for index in range(self.count()) if self.isTabVisible(index)]
        roomy = sum(self.tabSizeHint(index).width() + _ROOMY_TAB - self._padding for index in shown)
        padding = _ROOMY_TAB if roomy <= width else _TIGHT_TAB
        if padding != self._padding:
            self._padding = padding
            # The only public way to make a tab bar lay its tabs out again.
            self.setIconSize(self.iconSize() + QSize(1, 0) if padding == _TIGHT_TAB else self.iconSize() - QSize(1, 0))
            self.updateGeometry()

    def count_of(self, index: int) -> int:
        """The number in the pill."""
        return self._counts.get(index, 0)

    def _pill_width(self, index: int) -> float:
        count = self._counts.get(index, 0)
        if not count:
            return 0.0
        return max(20.0, QFontMetricsF(self.theme.font("small")).horizontalAdvance(str(count)) + 13.0)

    def tabSizeHint(self, index: int) -> QSize:
        font = self.theme.font("tab")
        font.setWeight(font.Weight.DemiBold)
        width = QFontMetricsF(font).horizontalAdvance(self.tabText(index)) + self._padding
        pill = self._pill_width(index)
        return QSize(round(width + (pill + 6 if pill else 0)), 34)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index in range(self.count()):
            self._paint_tab(painter, index)

    def _paint_tab(self, painter: QPainter, index: int) -> None:
        theme, rect = self.theme, QRectF(self.tabRect(index))
        current = index == self.currentIndex()
        font = theme.font("tab")
        if current:
            font.setWeight(font.Weight.DemiBold)
        painter.setFont(font)
        bright = current or index == self._hovered
        painter.setPen(theme.color("text" if bright else "text-2"))
        pill = self._pill_width(index)
        beside = (self._padding - 3) / 2
        words = rect.adjusted(beside, 0, -beside - (pill + 6 if pill else 0), 0)
        text = painter.fontMetrics().elidedText(
            self.tabText(index), Qt.TextElideMode.ElideRight, int(words.width()) + 1
        )
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        if pill:
            plate = QRectF(rect.right() - beside - pill, rect.center().y() - 9, pill, 18)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("error-bg"))
            painter.drawRoundedRect(plate, 9, 9)
            painter.setPen(theme.color("error"))
            small = theme.font("small")
            small.setWeight(small.Weight.DemiBold)
            painter.setFont(small)
            painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, str(self._counts[index]))
        if current:
            painter.fillRect(QRectF(rect.left() + 1, rect.bottom() - 2, rect.width() - 2, 2), theme.color("accent"))
            if self.hasFocus():
                painter.setPen(QPen(theme.color("accent"), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(rect.adjusted(2, 4, -2, -5), 5, 5)


class Segments(_Bar):
    """A few choices side by side, one of them taken."""

    def __init__(self, *words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        for word in words:
            self.addTab(word)
        self._keep_width()
        self.theme.changed.connect(self._keep_width)

    def tabInserted(self, index: int) -> None:
        super().tabInserted(index)
        self._keep_width()

    def tabRemoved(self, index: int) -> None:
        super().tabRemoved(index)
        self._keep_width()

    def _keep_width(self) -> None:
        self.setMinimumWidth(sum(self.tabSizeHint(i).width() for i in range(self.count())))

    def tabSizeHint(self, index: int) -> QSize:
        font = self.theme.font("tab")
        font.setWeight(font.Weight.DemiBold)
        return QSize(round(QFontMetricsF(font).horizontalAdvance(self.tabText(index)) + 22), 26)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self.theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(self.tabRect(0)).united(QRectF(self.tabRect(self.count() - 1)))
        frame = whole.adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(theme.color("accent" if self.hasFocus() else "border"), 1))
        painter.setBrush(theme.color("field"))
        painter.drawRoundedRect(frame, 5, 5)
        for index in range(self.count()):
            rect = QRectF(self.tabRect(index))
            current, enabled = index == self.currentIndex(), self.isTabEnabled(index)
            if current or (index == self._hovered and enabled):
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.color("accent-bg" if current else "hover"))
                painter.drawRoundedRect(rect.adjusted(2.5, 2.5, -2.5, -2.5), 4, 4)
            font = theme.font("tab")
            if current:
                font.setWeight(font.Weight.DemiBold)
            painter.setFont(font)
            colour = theme.color("accent" if current else "text-2" if enabled else "text-3")
            if not enabled:
                colour.setAlphaF(0.6)
            painter.setPen(colour)
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, self.tabText(index))


class ChoiceButton(QToolButton):
    """The current choice in faint words with a chevron; a click opens the others."""

    #: Emitted with the key of the choice a person took.
    chosen = Signal(str)

    def __init__(self, choices: dict[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.instance()
        self._hovered = False
        menu = QMenu(self)
        group = QActionGroup(menu)
        self.actions_by_key = {}
        for key, words in choices.items():
            action = menu.addAction(words)
            action.setCheckable(True)
            group.addAction(action)
            action.triggered.connect(lambda _checked, key=key: self._take(key))
            self.actions_by_key[key] = action
        self.setMenu(menu)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.set_choice(next(iter(choices)))

    @property
    def choice(self) -> str:
        """Key of the current choice."""
        return self._choice

    def set_choice(self, key: str) -> None:
        """Show this choice, without saying so to anybody."""
        self._choice = key
        self.actions_by_key[key].setChecked(True)
        self.setText(self.actions_by_key[key].text())
        self.updateGeometry()
        self.update()

    def _take(self, key: str) -> None:
        self.set_choice(key)
        self.chosen.emit(key)

    def sizeHint(self) -> QSize:
        width = QFontMetricsF(self.theme.font("tab")).horizontalAdvance(self.text())
        return QSize(round(width) + 34, 26)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._hovered = True
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hovered = False
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self.theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect())
        if self._hovered and self.isEnabled():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("hover"))
            painter.drawRoundedRect(rect, 5, 5)
        if self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), 5, 5)
        colour = theme.color("text-2" if self._hovered else "text-3")
        if not self.isEnabled():
            colour.setAlphaF(0.5)
        painter.setPen(colour)
        painter.setFont(theme.font("tab"))
        painter.drawText(rect.adjusted(8, 0, -24, 0), Qt.AlignmentFlag.AlignVCenter, self.text())
        draw_chevron(painter, rect.right() - 14, rect.center().y(), colour)


def draw_chevron(painter: QPainter, x: float, y: float, colour) -> None:  # type: ignore[no-untyped-def]
    """A small arrow down with its middle at (x, y)."""
    pen = QPen(colour, 1.4)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.drawLine(QRectF(x - 4, y - 2, 4, 4).topLeft(), QRectF(x - 4, y - 2, 4, 4).bottomRight())
    painter.drawLine(QRectF(x, y - 2, 4, 4).bottomLeft(), QRectF(x, y - 2, 4, 4).topRight())
