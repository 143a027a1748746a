"""The process that trains a workload, in the real window or without one.

Started as ``python -m studio.bench.window_worker window|alone THREADS WORKLOAD``. Each line on stdin,
``{"seconds": 3}``, is one turn; the answer is one JSON line. With ``"go_on": true`` training does
not pause at the end. Between turns the thread of the
window waits for the next line, so that it does nothing at all.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from studio.bench.resident import resident_bytes
from studio.bench.workloads import WORKLOADS
from studio.core.document import Document
from studio.data import load
from studio.engine.commands import Pause, Run, SetGraph, SetPace
from studio.engine.trainer import Trainer

#: Milliseconds between the ticks that show how late the window's thread is.
TICK = 4
#: Seconds of training before each measurement: curves and pictures are there then.
_SETTLE = 0.5
#: Longest wait, in seconds, for kernels to compile and for training to start or to pause.
_PATIENCE = 300.0


def document_for(key: str, threads: int, folder: Path) -> Document:
    """A workload on the samples that the other libraries are given, from a file in this folder."""
    workload, path = WORKLOADS[key], folder / "samples.npz"
    dataset = workload.dataset()
    np.savez(path, x=dataset.train.x, y=dataset.train.y.astype(np.int64))
    document = workload.document().with_training(threads=threads)
    (data,) = (n.id for n in document.graph.nodes if n.layer.family == "Data")
    return document.with_graph(document.graph.set_parameters(data, source=f"npz:{path}", resize=0))


def _steps(trainer: Trainer) -> int:
    state = trainer.export_state()
    if state is None:
        raise RuntimeError("training did not start.")
    return state.step


def _stretch(trainer: Trainer, wait: Callable[[], None]) -> dict[str, Any]:
    """What happens while `wait` waits, as `studio.bench.window.Stretch` has it."""
    steps, begin = _steps(trainer), time.perf_counter()
    wait()
    steps, taken = _steps(trainer) - steps, time.perf_counter() - begin
    return {"seconds": taken, "steps_per_second": steps / taken, "resident": resident_bytes()}


class Alone:
    """Trains without a window."""

    def __init__(self, document: Document) -> None:
        self.trainer = Trainer(load)
        self.trainer.start()
        self.trainer.send(SetGraph(document.graph, document.training))
        self._wait(lambda: self.trainer.take().status == "ready")

    def turn(self, seconds: float) -> dict[str, Any]:
        """Train for so long, as fast as the machine can."""
        self.trainer.send(SetPace(0.0))
        self.trainer.send(Run())
        time.sleep(_SETTLE)
        steps, begin = _steps(self.trainer), time.perf_counter()
        time.sleep(seconds)
        steps, taken = _steps(self.trainer) - steps, time.perf_counter() - begin
        self.trainer.send(Pause())
        self._wait(lambda: self.trainer.take().status == "paused")
        return {"steps_per_second": steps / taken, "gaps": [], "work": [], "window_share": 0.0}

    def go_on(self, seconds: float) -> dict[str, Any]:
        """Train for so long, without a pause before or after."""
        if self.trainer.snapshot.status != "running":
            self.trainer.send(SetPace(0.0))
            self.trainer.send(Run())
            time.sleep(_SETTLE)
        return _stretch(self.trainer, lambda: time.sleep(seconds))

    def close(self) -> None:
        """End training."""
        self.trainer.close()

    def _wait(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + _PATIENCE
        while not done():
            snapshot = self.trainer.snapshot
            if snapshot.problem is not None:
                raise RuntimeError(snapshot.problem.message)
            if time.monotonic() > end:
                raise RuntimeError("training did not start in time.")
            time.sleep(0.01)


class InWindow:
    """Trains in the real window, off screen, with a layer selected."""

    def __init__(self, document: Document, folder: Path) -> None:
        from PySide6.QtCore import Qt, QTimer

        from studio.gui.app import GarbageCollector, choose_theme, prepare_application
        from studio.gui.main_window import MainWindow
        from studio.gui.places import Places

        self._application = prepare_application()
        choose_theme("light")
        self.trainer = Trainer(load)
        self.trainer.start()
        self._collector = GarbageCollector()
        self.window = MainWindow(self.trainer, Places.below(folder))
        self.window.resize(1600, 1000)
        self.window.show()
        self.window.session.open(document)
        self.window.show_workspace()
        self.window.session.select(frozenset({document.graph.order[1]}))
        self._gaps: list[float] = []
        self._work: list[float] = []
        self._last = (0.0, 0.0)
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._wait(lambda: self.window.link.status in ("ready", "paused"))

    def turn(self, seconds: float) -> dict[str, Any]:
        """Train for so long, as fast as the machine can; then as long again, with the timer."""
        self.trainer.send(SetPace(0.0))
        self.window.link.run()
        self._spin(_SETTLE)
        # The ticks would take a share of the processor that no window in use takes.
        steps, begin, busy = _steps(self.trainer), time.perf_counter(), time.thread_time()
        self._spin(seconds)
        busy = time.thread_time() - busy
        steps, taken = _steps(self.trainer) - steps, time.perf_counter() - begin
        self._gaps.clear()
        self._work.clear()
        self._last = (time.perf_counter(), time.thread_time())
        self._timer.start(TICK)
        self._spin(seconds)
        self._timer.stop()
        self.window.link.pause()
        self._wait(lambda: self.window.link.status == "paused")
        gaps, work = ([round(value, 3) for value in values] for values in (self._gaps, self._work))
        return {"steps_per_second": steps / taken, "gaps": gaps, "work": work, "window_share": busy / taken}

    def go_on(self, seconds: float) -> dict[str, Any]:
        """Train for so long, without a pause before or after."""
        if self.window.link.status != "running":
            self.trainer.send(SetPace(0.0))
            self.window.link.run()
            self._spin(_SETTLE)
        return _stretch(self.trainer, lambda: self._spin(seconds))

    def close(self) -> None:
        """End training; the process ends right after, window and all."""
        self.trainer.close()

    def _tick(self) -> None:
        now, busy = time.perf_counter(), time.thread_time()
        self._gaps.append((now - self._last[0]) * 1e3)
        self._work.append((busy - self._last[1]) * 1e3)
        self._last = (now, busy)

    def _spin(self, seconds: float) -> None:
        """Let the window work for so long."""
        from PySide6.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        QTimer.singleShot(round(seconds * 1e3), loop.quit)
        loop.exec()

    def _wait(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + _PATIENCE
        while not done():
            snapshot = self.trainer.snapshot
            if snapshot.problem is not None:
                raise RuntimeError(snapshot.problem.message)
            if time.monotonic() > end:
                raise RuntimeError("training did not start in time.")
            self._spin(0.02)


def main(arguments: list[str]) -> int:
    """Take turns until the other side closes the pipe."""
    kind, threads, key = arguments[0], int(arguments[1]), arguments[2]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        try:
            document = document_for(key, threads, Path(folder))
            side = InWindow(document, Path(folder)) if kind == "window" else Alone(document)
            print(json.dumps({"ready": True}), file=answers)
            for line in sys.stdin:
                asked = json.loads(line)
                act = side.go_on if asked.get("go_on") else side.turn
                print(json.dumps(act(asked["seconds"])), file=answers)
            side.close()
        except Exception as error:
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), file=answers)
            return 1
    return 0


if __name__ == "__main__":
    # Qt objects are of no use any more, and taking them down in order is not what is measured.
    os._exit(main(sys.argv[1:]))
