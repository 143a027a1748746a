"""What the window tells the trainer.

Commands are verbs, put into the trainer's queue from any thread.
"""

from __future__ import annotations

from dataclasses import dataclass

from studio.core.document import Training
from studio.core.graph import Graph
from studio.engine.history import History
from studio.engine.messages import OwnSample, TextWish, TrainingState


@dataclass(frozen=True)
class SetGraph:
    """Train this graph from now on; weights stay where node and shape stay."""

    graph: Graph
    training: Training


@dataclass(frozen=True)
class SetTraining:
    """Change learning rate, batch size, epochs, device, ... without a restart."""

    training: Training


@dataclass(frozen=True)
class SetWeights:
    """Put these weights (and optimizer state) in place, such as those of an opened file.

    Parameters
    ----------
    state : TrainingState
    history : History or None
        The curves that led there; training goes on appending to them.
    """

    state: TrainingState
    history: History | None = None


@dataclass(frozen=True)
class Run:
    """Train until paused, or until the epochs are done."""


@dataclass(frozen=True)
class Pause:
    """Stop after the current chunk of minibatches."""


@dataclass(frozen=True)
class Step:
    """Train for `steps` minibatches, or for `epochs` whole epochs, then pause."""

    steps: int = 0
    epochs: int = 0


@dataclass(frozen=True)
class Reset:
    """Back to step 0.

    Parameters
    ----------
    fresh : bool
        Draw new initial weights, rather than the same ones again.
    """

    fresh: bool = False


@dataclass(frozen=True)
class Watch:
    """Say what the next snapshots should carry; anything not asked for costs nothing.

    Parameters
    ----------
    nodes : frozenset of str
        Ids of nodes whose activations are wanted (probe batch, and the plane for 2-D data).
    details : frozenset of str
        Ids of nodes whose weights and gradients are wanted too.
    scatter : str
        Id of a node whose activations for many validation samples are wanted; empty for none.
    answers : bool
        Whether the network's answers to many validation samples are wanted.
    sample : int
        Index, in the validation part, of the first sample of the probe batch.
    plane : int
        Pixels a side of the grid over the input plane for 2-D data.
    interval : float
        Seconds between two snapshots at the least.
    text : TextWish or None
        The text that is wanted; None for none.
    own : OwnSample or None
        A sample to look at before those of the validation part.
    speed : bool
        Whether steps are timed call by call.
    """

    nodes: frozenset[str] = frozenset()
    details: frozenset[str] = frozenset()
    scatter: str = ""
    answers: bool = False
    sample: int = 0
    plane: int = 40
    interval: float = 1 / 30
    text: TextWish | None = None
    own: OwnSample | None = None
    speed: bool = False


@dataclass(frozen=True)
class SetPace:
    """How fast training may go, so that people can watch.

    Parameters
    ----------
    epochs_per_second : float or None
        0 is as fast as the machine can; None lets a run last about ten seconds at the least.
    """

    epochs_per_second: float | None = None


@dataclass(frozen=True)
class SetCard:
    """Which graphics card to train on, where the settings say that one is to be used.

    Parameters
    ----------
    number : int
        As the driver counts them, from 0 on; without such a card it is the first that can be used.
    """

    number: int


@dataclass(frozen=True)
class StartRace:
    """Let processor and card train copies of the network in turns; training waits until that is over.

    Parameters
    ----------
    number : int
        By which its `RaceView` is known, from 1 on.
    """

    number: int


@dataclass(frozen=True)
class StopRace:
    """End the race, if there is one; training goes on."""


@dataclass(frozen=True)
class Stop:
    """End the trainer's thread."""


Command = (
    SetGraph | SetTraining | SetWeights | Run | Pause | Step | Reset | Watch | SetPace | SetCard | StartRace | StopRace | Stop
)
