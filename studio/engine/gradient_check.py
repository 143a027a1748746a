"""Is a layer's gradient right? The kernels' own, on real samples, against differences of the loss.

A copy of the network trains one minibatch with a learning rate of 0 and gives the analytic gradient,
in float32, as the optimizer would get it. The slope of the loss along some random directions is then
measured as ``(L(w + h v) - L(w - h v)) / 2 h``, in float64 by the layers' plain NumPy references, from
the layer in question on to the loss. References know nothing of numbers drawn by chance, so in the copy
dropout and noise on that way are switched off.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from studio.core.augmentation import Augmentation
from studio.core.dataset import Dataset
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.layer import Layer, Loss
from studio.core.noise import Noise
from studio.core.parts import owner_of
from studio.engine.failure import EngineProblem
from studio.engine.messages import TrainingState
from studio.engine.network import Network
from studio.engine.optimizers.sgd import SGD
from studio.engine.probe import Probe
from studio.kernels import state
from studio.kernels.ahead import Wanted

#: Random directions, and most samples of the minibatch.
DIRECTIONS, MOST_SAMPLES = 4, 32
#: Half the distance of the two points, as a share of the numbers' size.
_STEP = 1e-7
#: How far the reference's loss may be from the network's own to be the same computation.
_SAME = 1e-3
#: Relative difference up to which gradients agree.
AGREES = 1e-3
#: A slope smaller than this share of the loss is lost among rounding errors.
_FLAT = 1e-6


@dataclass(frozen=True)
class GradientCheck:
    """What came of a check.

    Parameters
    ----------
    node : str
        Id of the node.
    subject : {"weights", "inputs", ""}
        Whose gradient was checked; empty where none could be.
    difference : float
        Of the slopes by the gradient to the measured ones: root mean square over the directions,
        relative to the slopes themselves.
    samples : int
        Of the minibatch.
    step : int
        The training step at which the weights were as they are in the check.
    quiet : bool
        Whether dropout or noise had to be switched off for the check.
    problem : str
        Why there is no number, in one sentence.
    """

    node: str
    subject: str = ""
    difference: float = 0.0
    samples: int = 0
    step: int = 0
    quiet: bool = False
    problem: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the gradient is right as far as it can be told."""
        return bool(self.subject) and self.difference <= AGREES


def check_gradient(
    graph: Graph,
    training: Training,
    datasets: Mapping[str, Dataset],
    now: TrainingState,
    node: str,
    shard: int,
    compile_kernels: Callable[[Iterable[Wanted]], None],
    stopped: Callable[[], bool] = lambda: False,
) -> GradientCheck:
    """Check the gradient of a node's weights, or of its first input if none of its weights learns.

    Parameters
    ----------
    graph, training, datasets
        What is trained.
    now : TrainingState
        Weights and place in the run; the check takes the minibatch that comes next.
    node : str
        Id of the node.
    shard : int
        Samples that a thread takes of a minibatch: the check takes as many, `MOST_SAMPLES` at
        the most, so that the same kernels run.
    compile_kernels : callable
        Called with the kernels that are needed, before they are used.
    stopped : callable
        Asked now and then; true ends the check early, without a result.
    """
    chosen = graph.node(node)
    if not chosen.layer.inputs:
        return GradientCheck(node, problem="Data is given, so nothing is to be corrected and there is no gradient.")
    if isinstance(chosen.layer, Noise | Augmentation):
        return GradientCheck(node, problem="It draws other numbers each time, so its slope cannot be measured by looking twice.")
    if isinstance(chosen.layer, Loss):
        return GradientCheck(node, problem="The loss is where gradients begin: select a layer before it.")
    try:
        with closing(_Bench(graph, training, datasets, now, node, shard, compile_kernels)) as bench:
            bench.stopped = stopped
            return bench.check()
    except _Stopped:
        return GradientCheck(node, problem="The check was ended early.")
    except EngineProblem as error:
        return GradientCheck(node, problem=error.problem.message)


class _Stopped(Exception):
    """Nobody waits for the result any more."""


