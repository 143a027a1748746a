"""What the window sees of the trainer: snapshots, and the values in them.

A `Snapshot` is a frozen value that the trainer replaces; whoever wants to know how training goes
looks at the latest. What the window tells the trainer is in `studio.engine.commands`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from studio.core.dataset import Dataset
from studio.core.graph import Graph
from studio.core.problems import Problem
from studio.engine.greedy import Turns
from studio.engine.history import History
from studio.engine.race_messages import RaceView
from studio.engine.step_times import StepTimes

# What people wish to see ---------------------------------------------------------------


@dataclass(frozen=True)
class TextWish:
    """Which text a network is to write for the window.

    Parameters
    ----------
    prompt : str
        What the text begins with; of a translation, a sentence of the person's own.
    length : int
        How many words (or characters) are written; a translation ends by itself.
    temperature : float
        How daring, from 0 (always the likeliest word); see `studio.engine.writing.writer.Writer.begin`.
    seed : int
        What chance follows from, together with the training step.
    first : int
        Of a translation: number of the first validation sample that is translated.
    interval : float
        Seconds from the beginning of one text to that of the next while training runs, at the least.
    """

    prompt: str = ""
    length: int = 160
    temperature: float = 0.7
    seed: int = 1
    first: int = 0
    interval: float = 0.7


@dataclass(frozen=True, eq=False)
class OwnSample:
    """A sample that a person made, such as a drawing; nobody knows its right answer.

    Parameters
    ----------
    node : str
        Id of the Data node in whose place it goes through the network.
    x : numpy.ndarray
        float32, the shape of one sample, prepared as the data are; do not write to it.
    """

    node: str
    x: np.ndarray


# State and views -----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TrainingState:
    """All that training needs to go on as if it had never stopped.

    Parameters
    ----------
    weights : mapping of (node id, weight name) to numpy.ndarray
        float32, in the layers' (Keras's) layout.
    slots : mapping of (node id, weight name, slot) to numpy.ndarray
        Optimizer state, such as Adam's ``m`` and ``v``, in the same layout.
    step : int
        Minibatches trained so far.
    epoch : float
        Passes through the training data so far.
    position : int
        Samples into the current pass.
    seed : int
        The seed the run started from.
    optimizer : str
        Type of the optimizer that the slots belong to.
    memory : mapping of str to float
        What schedule and rule for stopping remember, as ``EarlyStopping.best``.
    best : mapping of (node id, weight name) to numpy.ndarray
        The best weights so far, where they are kept; empty otherwise.
    """

    weights: Mapping[tuple[str, str], np.ndarray]
    slots: Mapping[tuple[str, str, str], np.ndarray] = field(default_factory=dict)
    step: int = 0
    epoch: float = 0.0
    position: int = 0
    seed: int = 0
    optimizer: str = ""
    memory: Mapping[str, float] = field(default_factory=dict)
    best: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict)

    def at_new_epoch(self) -> TrainingState:
        """The same at the start of an epoch, to go on with other data: an epoch that was begun counts."""
        return replace(self, epoch=float(math.ceil(self.epoch)), position=0)

    def without(self, nodes: frozenset[str]) -> TrainingState:
        """The same without what some nodes learned, so that these start anew."""
        weights = {key: array for key, array in self.weights.items() if key[0] not in nodes}
        slots = {key: array for key, array in self.slots.items() if key[0] not in nodes}
        best = {key: array for key, array in self.best.items() if key[0] not in nodes}
        return replace(self, weights=weights, slots=slots, best=best)


@dataclass(frozen=True, eq=False)
class NodeView:
    """Copies of what a watched node holds.

    Parameters
    ----------
    activations : numpy.ndarray or None
        float32 ``(samples <= 16, *shape)``: output for the probe batch, inference mode.
    plane : numpy.ndarray or None
        float32 ``(pixels, pixels, features)``: output over the input plane, for 2-D data.
        Row 0 is the lowest y, column 0 the lowest x of `Snapshot.plane_extent`.
    weights, gradients : mapping of str to numpy.ndarray
        By weight name, in Keras's layout; gradients are those of the last minibatch.
    extras : mapping of str to numpy.ndarray
        What there is to see beside the output, for the probe batch: float32
        ``(samples, *shape)`` by the names and shapes of `studio.core.layer.Layer.extras`.
    """

    activations: np.ndarray | None = None
    plane: np.ndarray | None = None
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    gradients: Mapping[str, np.ndarray] = field(default_factory=dict)
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Scatter:
    """One layer's activations for many samples, for projections.

    Parameters
    ----------
    node : str
    activations : numpy.ndarray
        float32 ``(samples, features)``, validation samples in order.
    targets : numpy.ndarray
        float32 ``(samples, *y_shape)``.
    """

    node: str
    activations: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How well the network does on one split.

    Parameters
    ----------
    loss : float
    accuracy : float or None
        Share of right classes, for classification.
    confusion : numpy.ndarray or None
        int64 ``(classes, classes)``: row is the true class, column the predicted one.
    epoch : float
        When it was measured.
    metrics : mapping of str to float
        By name (Keras's), in the order people chose; accuracy is among them where it was chosen.
    """

    loss: float
    accuracy: float | None = None
    confusion: np.ndarray | None = None
    epoch: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """One sentence that a network translated.

    Parameters
    ----------
    sentence, written : str
        What it read and what it wrote.
    right : str or None
        The right answer; None for a sentence of the person's own.
    """

    sentence: str
    written: str
    right: str | None = None


