"""What a panel shows before there is something to show."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedLayout, QWidget

from studio.gui.panels.labels import style_label
from studio.gui.theme import Theme


class EmptyState(QWidget):
    """One friendly sentence in the middle: what will show up here, and when."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = QLabel(self)
        self.label.setWordWrap(True)
        self.label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.label.setMaximumWidth(340)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(24, 12, 24, 12)
        layout.addStretch(1)
        layout.addWidget(self.label, 1000)
        layout.addStretch(1)
        self._theme = Theme.instance()
        self._theme.changed.connect(self._restyle)
        self._restyle()

    def say(self, sentence: str) -> None:
        """Show this sentence."""
        if sentence != self.label.text():
            self.label.setText(sentence)

    def _restyle(self) -> None:
        style_label(self.label, "body", "text-3")


class Switch(QStackedLayout):
    """Shows the content, or the sentence why there is none yet."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setContentsMargins(0, 0, 0, 0)
        self.empty = EmptyState()
        self.content = content
        self.addWidget(self.empty)
        self.addWidget(content)

    def say(self, sentence: str) -> None:
        """Show the sentence; an empty one shows the content."""
        if sentence:
            self.empty.say(sentence)
        self.setCurrentWidget(self.empty if sentence else self.content)
