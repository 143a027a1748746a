"""How validation samples are listed: pictures as cards, numbers as rows."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from PySide6.QtCore import (
    QAbstractListModel,
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from studio.gui.panels.images import colour_image, mapped
from studio.gui.panels.sample_answers import Samples
from studio.gui.panels.ticks import number_text
from studio.gui.theme import Theme

Index = QModelIndex | QPersistentModelIndex
CARD = QSize(64, 84)
#: Role: whether the network's answer is wrong.
WRONG = Qt.ItemDataRole.UserRole
#: Role: number of the sample.
NUMBER = Qt.ItemDataRole.UserRole + 1
_MOST_PICTURES = 2000


class PictureModel(QAbstractListModel):
    """One card a sample."""

    def __init__(self, samples: Samples) -> None:
        super().__init__()
        self.samples = samples
        self._pictures: OrderedDict[int, QImage] = OrderedDict()

    def renew(self) -> None:
        """Everything changed."""
        self.beginResetModel()
        self._pictures.clear()
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.samples.order)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        number = int(self.samples.order[index.row()])
        if role == NUMBER:
            return number
        if role == WRONG:
            return self.samples.is_wrong(number)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.samples.truth(number)
        if role == Qt.ItemDataRole.ToolTipRole:
            return sample_tip(self.samples, number)
        if role == Qt.ItemDataRole.DecorationRole:
            return self._picture(number)
        return None

    def _picture(self, number: int) -> QImage:
        if number not in self._pictures:
            if len(self._pictures) >= _MOST_PICTURES:
                self._pictures.popitem(last=False)
            picture = _sample_picture(self.samples.original(number))
            if self.samples.has_masks:
                count = len(self.samples.names)
                masks = [self.samples.mask(number), self.samples.guess(number)]
                picture = _side_by_side(picture, [_mask_picture(m, count) for m in masks if m is not None])
            self._pictures[number] = picture
        return self._pictures[number]

    def forget(self, count: int) -> None:
        """The pictures of the first samples changed."""
        for number in range(count):
            self._pictures.pop(number, None)


def _sample_picture(values: np.ndarray) -> QImage:
    if values.ndim == 3 and values.shape[-1] == 3:
        low, high = float(values.min()), float(values.max())
        grey = np.stack([np.arange(256)] * 3, 1).astype(np.uint8)
        channels = [mapped(values[..., c], low, high, grey)[..., 0] for c in range(3)]
        return colour_image(np.stack(channels, -1))
    flat = values[..., 0] if values.ndim == 3 else values
    return colour_image(mapped(flat, float(flat.min()), float(flat.max()), Theme.instance().lut("sequential")))


def _mask_picture(mask: np.ndarray, count: int) -> QImage:
    """A colour for the class of each pixel."""
    theme = Theme.instance()
    colours = [theme.class_color(i, count) for i in range(count)]
    table = np.array([[c.red(), c.green(), c.blue()] for c in colours], np.uint8)
    return colour_image(table[np.minimum(mask, count - 1)])


def _side_by_side(first: QImage, others: list[QImage]) -> QImage:
    """Pictures of one size in a row, with a gap between; there is room for two more."""
    gap, width, height = max(1, first.width() // 16), first.width(), first.height()
    whole = QImage(3 * width + 2 * gap, height, QImage.Format.Format_ARGB32_Premultiplied)
    whole.fill(Qt.GlobalColor.transparent)
    painter = QPainter(whole)
    for place, image in enumerate((first, *others)):
        painter.drawImage(QRectF(place * (width + gap), 0, width, height), image)
    painter.end()
    return whole


def card_size(samples: Samples) -> QSize:
    """Of a card: wider where masks stand beside the pictures."""
    return QSize(3 * CARD.width(), CARD.height()) if samples.has_masks else CARD


def sample_tip(samples: Samples, number: int) -> str:
    """What a pointer over a sample says: its number, the right answer and the network's."""
    words = QCoreApplication.translate("Samples", "Sample {0}: {1}").format(number, samples.truth(number))
    answer = samples.answer(number)
    if answer:
        words += QCoreApplication.translate("Samples", ", the network says {0}").format(answer)
    return words


