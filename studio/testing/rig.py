"""A rig to try one layer in: inputs whose gradients can be read, and a known objective.

The layer stands in a small graph of the product's own engine. Each input comes from a Data
node through a `Probe`, which passes numbers on and makes the engine compute their gradient.
The output goes into a `Objective`, the sum of all outputs times given factors, so that the
output's gradient is these factors.

On wish there are nodes around it as in a real network: two `Follower` nodes that read the
output, so that the layer may overwrite what it has computed and gets a gradient that is added
up, and an `Objective` for each input, so that the layer's gradient is one of two.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from studio.core import registry
from studio.core.dataset import Dataset, DatasetInfo, Split, TargetKind
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.layer import Layer, Loss
from studio.core.lowering import Lowering, Tensor
from studio.cuda.card import Card, open_card
from studio.engine.messages import TrainingState
from studio.engine.network import Network
from studio.engine.observed import LossSums
from studio.engine.optimizers.sgd import SGD
from studio.engine.probe import Probe
from studio.engine.shuffling import epoch_order
from studio.kernels import state
from studio.kernels.control import copy_rows
from studio.kernels.jit import compile_ahead, kernel
from studio.kernels.losses import add_to_sums
from studio.kernels.numba_names import float32
from studio.kernels.simd import LANES, at, load, splat, store, sum_lanes
from studio.layers.average import Average
from studio.layers.conv1d import Conv1D
from studio.layers.conv2d import Conv2D
from studio.layers.data import Data
from studio.testing.cards import ProcessorCard


@dataclass(frozen=True)
class Follower(Layer):
    """Passes numbers on, and hands its own gradient down as that of what it read."""

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        x = lowering.contiguous(inputs[0])
        y = lowering.output(x.shape)
        length = y.row_length * lowering.batch
        lowering.emit(copy_rows, y.rows, length, y.base, y.row_stride, x.base, x.row_stride)

        def backward(dy: Tensor) -> None:
            if lowering.alias_gradient(x, dy):
                return
            dx = lowering.gradient(x)
            assert dx is not None, "A gradient that nobody needs can be given away."
            lowering.emit(copy_rows, y.rows, length, dx.base, dx.row_stride, dy.base, dy.row_stride)

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return inputs[0]


@kernel
def weighted_sum(arena: Any, record: Any, table: Any, state: Any) -> None:
    """loss = sum over the features of y r"""
    count, batch = record[2], record[3]
    y_places, r_places = at(table, record[5]), at(table, record[7])
    total = splat(0.0)
    for n in range(count):
        y, r = at(arena, record[4] + y_places[n]), at(arena, record[6] + r_places[n])
        for b in range(0, batch, LANES):
            total = total + load(at(y, b)) * load(at(r, b)) * load(at(arena, record[8] + b))
    add_to_sums(state, record[9], sum_lanes(total), float32(0.0))


@kernel
def scribble(arena: Any, record: Any, table: Any, state: Any) -> None:
    """Fill rows with numbers that are none."""
    rows, length = record[2], record[3]
    for row in range(rows):
        target = at(arena, record[4] + row * record[5])
        for i in range(0, length, LANES):
            store(at(target, i), splat(np.nan))


def scribble_over(lowering: Lowering, gradient: Tensor) -> None:
    """Emit what shows that a layer counts on a gradient being zero before it is written.

    In a network its place has held other gradients.
    """
    length = gradient.row_length * gradient.batch
    lowering.emit(scribble, gradient.rows, length, gradient.base, gradient.row_stride)


@kernel
def weighted_sum_gradient(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dy = r"""
    count, batch = record[2], record[3]
    dy_places, r_places = at(table, record[5]), at(table, record[7])
    for n in range(count):
        dy, r = at(arena, record[4] + dy_places[n]), at(arena, record[6] + r_places[n])
        for b in range(0, batch, LANES):
            store(at(dy, b), load(at(r, b)) * load(at(arena, record[8] + b)))


