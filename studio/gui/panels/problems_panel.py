"""What is wrong with the graph, and the repairs that one click does."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QEnterEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from studio.core.document import Document
from studio.core.problems import Problem
from studio.engine.messages import Snapshot
from studio.gui.canvas.remedies import apply_remedy
from studio.gui.live import Live
from studio.gui.panels.empty import Switch
from studio.gui.panels.labels import style_label
from studio.gui.panels.panel import Panel
from studio.gui.session import Session
from studio.gui.theme import Theme


class ProblemRow(QWidget):
    """One problem: an icon, the sentence, and the repair's button where there is one."""

    #: Emitted when a person clicked the row or pressed Enter on it.
    activated = Signal()
    #: Emitted when the repair's button was pressed.
    repaired = Signal()

    def __init__(self, problem: Problem, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.problem = problem
        self.theme = Theme.instance()
        self._hovered = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(problem.message)
        if problem.node:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            self.setToolTip(self.tr("Click to select it on the canvas."))
        self._icon = QLabel(self)
        self._icon.setFixedSize(18, 18)
        self._words = QLabel(problem.message, self)
        self._words.setWordWrap(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 7, 8, 7)
        row.setSpacing(10)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignVCenter)
        # The button stands below the sentence: beside it, a long one would be cut off.
        column = QVBoxLayout()
        column.setSpacing(6)
        column.addWidget(self._words)
        row.addLayout(column, 1)
        self.button: QPushButton | None = None
        if problem.remedy is not None:
            self.button = QPushButton(problem.remedy.text, self)
            self.button.setProperty("kind", "compact")
            self.button.setCursor(Qt.CursorShape.ArrowCursor)
            self.button.setToolTip(self.tr("Repairs it; Undo takes it back."))
            self.button.clicked.connect(self.repaired)
            column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        self.restyle()

    def restyle(self) -> None:
        """Take colours and fonts from the theme again."""
        error = self.problem.severity == "error"
        token = "error" if error else "warning"
        self._icon.setPixmap(self.theme.pixmap("warning" if error else "info", self.theme.color(token), 16))
        style_label(self._words, "body", "text")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if self._hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.color("hover"))
            painter.drawRoundedRect(rect, 6, 6)
        if self.hasFocus():
            painter.setPen(QPen(self.theme.color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(rect, 6, 6)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.activated.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.activated.emit()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self.focusNextPrevChild(event.key() == Qt.Key.Key_Down)
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._hovered = True
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hovered = False
        self.update()


class ProblemsPanel(Panel):
    """All problems of the graph and of training."""

    interval = 0.25
    #: Emitted with how many problems there are, after that changed.
    counted = Signal(int)

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        super().__init__(session, live, parent)
        self._problems: tuple[Problem, ...] | None = None
        self.rows: list[ProblemRow] = []
        self._list = QWidget()
        self._list.setAutoFillBackground(False)
        self._column = QVBoxLayout(self._list)
        self._column.setContentsMargins(8, 8, 8, 8)
        self._column.setSpacing(2)
        self._column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(self._list)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.viewport().setAutoFillBackground(False)
        self._switch = Switch(scroll)
        self.setLayout(self._switch)
        session.document_changed.connect(self._follow_document)
        # The badge on the tab counts even while the panel itself is hidden.
        live.snapshot_taken.connect(self._follow_training)
        self.look()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is listed."""
        return self._problems or ()

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the problems as they are now."""
        self.look()

    def _follow_document(self, _before: Document, _after: Document) -> None:
        self.look()

    def _follow_training(self, _snapshot: Snapshot) -> None:
        self.look()

    def look(self) -> None:
        """Gather the problems again; nothing happens when they are the same."""
        graph = self.session.document.graph
        found = list(self.session.inference.problems) if graph.nodes else []
        failure = self.live.latest.problem
        if failure is not None and graph.nodes and failure not in found and (not failure.node or failure.node in graph):
            found.insert(0, failure)
        problems = tuple(found)
        if problems == self._problems:
            return
        before = len(self._problems or ())
        self._problems = problems
        self._rebuild()
        if len(problems) != before:
            self.counted.emit(len(problems))

    def _rebuild(self) -> None:
        focused = next((i for i, r in enumerate(self.rows) if r.hasFocus() or r.isAncestorOf(self.focusWidget())), -1)
        for row in self.rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = []
        for problem in self.problems:
            row = ProblemRow(problem, self._list)
            row.activated.connect(lambda p=problem: self._select(p))
            row.repaired.connect(lambda p=problem: self._repair(p))
            self._column.insertWidget(len(self.rows), row)
            self.rows.append(row)
        if focused >= 0 and self.rows:
            self.rows[min(focused, len(self.rows) - 1)].setFocus()
        if self.problems:
            self._switch.say("")
        elif self.session.document.graph.nodes:
            self._switch.say(self.tr("No problems: the network can be trained. What is wrong would show here, with a way to repair it."))
        else:
            self._switch.say(self.tr("When something in the graph is wrong, it shows here with a way to repair it."))

    def _select(self, problem: Problem) -> None:
        if problem.node:
            self.session.select(frozenset({problem.node}))

    def _repair(self, problem: Problem) -> None:
        if problem.remedy is None:
            return
        try:
            document = apply_remedy(self.session.document, problem, self.session.datasets)
        except ValueError as error:
            self.session.say(str(error), True)
            return
        self.session.edit(document, problem.remedy.text)

    def restyle(self) -> None:
        """Take colours and fonts from the theme again."""
        for row in self.rows:
            row.restyle()
