"""The top of the inspector: what the node is, its shapes and its formula."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from studio.core.graph import Node
from studio.core.inference import Inference
from studio.core.layer import Layer
from studio.core.shapes import describe
from studio.gui.session import Session
from studio.gui.theme import Theme
from studio.gui.widgets import numbers
from studio.gui.widgets.label import ElidedLabel


class Tile(QWidget):
    """A layer's icon on its family's tint."""

    def __init__(self, side: int = 32, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(side, side)
        self._icon, self._family = "layer", "Core"
        Theme.instance().changed.connect(self.update)

    def show_layer(self, layer: Layer | type[Layer]) -> None:
        """Show the icon of a layer."""
        self._icon, self._family = layer.icon or "layer", layer.family
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.family_tint(self._family))
        painter.drawRoundedRect(self.rect(), 6, 6)
        size = self.width() * 5 // 8
        icon = theme.pixmap(self._icon, theme.family(self._family), size)
        corner = (self.width() - size) / 2
        painter.drawPixmap(QRectF(corner, corner, size, size), icon, QRectF(icon.rect()))


class FormulaBox(QWidget):
    """Shapes in and out, and the formula with the sizes of its weights."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._shapes, self._formula, self._sizes = "", "", ""
        Theme.instance().changed.connect(self._resize)

    def show_texts(self, shapes: str, formula: str, sizes: str) -> None:
        """Show other texts; empty ones leave no gap."""
        if (shapes, formula, sizes) != (self._shapes, self._formula, self._sizes):
            self._shapes, self._formula, self._sizes = shapes, formula, sizes
            self.setAccessibleName(f"{shapes}; {formula}; {sizes}")
            self.setToolTip("\n".join(line for line in (shapes, formula, sizes) if line))
            self._resize()

    @property
    def shapes(self) -> str:
        """The line with the shapes."""
        return self._shapes

    def _lines(self) -> list[list[tuple[str, str, str]]]:
        """Lines of (text, role, tone); what is too long goes on in the next one, at a space."""
        room = max(self.width(), 280) - 20
        lines: list[list[tuple[str, str, str]]] = []
        for text, role, tone in (
            (self._shapes, "mono", "text"), (self._formula, "formula", "text"), (self._sizes, "small", "text-2"),
        ):  # fmt: skip
            if not text:
                continue
            if role == "small" and self._formula and len(lines[-1]) == 1 and lines[-1][0][1] == "formula":
                last = lines[-1][0][0]
                if self._advance(last, "formula") + 12 + self._advance(text, role) <= room:
                    lines[-1].append((text, role, tone))
                    continue
            lines += [[(line, role, tone)] for line in self._wrapped(text, role, room)]
        return lines

    def _wrapped(self, text: str, role: str, room: float) -> list[str]:
        lines = [""]
        for word in text.split(" "):
            longer = f"{lines[-1]} {word}" if lines[-1] else word
            if lines[-1] and self._advance(longer, role) > room:
                lines.append(word)
            else:
                lines[-1] = longer
        return lines

    @staticmethod
    def _advance(text: str, role: str) -> float:
        return QFontMetricsF(Theme.instance().font(role)).horizontalAdvance(text)

    def _resize(self) -> None:
        self.setFixedHeight(round(self.sizeHint().height()))
        self.update()

    def resizeEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        super().resizeEvent(event)
        self._resize()

    def sizeHint(self) -> QSize:
        return QSize(240, round((14 + 24 * max(1, len(self._lines()))) * Theme.instance().scale))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("border"), 1))
        painter.setBrush(theme.color("field"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        y, line_height = 7 * theme.scale, 24 * theme.scale
        for line in self._lines():
            x = 12.0
            for text, role, tone in line:
                painter.setFont(theme.font(role))
                painter.setPen(theme.color(tone))
                room = QRectF(x, y, self.width() - x - 8, line_height)
                shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(room.width()))
                painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, shown)
                x += painter.fontMetrics().horizontalAdvance(text) + 12
            y += line_height


class Identity(QWidget):
    """Tile, name, type and parameter count, shapes and formula, and a menu."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.tile = Tile()
        self.name = ElidedLabel("", "inspector-title")
        self.kind = ElidedLabel("", "tab", "text-3")
        self.box = FormulaBox()
        self.menu_button = QToolButton()
        self.menu_button.setFixedSize(28, 28)
        self.menu_button.setAccessibleName(self.tr("More"))
        self.menu_button.setToolTip(self.tr("What can be done with this layer"))
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.menu_button)
        self.menu_button.setMenu(self.menu)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(self.name)
        words.addWidget(self.kind)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.tile)
        row.addLayout(words, 1)
        row.addWidget(self.menu_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 4)
        column.setSpacing(10)
        column.addLayout(row)
        column.addWidget(self.box)
        Theme.instance().changed.connect(self._restyle)
        self._restyle()

    def _restyle(self) -> None:
        self.menu_button.setIcon(Theme.instance().icon("more", "text-3"))

    def show_node(self, node: Node, inference: Inference) -> None:
        """Show a node of the document."""
        layer = node.layer
        self.tile.show_layer(layer)
        self.name.show_text(node.name)
        count = inference.parameters(node.id)
        words = self.tr("{count} parameters").format(count=numbers.grouped(count)) if count else ""
        self.kind.show_text(" · ".join(part for part in (layer.type_name(), words) if part))
        formula = formula_of(layer) if layer.inputs else ""
        self.box.show_texts(_shapes(node, inference), formula, _sizes(node, inference))


def formula_of(layer: Layer) -> str:
    """The layer's formula with the chosen activation in it."""
    formula, activation = layer.formula, getattr(layer, "activation", "")
    if not isinstance(activation, str) or "activation(" not in formula:
        return formula
    if activation != "linear":
        return formula.replace("activation(", f"{activation}(")
    start = formula.index("activation(") + len("activation(")
    depth, end = 1, start
    while depth and end < len(formula):
        depth += {"(": 1, ")": -1}.get(formula[end], 0)
        end += 1
    return formula.replace(formula[start - len("activation(") : end], formula[start : end - 1])


def _shapes(node: Node, inference: Inference) -> str:
    given = tuple(s for s in inference.input_shapes.get(node.id, ()) if s is not None)
    made = inference.shapes.get(node.id, ())
    if not node.layer.outputs:
        return " , ".join(describe(s) for s in given)
    if not node.layer.inputs:
        ports = zip(node.layer.outputs, made, strict=False)
        return "   ".join(f"{port}: {describe(shape)}" for port, shape in ports)
    if not made:
        return ""
    sources = f"{len(given)} × ({describe(given[0])})" if len(given) > 2 else " + ".join(describe(s) for s in given)
    return f"{sources}  →  {describe(made[0])}"


def _sizes(node: Node, inference: Inference) -> str:
    letters = {"kernel": next((c for c in "WK" if c in node.layer.formula), "kernel"), "bias": "b"}
    words = {name: letter for name, letter in letters.items() if letter in node.layer.formula}
    weights = inference.weights.get(node.id, ())
    return ", ".join(f"{words.get(w.name, w.name)} is {describe(w.shape)}" for w in weights[:4])
