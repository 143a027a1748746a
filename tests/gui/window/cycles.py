"""Opens, trains and closes the window over and over; run by `test_cycles` in a process of its own."""

from __future__ import annotations

import gc
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop
from PySide6.QtWidgets import QApplication

from studio import data
from studio.engine.trainer import Trainer
from studio.gui.app import choose_theme, prepare_application
from studio.gui.main_window import MainWindow
from studio.gui.places import Places


def cycle(app: QApplication, folder: Path, template: str) -> None:
    """Open a template in a new window, train it for an epoch, close the window."""
    trainer = Trainer(data.load)
    trainer.start()
    window = MainWindow(trainer, Places.below(folder))
    window.show()
    window.files.new_from_template(template)
    window.link.one_epoch()
    end = time.monotonic() + 120
    while window.live.latest.epoch < 1:
        if time.monotonic() > end:
            raise TimeoutError(window.link.status)
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    window.session.mark_saved(folder / "kept.studio")  # so that closing asks nothing
    if not window.close():
        raise RuntimeError("The window did not close.")
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def main(count: int) -> None:
    """Run so many cycles; prints widgets, threads and megabytes at the middle and at the end."""
    app = prepare_application()
    choose_theme("light")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            cycle(app, Path(folder), ("xor", "iris")[number % 2])
            if number in (count // 2, count - 1):
                gc.collect()
                QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(len(app.allWidgets()), threading.active_count(), round(memory), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
