"""Opens, trains and closes the window again and again, in one process; tells what is left.

``python open_train_close.py CYCLES FOLDER`` prints one JSON object.
"""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from process import children, listen_to_qt, memory, open_files, threads
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox

from studio import data
from studio.engine.trainer import Trainer
from studio.engine.warm import is_warm
from studio.gui.app import GarbageCollector, prepare_application
from studio.gui.main_window import MainWindow
from studio.gui.places import Places

LEFT = Qt.MouseButton.LeftButton


def wait(done: Callable[[], bool], seconds: float = 120.0) -> None:
    """Let the window live until something is so."""
    end = time.monotonic() + seconds
    while not done():
        QCoreApplication.processEvents()
        if time.monotonic() > end:
            raise TimeoutError("The window did not get there in time.")
        time.sleep(0.001)


def delete() -> None:
    """Carry out deletions that wait for the event loop."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()


def prepare(folder: Path) -> None:
    """Wait once until all kernels are there: else each window would start processes to compile them, and end those."""
    trainer = Trainer(data.load)
    window = MainWindow(trainer, Places.below(folder))
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    trainer.start()
    wait(is_warm, 600.0)
    window.close()
    delete()


def cycle(folder: Path) -> None:
    """Open the window on a template, train some steps, close it while it trains."""
    trainer = Trainer(data.load)
    trainer.start()
    window = MainWindow(trainer, Places.below(folder))
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    window.show()
    (card,) = (c for c in window.welcome.cards if c.template.name == "xor")
    QTest.mouseClick(card, LEFT)
    wait(lambda: window.link.status == "ready")
    QTest.mouseClick(window.workspace.run_bar.run_button, LEFT)
    wait(lambda: window.live.latest.step >= 3)
    assert window.link.running
    window.close()
    assert not window.isVisible()
    delete()


def found() -> dict[str, object]:
    """What there is now."""
    gc.collect()
    delete()
    return {
        "memory": memory(),
        "threads": threads(),
        "python_threads": threading.active_count(),
        "children": len(children()),
        "widgets": [type(w).__name__ for w in QApplication.allWidgets()],
        "files": open_files(),
    }


def main() -> int:
    """Run the cycles."""
    cycles, folder = int(sys.argv[1]), Path(sys.argv[2])
    listen_to_qt()
    prepare_application()
    collector = GarbageCollector()
    # Nobody is there to answer whether to save.
    QMessageBox.exec = lambda box: QMessageBox.StandardButton.Discard  # type: ignore[method-assign]
    begin = time.monotonic()
    prepare(folder)
    for _ in range(cycles // 10):
        cycle(folder)
    early = found()
    for number in range(cycles - cycles // 10):
        cycle(folder)
        if number % 10 == 9:
            gc.collect()
    seconds = time.monotonic() - begin
    print(json.dumps({"seconds": seconds, "early": early, "late": found()}))
    collector.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
