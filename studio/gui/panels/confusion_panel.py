"""Which classes the network mixes up; of numbers, how near it comes to the true ones."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from studio.core.dataset import Dataset, DatasetInfo
from studio.engine.commands import Watch
from studio.engine.messages import Snapshot
from studio.gui.live import Live
from studio.gui.panels.class_scores import class_names, data_node, output_node, target_port
from studio.gui.panels.empty import Switch
from studio.gui.panels.fit_plot import FitPlot
from studio.gui.panels.images import readable_on
from studio.gui.panels.panel import Panel
from studio.gui.session import Session
from studio.gui.theme import Theme

_SMALLEST, _LARGEST = 18.0, 34.0
_MOST_POINTS, _MOST_COLUMNS = 600, 24


class ConfusionMatrix(QWidget):
    """Counts of true against predicted classes; the arrow keys and the mouse choose a cell."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = Theme.instance()
        self.counts = np.zeros((0, 0), np.int64)
        self.names: tuple[str, ...] = ()
        #: Row and column under the pointer; one more than there are classes is the margin beside or below them.
        self.cell: tuple[int, int] | None = None
        self._title = ""
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def show_counts(self, counts: np.ndarray, names: tuple[str, ...], title: str) -> None:
        """Show counts, int64 ``(classes, classes)``: row true, column predicted."""
        self.counts, self.names, self._title = counts, names, title
        if self.cell is not None and max(self.cell) > len(counts):
            self.cell = None
        self.updateGeometry()
        self.update()

    # What the numbers say ---------------------------------------------------------------------

    def sentence(self) -> str:
        """What the cell under the pointer says, or how many are right in all."""
        total = int(self.counts.sum())
        if self.cell is None:
            right = int(np.trace(self.counts))
            share = 100 * right / total if total else 0.0
            return self.tr("{0} of {1} right ({2} %)").format(right, total, f"{share:.1f}")
        row, column = self.cell
        if row == len(self.counts):
            right, of = int(self.counts[column, column]), int(self.counts[:, column].sum())
            if not of:
                return self.tr("The answer {0} is never given").format(self.names[column])
            words = self.tr("Of all answers {0}: {1} % right ({2} of {3})")
            return words.format(self.names[column], f"{100 * right / of:.0f}", right, of)
        of = int(self.counts[row].sum())
        if column == len(self.counts) or row == column:
            found = int(self.counts[row, row])
            if not of:
                return self.tr("There is no true {0} here").format(self.names[row])
            words = self.tr("Of all true {0}: {1} % found ({2} of {3})")
            return words.format(self.names[row], f"{100 * found / of:.0f}", found, of)
        count = int(self.counts[row, column])
        return self.tr("{0} taken for {1}: {2} of {3}").format(self.names[row], self.names[column], count, of)

    def recall(self) -> np.ndarray:
        """Of each true class the share found, float64 ``(classes,)``; NaN without samples."""
        return _shares(self.counts.diagonal(), self.counts.sum(1))

    def precision(self) -> np.ndarray:
        """Of each predicted class the share that is right; NaN without predictions."""
        return _shares(self.counts.diagonal(), self.counts.sum(0))

    # Geometry -----------------------------------------------------------------------------------

    def _label_width(self) -> float:
        metrics = QFontMetricsF(self.theme.font("small"))
        widest = max((metrics.horizontalAdvance(n) for n in self.names), default=0.0)
        return min(96.0, widest) + 8

    def _cells(self) -> QRectF:
        """The square of the counts."""
        classes = max(1, len(self.counts))
        left, top = 14 + 20 + self._label_width(), 42.0
        room = min(self.width() - left - 62, self.height() - top - 34)
        side = min(max(room / classes, _SMALLEST), _LARGEST + 90 / classes)
        return QRectF(left, top, side * classes, side * classes)

    def minimumSizeHint(self) -> QSize:
        side = _SMALLEST * max(1, len(self.counts))
        return QSize(round(34 + self._label_width() + side + 62), round(42 + side + 34))

    def sizeHint(self) -> QSize:
        return self.minimumSizeHint()

    def _cell_at(self, where: QPointF) -> tuple[int, int] | None:
        cells, classes = self._cells(), len(self.counts)
        beside, below = where.x() > cells.right(), where.y() > cells.bottom()
        reach = cells.adjusted(0, 0, 54, 18)
        if not classes or not reach.contains(where) or (beside and below):
            return None
        side = cells.width() / classes
        row = classes if below else min(classes - 1, int((where.y() - cells.top()) / side))
        return row, classes if beside else min(classes - 1, int((where.x() - cells.left()) / side))

    def cell_rect(self, row: int, column: int) -> QRectF:
        """Where a cell is, in the widget's pixels."""
        cells = self._cells()
        side = cells.width() / max(1, len(self.counts))
        return QRectF(cells.left() + column * side, cells.top() + row * side, side, side)

    # Painting -----------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        classes = len(self.counts)
        if not classes:
            return
        theme, painter = self.theme, QPainter(self)
        cells = self._cells()
        side = cells.width() / classes
        self._paint_words(painter, cells)
        lut = theme.lut("sequential")
        most = max(1, int(self.counts.max()))
        small = theme.font("small")
        painter.setFont(small)
        widest = QFontMetricsF(small).horizontalAdvance(str(most))
        with_numbers = side >= max(16.0, widest + 4)
        for row in range(classes):
            for column in range(classes):
                count = int(self.counts[row, column])
                # A square root, so that the few mistakes do not vanish beside the many right ones.
                colour = QColor(*(int(c) for c in lut[round(255 * (count / most) ** 0.5)]))
                rect = self.cell_rect(row, column).adjusted(0.5, 0.5, -0.5, -0.5)
                painter.fillRect(rect, colour)
                if with_numbers and count:
                    painter.setPen(readable_on(colour, theme))
                    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, str(count))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("border-strong"), 1))
        painter.drawRect(cells.adjusted(-0.5, -0.5, 0.5, 0.5))
        self._paint_margins(painter, cells, side)
        if self.cell is not None:
            row, column = self.cell
            band = QPen(theme.color("text-2"), 1)
            painter.setPen(band)
            if row < classes:
                painter.drawRect(QRectF(cells.left(), cells.top() + row * side, cells.width(), side))
            if column < classes:
                painter.drawRect(QRectF(cells.left() + column * side, cells.top(), side, cells.height()))
            painter.setPen(QPen(theme.color("accent"), 2))
            # A share in a margin is about the cell on the diagonal.
            painter.drawRect(self.cell_rect(min(row, column), min(row, column)) if max(row, column) == classes else self.cell_rect(row, column))

    def _paint_words(self, painter: QPainter, cells: QRectF) -> None:
        theme = self.theme
        bold = theme.font("tab")
        bold.setWeight(QFont.Weight.DemiBold)
        painter.setFont(bold)
        painter.setPen(theme.color("text"))
        sentence = QRectF(14, 2, self.width() - 24, 20)
        painter.drawText(sentence, Qt.AlignmentFlag.AlignVCenter, self.sentence())
        if self.cell is None and self._title:
            used = painter.fontMetrics().horizontalAdvance(self.sentence()) + 10
            painter.setFont(theme.font("small"))
            painter.setPen(theme.color("text-3"))
            painter.drawText(sentence.adjusted(used, 1, 0, 1), Qt.AlignmentFlag.AlignVCenter, self._title)
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color("text-3"))
        painter.save()
        painter.translate(14, cells.center().y())
        painter.rotate(-90)
        painter.drawText(QRectF(-60, 0, 120, 16), Qt.AlignmentFlag.AlignCenter, self.tr("true"))
        painter.restore()

    def _paint_margins(self, painter: QPainter, cells: QRectF, side: float) -> None:
        theme = self.theme
        metrics = painter.fontMetrics()
        label = self._label_width()
        recall, precision = self.recall(), self.precision()
        right, below = cells.right() + 8, cells.bottom() + 2
        centre = Qt.AlignmentFlag.AlignCenter
        for i, name in enumerate(self.names):
            chosen = self.cell is not None
            painter.setPen(theme.color("text" if chosen and self.cell[0] == i else "text-2"))  # type: ignore[index]
            row = QRectF(cells.left() - label - 2, cells.top() + i * side, label - 4, side)
            words = metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(row.width()) + 1)
            painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words)
            painter.setPen(theme.color("text" if chosen and self.cell[1] == i else "text-2"))  # type: ignore[index]
            column = QRectF(cells.left() + i * side, cells.top() - 19, side, 18)
            if metrics.horizontalAdvance(name) <= side + 2:
                painter.drawText(column, centre, name)
            elif (side >= 26 and i != 0) or len(self.names) <= 4:
                short = metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(side) - 2)
                painter.drawText(column, centre, short)
            pointed = self.cell == (i, len(self.names))
            painter.setPen(theme.color("accent" if pointed else "text-3"))
            share = QRectF(right, cells.top() + i * side, 46, side)
            painter.drawText(share, Qt.AlignmentFlag.AlignVCenter, _percent(recall[i]))
            painter.setPen(theme.color("accent" if self.cell == (len(self.names), i) else "text-3"))
            words = _percent(precision[i], short=side < 34)
            if metrics.horizontalAdvance(words) + 5 <= side:
                painter.drawText(QRectF(cells.left() + i * side, below, side, 16), centre, words)
        painter.setPen(theme.color("text-3"))
        found = self.tr("found")
        painter.drawText(QRectF(right, cells.top() - 19, 56, 18), Qt.AlignmentFlag.AlignVCenter, found)
        correct = self.tr("right")
        painter.drawText(QRectF(right, below, 56, 16), Qt.AlignmentFlag.AlignVCenter, correct)
        if cells.bottom() + 32 <= self.height():
            line = QRectF(cells.left(), below + 15, max(cells.width(), 60), 15)
            painter.drawText(line, centre, self.tr("predicted"))

    # Mouse and keys -------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._choose(self._cell_at(event.position()))
        self._explain(event)

    def _explain(self, event: QMouseEvent) -> None:
        cells, where = self._cells(), event.position()
        if where.x() > cells.right() and where.y() < cells.bottom():
            tip = self.tr("Found (recall): of all true samples of a class, the share that the network recognises.")
        elif where.y() > cells.bottom():
            tip = self.tr("Right (precision): of all answers that name a class, the share that is right.")
        else:
            tip = ""
        if tip != self.toolTip():
            self.setToolTip(tip)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._choose(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
        }
        move = moves.get(Qt.Key(event.key()))
        if move is None or not len(self.counts):
            super().keyPressEvent(event)
            return
        last = len(self.counts)
        row, column = self.cell if self.cell is not None else (-move[0], -move[1])
        row, column = min(last, max(0, row + move[0])), min(last, max(0, column + move[1]))
        if (row, column) != (last, last):
            self._choose((row, column))

    def _choose(self, cell: tuple[int, int] | None) -> None:
        if cell != self.cell:
            self.cell = cell
            self.setAccessibleDescription(self.sentence())
            self.update()


