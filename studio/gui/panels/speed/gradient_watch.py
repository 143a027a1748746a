"""Checks gradients again and again on a thread of its own, while somebody looks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from studio.core.dataset import Dataset
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.problems import Problem
from studio.engine.compiling import compile_kernels
from studio.engine.cpu_device import give_way
from studio.engine.failure import EngineProblem
from studio.engine.gradient_check import GradientCheck, check_gradient
from studio.engine.messages import TrainingState
from studio.kernels.jit import Kernel

#: Seconds between two checks at the least, and how many times as long as one takes.
_PAUSE, _TIMES = 2.0, 15.0


@dataclass(frozen=True, eq=False)
class Question:
    """What is to be checked; see `studio.engine.gradient_check.check_gradient`.

    Parameters
    ----------
    export : callable
        Gives the weights as they are now; called on the thread, may wait.
    """

    graph: Graph
    training: Training
    datasets: dict[str, Dataset]
    node: str
    shard: int
    export: Callable[[], TrainingState | None]


class GradientWatch:
    """Answers the latest question, one at a time; the window looks at `answer` whenever it draws."""

    def __init__(self) -> None:
        self.answer: GradientCheck | None = None
        self._asked: Question | None = None
        self._due = 0.0
        self._stopping = threading.Event()
        self._changed = threading.Event()
        self._thread: threading.Thread | None = None

    def ask(self, question: Question | None) -> None:
        """Look into this from now on; None for nothing. Never waits."""
        before, self._asked = self._asked, question
        if question is None:
            self.answer = None
            return
        if before is None or (before.node, before.graph) != (question.node, question.graph):
            self.answer, self._due = None, 0.0
            self._changed.set()
        if self._thread is None and not self._stopping.is_set():
            self._thread = threading.Thread(target=self._loop, name="studio-gradients", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread and the check that is under way."""
        self._stopping.set()
        self._changed.set()
        if self._thread is not None:
            self._thread.join(30.0)
            self._thread = None

    def _loop(self) -> None:
        give_way()
        while not self._stopping.is_set():
            question = self._asked
            if question is None or time.monotonic() < self._due:
                self._changed.wait(0.2)
                self._changed.clear()
                continue
            begin = time.monotonic()
            found = self._check(question)
            now = time.monotonic()
            if self._asked is not None and (self._asked.node, self._asked.graph) == (question.node, question.graph):
                self.answer = found
                self._due = now + max(_PAUSE, _TIMES * (now - begin))

    def _check(self, question: Question) -> GradientCheck | None:
        state = question.export()
        if state is None:
            return None
        try:
            return check_gradient(
                question.graph, question.training, question.datasets, state, question.node, question.shard, self._compile, self._stopping.is_set
            )
        except Exception as error:  # a defect must reach the person, not end the thread
            return GradientCheck(question.node, problem=f"The check failed: {error!r}.")

    def _compile(self, kernels: object) -> None:
        wanted: list[Kernel] = list(kernels)  # type: ignore[call-overload]
        compile_kernels(wanted, lambda done, total: None, self._stopping.is_set)
        if self._stopping.is_set():
            raise EngineProblem(Problem("", "Stopped."))  # else what is missing would be compiled in this process
