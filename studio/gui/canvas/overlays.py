"""What floats over the canvas: zoom controls, the legend of colours, the first hint, a title's editor."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QToolButton, QWidget

from studio.gui.canvas.node_item import NodeItem
from studio.gui.canvas.style import current_style
from studio.gui.canvas.thumbnails import indexed, is_bounded
from studio.gui.theme import Theme
from studio.gui.widgets.fixed import fix


class _Bar(QFrame):
    """A plate with a hairline, as buttons have."""

    def paintEvent(self, event: QPaintEvent) -> None:
        style = current_style()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(style.pen("border"))
        painter.setBrush(style.color("dock"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)


class ZoomControls(_Bar):
    """Minus, the zoom, plus, and Tidy up.

    Parameters
    ----------
    actions : dict of str to QAction
        The canvas's actions.
    """

    def __init__(self, actions: dict[str, QAction], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("zoom-controls")
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 2, 4, 2)
        row.setSpacing(0)
        self.minus = self._button(actions["zoom_out"], "minus")
        self.value = self._button(actions["zoom_reset"], "")
        self.value.setMinimumWidth(52)
        self.plus = self._button(actions["zoom_in"], "plus")
        self.fit = self._button(actions["fit"], "fit")
        self.tidy = self._button(actions["tidy"], "")
        self.tidy.setText(self.tr("Tidy up"))
        line = QFrame(self)
        line.setFixedSize(1, 18)
        line.setAutoFillBackground(True)
        self._line = line
        for widget in (self.minus, self.value, self.plus, line, self.fit, self.tidy):
            row.addWidget(widget)
            if widget is line:
                row.setAlignment(line, Qt.AlignmentFlag.AlignVCenter)
        self.show_zoom(1.0)
        self.restyle()

    def _button(self, action: QAction, icon: str) -> QToolButton:
        button = QToolButton(self)
        button.setAutoRaise(True)
        fix(button, height=28)
        button.setObjectName(icon)
        button.setToolTip(action.toolTip())
        button.setAccessibleName(action.text().replace("&", ""))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(action.trigger)
        return button

    def show_zoom(self, zoom: float) -> None:
        """Show this zoom in per cent."""
        self.value.setText(f"{100 * zoom:.0f} %")

    def restyle(self) -> None:
        """Take the colours of the theme."""
        theme, style = Theme.instance(), current_style()
        for button in (self.minus, self.plus, self.fit):
            button.setIcon(theme.icon(button.objectName(), theme.color("text-2"), 16))
            button.setIconSize(QSize(16, 16))
        palette = self._line.palette()
        palette.setColor(self._line.backgroundRole(), style.color("border"))
        self._line.setPalette(palette)
        bold = theme.font("node-name")
        self.value.setFont(bold)
        self.tidy.setFont(theme.font("tab"))
        self.adjustSize()


class Legend(QWidget):
    """What the colours of pictures and strands mean; empty while there are none."""

    _BAR = QRectF(0, 3, 96, 8)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(self.tr("What the colours mean"))
        self._plane = self._maps = self._strands = False
        self._bounded = True
        self.resize(330, 36)

    def explain(self, items: list[NodeItem], strands: bool) -> None:
        """Explain the colours of these nodes."""
        kinds = {i.face.kind for i in items}
        state = (
            "neurons" in kinds,
            bool(kinds & {"maps", "strip"}),
            strands,
            all(is_bounded(i.face) for i in items if i.face.kind == "neurons"),
        )
        if state != (self._plane, self._maps, self._strands, self._bounded):
            self._plane, self._maps, self._strands, self._bounded = state
            self.update()
        self.setVisible(self._plane or self._maps)

    def paintEvent(self, event: QPaintEvent) -> None:
        style = current_style()
        scale = Theme.instance().scale
        if self.width() != round(330 * scale):
            self.resize(round(330 * scale), round(36 * scale))
        painter = QPainter(self)
        painter.scale(scale, scale)
        painter.setFont(style.fonts["small"])
        if self._plane:
            self._ramp(painter, self._BAR, "diverging")
            painter.setPen(style.color("text-3"))
            ends = ("−1", "0", "+1") if self._bounded else (self.tr("−max"), "0", self.tr("+max"))
            for share, words in zip((0.0, 0.5, 1.0), ends, strict=True):
                width = style.width(words, "small")
                painter.drawText(QPointF(share * (96 - width), 22), words)
            painter.drawText(QPointF(106, 11), self.tr("activation over the input plane"))
            if self._strands:
                painter.drawText(QPointF(106, 25), self.tr("wires: weight sign and size"))
        elif self._maps:
            painter.setPen(style.color("text-3"))
            painter.drawText(QPointF(106, 11), self.tr("0 to max (after ReLU)"))
            painter.drawText(QPointF(106, 29), self.tr("−max to +max (signed)"))
            self._ramp(painter, self._BAR, "sequential")
            self._ramp(painter, self._BAR.translated(0, 18), "diverging")

    @staticmethod
    def _ramp(painter: QPainter, rect: QRectF, name: str) -> None:
        style = current_style()
        pixmap = indexed(np.arange(256, dtype=np.uint8)[None], style.packed[name])
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(rect, pixmap, QRectF(pixmap.rect()))


class Hint(QLabel):
    """What to do while there is nothing on the canvas."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setText(self.tr("Drag a layer here from the left, or press Tab to search for one."))
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.restyle()

    def restyle(self) -> None:
        """Take the colours of the theme."""
        theme = Theme.instance()
        palette = self.palette()
        palette.setColor(self.foregroundRole(), theme.color("text-3"))
        self.setPalette(palette)
        self.setFont(theme.font("body"))
        self.adjustSize()


class TitleEditor(QLineEdit):
    """Edits a node's name in its place: Enter keeps it, Escape does not."""

    #: Emitted with node id and new name.
    renamed = Signal(str, str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._outer = parent
        self.setAccessibleName(self.tr("Name of the layer"))
        self.setMaxLength(64)
        self._node = ""
        self.installEventFilter(self)
        self.editingFinished.connect(self._finish)
        self.hide()

    def open_on(self, node: str, name: str, where: QRectF) -> None:
        """Edit the name of a node in a rectangle of the parent widget."""
        self._node = node
        self.setText(name)
        self.selectAll()
        self.setGeometry(where.toAlignedRect())
        self.show()
        self.raise_()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def _finish(self) -> None:
        node, self._node = self._node, ""
        if node:
            self.hide()
            self.renamed.emit(node, self.text())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress:
            assert isinstance(event, QKeyEvent)
            if event.key() == Qt.Key.Key_Escape:
                self._node = ""
                self.hide()
                self._outer.setFocus(Qt.FocusReason.OtherFocusReason)
                return True
        return super().eventFilter(watched, event)
