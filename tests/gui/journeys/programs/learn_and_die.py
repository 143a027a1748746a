"""Opens a template, trains it for a while, waits until that is written down, and dies like in a crash.

``python learn_and_die.py FOLDER``
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

from studio import data
from studio.engine.trainer import Trainer
from studio.gui.app import prepare_application
from studio.gui.main_window import MainWindow
from studio.gui.places import Places


def main() -> None:
    """Learn and die; prints the epoch that was kept."""
    listen_to_qt()
    app = prepare_application()
    trainer = Trainer(data.load)
    trainer.start()
    places = Places.below(Path(sys.argv[1]))
    window = MainWindow(trainer, places)
    window.show()
    (card,) = (c for c in window.welcome.cards if c.template.name == "iris")
    QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    button, end = window.workspace.run_bar.run_button, time.monotonic() + 90
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    while window.live.latest.epoch < 1 and time.monotonic() < end:
        app.processEvents()
        time.sleep(0.005)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    while window.live.latest.status not in ("paused", "finished") and time.monotonic() < end:
        app.processEvents()
        time.sleep(0.005)
    window.files.backup.keep()  # its own clock would take 20 seconds
    while not any(places.journals.rglob("learned.studio")) and time.monotonic() < end:
        app.processEvents()
        time.sleep(0.005)
    print(window.live.latest.epoch, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