class _Bench:
    """A copy of the network, with a probe before a node that has no weights to check."""

    def __init__(
        self,
        graph: Graph,
        training: Training,
        datasets: Mapping[str, Dataset],
        now: TrainingState,
        node: str,
        shard: int,
        compile_kernels: Callable[[Iterable[Wanted]], None],
    ) -> None:
        self.node, self.now = node, now
        self.stopped: Callable[[], bool] = lambda: False
        trainable = graph.node(node).trainable
        learned = {name for owner, name in now.weights if owner == node}
        self.probe = ""
        if not (trainable and learned):
            wire = next((e for e in graph.incoming(node) if graph.node(node).layer.whole_numbers(e.target_port) is None), None)
            if wire is not None:
                graph, self.probe = graph.add(Probe())
                graph = graph.connect(wire.source, wire.source_port, self.probe, 0)
                graph = graph.connect(self.probe, 0, node, wire.target_port)
        self.start = self.probe or node
        after = [n for n in graph.nodes if n.id == node or node in graph.ancestors(n.id)]
        quiet = {n.id: _quiet(n.layer) for n in after if n.layer.is_random}
        for changed, layer in quiet.items():
            graph = graph.set_layer(changed, layer)
        self.quiet = bool(quiet)
        settings = dataclasses.replace(
            training,
            optimizer=SGD(learning_rate=0.0),
            schedule=None,
            early_stopping=None,
            keep_best_weights=False,
            mode="joint",
            batch_size=max(1, min(shard, MOST_SAMPLES)),
        )
        self.graph = graph
        # Told of each gradient's place, the engine uses none twice: the probe's is read after the step.
        self.network = Network(graph, settings, datasets, 1, compile_kernels, on_gradient=lambda lowering, tensor: None)

    def close(self) -> None:
        self.network.close()

    def check(self) -> GradientCheck:
        """Train one minibatch and compare."""
        network = self.network
        if self.start not in {node for node, _ in network.train_plan.plan.outputs}:
            return GradientCheck(self.node, problem="No loss depends on this layer, so it has no gradient.")
        loss = self._train()
        samples = int(network.train_plan.states[0][state.TOTAL])
        weights = {key: values.astype(np.float64) for key, values in self.now.weights.items()}
        gradients = self._gradients(samples)
        if not gradients:
            return GradientCheck(self.node, problem="Nothing that this layer gets is learned, so it has no gradient.")
        subject = "inputs" if self.probe else "weights"
        function = self._reference(weights, samples)
        at = {name: weights[self.node, name] for name in gradients} if not self.probe else self._inputs(samples)
        if function is None or abs(function({}) - loss) > _SAME * max(abs(loss), 1e-3):
            problem = "A layer between here and the loss works by chance, so that this gradient cannot be measured."
            return GradientCheck(self.node, problem=problem)
        difference = _compare(function, at, gradients, loss)
        if difference == np.inf:
            problem = "Some numbers are exactly at a bend of the function, such as ReLU's, where there is no one slope."
            return GradientCheck(self.node, problem=problem)
        if difference is None:
            problem = "The gradient is almost 0 now, too small to be measured: try again with less trained weights."
            return GradientCheck(self.node, problem=problem)
        return GradientCheck(self.node, subject, difference, samples, self.now.step, self.quiet)

    def _train(self) -> float:
        """Train the minibatch; its loss, without what the size of the weights adds."""
        network = self.network
        network.restore(self.now)
        network.take_sums()
        network.train(1)
        return network.total_loss(dataclasses.replace(network.take_sums(), penalty=0.0))

    def _gradients(self, samples: int) -> dict[str, np.ndarray]:
        """float64, by weight; for the input its name is empty."""
        network = self.network
        if self.probe:
            tensor = network.train_plan.plan.gradients.get(self.probe)
            return {} if tensor is None else {"": network.read_tensor(network.train_plan, tensor, samples).astype(np.float64)}
        layer = self.graph.node(self.node).layer
        found = {}
        for name, gradient in network.node_gradients(self.node).items():
            placed = network.space.placed[self.node, name]
            found[name] = gradient.astype(np.float64)
            if placed.weight.penalized:  # the loss compared with leaves the penalty out
                owner, _, _ = owner_of(layer, name)
                weight = self.now.weights[self.node, name].astype(np.float64)
                l1, l2 = float(getattr(owner, "l1", 0.0)), float(getattr(owner, "l2", 0.0))
                found[name] -= l1 * np.sign(weight) + 2.0 * l2 * weight
        return found

    def _inputs(self, samples: int) -> dict[str, np.ndarray]:
        values = self.network.read_output(self.network.train_plan, self.probe, samples)
        assert values is not None
        return {"": values.astype(np.float64)}

    def _reference(
        self, weights: Mapping[tuple[str, str], np.ndarray], samples: int
    ) -> Callable[[Mapping[str, np.ndarray]], float] | None:
        """The loss as the references compute it, in float64, from the node on; None where they cannot."""
        graph, network = self.graph, self.network
        computed = {node for node, _ in network.train_plan.plan.outputs}
        after = [n for n in graph.order if n in computed and (n == self.start or self.start in graph.ancestors(n))]
        layers = [graph.node(n).layer for n in after]
        if any((layer.is_random and not isinstance(layer, Noise)) or len(layer.outputs) > 1 for layer in layers):
            return None
        known: dict[tuple[str, int], np.ndarray] = {}
        for node in after:
            for wire in graph.feeds(node):
                if wire is not None and wire.source not in after:
                    values = network.read_output(network.train_plan, wire.source, samples, wire.source_port)
                    if values is None:
                        return None
                    known[wire.source, wire.source_port] = values.astype(np.float64)
        own = {n: {name: w for (owner, name), w in weights.items() if owner == n} for n in after}
        own[self.probe] = {}

        def loss(moved: Mapping[str, np.ndarray]) -> float:
            made, total = dict(known), 0.0
            for node in after:
                if self.stopped():
                    raise _Stopped
                inputs = [None if w is None else made[w.source, w.source_port] for w in graph.feeds(node)]
                layer = graph.node(node).layer
                if isinstance(layer, Loss):
                    total += layer.weight * float(np.mean(layer.value(*inputs)))  # type: ignore[arg-type]
                elif node == self.probe and "" in moved:
                    made[node, 0] = moved[""]
                else:
                    named = {**own[node], **(moved if node == self.node else {})}
                    made[node, 0] = layer.reference(inputs, named, graph.node(node).trainable)  # type: ignore[arg-type]
            return total

        return loss


