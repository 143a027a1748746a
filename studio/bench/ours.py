"""Our side of the benchmark: a workload's network, trained for so many steps."""

from __future__ import annotations

import time

import numpy as np

from studio.bench.workloads import Workload
from studio.core.dataset import Dataset
from studio.core.document import Document
from studio.engine.network import Network


class Ours:
    """A workload on our engine.

    Parameters
    ----------
    workload : Workload
    threads : int
        How many to train with, at least 1.

    Raises
    ------
    studio.core.registry.UnknownName
        When a layer of the workload is not there.
    """

    def __init__(self, workload: Workload, threads: int) -> None:
        self.document: Document = workload.document()
        self.dataset: Dataset = workload.dataset()
        (source,) = (n.id for n in self.document.graph.nodes if n.layer.family == "Data")
        self.network = Network(self.document.graph, self.document.training, {source: self.dataset}, threads)

    def close(self) -> None:
        """End helper threads."""
        self.network.close()

    def weights(self) -> dict[tuple[str, str], np.ndarray]:
        """Copies of all weights, by node id and weight name, in Keras's layout."""
        return self.network.weights()

    def losses(self, steps: int) -> list[float]:
        """Loss of each of the next `steps` minibatches, before its correction of the weights."""
        found = []
        self.network.take_sums()
        for _ in range(steps):
            self.network.train(1)
            found.append(self.network.total_loss(self.network.take_sums()))
        return found

    def train(self, steps: int) -> float:
        """Train so many minibatches; returns the seconds it took.

        Raises
        ------
        RuntimeError
            When a loss is not finite.
        """
        begin = time.perf_counter()
        done = self.network.train(steps)
        seconds = time.perf_counter() - begin
        if done != steps:
            raise RuntimeError("The loss is no longer a finite number: the measurement is of no use.")
        return seconds
