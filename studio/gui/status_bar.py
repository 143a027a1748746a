"""The line at the bottom: what training does, the network's size, problems, the file, speed."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from studio.engine.messages import Snapshot
from studio.gui.live import Live
from studio.gui.session import Session
from studio.gui.theme import Theme
from studio.gui.training_link import TrainingLink
from studio.gui.widgets import numbers
from studio.gui.widgets.fixed import fix
from studio.gui.widgets.label import ElidedLabel, Label

_HEIGHT = 24
#: Milliseconds a sentence stays.
_STAY = 6000


class _Dot(QWidget):
    """Filled while training runs, a ring otherwise."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedSize(10, 10)
        self._token, self._filled = "text-3", False
        Theme.instance().changed.connect(self.update)

    def show_state(self, token: str, filled: bool) -> None:
        if (token, filled) != (self._token, self._filled):
            self._token, self._filled = token, filled
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = Theme.instance().color(self._token)
        pen = painter.pen()
        pen.setColor(color)
        pen.setWidthF(1.6)
        painter.setPen(pen)
        if self._filled:
            painter.setBrush(color)
        painter.drawEllipse(2, 2, 6, 6)


class StatusBar(QWidget):
    """See the module."""

    #: Emitted when a person wants to see the problems.
    problems_wanted = Signal()

    def __init__(self, session: Session, live: Live, link: TrainingLink, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._live, self._link = session, live, link
        fix(self, height=_HEIGHT)
        self._dot = _Dot(self)
        self._state = Label("", "small", "text-2")
        self._size = Label("", "small", "text-2")
        self._problems = QPushButton()
        self._problems.setProperty("kind", "link")
        self._problems.clicked.connect(self.problems_wanted)
        self._sentence = ElidedLabel("", "small", "text-2")
        self._file = Label("", "small", "text-3")
        self._memory = Label("", "small", "text-3")
        self._memory.setToolTip(self.tr("Memory that the network and its training take."))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(14)
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(self._dot)
        head.addWidget(self._state)
        row.addLayout(head)
        row.addWidget(self._size)
        row.addWidget(self._problems)
        row.addWidget(self._sentence, 1)
        row.addWidget(self._file)
        row.addWidget(self._memory)
        self._clear = QTimer(self)
        self._clear.setSingleShot(True)
        self._clear.setInterval(_STAY)
        self._clear.timeout.connect(lambda: self._sentence.show_text(""))
        session.said.connect(self._say)
        session.document_changed.connect(lambda before, after: self._show_network())
        session.file_changed.connect(self._show_file)
        link.state_changed.connect(self._show_state)
        link.state_changed.connect(self._show_network)
        live.snapshot_taken.connect(self._take)
        Theme.instance().changed.connect(self._restyle)
        self._restyle()
        self._show_network()
        self._show_file()

    @property
    def sentence(self) -> str:
        """The sentence that is shown now."""
        return self._sentence.text()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        painter.fillRect(self.rect(), theme.color("window"))
        painter.fillRect(0, 0, self.width(), 1, theme.color("border"))

    def _restyle(self) -> None:
        self._problems.setFont(Theme.instance().font("small"))
        self._show_state()
        self._show_network()
        self.update()

    def _say(self, sentence: str, error: bool) -> None:
        # An error has a notice of its own; see `studio.gui.widgets.notice`.
        self._sentence.show_text("" if error else sentence)
        self._clear.start()

    def _show_state(self) -> None:
        status, running = self._link.status, self._link.running
        words = {
            "empty": self.tr("Nothing to train yet"),
            "invalid": self.tr("Not ready to train"),
            "preparing": self._link.message or self.tr("Getting ready"),
            "ready": self.tr("Ready"),
            "paused": self.tr("Paused"),
            # Why it ended early, or which weights are back.
            "finished": self._finished(),
            "failed": self.tr("Stopped"),
            # Layer by layer, whose turn it is.
            "running": self._link.message or self.tr("Training"),
        }[status]
        if self._live.latest.race.stage == "racing":
            words = self.tr("Processor and card race; training waits")
        tokens = {"running": "ok", "preparing": "warning", "failed": "error", "finished": "accent"}
        if running and status not in ("running", "preparing"):
            words = self.tr("Starting")
        self._state.show_text(words)
        self._dot.show_state(tokens.get(status, "text-3"), status in ("running", "preparing", "failed"))

    def _finished(self) -> str:
        """What came of it: how good the network is on the test part, and why training ended early if it did."""
        result, words = self._live.latest.test, self.tr("Finished")
        if result is not None and result.accuracy is not None:
            words = self.tr("Finished: {0} of the test samples right").format(numbers.percent(result.accuracy))
        elif result is not None:
            words = self.tr("Finished: loss {0} on the test samples").format(numbers.loss(result.loss))
        return " · ".join(part for part in (words, self._link.message) if part)

    def _show_network(self) -> None:
        graph, inference = self._session.document.graph, self._session.inference
        layers = sum(n.layer.family not in ("Data", "Loss") for n in graph.nodes)
        parts = [numbers.counted(layers, self.tr("{count} layer"), self.tr("{count} layers"))]
        if inference.total_parameters:
            parts.append(self.tr("{count} parameters").format(count=numbers.grouped(inference.total_parameters)))
        self._size.show_text(" · ".join(parts))
        # What stopped training is listed among the problems too.
        errors = len(inference.errors) + (self._link.status == "failed") if graph.nodes else 0
        theme = Theme.instance()
        hints = sum(p.severity != "error" for p in inference.problems) if graph.nodes else 0
        if errors:
            words = numbers.counted(errors, self.tr("{count} problem"), self.tr("{count} problems"))
        elif hints:
            words = numbers.counted(hints, self.tr("{count} hint"), self.tr("{count} hints"))
        else:
            words = self.tr("No problems")
        self._problems.setText(words)
        token = "error" if errors else "warning"
        self._problems.setIcon(theme.icon("warning", token, 12) if errors or hints else theme.icon("check", "text-3", 12))
        color = theme.color("error" if errors else "text-2").name()
        self._problems.setStyleSheet(f"QPushButton {{ color: {color}; min-height: 18px; }}")
        self._problems.setVisible(bool(graph.nodes))

    def _show_file(self) -> None:
        if self._session.dirty:
            self._file.show_text(self.tr("Unsaved changes") if self._session.path else self.tr("Not saved yet"))
        else:
            self._file.show_text(self.tr("Saved") if self._session.path else "")

    def _take(self, snapshot: Snapshot) -> None:
        megabytes = snapshot.memory / 1e6
        self._memory.show_text(f"{megabytes:.3g} MB" if megabytes else "")
