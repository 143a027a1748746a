"""How validation samples that are texts are listed: words rather than numbers."""

from __future__ import annotations

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from studio.gui.panels.sample_answers import Samples
from studio.gui.panels.sample_cards import NUMBER, sample_tip, swatch
from studio.gui.theme import Theme

Index = QModelIndex | QPersistentModelIndex
#: Role: pieces of the network's answer, each with whether it is wrong.
RUNS = Qt.ItemDataRole.UserRole + 2
_NUMBER, _READS, _TRUTH, _ANSWER = "number", "reads", "truth", "answer"


class SentencesModel(QAbstractTableModel):
    """A row a sample: its number, the text, the right answer and the network's."""

    def __init__(self, samples: Samples) -> None:
        super().__init__()
        self.samples = samples

    def renew(self) -> None:
        """Everything changed."""
        self.beginResetModel()
        self.endResetModel()

    @property
    def columns(self) -> tuple[str, ...]:
        """What the columns hold, from left to right."""
        samples = self.samples
        if not samples.has_text:
            return ()
        if not samples.has_steps:
            answers = (_TRUTH, _ANSWER) if samples.has_classes else (_TRUTH,)
            return (_NUMBER, *answers, _READS)
        # What comes next stands in the text itself, and so do words to be found again.
        return (_NUMBER, _READS, _TRUTH, _ANSWER) if samples.is_whole else (_NUMBER, _READS, _ANSWER)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() or not self.columns else len(self.samples.order)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        samples = self.samples
        guess = self.tr("network says")
        if samples.has_steps and not samples.is_whole:
            guess = self.tr("network guesses next") if samples.port == 1 else self.tr("network finds")
        words = {_NUMBER: "#", _READS: self.tr("reads"), _ANSWER: guess}
        words[_TRUTH] = self.tr("right") if samples.has_steps else self.tr("label")
        return words[self.columns[section]]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        samples, theme = self.samples, Theme.instance()
        number = int(samples.order[index.row()])
        column = self.columns[index.column()]
        if role == NUMBER:
            return number
        if role == Qt.ItemDataRole.DisplayRole:
            if column == _NUMBER:
                return str(number)
            if column == _READS:
                return samples.text(number).replace("\n", " ")
            return samples.truth(number) if column == _TRUTH else samples.answer(number) or "–"
        if role == RUNS and column == _ANSWER and samples.has_steps and number < len(samples.answers):
            return samples.runs(number)
        if role == Qt.ItemDataRole.ForegroundRole:
            if column == _ANSWER and samples.is_wrong(number):
                return theme.color("error")
            return theme.color({_NUMBER: "text-3", _READS: "text-2"}.get(column, "text"))
        if role == Qt.ItemDataRole.DecorationRole and column == _TRUTH and samples.has_classes and not samples.has_steps:
            return swatch(theme.class_color(int(samples.labels[number]), len(samples.names)))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if column == _NUMBER else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            return sample_tip(samples, number) if samples.is_whole else samples.text(number)
        return None


class RunsDelegate(QStyledItemDelegate):
    """Paints the network's words, those that are wrong in red and underlined."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        runs = index.data(RUNS)
        if not runs:
            super().paint(painter, option, index)
            return
        self.initStyleOption(option, index)
        option.text = ""  # type: ignore[attr-defined]
        widget = option.widget  # type: ignore[attr-defined]
        style = widget.style() if widget is not None else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, widget)
        theme, rect = Theme.instance(), QRectF(option.rect).adjusted(4, 0, -4, 0)  # type: ignore[attr-defined]
        painter.save()
        painter.setClipRect(rect)
        font = option.font  # type: ignore[attr-defined]
        x = rect.left()
        for piece, wrong in runs:
            font.setUnderline(wrong)
            painter.setFont(font)
            painter.setPen(theme.color("error" if wrong else "text"))
            words = piece.replace("\n", " ")
            painter.drawText(QRectF(x, rect.top(), rect.width(), rect.height()), Qt.AlignmentFlag.AlignVCenter, words)
            x += painter.fontMetrics().horizontalAdvance(words)
            if x > rect.right():
                break
        painter.restore()
