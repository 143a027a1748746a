"""How many samples a data set has, in which parts and of which classes."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from studio.core.dataset import Dataset, DatasetInfo, StillReading
from studio.data import class_balance
from studio.engine.messages import Snapshot
from studio.gui.inspector.facts import Facts
from studio.gui.live import Live
from studio.gui.panels.panel import Panel
from studio.gui.session import Session
from studio.gui.theme import Theme
from studio.gui.widgets import numbers
from studio.gui.widgets.label import Label, Rule

_ROW = 20
_MOST = 16


class _Bars(QWidget):
    """One bar a class, as long as its share of the samples."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: dict[str, int] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        Theme.instance().changed.connect(self.update)

    def show_counts(self, counts: dict[str, int]) -> None:
        """Show other counts, by class name."""
        if counts != self._counts:
            self._counts = counts
            self.setFixedHeight(min(len(counts), _MOST + 1) * _ROW)
            self.setAccessibleDescription("; ".join(f"{name}: {count}" for name, count in counts.items()))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("small"))
        most, names = max(self._counts.values(), default=1) or 1, list(self._counts)
        words = min(96.0, max((painter.fontMetrics().horizontalAdvance(n) for n in names), default=0) + 22.0)
        middle = Qt.AlignmentFlag.AlignVCenter
        for i, name in enumerate(names[:_MOST]):
            y, count = i * _ROW, self._counts[name]
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.class_color(i, len(names)))
            painter.drawEllipse(QRectF(0, y + 6, 8, 8))
            room = self.width() - words - 44
            painter.drawRoundedRect(QRectF(words, y + 5, max(2.0, room * count / most), 10), 2, 2)
            painter.setPen(theme.color("text-2"))
            text = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, int(words - 18))
            painter.drawText(QRectF(14, y, words - 16, _ROW), middle, text)
            painter.setPen(theme.color("text"))
            right = middle | Qt.AlignmentFlag.AlignRight
            painter.drawText(QRectF(0, y, self.width(), _ROW), right, numbers.grouped(count))
        if len(names) > _MOST:
            painter.setPen(theme.color("text-3"))
            rest = self.tr("and {count} more classes").format(count=len(names) - _MOST)
            painter.drawText(QRectF(14, _MOST * _ROW, self.width(), _ROW), middle, rest)


class BalanceView(Panel):
    """The parts of a data set, and how many samples each class has in the training part."""

    interval = 0.5

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        super().__init__(session, live, parent)
        self.node = ""
        self._counted: Dataset | None = None
        self.title = Label("", "heading", wrap=True)
        self.problem = Label("", "body", "error", wrap=True)
        self.facts = Facts()
        self.caption = Label(self.tr("Training samples of each class"), "small", "text-3")
        self.bars = _Bars()
        self.notes = Label("", "small", "text-3", wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(Rule())
        for widget in (self.title, self.problem, self.facts, self.caption, self.bars, self.notes):
            column.addWidget(widget)

    def look_at(self, node: str) -> None:
        """Show the data of another node."""
        self.node = node
        self.refresh()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        info = self.session.datasets.get(self.node)
        described = info if isinstance(info, DatasetInfo) else None
        reading = isinstance(info, StillReading)
        self.problem.show_text(info if isinstance(info, str) and not reading else "")
        self.problem.setVisible(isinstance(info, str) and not reading)
        nothing = self.tr("The files are being read…") if reading else self.tr("No data yet")
        self.title.show_text(described.title if described else nothing)
        dataset = snapshot.datasets.get(self.node)
        if dataset is not None and described is not None and dataset.info != described:
            dataset = None  # of the source before the last edit
        self._show_facts(described, dataset)
        known = dataset is not None and bool(dataset.info.classes)
        self.caption.setVisible(known)
        self.bars.setVisible(known)
        if dataset is not None and known and dataset is not self._counted:
            self._counted = dataset
            self.bars.show_counts(class_balance(dataset)["train"])
        notes = " ".join(described.notes) if described else ""
        self.notes.show_text(notes)
        self.notes.setVisible(bool(notes))

    def _show_facts(self, info: DatasetInfo | None, dataset: Dataset | None) -> None:
        rows = []
        if info is not None:
            rows.append((self.tr("Samples"), numbers.grouped(info.samples)))
            if info.classes:
                rows.append((self.tr("Classes"), str(len(info.classes))))
        if dataset is not None:
            for words, part in (
                (self.tr("for training"), dataset.train),
                (self.tr("for validation"), dataset.validation),
                (self.tr("for the test at the end"), dataset.test),
            ):
                rows.append((words, numbers.grouped(len(part))))
        self.facts.show_rows(*rows)
