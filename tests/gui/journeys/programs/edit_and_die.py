"""Opens a template, makes two edits, waits until they are written down, and dies like in a crash.

``python edit_and_die.py FOLDER``
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from process import listen_to_qt
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from studio import data
from studio.engine.trainer import Trainer
from studio.gui.app import prepare_application
from studio.gui.main_window import MainWindow
from studio.gui.places import Places


def type_over(line: QLineEdit, text: str) -> None:
    """Select all, type, press Enter."""
    QTest.mouseClick(line, Qt.MouseButton.LeftButton)
    QTest.keyClick(line, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Return)


def written(places: Places) -> bool:
    """Whether the journal has the edits."""
    return any(b"0.0123" in entry.read_bytes() for entry in places.journals.rglob("*") if entry.is_file())


def main() -> None:
    """Edit and die."""
    listen_to_qt()
    app = prepare_application()
    trainer = Trainer(data.load)
    trainer.start()
    places = Places.below(Path(sys.argv[1]))
    window = MainWindow(trainer, places)
    window.show()
    (card,) = (c for c in window.welcome.cards if c.template.name == "iris")
    QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    type_over(window.workspace.run_bar.rate_field.lineEdit(), "0.0123")
    type_over(window.workspace.run_bar.batch_field.lineEdit(), "17")
    end = time.monotonic() + 30
    while not written(places) and time.monotonic() < end:
        app.processEvents()
        time.sleep(0.005)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
