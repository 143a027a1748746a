"""A plan: a flat list of kernel calls over one arena, with symbolic places.

`studio.engine.build` makes plans from graphs; a device gives the places numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from studio.core.lowering import Ref, Tensor
from studio.kernels import control
from studio.kernels.jit import Kernel

#: Numbers of a call before its arguments: the kernel's address and the call's length.
CALL_HEADER = 2


@dataclass(frozen=True)
class Call:
    """One kernel call of a plan.

    Parameters
    ----------
    kernel : Kernel
    arguments : tuple of int or Ref
    node : str
        Whose work it is; empty for the program's own.
    phase : str
        ``forward``, ``backward`` or ``update``.
    """

    kernel: Kernel
    arguments: tuple[int | Ref, ...]
    node: str
    phase: str


@dataclass(frozen=True, eq=False)
class Plan:
    """Kernel calls with symbolic places; `studio.engine.cpu_device` gives them numbers.

    Parameters
    ----------
    calls : tuple of Call
    table : numpy.ndarray
        int64; offsets and indices the kernels read.
    private_floats : int
        Arena each thread needs for itself.
    shard : int
        Real samples a thread takes of a full minibatch.
    outputs : mapping of (node id, port) to Tensor
        Where activations are.
    gradients : mapping of node id to Tensor
        Where gradients of the nodes' outputs are after a step (some are overwritten).
    losses : tuple of str
        Ids of the Loss nodes, in the order of their sums.
    floats_by_node : mapping of str to int
        Private floats each node asked for, to name the largest.
    predictions : mapping of str to (Ref, int)
        By Loss node, for classification: where the predicted classes are, and how many a sample
        has (one a step or pixel); each is a row of all columns.
    extras : mapping of (node id, name) to Tensor
        What there is to see beside the outputs, in a plan to look into.
    """

    calls: tuple[Call, ...]
    table: np.ndarray
    private_floats: int
    shard: int
    outputs: Mapping[tuple[str, int], Tensor]
    gradients: Mapping[str, Tensor]
    losses: tuple[str, ...]
    floats_by_node: Mapping[str, int]
    predictions: Mapping[str, tuple[Ref, int]]
    extras: Mapping[tuple[str, str], Tensor] = field(default_factory=dict)

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """All kernels it needs, the runner included."""
        return (control.run, *{id(c.kernel): c.kernel for c in self.calls}.values())


