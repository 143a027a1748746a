"""The frozen document: graph, layout and training settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from studio.core import registry
from studio.core.component import Component
from studio.core.fields import choice, flag, integer, names
from studio.core.graph import Graph

Position = tuple[float, float]


@dataclass(frozen=True)
class Training(Component):
    """How the network is trained; one optimizer for the whole graph.

    Parameters
    ----------
    optimizer : Component
        A registered optimizer with its parameters.
    schedule : Component or None
        A registered schedule of the learning rate; None is the same rate all the way.
    early_stopping : Component or None
        When to end training before its last epoch; None is never.
    """

    optimizer: Component | None = None
    schedule: Component | None = None
    early_stopping: Component | None = None
    batch_size: int = integer(32, 1, 65_536, help="How many samples the network sees before each small correction of its weights.", live=True)
    epochs: int = integer(100, 1, 1_000_000, help="How often training goes through all training samples.", live=True)
    seed: int = integer(0, 0, 2**31 - 1, help="The number all chance follows from: same seed, same run.")
    mode: str = choice("joint", ("joint", "greedy"), help="Train all layers together (joint), or one after the other, each with a temporary last layer (greedy).")
    keep_best_weights: bool = flag(False, help="At the end, go back to the weights with the lowest validation loss.", live=True)
    metrics: tuple[str, ...] = names(
        (), registry.metric_names,
        help="Which numbers tell how well the network does on samples it does not learn from; "
        "none ticked: those that suit the task.",
    )  # fmt: skip
    top_k: int = integer(5, 1, 1000, help="How many best guesses the top-k accuracy looks at.")
    device: str = choice("cpu", ("cpu", "cuda"), help="Where to compute: the processor, or an NVIDIA graphics card.")
    threads: int = integer(0, 0, 256, help="How many processor cores to train with; 0 lets the app choose.")


def _frozen(positions: Mapping[str, Position]) -> Mapping[str, Position]:
    return MappingProxyType({k: (float(x), float(y)) for k, (x, y) in positions.items()})


@dataclass(frozen=True)
class Document:
    """Everything a person made; a value that is never changed in place.

    Parameters
    ----------
    graph : Graph
        Nodes and wires; the data sources are nodes too.
    positions : mapping of str to (float, float)
        Top left corner of each node on the canvas, in scene pixels.
    training : Training
        Optimizer, batch size, epochs, seed, device.
    title : str
        For the welcome page; the file's name is not part of the document.
    notes : str
        Free text.
    """

    graph: Graph = field(default_factory=Graph)
    positions: Mapping[str, Position] = field(default_factory=dict)
    training: Training = field(default_factory=Training)
    title: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "positions", _frozen(self.positions))

    def with_graph(self, graph: Graph, **positions: Position) -> Document:
        """The document with another graph; positions of nodes that are gone go too."""
        kept = {k: v for k, v in self.positions.items() if k in graph}
        return dataclasses.replace(self, graph=graph, positions={**kept, **positions})

    def moved(self, positions: Mapping[str, Position]) -> Document:
        """The document with some nodes elsewhere."""
        return dataclasses.replace(self, positions={**self.positions, **positions})

    def with_training(self, **changes: object) -> Document:
        """The document with other training settings.

        Raises
        ------
        FieldError
            When a value is not legal.
        """
        return dataclasses.replace(self, training=dataclasses.replace(self.training, **changes))  # type: ignore[arg-type]