class CardDelegate(QStyledItemDelegate):
    """Paints a picture with its label below; a wrong answer stands in red beside it."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        model = index.model()
        return card_size(model.samples)  # type: ignore[attr-defined]

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, rect = Theme.instance(), QRectF(option.rect)  # type: ignore[attr-defined]
        state = option.state  # type: ignore[attr-defined]
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        model = index.model()
        samples = model.samples  # type: ignore[attr-defined]
        number = index.data(NUMBER)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if chosen or state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(theme.color("accent-bg" if chosen else "hover"))
            painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), 6, 6)
        image = index.data(Qt.ItemDataRole.DecorationRole)
        side = 52.0 * (3 if samples.has_masks else 1)
        longest = max(image.width(), image.height())
        size = (side * image.width() / longest, side * image.height() / longest)
        frame = QRectF(rect.center().x() - size[0] / 2, rect.top() + 6 + (52.0 - min(52.0, size[1])) / 2, *size)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, longest > 2 * side)
        painter.drawImage(frame, image)
        wrong = samples.is_wrong(number)
        colour = theme.color("error" if wrong else "accent" if chosen else "border")
        painter.setPen(QPen(colour, 2 if wrong or chosen else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(frame)
        words = samples.truth(number)
        if wrong:
            words = f"{words} → {samples.answer(number)}"
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("error" if wrong else "text" if chosen else "text-2"))
        line = QRectF(rect.left() + 2, rect.bottom() - 23, rect.width() - 4, 20)
        words = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, int(line.width()))
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, words)
        painter.restore()


def _signed(error: float | None) -> str:
    """How far a number is off, with its sign; a dash while it is not known."""
    if error is None:
        return "–"
    return f"+{number_text(error)}" if error > 0 else number_text(error).replace("-", "−", 1)


class NumbersModel(QAbstractTableModel):
    """A row a sample: its number, the right answer, the network's, and the columns of X."""

    _MOST_COLUMNS = 64

    def __init__(self, samples: Samples) -> None:
        super().__init__()
        self.samples = samples

    def renew(self) -> None:
        """Everything changed."""
        self.beginResetModel()
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.samples.order)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        dataset = self.samples.dataset
        if parent.isValid() or dataset is None:
            return 0
        features = int(np.prod(dataset.info.x_shape))
        return 1 + self._answers() + min(features, self._MOST_COLUMNS)

    def _answers(self) -> int:
        return len(self._heads())

    def _heads(self) -> list[str]:
        """Of the columns between the number and those of X."""
        if self.samples.has_values:
            return [self.tr("true"), self.tr("predicted"), self.tr("error")]
        return [self.tr("label"), self.tr("network says")] if self.samples.has_classes else [self.tr("label")]

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            right = section == 0 or section > self._answers()
            return (Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignVCenter
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        heads = ["#", *self._heads()]
        if section < len(heads):
            return heads[section]
        feature = section - len(heads)
        names = self.samples.dataset.info.features if self.samples.dataset is not None else ()
        return names[feature] if feature < len(names) else self.tr("x{0}").format(feature + 1)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        number = int(self.samples.order[index.row()])
        column = index.column()
        theme, answers = Theme.instance(), self._answers()
        if role == NUMBER:
            return number
        if role == Qt.ItemDataRole.DisplayRole:
            if column == 0:
                return str(number)
            if column == 1:
                return self.samples.truth(number)
            if column == 2 and answers >= 2:
                return self.samples.answer(number) or "–"
            if column == 3 and answers == 3:
                return _signed(self.samples.error(number))
            return number_text(float(self.samples.original(number).reshape(-1)[column - 1 - answers]))
        if role == Qt.ItemDataRole.ForegroundRole:
            if column == 0:
                return theme.color("text-3")
            if column == 2 and answers == 2 and self.samples.is_wrong(number):
                return theme.color("error")
            return theme.color("text" if column <= answers else "text-2")
        if role == Qt.ItemDataRole.DecorationRole and column == 1 and self.samples.has_classes:
            assert self.samples.dataset is not None
            return swatch(theme.class_color(int(self.samples.labels[number]), len(self.samples.dataset.info.classes)))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            right = column == 0 or column > answers
            return (Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            return sample_tip(self.samples, number)
        return None


def swatch(colour: QColor) -> QImage:
    """A small disc in a class's colour."""
    image = QImage(20, 20, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(2)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawEllipse(QRectF(0.5, 0.5, 9, 9))
    painter.end()
    return image
