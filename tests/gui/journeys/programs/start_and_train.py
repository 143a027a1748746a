"""Starts as ``studio`` does, trains some steps by clicks and closes; tells what was seen, and whether Numba was loaded.

``python start_and_train.py`` prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from process import children, listen_to_qt

from studio import cli

#: What was seen, in this order.
report: dict[str, Any] = {}


def main() -> int:
    """Open the window, with somebody at the mouse."""
    listen_to_qt()
    # Only now: the command says first of all that this process compiles nothing.
    from PySide6.QtCore import QEvent, QObject, Qt, QTimer
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication, QMessageBox

    from studio.cli import window as command

    def open_window(path: Any) -> int:
        application = QApplication(sys.argv[:1])
        painted = Painted()
        application.installEventFilter(painted)
        timer = QTimer()
        timer.setInterval(10)
        timer.timeout.connect(lambda: look(timer))
        timer.start()
        return real(path)

    class Painted(QObject):
        """Notes whether the welcome page is painted before the workspace is there."""

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint and type(watched).__name__ == "TemplateCard":
                report.setdefault("page_before_workspace", not workspaces())
            return False

    def workspaces() -> list[Any]:
        return [w for w in QApplication.topLevelWidgets() if hasattr(w, "workspace")]

    def look(timer: QTimer) -> None:
        found = workspaces()
        if not found or not found[0].isVisible():
            return
        window = found[0]
        if window.on_welcome_page:
            (card,) = (c for c in window.welcome.cards if c.template.name == "xor")
            QTest.mouseClick(card, Qt.MouseButton.LeftButton)
        elif window.link.status == "ready" and "run" not in report:
            report["run"] = True  # a second click would pause
            QTest.mouseClick(window.workspace.run_bar.run_button, Qt.MouseButton.LeftButton)
        elif window.live.latest.step >= 3:
            timer.stop()
            report["steps"] = window.live.latest.step
            report["numba"] = "numba" in sys.modules
            report["compilers"] = len(children())
            QMessageBox.exec = lambda box: QMessageBox.StandardButton.Discard  # type: ignore[method-assign]
            window.close()

    real, command.open_window = command.open_window, open_window
    code = cli.main([])
    print(json.dumps(report))
    return code


if __name__ == "__main__":
    sys.exit(main())
