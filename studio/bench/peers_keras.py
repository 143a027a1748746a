"""The workloads in Keras's own training loop, on JAX."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import keras
import numpy as np

from studio.bench.chain import Task
from studio.bench.peer import minibatches

#: Parameters that mean the same to Keras and to us.
_SAME = ("units", "filters", "kernel_size", "padding", "pool_size", "epsilon", "momentum", "activation")


class KerasPeer:
    """A task in Keras."""

    variants = ("fit",)

    def __init__(self, task: Task) -> None:
        self.task = task
        self._model: Any = None
        self._batches: Iterator[np.ndarray] = iter(())

    def versions(self) -> dict[str, str]:
        return {"keras": keras.__version__, "jax": jax.__version__}

    def start(self, variant: str) -> None:
        task = self.task
        layers = []
        for stage in task.stages:
            settings = {k: v for k, v in stage.parameters.items() if k in _SAME}
            if stage is task.stages[-1]:
                settings["activation"] = "linear"  # the loss works from the scores
            layers.append(getattr(keras.layers, stage.type)(**settings))
        self._model = keras.Sequential([keras.Input(task.x.shape[1:]), *layers])
        for stage, layer in zip(task.stages, layers, strict=True):
            names = [weight.name for weight in layer.weights]
            layer.set_weights([task.weight(stage, name) for name in names])
        optimizer = getattr(keras.optimizers, task.optimizer)(**task.optimizer_parameters)
        self._model.compile(optimizer, getattr(keras.losses, task.loss)(from_logits=True))
        self._batches = minibatches(task.order, task.batch_size)

    def losses(self, steps: int) -> list[float]:
        found = []
        for _ in range(steps):
            chosen = next(self._batches)
            self._model.reset_metrics()
            found.append(float(self._model.train_on_batch(self.task.x[chosen], self._targets[chosen])))
        return found

    @property
    def _targets(self) -> np.ndarray:
        return self.task.y[:, None] if self.task.loss == "BinaryCrossentropy" else self.task.y

    def train(self, steps: int) -> int:
        task = self.task
        epochs = -(-steps // task.steps_per_epoch)
        self._model.fit(task.x, self._targets, batch_size=task.batch_size, epochs=epochs, verbose=0)
        return epochs * task.steps_per_epoch


def create(task: Task, threads: int, with_compile: bool) -> KerasPeer:
    """The task in Keras, which takes the cores that the process may use."""
    return KerasPeer(task)