def _shares(right: np.ndarray, of: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(right, of, out=np.full(len(of), np.nan), where=of > 0))


def _percent(share: float, short: bool = False) -> str:
    if not np.isfinite(share):
        return "–"
    return f"{100 * share:.0f}" if short else f"{100 * share:.0f} %"


class ConfusionPanel(Panel):
    """The validation samples' answers beside the right ones: a confusion matrix, or a plot of numbers."""

    interval = 0.25
    #: Emitted with whether numbers are predicted rather than classes, when that has changed.
    predicts_numbers = Signal(bool)

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        super().__init__(session, live, parent)
        self.matrix = ConfusionMatrix()
        self.matrix.setAccessibleName(self.tr("Confusion matrix"))
        content = QWidget()
        scroll = QScrollArea(content)
        scroll.setWidget(self.matrix)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.viewport().setAutoFillBackground(False)
        self.matrix.setAutoFillBackground(False)
        self.fit = FitPlot()
        self.fit.setAccessibleName(self.tr("Predicted against true numbers"))
        self.column = QComboBox()
        self.column.setAccessibleName(self.tr("Which number"))
        self.column.setToolTip(self.tr("Which of the predicted numbers the plot shows."))
        self.column.activated.connect(lambda _index: self.refresh())
        #: The picked sample, ringed among the points.
        self.chosen = -1
        self._numbers: bool | None = None
        numbers = QWidget()
        beside = QHBoxLayout()
        beside.setContentsMargins(14, 0, 12, 0)
        beside.addWidget(self.column)
        beside.addStretch(1)
        below = QVBoxLayout(numbers)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(4)
        below.addLayout(beside)
        below.addWidget(self.fit, 1)
        self._pages = QStackedWidget(content)
        self._pages.addWidget(scroll)
        self._pages.addWidget(numbers)
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 8, 0, 4)
        column.addWidget(self._pages)
        self._switch = Switch(content)
        self.setLayout(self._switch)

    def wish(self) -> Watch | None:
        """The answers, where they are numbers; classes are counted when the network is checked."""
        return Watch(answers=True) if self._numbers else None

    def look_at_task(self, snapshot: Snapshot) -> None:
        """See whether numbers are predicted; to be called also while the panel is not seen."""
        graph = self.session.document.graph
        source = data_node(graph)
        info = self.session.datasets.get(source.id) if source is not None else None
        if isinstance(info, DatasetInfo):
            numbers = info.kind_of(target_port(graph)) == "values"
            if numbers != self._numbers:
                self._numbers = numbers
                self.predicts_numbers.emit(numbers)
                self.live.renew()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the latest validation's counts."""
        graph = snapshot.graph or self.session.document.graph
        source = data_node(graph)
        dataset = snapshot.datasets.get(source.id) if source is not None else None
        info = dataset.info if dataset is not None else self.session.datasets.get(source.id if source else "")
        target = info.kind_of(target_port(graph)) if isinstance(info, DatasetInfo) else ""
        evaluation = snapshot.validation
        if target == "values":
            self._switch.say(self._show_numbers(snapshot, dataset))
            return
        self._pages.setCurrentIndex(0)
        if evaluation is None or evaluation.confusion is None or not len(evaluation.confusion):
            self._switch.say(self.tr("Press Run: which classes get mixed up shows here after the first check on the validation samples."))
            return
        counts = evaluation.confusion
        names = class_names(info, target_port(graph)) if isinstance(info, DatasetInfo) else ()
        if len(names) != len(counts):
            names = tuple(str(i) for i in range(len(counts)))
        self._switch.say("")
        self.matrix.show_counts(counts, names, self.tr("validation, epoch {0}").format(f"{evaluation.epoch:.4g}"))

    def _show_numbers(self, snapshot: Snapshot, dataset: Dataset | None) -> str:
        """Show predicted against true numbers; returns a sentence where there are none yet."""
        graph = self.session.document.graph
        output, answers, port = output_node(graph), snapshot.answers, target_port(graph)
        later = self.tr("Predicted beside true numbers show here as soon as the network is complete.")
        if dataset is None or output is None or answers is None or answers.node != output.id:
            return later
        part = dataset.validation if len(dataset.validation) else dataset.train
        scale, mean = (dataset.y_scale, dataset.y_mean) if port == 1 else (dataset.x_scale, dataset.x_mean)
        count = min(len(answers.activations), len(part))
        true = part.arrays[port][:count]
        if answers.activations[:count].size != true.size or not true.size:
            return later
        # Of predictions one number wide, Data's answers may lack the axis that their spread has.
        shape = (count, *np.broadcast_shapes(true.shape[1:], np.shape(scale)))
        predicted = (answers.activations[:count].reshape(shape) * scale + mean).reshape(count, -1)
        true = (true.reshape(shape) * scale + mean).reshape(count, -1)
        column = self._choose_column(true.shape[1], dataset.info, port)
        samples = np.arange(count)
        if column is None:
            # Of very many numbers some stand for all.
            some = np.linspace(0, true.size - 1, min(true.size, _MOST_POINTS)).astype(int)
            samples = some // true.shape[1]
            true, predicted = true.ravel()[some], predicted.ravel()[some]
        else:
            true, predicted = true[:, column], predicted[:, column]
        on = self.tr("validation") if len(dataset.validation) else self.tr("training")
        title = self.tr("{0}, epoch {1}").format(on, f"{snapshot.epoch:.4g}")
        self.fit.show_numbers(true, predicted, samples, self.chosen, title)
        self._pages.setCurrentIndex(1)
        return ""

    def _choose_column(self, columns: int, info: DatasetInfo, port: int) -> int | None:
        """The column of numbers that is chosen; None for all of them."""
        names = info.targets if port == 1 else info.features
        words = [names[i] if i < len(names) else self.tr("number {0}").format(i + 1) for i in range(columns)]
        words = [self.tr("all numbers"), *words[:_MOST_COLUMNS]] if columns > 1 else []
        if words != [self.column.itemText(i) for i in range(self.column.count())]:
            self.column.clear()
            self.column.addItems(words)
        self.column.setVisible(columns > 1)
        if columns == 1:
            return 0
        return self.column.currentIndex() - 1 if self.column.currentIndex() > 0 else None
