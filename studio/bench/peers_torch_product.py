"""The product of `studio.bench.product` in PyTorch: a matrix by the weights of the task's one layer."""

from __future__ import annotations

import torch

from studio.bench.chain import Task
from studio.bench.peers_torch import use_whole_float32


class ProductPeer:
    """A product into memory that is there already.

    Parameters
    ----------
    task : Task
        One Dense layer without a bias.
    device : str
        Where to compute, by PyTorch's name.
    """

    variants = ("matmul",)

    def __init__(self, task: Task, device: str) -> None:
        (stage,) = task.stages
        self._device = torch.device(device)
        self._x = torch.from_numpy(task.x).to(self._device)
        self._weights = torch.from_numpy(task.weight(stage, "kernel")).to(self._device)
        self._product = torch.empty(len(self._x), self._weights.shape[1], device=self._device)

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__}

    def start(self, variant: str) -> None:
        """There is nothing to begin anew."""

    def losses(self, steps: int) -> list[float]:
        """Instead of losses the sums of the squares of so many rows."""
        self.train(1)
        return [float(total) for total in self._product[:steps].double().square().sum(1)]

    def train(self, steps: int) -> int:
        for _ in range(steps):
            torch.matmul(self._x, self._weights, out=self._product)
        if self._device.type == "cuda":
            torch.cuda.synchronize()
        return steps


def create(task: Task, threads: int, with_compile: bool) -> ProductPeer:
    """The product on the processor."""
    torch.set_num_threads(threads)
    return ProductPeer(task, "cpu")


def create_on_card(task: Task, threads: int, with_compile: bool) -> ProductPeer:
    """The product on the card."""
    use_whole_float32()
    return ProductPeer(task, "cuda")
