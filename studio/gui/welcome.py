"""The welcome page: templates to start from, and what one worked on last."""

from __future__ import annotations

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from studio.gui.files import Files
from studio.storage import templates


class WelcomePage(QWidget):
    def __init__(self, files: Files, settings: QSettings) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        for t in templates.templates():
            b = QPushButton(t.title)
            b.clicked.connect(lambda _=False, n=t.name: files.new_from_template(n))
            column.addWidget(b)

    def refresh(self) -> None:
        pass
