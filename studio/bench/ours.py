"""Our side of the benchmark: a workload's network, trained for so many steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import numpy as np

from studio.bench.workloads import Workload
from studio.core.dataset import Dataset
from studio.core.document import Document
from studio.cuda.card import Card
from studio.engine.cuda_device import CudaDevice
from studio.engine.network import Network
from studio.kernels.ahead import Wanted
from studio.kernels.jit import compile_ahead

#: Minibatches at a time while a card finds out how to run them.
_SETTLING = 100


def compiling_for_card(tell: Callable[[str], None]) -> Callable[[Iterable[Wanted]], None]:
    """What compiles kernels before they are used, and tells how far it is."""

    def compiling(kernels: Iterable[Wanted]) -> None:
        compile_ahead(kernels, lambda done, total: tell(f"compiling for the card: {done} of {total} kernels"))

    return compiling


class Ours:
    """A workload on our engine.

    Parameters
    ----------
    workload : Workload
    threads : int
        How many to train with, at least 1.
    card : Card or None
        Where to train; None for the processor.
    tell : callable
        Told what is going on while kernels are compiled for a card, which may take a while.

    Raises
    ------
    studio.core.registry.UnknownName
        When a layer of the workload is not there.
    studio.cuda.card.CardProblem
        When the card fails, or has no room for the workload.
    """

    def __init__(
        self, workload: Workload, threads: int, card: Card | None = None, tell: Callable[[str], None] = lambda sentence: None
    ) -> None:
        self.document: Document = workload.document()
        self.dataset: Dataset = workload.dataset()
        (source,) = (n.id for n in self.document.graph.nodes if n.layer.family == "Data")
        # The processor's are compiled as they are first used; a card takes none that is not there.
        compiling = (lambda kernels: None) if card is None else compiling_for_card(tell)
        data = {source: self.dataset}
        self.network = Network(self.document.graph, self.document.training, data, threads, compiling, card=card)

    def close(self) -> None:
        """End helper threads, and give a card's memory back."""
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

    def settle(self, patience: float = 60.0) -> None:
        """Train until it is known how a card runs the network fastest, as it is in the app after some seconds.

        Parameters
        ----------
        patience : float
            Seconds after which what is measured may be slower than what the app does in the end.
        """
        device, end = self.network.device, time.perf_counter() + patience
        while isinstance(device, CudaDevice) and not device.is_settled(self.network.train_plan) and time.perf_counter() < end:
            self.train(_SETTLING)
            time.sleep(0.01)  # another process may be compiling on the same cores

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
