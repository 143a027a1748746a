"""Painting what is between a node's header and its footer, one function a kind of body."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPaintEngine, QPainter, QPen, QTransform

from studio.gui.canvas.faces import (
    BODY_TOP,
    LINE,
    MAP,
    MAP_GAP,
    PADDING,
    SCORE_ROW,
    STEPS_MAP,
    Face,
    strip_grid,
    thousands,
)
from studio.gui.canvas.ports import CELL, MORE_ROW
from studio.gui.canvas.style import Style
from studio.gui.canvas.thumbnails import Thumbnail, three_digits

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_CENTRE = Qt.AlignmentFlag.AlignCenter


@dataclass
class Brush:
    """What a body is painted with.

    Parameters
    ----------
    painter : QPainter
        In the node's coordinates.
    style : Style
        Colours and fonts of the theme.
    words : bool
        Whether small text is large enough to be read at this zoom.
    unit : int
        The selected neuron, -1 for none.
    """

    painter: QPainter
    style: Style
    words: bool
    unit: int = -1

    def text(self, rect: QRectF, text: str, token: str, role: str = "small", flags: Qt.AlignmentFlag = _LEFT) -> None:
        """Draw one line of text in a type role and a token's colour."""
        self.painter.setFont(self.style.fonts[role])
        self.painter.setPen(self.style.color(token))
        self.painter.drawText(rect, flags | Qt.TextFlag.TextSingleLine, text)

    def plate(self, rect: QRectF, radius: float = 3.0) -> None:
        """Draw an empty place for a picture."""
        self.painter.setPen(self.style.pen("border"))
        self.painter.setBrush(self.style.color("field"))
        self.painter.drawRoundedRect(rect, radius, radius)

    def fill(self, rect: QRectF, color: QColor, radius: float = 0.0) -> None:
        """Fill a rectangle without an outline."""
        self.painter.setPen(Qt.PenStyle.NoPen)
        self.painter.setBrush(color)
        self.painter.drawRoundedRect(rect, radius, radius)


def tr(text: str) -> str:
    """The text in the person's language."""
    return QCoreApplication.translate("Canvas", text)


def paint_body(brush: Brush, face: Face, thumbnail: Thumbnail | None) -> None:
    """Paint the body of a node."""
    painters = {
        "points": _paint_points,
        "picture": _paint_picture,
        "table": _paint_table,
        "neurons": _paint_neurons,
        "maps": _paint_maps,
        "strip": _paint_strip,
        "scores": _paint_scores,
        "bars": _paint_bars,
        "text": _paint_text,
        "steps": _paint_steps,
        "loss": _paint_loss,
    }
    if face.kind in painters:
        painters[face.kind](brush, face, thumbnail)


def _fitted(pixmap_size: QSizeF, into: QRectF) -> QRectF:
    size = pixmap_size.scaled(into.size(), Qt.AspectRatioMode.KeepAspectRatio)
    return QRectF(
        into.x() + (into.width() - size.width()) / 2, into.y() + (into.height() - size.height()) / 2,
        size.width(), size.height(),
    )  # fmt: skip


def _picture(painter: QPainter, where: QRectF, thumbnail: Thumbnail, index: int) -> None:
    """One of a thumbnail's pictures."""
    sheet, source = thumbnail.sheet, thumbnail.source(index)
    if sheet is None:
        return
    if painter.paintEngine().type() == QPaintEngine.Type.SVG:
        # Qt's SVG writer takes the whole sheet, whatever part of it is asked for.
        sheet = sheet.copy(source.toAlignedRect())
        source = QRectF(sheet.rect())
    painter.drawPixmap(where, sheet, source)


def _pictures(brush: Brush, places: list[QRectF], thumbnail: Thumbnail | None) -> None:
    """Pictures with hairlines around them, or their empty places."""
    painter = brush.painter
    count = thumbnail.count if thumbnail is not None else 0
    for place in places[count:]:
        brush.plate(place.adjusted(0.5, 0.5, -0.5, -0.5), 1.5)
    if thumbnail is None or thumbnail.sheet is None:
        return
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, thumbnail.smooth)
    frames = []
    for index, place in enumerate(places[:count]):
        where = place if thumbnail.smooth else _fitted(QSizeF(thumbnail.aspect, 1.0), place)
        _picture(painter, where, thumbnail, index)
        frames.append(where.adjusted(-0.5, -0.5, 0.5, 0.5))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(brush.style.pen("node-outline" if brush.style.dark else "border"))
    painter.drawRects(frames)


