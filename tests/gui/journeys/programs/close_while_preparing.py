"""Starts the app with nothing compiled, opens a template, and closes while kernels are prepared.

``python close_while_preparing.py`` prints one JSON object: what was being prepared, the seconds
that closing took, and the processes that are left.
"""

from __future__ import annotations

import json
import sys
import threading
import time

from process import children, listen_to_qt
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from studio.gui import app
from studio.gui.main_window import MainWindow


class Visitor:
    """Clicks a template, sees kernels being prepared, and closes the window.

    Parameters
    ----------
    timer : QTimer
        Calls `look` again and again.
    """

    def __init__(self, timer: QTimer) -> None:
        self.message, self.closed_at, self.children = "", 0.0, 0
        self._timer = timer

    def look(self) -> None:
        """Do the next thing."""
        windows = [w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow) and w.isVisible()]
        if not windows:
            return
        (window,) = windows
        if window.on_welcome_page:
            (card,) = (c for c in window.welcome.cards if c.template.name == "digits-convnet")
            QTest.mouseClick(card, Qt.MouseButton.LeftButton)
        elif window.link.message.startswith("Preparing kernels"):
            self._timer.stop()
            self.message, self.children = window.link.message, len(children())
            self.closed_at = time.monotonic()
            window.close()
        elif window.link.status == "ready":
            self._timer.stop()
            window.close()  # everything was compiled already: the test will say so


def main() -> int:
    """Run the app."""
    listen_to_qt()
    app.prepare_application()
    timer = QTimer()
    timer.setInterval(10)
    visitor = Visitor(timer)
    timer.timeout.connect(visitor.look)
    timer.start()
    code = app.main()
    report = {
        "message": visitor.message,
        "children_before": visitor.children,
        "seconds": time.monotonic() - visitor.closed_at,
        "children": len(children()),
        "python_threads": threading.active_count(),
    }
    print(json.dumps(report))
    return code


if __name__ == "__main__":
    sys.exit(main())
