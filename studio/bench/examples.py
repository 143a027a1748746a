"""Small networks with the kernels that no workload of the benchmark has.

Each registered layer, loss and optimizer says what examples of it are. They are enlarged to an
ordinary size; one whose plan has a kernel of a kind that was not seen before is measured. So
whatever is added to the product, or comes from a plug-in, is measured as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from studio.bench.workloads import WORKLOADS
from studio.core import registry
from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.inference import infer
from studio.core.layer import Layer, Loss
from studio.core.optimizer import CLIPPING, Optimizer
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape
from studio.engine.costs import cost_of
from studio.engine.network import Network, make_plans
from studio.engine.plan import Plan
from studio.engine.probe import Probe
from studio.kernels.jit import Kernel, compile_ahead
from studio.layers.data import Data
from studio.layers.dense import Dense
from studio.testing.rig import Objective

#: Samples of a minibatch, and of all data.
_BATCH, _SAMPLES = 64, 128
#: How much larger than in its example each axis is, by how many axes there are.
_LARGER: Mapping[int, tuple[int, ...]] = {1: (32,), 2: (8, 8), 3: (4, 4, 8)}
#: Parameters that say how much comes out, and grow with what goes in.
_SIZES = ("filters", "units", "intermediate_dim", "key_dim", "value_dim", "output_dim", "filters_1x1")
_GROWTH = 8


def kind_of(kernel: Kernel) -> str:
    """What a kernel has in common with others of other tile sizes."""
    return re.sub(r"\d+", "#", kernel.name) if kernel.text else f"{kernel.function.__module__}:{kernel.name}"


@dataclass(frozen=True, eq=False)
class Example:
    """A network to measure.

    Parameters
    ----------
    title : str
        Whose example it is.
    graph : Graph
    infos : mapping of str to DatasetInfo
        By Data node.
    training : Training
    whole : mapping of str to int
        Data nodes whose numbers are whole ones, and how many different ones there are.
    kernels : frozenset of str
        Names of the kernels that it is measured for.
    """

    title: str
    graph: Graph
    infos: Mapping[str, DatasetInfo]
    training: Training
    whole: Mapping[str, int] = field(default_factory=dict)
    kernels: frozenset[str] = frozenset()

    def plan(self) -> Plan:
        """The plan it trains with; nothing is compiled."""
        return make_plans(self.graph, infer(self.graph, self.infos), self.infos, self.training, 1)[1][0][0]

    def network(self) -> Network:
        """The network, with samples drawn from a normal distribution; its kernels are compiled."""
        random = np.random.default_rng(1)
        datasets = {}
        for node, info in self.infos.items():
            x = _draw(random, info.x_shape, self.whole.get(node, 0))
            y = _targets(random, info)
            whole = Split(x, y)
            datasets[node] = Dataset(info, whole, Split(x[:0], y[:0]), Split(x[:0], y[:0]))
        return Network(self.graph, self.training, datasets, 1, compile_ahead)


def _draw(random: np.random.Generator, shape: Shape, count: int) -> np.ndarray:
    if count:
        return random.integers(0, count, (_SAMPLES, *shape)).astype(np.float32)
    return random.standard_normal((_SAMPLES, *shape)).astype(np.float32)


def _targets(random: np.random.Generator, info: DatasetInfo) -> np.ndarray:
    if info.target == "labels":
        return random.integers(0, len(info.classes), (_SAMPLES, *info.y_shape)).astype(np.float32)
    if info.target == "one_hot":
        labels = random.integers(0, info.y_shape[-1], (_SAMPLES, *info.y_shape[:-1]))
        return np.eye(info.y_shape[-1], dtype=np.float32)[labels]
    return random.standard_normal((_SAMPLES, *info.y_shape)).astype(np.float32)


def examples_beside(names: Sequence[str] | None = None) -> list[Example]:
    """Examples that have kernels of kinds that the workloads do not have: of each kind the one with most work.

    Parameters
    ----------
    names : sequence of str or None
        Layers, losses and optimizers whose examples to look at; None for all.
    """
    seen = {kind_of(kernel) for key in WORKLOADS for kernel in _kernels_of_workload(key)}
    most: dict[str, tuple[float, int, str]] = {}
    examples = list(_all_examples(names))
    for number, example in enumerate(examples):
        plan = example.plan()
        for call in plan.calls:
            kind = kind_of(call.kernel)
            if kind in seen or call.kernel.function.__module__.startswith("studio.testing"):
                continue
            cost = cost_of(call, plan)
            work = cost.operations + cost.traffic
            if kind not in most or work > most[kind][0]:
                most[kind] = work, number, call.kernel.name
    wanted: dict[int, set[str]] = {}
    for _, number, name in most.values():
        wanted.setdefault(number, set()).add(name)
    return [replace(examples[number], kernels=frozenset(names)) for number, names in sorted(wanted.items())]


def _kernels_of_workload(key: str) -> tuple[Kernel, ...]:
    workload = WORKLOADS[key]
    document = workload.document()
    (source,) = (n.id for n in document.graph.nodes if n.layer.family == "Data")
    infos = {source: workload.dataset().info}
    return make_plans(document.graph, infer(document.graph, infos), infos, document.training, 1)[1][0][0].kernels


def _all_examples(names: Sequence[str] | None) -> Iterator[Example]:
    for name in sorted(registry.layers()):
        if names is not None and name not in names:
            continue
        for layer, shapes in registry.layer(name).examples():
            for activation in ("", "softmax") if isinstance(layer, Loss) else ("",):
                try:
                    made = example_of(*_enlarged(layer, shapes), activation)
                    made.plan()
                except (ShapeProblem, ValueError, TypeError, IndexError):
                    # Parameters and shapes that only fit as they are.
                    made = example_of(layer, shapes, activation)
                yield made
    for name in sorted(registry.optimizers()):
        if names is not None and name not in names:
            continue
        kind = registry.optimizer(name)
        assert issubclass(kind, Optimizer)
        for optimizer in _optimizers(kind):
            yield _optimizer_example(optimizer)


def _enlarged(layer: Layer, shapes: tuple[Any, ...]) -> tuple[Layer, tuple[Any, ...]]:
    larger: Any = tuple(
        None if shape is None else tuple(n * by for n, by in zip(shape, _LARGER.get(len(shape), (1,) * len(shape)), strict=True))
        for shape in shapes
    )
    sizes = {name: getattr(layer, name) * _GROWTH for name in layer.parameters() if name in _SIZES}
    made = layer.replace(**sizes)
    made.output_shape(*larger)
    return made, larger


def example_of(layer: Layer, shapes: tuple[Any, ...], activation: str = "") -> Example:
    """A layer after probes, which ask for its inputs' gradients, and before an objective; or a loss after one.

    Parameters
    ----------
    layer : Layer
    shapes : tuple of Shape or None
        Of what goes in; None for a port without a wire.
    activation : str
        Between the probe and a loss.
    """
    loss = isinstance(layer, Loss)
    graph, answers = Graph().add(Data(source="answers"))
    wanted = shapes[1] if loss else layer.output_shape(*shapes)
    kind: Any = layer.targets[0] if isinstance(layer, Loss) else "values"
    classes = tuple(f"class {i}" for i in range(max(2, *shapes[0][-1:]))) if kind != "values" else ()
    infos = {answers: DatasetInfo("answers", (), wanted, kind, classes, samples=_SAMPLES)}
    whole: dict[str, int] = {}
    givers = []
    for port, shape in enumerate(shapes):
        if shape is None or (loss and port == 1):
            continue
        graph, giver = graph.add(Data(source=f"input {port}"))
        infos[giver] = DatasetInfo("input", shape, (), "values", samples=_SAMPLES)
        count = layer.whole_numbers(port)
        if count is not None:
            whole[giver] = min(count, 1000)
        elif not (loss and port):
            graph, probe = graph.add(Probe())
            graph, giver = graph.connect(giver, 0, probe, 0), probe
        if activation and port == 0:
            graph, curve = graph.add(registry.activation(activation))
            graph, giver = graph.connect(giver, 0, curve, 0), curve
        givers.append((giver, port))
    graph, node = graph.add(layer)
    for giver, port in givers:
        graph = graph.connect(giver, 0, node, port)
    last = node
    if not loss:
        graph, last = graph.add(Objective())
        graph = graph.connect(node, 0, last, 0)
    graph = graph.connect(answers, 1, last, 1)
    training = Training(optimizer=registry.optimizer("SGD")(learning_rate=0.0), batch_size=_BATCH)  # type: ignore[call-arg]
    return Example(layer.type_name(), graph, infos, training, whole)


def _optimizers(kind: type[Optimizer]) -> Iterator[Optimizer]:
    """With each flag and each number that is 0 by default, and each limit on gradients."""
    default = kind(learning_rate=0.0)  # type: ignore[call-arg]
    yield default
    for name, declared in kind.parameters().items():
        if declared.kind == "flag":
            yield default.replace(**{name: True})
        elif declared.kind == "real" and declared.default == 0 and name != "learning_rate" and name not in CLIPPING:
            yield default.replace(**{name: 0.5})
    for name in CLIPPING:
        yield default.replace(**{name: 1e-3})


def _optimizer_example(optimizer: Optimizer) -> Example:
    """A layer with a million weights."""
    made = example_of(Dense(units=1024), ((1024,),))
    return replace(made, title=optimizer.type_name(), training=replace(made.training, optimizer=optimizer))
