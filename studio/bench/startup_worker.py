"""One start of the app, measured: ``python -m studio.bench.startup_worker TEMPLATE FOLDER``.

``STUDIO_START`` is the time before the process was started. Prints one JSON line. Without a template
it opens the window and waits until all built-in kernels are compiled.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

#: Milliseconds between the ticks that show how late the window's thread is.
_TICK = 5


def main(template: str, folder: Path) -> int:
    """Start, press Run, wait for the first step."""
    began = float(os.environ["STUDIO_START"])
    import studio.kernels

    studio.kernels.COMPILES_HERE = False  # as `studio.cli.window` does
    from PySide6.QtCore import QEvent, QEventLoop, QObject, QTimer

    from studio import data
    from studio.engine.trainer import Trainer
    from studio.gui.app import first_window, prepare_application
    from studio.gui.places import Places
    from studio.gui.welcome_cards import TemplateCard

    application = prepare_application()
    trainer = Trainer(data.load)

    class Painted(QObject):
        """Notes when the welcome page was painted first."""

        at = 0.0

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if not self.at and event.type() == QEvent.Type.Paint and isinstance(watched, TemplateCard):
                self.at = time.time()
            return False

    painted = Painted()
    application.installEventFilter(painted)
    window = first_window(trainer, Places.below(folder), show_early=True)
    ready = time.time() - began
    trainer.start()
    window.show()
    late = [0.0]
    ticked = [time.perf_counter()]

    def tick() -> None:
        now = time.perf_counter()
        late[0] = max(late[0], now - ticked[0] - _TICK / 1e3)
        ticked[0] = now

    timer = QTimer()
    timer.timeout.connect(tick)

    def wait(done: Callable[[], bool], seconds: float = 1700.0) -> bool:
        end, loop = time.monotonic() + seconds, QEventLoop()
        while not done() and time.monotonic() < end:
            QTimer.singleShot(2, loop.quit)
            loop.exec()
        return done()

    wait(lambda: bool(painted.at), 60.0)
    shown = painted.at - began
    found = {"window": round(shown, 3), "ready": round(ready, 3)}
    if template:
        if not window.files.new_from_template(template):
            raise RuntimeError(f"there is no template {template}.")
        application.processEvents()
        ticked[0] = time.perf_counter()
        timer.start(_TICK)
        pressed = time.perf_counter()
        window.link.run()
        if not wait(lambda: trainer.snapshot.step > 0 or trainer.snapshot.problem is not None, 600.0):
            raise RuntimeError("training did not start in ten minutes.")
        found["first_step"] = round(time.perf_counter() - pressed, 4)
        problem = trainer.snapshot.problem
        if problem is not None:
            raise RuntimeError(problem.message)
    else:
        from studio.engine.warm import is_warm

        ticked[0] = time.perf_counter()
        timer.start(_TICK)
        if not wait(is_warm):
            raise RuntimeError("the kernels were not compiled in time.")
        from studio.kernels import cache

        found |= {"all": round(time.time() - began, 2), "kernels": cache.count()}
    timer.stop()
    found["stall"] = round(late[0], 4)
    trainer.close()
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    try:
        code = main(sys.argv[1], Path(sys.argv[2]))
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # Qt objects are of no use any more, and taking them down in order is not what is measured.
    os._exit(code)
