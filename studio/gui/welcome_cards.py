"""The welcome page's cards: one for a template, one row for a recent file."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QCoreApplication, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QAbstractButton, QMenu, QSizePolicy, QWidget

from studio.gui import template_pictures
from studio.gui.recent import RecentFile
from studio.gui.theme import Theme
from studio.storage.templates import Template

_FOOTER = 70
_KIND_ICONS = {
    "2-D points": ("dense", "Core"),
    "Images": ("convolution", "Convolution"),
    "Table": ("data", "Data"),
    "Sequences": ("recurrent", "Recurrent"),
    "Text": ("attention", "Attention"),
}


class _Card(QAbstractButton):
    """A button that paints itself, with hover and focus."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        Theme.instance().changed.connect(self.update)

    def keyPressEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)


class TemplateCard(_Card):
    """Picture, title, kind of data and one sentence."""

    def __init__(self, template: Template, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.template = template
        self.setAccessibleName(template.title)
        self.setAccessibleDescription(template_tip(template))
        self.setToolTip(template_tip(template))

    def sizeHint(self) -> QSize:
        return QSize(258, 250)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        outline = QPainterPath()
        outline.addRoundedRect(frame, 8, 8)
        painter.fillPath(outline, theme.color("node"))
        footer = _FOOTER * theme.scale
        painter.save()
        painter.setClipPath(outline)
        picture = QRectF(frame.left(), frame.top(), frame.width(), frame.height() - footer)
        template_pictures.paint(painter, picture, self.template.name)
        painter.fillRect(QRectF(frame.left(), picture.bottom(), frame.width(), 1), theme.color("node-outline"))
        painter.restore()
        self._paint_words(painter, theme, QRectF(frame.left(), picture.bottom(), frame.width(), footer))
        hot = self.hasFocus() or self.underMouse()
        color = "accent" if self.hasFocus() else "border-strong" if hot else "node-outline"
        painter.setPen(QPen(theme.color(color), 2 if self.hasFocus() else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(outline)

    def _paint_words(self, painter: QPainter, theme: Theme, box: QRectF) -> None:
        icon, family = _KIND_ICONS.get(self.template.kind, ("layer", "Core"))
        painter.drawPixmap(QPointF(box.left() + 12, box.top() + 11), theme.pixmap(icon, theme.family(family)))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("text-3"))
        line = QRectF(box.left() + 12, box.top() + 7, box.width() - 24, 24)
        painter.drawText(line, middle | Qt.AlignmentFlag.AlignRight, self.template.kind)
        kind = painter.fontMetrics().horizontalAdvance(self.template.kind)
        painter.setFont(theme.font("heading"))
        painter.setPen(theme.color("text"))
        title = painter.fontMetrics().elidedText(
            self.template.title, Qt.TextElideMode.ElideRight, int(line.width() - kind - 34)
        )
        painter.drawText(line.adjusted(24, 0, 0, 0), middle, title)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("text-2"))
        words = QRectF(box.left() + 12, box.top() + 32, box.width() - 24, box.height() - 36)
        for i, text in enumerate(two_lines(self.template.description, painter.fontMetrics(), int(words.width()))):
            painter.drawText(words.translated(0, i * painter.fontMetrics().lineSpacing()), Qt.AlignmentFlag.AlignTop, text)


def template_tip(template: Template) -> str:
    """What a template is, and how well its network does once it is trained."""
    score = template.score
    if score.kind.higher_is_better:
        text = QCoreApplication.translate("Welcome", "Trained to the end, on samples it has not seen: {metric} of at least {value}.")
    else:
        text = QCoreApplication.translate("Welcome", "Trained to the end, on samples it has not seen: {metric} of at most {value}.")
    return f"{template.description}\n\n{text.format(metric=score.kind.title, value=score.written())}"


def two_lines(text: str, metrics: QFontMetrics, width: int) -> list[str]:
    """A sentence broken into at most two lines; what does not fit ends in an ellipsis."""
    words, first = text.split(), ""
    while words and metrics.horizontalAdvance(f"{first} {words[0]}".strip()) <= width:
        first = f"{first} {words.pop(0)}".strip()
    rest = metrics.elidedText(" ".join(words), Qt.TextElideMode.ElideRight, width)
    return [first, rest] if rest else [first]


class RecentRow(_Card):
    """Picture, name, when, and how well the network did."""

    #: Emitted when a person wants the file off the list.
    unwanted = Signal()

    def __init__(self, entry: RecentFile, picture: QPixmap, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entry, self._picture = entry, picture
        self.setFixedHeight(72)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(entry.title)
        self.setToolTip(entry.path)

    def contextMenuEvent(self, event) -> None:  # type: ignore[no-untyped-def]
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Take off the list")).triggered.connect(self.unwanted)
        menu.popup(event.globalPos())

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if self.underMouse() or self.hasFocus():
            painter.setPen(QPen(theme.color("accent"), 2) if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("hover"))
            painter.drawRoundedRect(frame, 6, 6)
        picture = QRectF(12, self.height() / 2 - 26, 76, 52)
        painter.setPen(QPen(theme.color("border"), 1))
        painter.setBrush(theme.color("canvas"))
        painter.drawRoundedRect(picture, 3, 3)
        if not self._picture.isNull():
            whole = QRectF(self._picture.rect())
            height = min(whole.height(), whole.width() * 52 / 76)
            part = QRectF(0, (whole.height() - height) / 2, whole.width(), height)
            painter.drawPixmap(picture.adjusted(1, 1, -1, -1), self._picture, part)
        else:
            painter.drawPixmap(picture.center() - QPointF(10, 10), theme.pixmap("file", "text-3", 20))
        painter.setFont(theme.font("tab"))
        painter.setPen(theme.color("text-2"))
        right = QRectF(frame.right() - 100, 0, 88, self.height())
        painter.drawText(right, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self.entry.note)
        words = QRectF(102, 16, max(40.0, right.left() - 108), 20)
        painter.setFont(theme.font("heading"))
        painter.setPen(theme.color("text"))
        title = painter.fontMetrics().elidedText(self.entry.title, Qt.TextElideMode.ElideMiddle, int(words.width()))
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, title)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("text-2"))
        painter.drawText(words.translated(0, 20), Qt.AlignmentFlag.AlignVCenter, when(self.entry.when))


def when(moment: float) -> str:
    """A time as one says it: today and the hour, yesterday, or the day."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("Welcome", text)

    then, now = datetime.fromtimestamp(moment), datetime.now()
    days = (now.date() - then.date()).days
    if days == 0:
        return tr("Today, {time}").format(time=f"{then:%H:%M}")
    if days == 1:
        return tr("Yesterday")
    day = f"{then.day} {then:%b}"
    return day if then.year == now.year else f"{day} {then.year}"