def _paint_points(brush: Brush, face: Face, thumbnail: Thumbnail | None) -> None:
    side = 134.0
    rect = QRectF((face.width - side) / 2, BODY_TOP + 4, side, side)
    brush.plate(rect.adjusted(0.5, 0.5, -0.5, -0.5), 4)
    if thumbnail is not None and thumbnail.sheet is not None:
        brush.painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        _picture(brush.painter, rect.adjusted(3, 3, -3, -3), thumbnail, 0)


def _paint_picture(brush: Brush, face: Face, thumbnail: Thumbnail | None) -> None:
    side = 98.0
    _pictures(brush, [QRectF((face.width - side) / 2, BODY_TOP, side, side)], thumbnail)


def _paint_table(brush: Brush, face: Face, thumbnail: Thumbnail | None) -> None:
    if not brush.words:
        brush.plate(QRectF(PADDING + 0.5, BODY_TOP + 0.5, face.width - 2 * PADDING - 1, face.body_height - PADDING), 4)
        return
    numbers = thumbnail.numbers if thumbnail is not None and thumbnail.numbers else []
    for row, label in enumerate(face.labels):
        rect = QRectF(PADDING, BODY_TOP + row * SCORE_ROW, face.width - 2 * PADDING, SCORE_ROW)
        if row % 2 == 0:
            brush.fill(rect, brush.style.color("hover"), 3)
        rect.adjust(5, 0, -5, 0)
        value = f"{numbers[row]:.4g}" if row < len(numbers) else ""
        room = rect.width() - brush.style.width(value, "small") - 8
        brush.text(rect, brush.style.elided(label, "small", room), "text-3")
        brush.text(rect, value, "text", flags=_RIGHT)