@dataclass(frozen=True)
class Objective(Loss):
    """The sum of all outputs times given factors (the targets)."""

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        y, r = lowering.need(inputs[0]), lowering.need(inputs[1])
        sizes = (y.features, lowering.batch)
        factors = (r.base, lowering.table(r.offsets()), lowering.valid)
        lowering.emit(weighted_sum, *sizes, y.base, lowering.table(y.offsets()), *factors, lowering.sums())

        def backward() -> None:
            dy = lowering.gradient(y)
            if dy is not None:
                lowering.emit(weighted_sum_gradient, *sizes, dy.base, lowering.table(dy.offsets()), *factors)

        lowering.loss_backward(backward)
        return lowering.tensor(())

    def value(self, prediction: np.ndarray, target: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        return np.asarray((prediction * target).reshape(len(prediction), -1).sum(-1))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one minibatch of training gave.

    Parameters
    ----------
    samples : numpy.ndarray
        int64: which samples the minibatch had, in the order of the arrays below.
    output : numpy.ndarray
        float32 ``(len(samples), *output_shape)``, in training mode.
    inputs : tuple of numpy.ndarray
        Gradients of the objective for each input that has a wire and is no whole number, float32
        ``(len(samples), *shape)``.
    padding : float
        Largest gradient in columns that hold no sample; must be 0.
    weights : mapping of str to numpy.ndarray
        Gradients of the layer's trainable weights.
    """

    samples: np.ndarray
    output: np.ndarray
    inputs: tuple[np.ndarray, ...]
    padding: float
    weights: Mapping[str, np.ndarray]


def card_under_test() -> Card | None:
    """The card on which layers, losses and optimizers are to be tested, if the environment says so.

    With ``STUDIO_TEST_DEVICE=cuda`` that is this machine's card; with ``cuda-lowering`` the processor
    runs what is lowered for a card.
    """
    wanted = os.environ.get("STUDIO_TEST_DEVICE", "")
    if wanted == "cuda-lowering":
        return ProcessorCard()
    return open_card() if wanted == "cuda" else None


@dataclass
class Rig:
    """A layer (or a loss) with probes before it, ready to run.

    Parameters
    ----------
    layer : Layer
        Under test; a loss gets the first input as prediction and `answers` as target.
    inputs : sequence of numpy.ndarray or None
        float32 ``(samples, *shape)``, one array a port; None leaves an optional port without
        a wire.
    answers : numpy.ndarray
        float32 ``(samples, *output_shape)``: the objective's factors, or a loss's targets.
    batch : int
        Samples in a minibatch.
    threads : int
        Threads to train with.
    weights : mapping of str to numpy.ndarray
        Values for the layer's weights; absent ones are drawn by their initializers.
    answer_kind : {"values", "one_hot", "labels"}
        What the answers are.
    classes : int
        How many classes there are, if the answers are classes.
    activation : str
        Name of an activation to put between the probe and a loss; empty for none.
    probed : bool
        Whether gradients of the inputs are wanted.
    haloed : bool
        Whether pictures and sequences get consumers that want zeros around them.
    frozen : bool
        Whether the layer's weights stay as they are.
    followed : bool
        Whether two nodes read the output, whose mean goes to the objective.
    shared : {"", "before", "after"}
        Whether each input has an objective of its own beside the layer, and which of them comes
        first. The gradients that are read are the layer's share, unless there is an activation.
    joined : bool
        Whether the first input goes to all ports.
    """

    layer: Layer
    inputs: Sequence[np.ndarray | None]
    answers: np.ndarray
    batch: int
    threads: int = 1
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    answer_kind: TargetKind = "values"
    classes: int = 0
    activation: str = ""
    probed: bool = True
    haloed: bool = False
    frozen: bool = False
    followed: bool = False
    shared: Literal["", "before", "after"] = ""
    joined: bool = False

    def __post_init__(self) -> None:
        graph = Graph()
        self.sources: list[str] = []
        #: Whose numbers each probe passes on.
        self.probes: dict[str, str] = {}
        datasets: dict[str, Dataset] = {}
        wired = [(port, array) for port, array in enumerate(self.inputs) if array is not None]
        givers: list[str] = []
        for i, (port, array) in enumerate(wired[:1] if self.joined else wired):
            graph, source = graph.add(Data(source=f"input {i}"))
            answers = self.answers if i == 0 else np.zeros(len(array), np.float32)
            datasets[source] = self._dataset(array, answers, i == 0)
            self.sources.append(source)
            giver = source
            weighs = port > 0 and isinstance(self.layer, Loss)
            if self.probed and not weighs and self.layer.whole_numbers(port) is None:
                graph, probe = graph.add(Probe())
                graph = graph.connect(source, 0, probe, 0)
                self.probes[probe] = source
                giver = probe
            givers.append(giver)
        if self.activation:
            graph, curve = graph.add(registry.activation(self.activation))
            graph = graph.connect(givers[0], 0, curve, 0)
            givers[0] = curve
        if self.joined:
            givers *= len(wired)
        graph, self.node = graph.add(self.layer)
        if self.shared == "before":
            graph = self._share(graph, givers)
        for (port, _array), giver in zip(wired, givers, strict=True):
            graph = graph.connect(giver, 0, self.node, port)
        if self.shared == "after":
            graph = self._share(graph, givers)
        if isinstance(self.layer, Loss):
            graph = graph.connect(self.sources[0], 1, self.node, 1)
        else:
            last = self.node
            if self.followed:
                graph, last = graph.add(Average())
                for port in range(2):
                    graph, follower = graph.add(Follower())
                    graph = graph.connect(self.node, 0, follower, 0).connect(follower, 0, last, port)
            graph, loss = graph.add(Objective())
            graph = graph.connect(last, 0, loss, 0).connect(self.sources[0], 1, loss, 1)
        if self.haloed:
            shapes: list[Any] = [None if array is None else array.shape[1:] for array in self.inputs]
            seen = [(giver, len(shapes[port])) for (port, _), giver in zip(wired, givers, strict=True)]
            if not isinstance(self.layer, Loss):
                seen.append((self.node, len(self.layer.output_shape(*shapes))))
            for giver, axes in seen:
                if axes in (2, 3):
                    wanting: Layer = Conv1D(filters=1, padding="same") if axes == 2 else Conv2D(filters=1, padding="same")
                    graph, node = graph.add(wanting)
                    graph = graph.connect(giver, 0, node, 0)
        graph = graph.set_trainable([self.node], not self.frozen)
        training = Training(optimizer=SGD(learning_rate=0.0), batch_size=self.batch)
        self.network = Network(graph, training, datasets, self.threads, compile_ahead, scribble_over, card=card_under_test())
        self.set_weights(self.weights)

    def _share(self, graph: Graph, givers: Sequence[str]) -> Graph:
        """Add an objective for each input that has a probe: what goes in, times the numbers of its Data."""
        for giver, source in dict(zip(givers, self.sources, strict=False)).items():
            if giver != source and source in self.probes.values():
                graph, loss = graph.add(Objective())
                graph = graph.connect(giver, 0, loss, 0).connect(source, 0, loss, 1)
        return graph

    def _dataset(self, x: np.ndarray, y: np.ndarray, answers: bool) -> Dataset:
        kind: TargetKind = self.answer_kind if answers else "values"
        names = tuple(f"class {i}" for i in range(self.classes)) if answers else ()
        info = DatasetInfo("rig", x.shape[1:], y.shape[1:], kind, names, samples=len(x))
        whole = Split(np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.float32))
        nothing = Split(whole.x[:0], whole.y[:0])
        return Dataset(info, whole, nothing, nothing)

    def close(self) -> None:
        """End the engine's threads."""
        self.network.close()

    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Put values into the layer's weights."""
        values = {(self.node, name): np.asarray(v, np.float32) for name, v in weights.items()}
        self.network.restore(TrainingState(values), place=False)

    def infer(self) -> np.ndarray:
        """Output for all samples in inference mode, float32 ``(samples, *output_shape)``."""
        first = self.network.datasets[self.sources[0]].train
        arrays = [first.x, first.y]
        for source in self.sources[1:]:
            arrays += [self.network.datasets[source].train.x, self.network.datasets[source].train.y]
        return self.network.look(arrays, [self.node])[self.node]

    def train(self, steps: int = 1, first_step: int = 0) -> Outcome:
        """Train so many minibatches from the start; what the last one gave.

        The learning rate is 0, so that trainable weights stay as they are. Random numbers
        follow from `first_step`, the number of the first minibatch.
        """
        network = self.network
        network.go_to(first_step, 0, 0, network.training.seed)
        network.take_sums()
        network.train(steps)
        bound = network.train_plan
        position = (steps - 1) * self.batch
        total = sum(int(one[state.VALID]) for one in bound.states)
        one = bound.states[0]
        # A card's order is on the card; it is the same.
        order = bound.order[0] if bound.order else epoch_order(int(one[state.SAMPLES]), int(one[state.SEED]), 0)
        samples = order[position : position + total].copy()
        output, _ = self._read(bound.plan.outputs[self.node, 0])
        gradients = []
        padding = 0.0
        apart = self.shared and not self.activation
        for probe, source in self.probes.items():
            inside, outside = self._read(bound.plan.gradients[probe])
            gradients.append(inside - network.datasets[source].train.x[samples] if apart else inside)
            padding = max(padding, float(np.abs(outside).max(initial=0.0)))
        return Outcome(samples, output, tuple(gradients), padding, network.node_gradients(self.node))

    def sums(self) -> LossSums:
        """What the losses added up over the minibatches of `train`."""
        return self.network.take_sums()

    def _read(self, tensor: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Columns of the last minibatch, and columns of padding, of all shards."""
        inside, outside = [], []
        bound = self.network.train_plan
        offsets = tensor.offsets().ravel()
        for base, one in zip(bound.bases, bound.states, strict=True):
            places = base + tensor.base.offset + offsets[:, None] + np.arange(tensor.batch)[None, :]
            columns = self.network.device.arena[places].T.reshape(tensor.batch, *tensor.shape)
            valid = int(one[state.VALID])
            inside.append(columns[:valid])
            outside.append(columns[valid:])
        return np.concatenate(inside), np.concatenate(outside)
