"""A question with two answers, in the window's own looks."""

from __future__ import annotations

from PySide6.QtWidgets import QMessageBox, QWidget

from studio.gui.theme import Theme


def ask(parent: QWidget, title: str, question: str) -> bool:
    """Ask, and wait for the answer: Yes, or Cancel, which Escape is too."""
    box = QMessageBox(QMessageBox.Icon.NoIcon, title, question, parent=parent)
    box.setIconPixmap(Theme.instance().pixmap("help", "accent", 32))
    button = QMessageBox.StandardButton
    box.setStandardButtons(button.Yes | button.Cancel)
    box.setDefaultButton(button.Cancel)
    answer = box.exec()
    box.deleteLater()
    return bool(answer == button.Yes)