def _compare(
    function: Callable[[Mapping[str, np.ndarray]], float],
    at: Mapping[str, np.ndarray],
    gradients: Mapping[str, np.ndarray],
    loss: float,
) -> float | None:
    """Relative difference of slopes along random directions; None where there is hardly a slope.

    Infinity stands for a function with a bend just there, whose slopes to the two sides differ.
    """
    generator = np.random.default_rng(1)
    along, measured, sizes = [], [], []
    here, bent = function(at), False
    for _ in range(DIRECTIONS):
        moves = {name: _move(name, values, generator) for name, values in at.items()}
        along.append(sum(float(np.sum(gradients[name] * move)) for name, move in moves.items()))
        # Without the chance of the signs' cancelling: what a slope along these moves is like.
        sizes.append(np.sqrt(sum(float(np.sum(np.square(gradients[name] * move))) for name, move in moves.items())))
        near = AGREES * max(abs(along[-1]), sizes[-1])
        before, behind = _slopes(function, at, here, moves, _STEP)
        if abs((before + behind) / 2.0 - along[-1]) > near:
            # The longer step may have crossed a bend, such as ReLU's.
            before, behind = _slopes(function, at, here, moves, _STEP / 100.0)
            bent = bent or (abs((before + behind) / 2.0 - along[-1]) > near and abs(before - behind) > near)
        measured.append((before + behind) / 2.0)
    size = float(np.sqrt(np.mean(np.square(sizes))))
    if size <= _FLAT * max(abs(loss), 1e-6):
        return None
    if bent:
        return float("inf")
    error = float(np.sqrt(np.mean(np.square(np.subtract(along, measured)))))
    return error / max(size, float(np.sqrt(np.mean(np.square(measured)))))


def _slopes(
    function: Callable[[Mapping[str, np.ndarray]], float],
    at: Mapping[str, np.ndarray],
    here: float,
    moves: Mapping[str, np.ndarray],
    step: float,
) -> tuple[float, float]:
    """Slopes along the moves to the one side and to the other; their mean is the central difference."""
    ends = [function({n: values + sign * step * moves[n] for n, values in at.items()}) for sign in (1.0, -1.0)]
    return (ends[0] - here) / step, (here - ends[1]) / step


def _quiet(layer: Layer) -> Layer:
    """The layer without chance: dropout and noise of strength 0."""
    strengths = {n: 0.0 for n in layer.parameters() if n in ("rate", "stddev") or n.endswith("dropout")}
    return layer.replace(**strengths)


def _move(name: str, values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A random direction that moves each number by about as much as the numbers are large.

    Of inputs, which have no name, equal ones of a sample's map move alike and zeros stay: after ReLU and
    on the ground of pictures many are exactly equal, where a maximum has a slope only if they remain so.
    """
    typical = float(np.sqrt(np.mean(np.square(values)))) or 0.1
    if name:
        return typical * generator.normal(size=values.shape)
    shape = (len(values), *(1,) * (values.ndim - 2), values.shape[-1]) if values.ndim > 1 else values.shape
    waves, starts = generator.normal(size=shape) * 3.0, generator.uniform(0.0, 2.0 * np.pi, shape)
    return np.asarray(values * np.cos(waves * values / typical + starts))
