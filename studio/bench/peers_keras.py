"""The workloads in Keras's own training loop, on JAX."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import keras
import numpy as np

from studio.bench.chain import Stage, Task
from studio.bench.peer import minibatches

#: Parameters that mean the same to Keras and to us.
_SAME = ("units", "filters", "kernel_size", "padding", "pool_size", "epsilon", "momentum", "activation")


class _Encoder(keras.layers.Layer):  # type: ignore[misc]
    """A Transformer block that reads, normalised after each half; parts have the names that ours have."""

    def __init__(self, intermediate_dim: int, num_heads: int, **others: Any) -> None:
        super().__init__()
        self.inner, self.heads = intermediate_dim, num_heads

    def build(self, shape: Any) -> None:
        width = shape[-1]
        self.attention = keras.layers.MultiHeadAttention(self.heads, width // self.heads, name="attention")
        self.attention.build(shape, shape)
        self.first = keras.layers.LayerNormalization(epsilon=1e-5, name="attention_normalization")
        self.second = keras.layers.LayerNormalization(epsilon=1e-5, name="dense_normalization")
        self.one = keras.layers.Dense(self.inner, activation="relu", name="dense_1")
        self.two = keras.layers.Dense(width, name="dense_2")
        for layer, size in ((self.first, width), (self.second, width), (self.one, width), (self.two, self.inner)):
            layer.build((*shape[:-1], size))

    def call(self, x: Any) -> Any:
        x = self.first(x + self.attention(x, x))
        return self.second(x + self.two(self.one(x)))


def _weight_of(task: Task, stage: Stage, path: str) -> np.ndarray:
    """Our numbers for a Keras variable: the longest of our names that its path ends with."""
    names = [key.split("/", 1)[1] for key in task.weights if key.startswith(f"{stage.node}/")]
    return task.weight(stage, max((n for n in names if f"/{path}".endswith(f"/{n}")), key=len))


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
            brick = stage.type == "TransformerEncoder"
            layers.append(_Encoder(**stage.parameters) if brick else getattr(keras.layers, stage.type)(**settings))
        self._model = keras.Sequential([keras.Input(task.x.shape[1:]), *layers])
        for stage, layer in zip(task.stages, layers, strict=True):
            layer.set_weights([_weight_of(task, stage, weight.path) for weight in layer.weights])
        # 0 is no limit for us; Keras takes one limit at the most.
        settings = {k: v for k, v in task.optimizer_parameters.items() if not (k.endswith(("norm", "value")) and v == 0)}
        optimizer = getattr(keras.optimizers, task.optimizer)(**settings)
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
