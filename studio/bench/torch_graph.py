"""A training step of PyTorch's as a CUDA graph: what it launches is recorded once, then replayed without Python."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import nn

#: First steps, in which libraries choose algorithms and take their memory.
WARM_UP = 3


class GraphedStep:
    """A step that is replayed with other samples, as PyTorch's notes on CUDA graphs say it is to be done.

    The warm-up trains, so weights and optimizer are put back afterwards: the first replayed step is
    the first one. Gathering the samples is part of what is recorded; only their numbers change.

    Parameters
    ----------
    correct : callable
        Takes the numbers of a minibatch's samples, corrects the weights and returns the loss; it leaves
        it to us to forget gradients.
    model : torch.nn.Module
    optimizer : torch.optim.Optimizer
        That has taken no step yet, and may be captured.
    chosen : torch.Tensor
        int64, on the card: where the recorded step finds the numbers of its samples.
    """

    def __init__(
        self,
        correct: Callable[[torch.Tensor], torch.Tensor],
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        chosen: torch.Tensor,
    ) -> None:
        self._correct, self._optimizer, self._chosen = correct, optimizer, chosen
        with rehearsed(model, optimizer):
            aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP):
                    optimizer.zero_grad(set_to_none=True)
                    correct(chosen)
            torch.cuda.current_stream().wait_stream(aside)
        self.capture()

    def capture(self) -> None:
        """Record a step, which is not run; again, when a number of the optimizer's has changed, which is recorded with it."""
        # Gradients that the step itself makes lie in the graph's own memory.
        self._optimizer.zero_grad(set_to_none=True)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._loss = self._correct(self._chosen).detach()

    def __call__(self, chosen: torch.Tensor) -> torch.Tensor:
        """Take a step; the loss is overwritten by the next one."""
        self._chosen.copy_(chosen)
        self._graph.replay()
        return self._loss


@contextlib.contextmanager
def rehearsed(model: nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Within, steps may be taken: afterwards the model is what it was and its optimizer at its start, all in the same places.

    Parameters
    ----------
    model : torch.nn.Module
    optimizer : torch.optim.Optimizer
        Whose state begins with zeros, as those of Adam and of SGD's momentum do.
    """
    learned = [(tensor, tensor.clone()) for tensor in model.state_dict().values()]
    yield
    with torch.no_grad():
        for tensor, before in learned:
            tensor.copy_(before)
        for state in optimizer.state.values():
            for kept in state.values():
                if isinstance(kept, torch.Tensor):
                    kept.zero_()
