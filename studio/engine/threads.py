"""How many threads a network should train with."""

from __future__ import annotations

import math
from collections.abc import Mapping

from studio.core.dataset import Dataset
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.inference import infer
from studio.kernels.simd import LANES

#: Multiplications in a minibatch above which a second thread pays for the waiting at barriers.
WORTH_SHARING = 1.0e6


def multiplications(graph: Graph, datasets: Mapping[str, Dataset]) -> float:
    """Multiplications of one sample's forward pass: for each weight, the places it is used at."""
    inference = infer(graph, {n: d.info for n, d in datasets.items()})
    total = 0.0
    for node, weights in inference.weights.items():
        shape = inference.shapes[node][0]
        places = math.prod(shape[:-1]) if len(shape) > 1 else 1
        total += sum(math.prod(w.shape) for w in weights) * places
        total += math.prod(shape)
    return total


def choose_threads(graph: Graph, training: Training, datasets: Mapping[str, Dataset], cores: int) -> int:
    """Threads to train with: one for a small network, all cores for a large one.

    The choice follows from the document and the machine alone, so that a run repeats.
    """
    work = multiplications(graph, datasets) * training.batch_size
    if cores < 2 or work < WORTH_SHARING:
        return 1
    # A thread computes whole vectors of samples: more threads than there are vectors would save nothing.
    return min(cores, 16, -(-training.batch_size // LANES))