@dataclass(frozen=True)
class Written:
    """What a network wrote, with the weights of one moment.

    Parameters
    ----------
    wish : TextWish
        What was asked for.
    step, epoch : int, float
        Minibatches, and passes through the training data, when the text was begun.
    text : str
        What goes on after the prompt; while it is being written, as far as it goes.
    complete : bool
        Whether all is written that was asked for.
    answers : tuple of Answer
        Of a network that translates, in place of the text.
    problem : str
        Why there is no text, in one sentence; mostly empty.
    unknown : tuple of str
        Words of it that the training text lacks, where characters are written.
    known_share : float or None
        Share of its words that the training text has, where characters are written.
    """

    wish: TextWish
    step: int = 0
    epoch: float = 0.0
    text: str = ""
    complete: bool = True
    answers: tuple[Answer, ...] = ()
    problem: str = ""
    unknown: tuple[str, ...] = ()
    known_share: float | None = None


Status = Literal["empty", "invalid", "preparing", "ready", "running", "paused", "finished", "failed"]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What training looks like now.

    Parameters
    ----------
    serial : int
        Grows by one with each snapshot.
    status : str
        ``empty`` (no graph), ``invalid`` (see `problem`), ``preparing`` (data or kernels are
        on the way, see `message`), ``ready`` (never run), ``running``, ``paused``,
        ``finished`` (all epochs done) or ``failed`` (NaN, memory; see `problem`).
    message : str
        What is being prepared, or why training has finished; for the status bar.
    notice : str
        What else is wrong on this machine, in a sentence, such as that kernels cannot be kept.
    progress : float
        Share of the preparation that is done, 0 to 1.
    graph : Graph or None
        The graph these views belong to.
    step, epoch : int, float
        Minibatches and passes through the training data so far.
    learning_rate : float
        Of the next step.
    samples_per_second : float
        Over the last second or so; 0 when not running.
    history : History
        Append-only curves.
    train, validation : Evaluation or None
        Latest; `train` is over the minibatches since the last one and has no confusion.
    test : Evaluation or None
        How well the network does on the test part, as it is now; measured when training has finished.
    turns : Turns or None
        Whose turn it is, where training goes layer by layer.
    nodes : mapping of str to NodeView
        The watched nodes.
    probe_x, probe_y : numpy.ndarray or None
        The probe batch itself, float32; no `probe_y` where the first is the person's own.
    own : OwnSample or None
        The person's own sample, if it is the first of the probe batch.
    plane_extent : tuple of float
        ``(x_low, x_high, y_low, y_high)`` of `NodeView.plane`, in standardised units.
    scatter : Scatter or None
    answers : Scatter or None
        Of the node whose output the first loss scores.
    datasets : mapping of str to Dataset
        By Data node id, once loaded.
    problem : Problem or None
        Why training failed or cannot start.
    threads : int
        Threads in use.
    device : str
        ``cpu`` or ``cuda``.
    memory : int
        Bytes of the arena.
    written : Written or None
        The latest text, where one was asked for.
    speed : StepTimes or None
        The calls of a step and where its time goes, where that was asked for.
    view_share : float
        Share of the training thread's time that goes into copies for the views, 0 to 1.
    race : RaceView
        The latest race of processor and card; while it is on, training waits and no views are made.
    """

    serial: int = 0
    status: Status = "empty"
    message: str = ""
    progress: float = 0.0
    notice: str = ""
    graph: Graph | None = None
    step: int = 0
    epoch: float = 0.0
    learning_rate: float = 0.0
    samples_per_second: float = 0.0
    history: History = field(default_factory=History)
    train: Evaluation | None = None
    validation: Evaluation | None = None
    test: Evaluation | None = None
    turns: Turns | None = None
    nodes: Mapping[str, NodeView] = field(default_factory=dict)
    probe_x: np.ndarray | None = None
    probe_y: np.ndarray | None = None
    own: OwnSample | None = None
    plane_extent: tuple[float, float, float, float] = (-1.0, 1.0, -1.0, 1.0)
    scatter: Scatter | None = None
    answers: Scatter | None = None
    datasets: Mapping[str, Dataset] = field(default_factory=dict)
    problem: Problem | None = None
    threads: int = 1
    device: str = "cpu"
    memory: int = 0
    written: Written | None = None
    speed: StepTimes | None = None
    view_share: float = 0.0
    race: RaceView = field(default_factory=RaceView)
