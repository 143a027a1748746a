"""A document as plain values that the peers, in processes of their own, build it from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from studio.core.document import Document
from studio.core.graph import GraphError
from studio.core.layer import Loss


@dataclass(frozen=True)
class Stage:
    """One layer of a chain.

    Parameters
    ----------
    node : str
        Id of its node; weights are named ``node/weight``.
    type : str
        Keras's class name.
    parameters : dict
        JSON values by Keras's names.
    """

    node: str
    type: str
    parameters: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Task:
    """What a peer trains: layers, settings, samples, their order and the initial weights.

    Parameters
    ----------
    stages : tuple of Stage
        From the first layer after Data to the last before Loss.
    loss : str
        ``BinaryCrossentropy`` or ``SparseCategoricalCrossentropy``.
    optimizer : str
    optimizer_parameters : dict
    batch_size : int
    x, y : numpy.ndarray
        float32 ``(samples, *x_shape)`` and int64 labels ``(samples,)``.
    order : numpy.ndarray
        int64 ``(samples,)``: the first epoch's order.
    weights : dict of str to numpy.ndarray
        float32, Keras's layout, by ``node/weight``.
    """

    stages: tuple[Stage, ...]
    loss: str
    optimizer: str
    optimizer_parameters: dict[str, Any]
    batch_size: int
    x: np.ndarray
    y: np.ndarray
    order: np.ndarray
    weights: dict[str, np.ndarray]

    @property
    def steps_per_epoch(self) -> int:
        """Minibatches in a pass through the samples."""
        return len(self.x) // self.batch_size

    def has(self, type_name: str) -> bool:
        """Whether a layer of that type is in the chain."""
        return any(stage.type == type_name for stage in self.stages)

    def weight(self, stage: Stage, name: str) -> np.ndarray:
        """A weight of a layer."""
        return self.weights[f"{stage.node}/{name}"]

    def save(self, folder: Path) -> None:
        """Write ``task.json`` and ``arrays.npz``."""
        about = {
            "stages": [[s.node, s.type, s.parameters] for s in self.stages],
            "loss": self.loss,
            "optimizer": self.optimizer,
            "optimizer_parameters": self.optimizer_parameters,
            "batch_size": self.batch_size,
        }
        (folder / "task.json").write_text(json.dumps(about), encoding="utf-8")
        named = {f"weight:{key}": value for key, value in self.weights.items()}
        np.savez(folder / "arrays.npz", x=self.x, y=self.y, order=self.order, **named)  # type: ignore[arg-type]

    @classmethod
    def open(cls, folder: Path) -> Task:
        """Read what `save` wrote."""
        about = json.loads((folder / "task.json").read_text(encoding="utf-8"))
        stages = tuple(Stage(*parts) for parts in about.pop("stages"))
        with np.load(folder / "arrays.npz") as arrays:
            weights = {k.removeprefix("weight:"): arrays[k] for k in arrays.files if k.startswith("weight:")}
            return cls(stages, x=arrays["x"], y=arrays["y"], order=arrays["order"], weights=weights, **about)


def stages_of(document: Document) -> tuple[tuple[Stage, ...], str]:
    """The layers between Data and Loss in order, and the loss's type.

    Raises
    ------
    GraphError
        When the graph is not one chain.
    """
    graph = document.graph
    stages: list[Stage] = []
    for before, node in zip(graph.order, graph.order[1:], strict=False):
        layer = graph.node(node).layer
        if graph.incoming(node)[0].source != before or (not isinstance(layer, Loss) and len(graph.incoming(node)) > 1):
            raise GraphError("The benchmark's peers can only train a chain of layers.")
        stages.append(Stage(node, layer.type_name(), layer.to_json()))
    return tuple(stages[:-1]), stages[-1].type


def task_of(
    document: Document, x: np.ndarray, y: np.ndarray, order: np.ndarray, weights: dict[tuple[str, str], np.ndarray]
) -> Task:
    """The task that trains the same as the document does.

    Parameters
    ----------
    x, y, order
        As in `Task`.
    weights : dict of (node id, weight name) to numpy.ndarray
        The initial ones.
    """
    stages, loss = stages_of(document)
    optimizer = document.training.optimizer
    if optimizer is None:
        raise ValueError("The document names no optimizer.")
    return Task(
        stages,
        loss,
        optimizer.type_name(),
        optimizer.to_json(),
        document.training.batch_size,
        np.ascontiguousarray(x, np.float32),
        y.astype(np.int64),
        order,
        {f"{node}/{name}": value for (node, name), value in weights.items()},
    )
