"""Bricks from Python: keeping a trained part of a project, and putting one into it."""

from __future__ import annotations

import os
from collections.abc import Iterable

from studio.core.brick import Brick, BrickError, add_brick, make_brick
from studio.core.document import Document
from studio.core.graph import Edge, GraphError
from studio.core.inference import infer
from studio.data import describe_all
from studio.engine.messages import TrainingState
from studio.results import ProjectError
from studio.storage import open_brick


class WithBricks:
    """What `studio.project.Project` can do with bricks."""

    document: Document
    state: TrainingState | None

    def brick(self, nodes: Iterable[str], name: str, origin: str = "") -> Brick:
        """A trained part of the network, to be put into others; `studio.storage.save_brick` keeps it.

        Parameters
        ----------
        nodes : iterable of str
            Names of its nodes; wires among them come along.
        name : str
            What to call it, at most 64 characters.
        origin : str
            Where it comes from, in a line; without it, what the network is called and how long it learned.

        Raises
        ------
        ProjectError
            When there is no such node, or nothing learned to keep.
        """
        graph, state = self.document.graph, self.state
        weights = {} if state is None or not state.step else state.weights
        learned = "" if state is None or not weights else f"trained for {state.epoch:.3g} epochs"
        origin = origin or ", ".join(part for part in (self.document.title, learned) if part)
        try:
            ids = [self._named(node) for node in nodes]
            return make_brick(self.document, infer(graph, describe_all(graph)), weights, ids, name, origin)
        except BrickError as error:
            raise ProjectError(str(error)) from error

    def add_brick(
        self,
        brick: Brick | str | os.PathLike[str],
        frozen: bool = True,
        between: tuple[str, str] | None = None,
    ) -> tuple[str, ...]:
        """Put a brick into the network, with what it has learned.

        Parameters
        ----------
        brick : Brick or path
            A brick, or a ``.brick`` file.
        frozen : bool
            Whether its weights stay as they are while the rest learns.
        between : tuple of str, optional
            Names of two nodes; the brick goes onto the wire from the first to the second. Without
            it, the brick's ends have no wires yet.

        Returns
        -------
        tuple of str
            Names of the new nodes.

        Raises
        ------
        ProjectError
            When there is no such wire, or the brick cannot go onto it.
        studio.storage.StorageError
            When the file cannot be read.
        """
        found = brick if isinstance(brick, Brick) else open_brick(brick)
        wire = None if between is None else self._wire(*between)
        try:
            self.document, ids = add_brick(self.document, found, frozen=frozen, wire=wire)
        except GraphError as error:
            raise ProjectError(str(error)) from error
        return tuple(self.document.graph.node(node).name for node in ids.values())

    def start_from_random(self, nodes: Iterable[str]) -> None:
        """Let nodes of a brick, by name, forget what they learned there, and learn from random weights.

        Raises
        ------
        ProjectError
            When there is no such node.
        """
        ids = [self._named(node) for node in nodes]
        before = self.document.graph
        self.document = self.document.with_graph(before.start_from_random(ids))
        if self.state is not None:
            self.state = self.state.without(frozenset(n for n in ids if before.node(n).pretrained))

    def _named(self, name: str) -> str:
        node = self.document.graph.named(name)
        if node is None:
            names = ", ".join(n.name for n in self.document.graph.nodes) or "none"
            raise ProjectError(f"There is no node called {name!r}: the nodes are {names}.")
        return node.id

    def _wire(self, source: str, target: str) -> Edge:
        first, last = self._named(source), self._named(target)
        wire = next((e for e in self.document.graph.outgoing(first) if e.target == last), None)
        if wire is None:
            raise ProjectError(f"There is no wire from {source} to {target}: name two nodes that are connected.")
        return wire