def _paint_neurons(brush: Brush, face: Face, thumbnail: Thumbnail | None) -> None:
    painter = brush.painter
    cells = [QRectF(*face.cell(i), CELL, CELL) for i in range(face.shown)]
    _pictures(brush, cells, thumbnail)
    for i, rect in enumerate(cells):
        x, y = rect.x(), rect.y()
        chosen = i == brush.unit
        if chosen:
            painter.setPen(brush.style.pen("accent", 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect.adjusted(-1, -1, 1, 1), 2, 2)
        if brush.words:
            brush.text(
                QRectF(0, y, x - 10, CELL), str(i + 1), "accent" if chosen else "text-3",
                "node-name" if chosen else "small", _RIGHT,
            )  # fmt: skip
    if face.hidden:
        _more(brush, face)


def _more(brush: Brush, face: Face) -> None:
    """The row that says how many more units there are."""
    if brush.words:
        rect = QRectF(PADDING, face.more_top, face.width - 2 * PADDING, MORE_ROW)
        brush.text(rect, f"+{thousands(face.hidden)}", "text-3", flags=_CENTRE)


def _paint_maps(brush: Brush, face: Face, thumbnail: Thumbnail | None) -> None:
    left = face.cells_left
    if face.shown == 1:
        _pictures(brush, [QRectF(left, BODY_TOP, 2 * MAP + MAP_GAP, 2 * MAP + MAP_GAP)], thumbnail)
        return
    step = MAP + MAP_GAP
    places = [QRectF(left + (i % 2) * step, BODY_TOP + (i // 2) * step, MAP, MAP) for i in range(face.shown)]
    _pictures(brush, places, thumbnail)
    if face.hidden:
        _more(brush, face)


def _paint_strip(brush: Brush, face: Face, thumbnail: Thumbnail | None) -> None:
    length = (face.shape or (1,))[0]
    _, height = strip_grid(length)
    rect = QRectF((face.width - 96) / 2, BODY_TOP, 96, height)
    _pictures(brush, [rect], thumbnail)
    if length > 1024 and brush.words:
        words = tr("first {shown} of {all}").format(shown=thousands(1024), all=thousands(length))
        brush.text(QRectF(0, rect.bottom() + 2, face.width, 14), words, "text-3", flags=_CENTRE)


def _paint_text(brush: Brush, face: Face, thumbnail: Thumbnail | None) -> None:
    _paint_lines(brush, face, thumbnail, BODY_TOP)


def _paint_lines(brush: Brush, face: Face, thumbnail: Thumbnail | None, top: float) -> None:
    """Words on a plate, as somebody would read them."""
    plate = QRectF(PADDING + 0.5, top + 0.5, face.width - 2 * PADDING - 1, face.shown * LINE + 3)
    brush.plate(plate, 4)
    if thumbnail is None or not brush.words:
        return
    token = {True: "ok", False: "error", None: "text-2"}[thumbnail.is_right]
    for row, line in enumerate(thumbnail.lines):
        brush.text(QRectF(PADDING + 5, top + 2 + row * LINE, plate.width() - 8, LINE), line, token)


def _paint_steps(brush: Brush, face: Face, thumbnail: Thumbnail | None) -> None:
    rect = QRectF(PADDING, BODY_TOP, face.width - 2 * PADDING, STEPS_MAP)
    _pictures(brush, [rect], thumbnail)
    _paint_lines(brush, face, thumbnail, BODY_TOP + STEPS_MAP + 4)


def _paint_scores(brush: Brush, face: Face, thumbnail: Thumbnail | None) -> None:
    numbers = thumbnail.numbers if thumbnail is not None and thumbnail.numbers else []
    predicted = thumbnail.predicted if thumbnail is not None and numbers else -1
    actual = thumbnail.actual if thumbnail is not None and numbers else -1
    single = len(face.labels) == 1
    largest = max((abs(v) for v in numbers), default=1.0) or 1.0
    percent = thumbnail is not None and thumbnail.percent
    label_width = _label_width(brush, face)
    for row in range(len(face.labels)):
        mine = row + 1 if single else row
        color = brush.style.color("wire")
        if predicted == mine:
            right = predicted == actual
            color = brush.style.color("accent" if actual < 0 else "ok" if right else "error")
        elif actual == mine:
            color = brush.style.class_color(0, 2)
        value = numbers[row] if row < len(numbers) else 0.0
        share = value if percent else max(value, 0.0) / largest
        text = "" if row >= len(numbers) else f"{100 * value:.0f} %" if percent else f"{value:.2g}"
        strong = mine in (predicted, actual) and not (single and mine != predicted)
        _row(brush, face, row, text, share, color, strong, label_width)
    if predicted >= 0 and brush.words:
        _verdict(brush, face, predicted, actual)


def _label_width(brush: Brush, face: Face) -> float:
    return min(max(brush.style.width(t, "small") for t in face.labels), face.width - 104) if face.labels else 0.0


def _row(
    brush: Brush, face: Face, row: int, text: str, share: float, color: QColor, strong: bool, label_width: float
) -> None:
    """Label, bar from the left, and value."""
    top = BODY_TOP + row * SCORE_ROW
    left, right = PADDING + label_width + 8, face.width - 46
    if brush.words:
        token, role = ("text", "strong") if strong else ("text-3", "small")
        rect = QRectF(PADDING, top, label_width + 4, SCORE_ROW)
        brush.text(rect, brush.style.elided(face.labels[row], role, label_width + 3), token, role)
        brush.text(QRectF(right, top, face.width - PADDING - right, SCORE_ROW), text, token, role, _RIGHT)
    bar = QRectF(left, top + 3.5, right - left, 10)
    brush.fill(bar, brush.style.color("hover"), 1)
    if text:
        brush.fill(QRectF(left, top + 3.5, max(2.0, bar.width() * min(1.0, share)), 10), color, 2)


def _verdict(brush: Brush, face: Face, predicted: int, actual: int) -> None:
    names = face.labels if len(face.labels) > 1 else ("", face.labels[0])
    guess = names[predicted] if predicted < len(names) and names[predicted] else tr("other")
    if actual < 0:
        words, token = tr("predicts {guess}").format(guess=guess), "text-2"
    else:
        truth = names[actual] if actual < len(names) and names[actual] else tr("other")
        words = tr("predicts {guess}, label {truth}").format(guess=guess, truth=truth)
        token = "ok" if predicted == actual else "error"
    rect = QRectF(PADDING, BODY_TOP + len(face.labels) * SCORE_ROW + 4, face.width - 2 * PADDING, 16)
    brush.text(rect, brush.style.elided(words, "strong", rect.width()), token, "strong")


def _paint_bars(brush: Brush, face: Face, thumbnail: Thumbnail | None) -> None:
    """Signed bars from a line in the middle."""
    numbers = thumbnail.numbers if thumbnail is not None and thumbnail.numbers else []
    largest = max((abs(v) for v in numbers), default=1.0) or 1.0
    signed = any(v < 0 for v in numbers)
    label_width = _label_width(brush, face)
    positive, negative = (QColor(brush.style.tables["diverging"][i]) for i in (255, 0))
    for row in range(len(face.labels)):
        if row >= len(numbers) or not signed:
            value = numbers[row] if row < len(numbers) else 0.0
            text = three_digits(value) if row < len(numbers) else ""
            _row(brush, face, row, text, abs(value) / largest, positive, False, label_width)
            continue
        _row(brush, face, row, "", 0.0, positive, False, label_width)
        top = BODY_TOP + row * SCORE_ROW
        left, right = PADDING + label_width + 8, face.width - 46
        middle, value = (left + right) / 2, numbers[row]
        reach = (right - left) / 2 * min(1.0, abs(value) / largest)
        brush.fill(
            QRectF(middle if value >= 0 else middle - reach, top + 3.5, reach, 10), positive if value >= 0 else negative
        )
        if brush.words:
            rect = QRectF(right, top, face.width - PADDING - right, SCORE_ROW)
            text = f"{value:.2f}" if abs(value) < 100 else f"{value:.2g}"
            brush.text(rect, text.replace("-", "\N{MINUS SIGN}"), "text-3", flags=_RIGHT)


def _paint_loss(brush: Brush, face: Face, thumbnail: Thumbnail | None) -> None:
    style, painter = brush.style, brush.painter
    plot = QRectF(16, 54, face.width - 32, 64)
    brush.plate(plot.adjusted(0.5, 0.5, -0.5, -0.5), 4)
    if thumbnail is None or thumbnail.curve is None:
        if brush.words:
            brush.text(plot, tr("press Run to train"), "text-3", flags=_CENTRE)
    else:
        inner = plot.adjusted(6, 8, -6, -6)
        onto = QTransform(inner.width(), 0, 0, inner.height(), inner.x(), inner.y())
        painter.setPen(QPen(style.color("train"), 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(onto.map(thumbnail.curve))
        if brush.words and thumbnail.value:
            width = style.width(thumbnail.value, "inspector-title")
            back = QRectF(plot.right() - width - 13, plot.top() + 3, width + 10, 20)
            brush.fill(back, style.color("field"), 3)
            brush.text(back.adjusted(0, 0, -5, 0), thumbnail.value, "text", "inspector-title", _RIGHT)
    if thumbnail is None or not thumbnail.check or not brush.words:
        return
    row = QRectF(16, 125, face.width - 32, 15)
    words = {"accuracy": tr("Val accuracy"), "loss": tr("Val loss")}[thumbnail.check]
    brush.text(row, words, "text-2")
    brush.text(row, thumbnail.check_value, "text", "node-name", _RIGHT)
    if thumbnail.check_share >= 0:
        bar = QRectF(16, 143, face.width - 32, 5)
        brush.fill(bar, style.color("hover"), 2.5)
        bar.setWidth(max(5.0, bar.width() * min(1.0, thumbnail.check_share)))
        brush.fill(bar, style.color("validation"), 2.5)


def remedy_rect(face: Face, style: Style) -> QRectF:
    """Where the one-click repair of the first problem stands; empty without one."""
    remedy = face.problems[0].remedy if face.problems else None
    if remedy is None:
        return QRectF()
    top = face.height - 25 - PADDING - 17
    return QRectF(QPointF(PADDING, top), QSizeF(min(style.width(remedy.text, "small") + 4, face.width - 16), 17))
