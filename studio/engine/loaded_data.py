"""The data sets of a graph's Data nodes, kept while they may be asked for again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from studio.core.dataset import Dataset
from studio.core.graph import Graph
from studio.core.layer import Layer
from studio.core.problems import Problem
from studio.engine.failure import EngineProblem

#: Gives the data set of a Data layer; raises ValueError with one plain sentence. Tells how many of
#: how many files or lines are read; what that raises ends the reading.
Load = Callable[[Any, Callable[[int, int], None]], Dataset]
#: Data sets that are kept at most.
_MOST_KEPT = 4
#: Seconds between two words on how far the reading is.
_INTERVAL = 0.1


class Outdated(Exception):
    """Nobody waits for these data any more."""


class LoadedData:
    """Loads what a graph needs; the same Data layer gives the same arrays."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._loaded: dict[Layer, Dataset] = {}

    def of(self, graph: Graph, tell: Callable[[str, float], None], wanted: Callable[[], bool]) -> dict[str, Dataset]:
        """The data sets by Data node.

        Parameters
        ----------
        tell : callable
            Told what takes time, and what share of it is done.
        wanted : callable
            Asked now and then; false ends the loading.

        Raises
        ------
        EngineProblem
            When one cannot be had.
        Outdated
            When they are not wanted any more.
        """
        found: dict[str, Dataset] = {}
        for node in graph.nodes:
            if node.layer.family != "Data" or len(node.layer.outputs) < 2:
                continue
            if node.layer not in self._loaded:
                tell(f"Loading {node.layer.summary()}", 0.0)
                try:
                    dataset = self._load(node.layer, _progress(tell, wanted))
                except ValueError as error:
                    raise EngineProblem(Problem(node.id, f"{node.name} has no data: {error}")) from error
                if len(self._loaded) > _MOST_KEPT:
                    self._loaded.clear()
                self._loaded[node.layer] = dataset
            found[node.id] = self._loaded[node.layer]
        return found


def _progress(tell: Callable[[str, float], None], wanted: Callable[[], bool]) -> Callable[[int, int], None]:
    last = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal last
        if not wanted():
            raise Outdated
        if time.monotonic() - last > _INTERVAL:
            last = time.monotonic()
            of = f" of {total:,}" if total else " lines"
            tell(f"Reading data: {done:,}{of}", done / total if total else 0.0)

    return progress
