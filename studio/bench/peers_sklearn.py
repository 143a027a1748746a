"""The workloads without pictures in scikit-learn's multi-layer perceptron."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from studio.bench.chain import Task
from studio.bench.peer import minibatches


class SklearnPeer:
    """A task in scikit-learn; only chains of Dense layers with one activation."""

    def __init__(self, task: Task) -> None:
        self.task = task
        dense = all(stage.type == "Dense" for stage in task.stages)
        self.variants: tuple[str, ...] = ("fit",) if dense else ()
        self._model: Any = None
        self._batches: Iterator[np.ndarray] = iter(())
        self._classes = np.unique(task.y)

    def versions(self) -> dict[str, str]:
        return {"scikit-learn": sklearn.__version__}

    def start(self, variant: str) -> None:
        task, settings = self.task, self.task.optimizer_parameters
        hidden = task.stages[:-1]
        adam = task.optimizer == "Adam"
        moments = {k: settings[k] for k in ("beta_1", "beta_2", "epsilon")} if adam else {}
        momentum = {} if adam else {"momentum": settings["momentum"], "nesterovs_momentum": settings["nesterov"]}
        model = MLPClassifier(
            tuple(stage.parameters["units"] for stage in hidden),
            activation=hidden[0].parameters["activation"],
            solver="adam" if adam else "sgd",
            alpha=0.0,
            batch_size=task.batch_size,
            learning_rate_init=settings["learning_rate"],
            **moments,
            **momentum,
        )
        self._batches = minibatches(task.order, task.batch_size)
        # scikit-learn makes its weights and its optimizer in the first step; then both are ours.
        first = task.order[: task.batch_size]
        model.partial_fit(task.x[first], task.y[first], classes=self._classes)
        for stage, kernel, bias in zip(task.stages, model.coefs_, model.intercepts_, strict=True):
            kernel[:] = task.weight(stage, "kernel")
            bias[:] = task.weight(stage, "bias")
        optimizer = model._optimizer
        for slots in (getattr(optimizer, name, []) for name in ("velocities", "ms", "vs")):
            for slot in slots:
                slot[:] = 0.0
        if adam:
            optimizer.t = 0
        self._model = model

    def losses(self, steps: int) -> list[float]:
        found = []
        for chosen in itertools.islice(self._batches, steps):
            self._model.partial_fit(self.task.x[chosen], self.task.y[chosen])
            found.append(float(self._model.loss_))
        return found

    def train(self, steps: int) -> int:
        epochs = -(-steps // self.task.steps_per_epoch)
        for _ in range(epochs):
            self._model.partial_fit(self.task.x, self.task.y)
        return epochs * self.task.steps_per_epoch


def create(task: Task, threads: int, with_compile: bool) -> SklearnPeer:
    """The task in scikit-learn."""
    return SklearnPeer(task)
