"""The data sets of a graph's Data nodes, kept while they may be asked for again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from studio.core.dataset import Dataset
from studio.core.graph import Graph
from studio.core.layer import Layer
from studio.core.problems import Problem
from studio.engine.failure import EngineProblem

#: Gives the data set of a Data layer; raises ValueError with one plain sentence.
Load = Callable[[Any], Dataset]
#: Data sets that are kept at most.
_MOST_KEPT = 4


class LoadedData:
    """Loads what a graph needs; the same Data layer gives the same arrays."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._loaded: dict[Layer, Dataset] = {}

    def of(self, graph: Graph, tell: Callable[[str], None]) -> dict[str, Dataset]:
        """The data sets by Data node; `tell` is told what takes time.

        Raises
        ------
        EngineProblem
            When one cannot be had.
        """
        found: dict[str, Dataset] = {}
        for node in graph.nodes:
            if node.layer.family != "Data" or len(node.layer.outputs) < 2:
                continue
            if node.layer not in self._loaded:
                tell(f"Loading {node.layer.summary()}")
                try:
                    dataset = self._load(node.layer)
                except ValueError as error:
                    raise EngineProblem(Problem(node.id, f"{node.name} has no data: {error}")) from error
                if len(self._loaded) > _MOST_KEPT:
                    self._loaded.clear()
                self._loaded[node.layer] = dataset
            found[node.id] = self._loaded[node.layer]
        return found
