"""A node on the scene: painted from its face, its thumbnail and its state."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QRegion
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from studio.gui.canvas.bodies import Brush, paint_body, remedy_rect, tr
from studio.gui.canvas.faces import BODY_TOP, FOOTER, HEADER, LINE, PADDING, TEXT_LEFT, Face
from studio.gui.canvas.ports import CELL, Port
from studio.gui.canvas.style import Style, current_style
from studio.gui.canvas.thumbnails import Thumbnail

#: Below these zooms small text, names, and all but tile and outline are not drawn.
WORDS_FROM, NAME_FROM, BODY_FROM = 0.5, 0.4, 0.28
#: How far a port, the pill and the selection ring reach beyond the node.
MARGIN = 20.0
_RADIUS = 8.0
_PORT, _SPOT, _LEGAL_PORT = 5.0, 3.0, 7.0
_FROZEN_DASHES, _FROZEN_OPACITY = (4.0, 3.0), 0.45

#: A port of a node: ("input" or "output", index).
PortKey = tuple[str, int]


class NodeItem(QGraphicsItem):
    """One node; told what to show by the scene, never looks at the document itself.

    Parameters
    ----------
    face : Face
        What to show.
    """

    def __init__(self, face: Face) -> None:
        super().__init__()
        self.face = face
        self.thumbnail: Thumbnail | None = None
        #: What a data node's thumbnail was made of, so that it is made once.
        self.source_shown: tuple[object, ...] = ()
        self.chosen = False
        self.hovered = False
        self.over_remedy = False
        #: Why training stopped at this node, empty if it did not.
        self.failure = ""
        self.unit = -1
        #: Whether it is this layer's turn, where training goes layer by layer.
        self.learning = False
        #: What the node takes in a training step, in words, its share of it, and a sentence; empty where nobody asks.
        self.time = ("", 0.0, "")
        #: While a wire is dragged: what is True may take it, what is False fades.
        self.offers: Mapping[PortKey, bool] | None = None
        #: A free port of a variadic input, shown while a wire is dragged.
        self.spare: Port | None = None
        self.setZValue(2)
        #: Asks the view which part of it is being painted; None paints everything.
        self.exposed_part: Callable[[], QRegion | None] = lambda: None

    def show_face(self, face: Face) -> None:
        """Look like this from now on."""
        if face.width != self.face.width or face.height != self.face.height:
            self.prepareGeometryChange()
        if face.kind != self.face.kind or face.shape != self.face.shape:
            self.thumbnail = None
        if not 0 <= self.unit < face.shown:
            self.unit = -1
        self.face = face
        self.update()

    def set_state(self, **state: object) -> None:
        """Change flags such as `hovered`; repaints if that makes a difference."""
        if any(getattr(self, name) != value for name, value in state.items()):
            for name, value in state.items():
                setattr(self, name, value)
            self.setZValue(3 if self.chosen else 2)
            self.update()

    @property
    def errors(self) -> int:
        """How many things are wrong with the node, a failure of training included."""
        return self.face.errors + bool(self.failure)

    # Geometry --------------------------------------------------------------------------

    def boundingRect(self) -> QRectF:
        return QRectF(-MARGIN, -MARGIN, self.face.width + 2 * MARGIN, self.face.height + 2 * MARGIN)

    def body(self) -> QRectF:
        """What changes while training, in the node's coordinates."""
        face = self.face
        height = face.height - FOOTER - 6 - BODY_TOP
        if face.kind == "neurons":
            return QRectF(face.cells_left - 2, BODY_TOP, CELL + 4, height)
        return QRectF(PADDING, BODY_TOP, face.width - 2 * PADDING, height)

    def _plain_part(self) -> QRectF:
        """All between header and footer: Qt rounds what is exposed outwards, at most up to here."""
        top = HEADER - 4
        return QRectF(2, top, self.face.width - 4, self.face.height - FOOTER - top)

    def refresh_body(self, thumbnail: Thumbnail | None) -> None:
        """Show another thumbnail; None for none."""
        self.thumbnail = thumbnail
        self.update(self.body())

    def show_time(self, words: str, share: float, sentence: str) -> None:
        """Write what the node takes in a training step into its footer; empty words for nothing."""
        if (words, share, sentence) != self.time:
            self.time = words, share, sentence
            self.update(QRectF(0, self.face.height - FOOTER - 2, self.face.width, FOOTER + 2))

    def frame(self) -> QRectF:
        """The node's rectangle in the scene, without ports and ring."""
        return QRectF(self.pos().x(), self.pos().y(), self.face.width, self.face.height)

    def ports(self, side: str) -> tuple[Port, ...]:
        """Input or output ports, the spare one included."""
        if side == "output":
            return self.face.outputs
        return (*self.face.inputs, self.spare) if self.spare else self.face.inputs

    def port_position(self, side: str, index: int) -> QPointF:
        """Centre of a port in the scene."""
        ports = self.ports(side)
        port = ports[min(index, len(ports) - 1)]
        return self.pos() + QPointF(port.x, port.y)

    # Painting --------------------------------------------------------------------------

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        style = current_style()
        zoom = option.levelOfDetailFromTransform(painter.worldTransform())
        if zoom < BODY_FROM and self.offers is None:
            self._paint_sketch(painter, style)
            return
        brush = Brush(painter, style, zoom >= WORDS_FROM, self.unit)
        exposed = self._exposed(painter)
        if exposed is not None and self._plain_part().contains(exposed):
            painter.fillRect(exposed, style.color("node"))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_body(brush)
            if brush.words:
                self._paint_message(brush)
            if exposed.left() < _LEGAL_PORT + 1 or exposed.right() > self.face.width - _LEGAL_PORT - 1:
                self._paint_ports(painter, style, False)
            return
        self._paint_frame(painter, style)
        self._paint_header(brush, zoom >= NAME_FROM)
        self._paint_body(brush)
        if brush.words:
            self._paint_message(brush)
            self._paint_footer(brush)
        self._paint_ports(painter, style, zoom >= WORDS_FROM)
        if zoom >= WORDS_FROM:
            self._paint_tag(painter, style)
        if self.time[0]:
            self._paint_time(painter, style)
        if self.errors:
            self._paint_pill(painter, style)

    def _paint_body(self, brush: Brush) -> None:
        brush.painter.setOpacity(_FROZEN_OPACITY if self.face.frozen else 1.0)
        paint_body(brush, self.face, self.thumbnail)
        brush.painter.setOpacity(1.0)

    def _exposed(self, painter: QPainter) -> QRectF | None:
        """What of the node is being painted now; Qt's own exposed rectangle spans all nodes' parts."""
        region = self.exposed_part()
        if region is None:
            return None
        transform = painter.worldTransform()
        seen = region.intersected(transform.mapRect(self.boundingRect()).toAlignedRect())
        back, invertible = transform.inverted()
        return back.mapRect(QRectF(seen.boundingRect())) if invertible else None

    def _paint_frame(self, painter: QPainter, style: Style) -> None:
        rect = QRectF(0.5, 0.5, self.face.width - 1, self.face.height - 1)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.chosen:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(style.ring, 3))
            painter.drawRoundedRect(rect.adjusted(-3, -3, 3, 3), _RADIUS + 3, _RADIUS + 3)
            pen = style.pen("accent", 2)
        elif self.errors:
            pen = style.pen("error", 1.5)
        elif self.learning:
            pen = style.pen("accent", 1.5)
        elif self.face.frozen:
            pen = style.pen("border-strong", 1.0, _FROZEN_DASHES)
        else:
            pen = style.pen("border-strong" if self.hovered else "node-outline")
        painter.setPen(pen)
        painter.setBrush(style.color("node"))
        painter.drawRoundedRect(rect, _RADIUS, _RADIUS)

    def _paint_sketch(self, painter: QPainter, style: Style) -> None:
        """Far away: a large icon in the family's tint says what it is; hundreds are drawn at once."""
        face = self.face
        family = face.node.layer.family
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(style.far_pen("accent" if self.chosen else "error" if self.errors else "node-outline"))
        painter.setBrush(style.color("node"))
        painter.drawRect(QRectF(0, 0, face.width, face.height))
        side = min(face.width, face.height) * 0.6
        tile = QRectF((face.width - side) / 2, (face.height - side) / 2, side, side)
        painter.fillRect(tile, style.tile(family))
        pixmap = style.icon(face.node.layer.icon, style.family(family))
        painter.drawPixmap(tile.adjusted(side / 6, side / 6, -side / 6, -side / 6), pixmap, QRectF(pixmap.rect()))

    def _paint_tile(self, painter: QPainter, style: Style, tile: QRectF) -> None:
        layer = self.face.node.layer
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.tile(layer.family))
        painter.drawRoundedRect(tile, tile.width() / 4, tile.width() / 4)
        inset = tile.width() / 6
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        pixmap = style.icon(layer.icon, style.family(layer.family))
        painter.drawPixmap(tile.adjusted(inset, inset, -inset, -inset), pixmap, QRectF(pixmap.rect()))

    def _paint_header(self, brush: Brush, name: bool) -> None:
        node, style, painter = self.face.node, brush.style, brush.painter
        self._paint_tile(painter, style, QRectF(8, 9, 24, 24))
        if not name:
            return
        room = self.face.width - TEXT_LEFT - 4
        painter.setFont(style.fonts["node-name"])
        painter.setPen(style.color("text-3" if self.face.frozen else "text"))
        painter.drawText(QPointF(TEXT_LEFT, 19), style.elided(node.name, "node-name", room))
        if brush.words:
            painter.setFont(style.fonts["small"])
            painter.setPen(style.color("text-3"))
            painter.drawText(QPointF(TEXT_LEFT, 33), style.elided(self.face.subtitle, "small", room))

    def _paint_footer(self, brush: Brush) -> None:
        face, style, painter = self.face, brush.style, brush.painter
        y = face.height - FOOTER + 0.5
        painter.setPen(style.pen("border"))
        painter.drawLine(QPointF(PADDING, y), QPointF(face.width - PADDING, y))
        painter.setFont(style.fonts["small"])
        right = self.time[0] or face.right
        if style.width(face.left + right, "small") + 6 > face.width - 2 * PADDING:
            right = right.removesuffix(" par").removesuffix(" samples")
        width = style.width(right, "small")
        painter.setPen(style.color("text-2"))
        room = face.width - 2 * PADDING - (width + 6 if right else 0)
        # Half a shape beside a time would be read as another shape.
        if not self.time[0] or style.width(face.left, "small") <= room:
            painter.drawText(QPointF(PADDING, face.height - 9), style.elided(face.left, "small", room))
        painter.setPen(style.color("accent" if self.time[0] else "text-3"))
        painter.drawText(QPointF(face.width - PADDING - width, face.height - 9), right)

    def _paint_time(self, painter: QPainter, style: Style) -> None:
        """A thin bar above the footer: the node's share of a training step."""
        room = QRectF(PADDING, self.face.height - FOOTER - 1, self.face.width - 2 * PADDING, 3)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.color("border"))
        painter.drawRoundedRect(room, 1.5, 1.5)
        share = min(1.0, self.time[1])
        if share > 0:
            painter.setBrush(style.color("accent"))
            painter.drawRoundedRect(QRectF(room.x(), room.y(), max(3.0, share * room.width()), 3), 1.5, 1.5)

    def _paint_message(self, brush: Brush) -> None:
        face, style, painter = self.face, brush.style, brush.painter
        if not face.message:
            return
        remedy = face.problems[0].remedy
        bottom = face.height - FOOTER - PADDING - (LINE + 4 if remedy else 2)
        painter.setFont(style.fonts["small"])
        painter.setPen(style.color("error" if face.problems[0].severity == "error" else "warning"))
        for i, line in enumerate(face.message):
            painter.drawText(QPointF(PADDING + 2, bottom - LINE * (len(face.message) - i) + 11), line)
        if remedy:
            font = style.fonts["small"]
            if self.over_remedy:
                font = type(font)(font)
                font.setUnderline(True)
            painter.setFont(font)
            painter.setPen(style.color("accent-hover" if self.over_remedy else "accent"))
            where = remedy_rect(face, style)
            text = style.elided(remedy.text, "small", face.width - 2 * PADDING - 2)
            painter.drawText(where.adjusted(2, 0, 4, 0), Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_tag(self, painter: QPainter, style: Style) -> None:
        """On the node's top edge: whether it is frozen, and which brick its weights come from."""
        start = self.face.node.pretrained
        frozen = tr("learns now") if self.learning else tr("frozen") if self.face.frozen else ""
        words = " · ".join(part for part in (frozen, start.brick if start else "") if part)
        if not words:
            return
        icon = 14.0 if start else 0.0
        room = self.face.width - icon - (54 if self.errors else 24)
        if start and style.width(words, "small") > room:
            words = style.elided(start.brick, "small", room)  # dashes and pale colours say frozen too
        tag = QRectF(10, -13, style.width(words, "small") + 12 + icon, 16)
        painter.setPen(style.pen("accent" if self.learning else "border-strong"))
        painter.setBrush(style.color("accent-bg" if self.learning else "node"))
        painter.drawRoundedRect(tag, 8, 8)
        if start:
            pixmap = style.icon("cube", style.color("accent"))
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(QRectF(tag.x() + 5, tag.y() + 2.5, 11, 11), pixmap, QRectF(pixmap.rect()))
        painter.setFont(style.fonts["small"])
        painter.setPen(style.color("text-3"))
        painter.drawText(tag.adjusted(icon, 0, 0, 0), Qt.AlignmentFlag.AlignCenter, words)

    def _paint_pill(self, painter: QPainter, style: Style) -> None:
        text = str(self.errors)
        width = 30 + style.width(text, "node-name")
        pill = QRectF(self.face.width - width + 10, -10, width, 20)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.color("error"))
        painter.drawRoundedRect(pill, 10, 10)
        ink = style.color("canvas") if style.dark else style.color("node")
        # A triangle with an exclamation mark, drawn rather than loaded: it is on every error.
        painter.setPen(QPen(ink, 1.3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        x, y = pill.x() + 13, pill.center().y()
        painter.drawPolygon([QPointF(x, y - 4.5), QPointF(x + 5, y + 4), QPointF(x - 5, y + 4)])
        painter.drawLine(QPointF(x, y - 1.6), QPointF(x, y + 0.6))
        painter.drawPoint(QPointF(x, y + 2.4))
        painter.setFont(style.fonts["node-name"])
        painter.drawText(pill.adjusted(18, 0, -7, 0), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_ports(self, painter: QPainter, style: Style, words: bool) -> None:
        for side in ("input", "output"):
            for index, port in enumerate(self.ports(side)):
                offer = self.offers.get((side, index)) if self.offers is not None else None
                painter.setOpacity(0.3 if self.offers is not None and not offer else 1.0)
                self._paint_port(painter, style, port, bool(offer))
        painter.setOpacity(1.0)
        if words and self.face.node.layer.family == "Data":
            painter.setFont(style.fonts["small"])
            painter.setPen(style.color("text-2"))
            for port in self.face.outputs:
                painter.drawText(QPointF(port.x + 10, port.y - 13), port.name)

    def _paint_port(self, painter: QPainter, style: Style, port: Port, offered: bool) -> None:
        line = QColor(style.color("error" if self.errors and not self.chosen else "text-3"))
        if offered or self.hovered:
            line = style.color("accent")
        inside = style.color("accent") if self.hovered and self.offers is None else style.color("canvas")
        painter.setBrush(inside)
        if port.plain or offered:
            radius = _LEGAL_PORT if offered else _PORT
            painter.setPen(QPen(line, 2))
            painter.drawEllipse(QPointF(port.x, port.y), radius - 0.5, radius - 0.5)
        if port.spots and not offered:
            painter.setPen(QPen(line, 1.3))
            for y in port.spots:
                painter.drawEllipse(QPointF(port.x, y), _SPOT, _SPOT)
