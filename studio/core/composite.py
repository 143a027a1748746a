"""Bricks made of layers: a small graph that stands in one node and can be opened."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.core.graph import Edge, Graph, Node
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.parts import weights_of_part
from studio.core.shapes import Shape


@dataclass(frozen=True)
class Composite(Layer):
    """A layer that is a graph of other layers.

    A subclass gives `parts`, all layers it may be made of, and `wiring`, which of them it uses
    for given input shapes and what each of these gets. Shape rule, weights, kernels and
    reference follow from the parts'.
    """

    def wiring(self, *shapes: Shape) -> Mapping[str, tuple[str, ...]]:
        """What each part gets: names of input ports of the whole, or of earlier parts.

        The order is that of computation; the last part's output is the layer's. Ports of a
        part that are optional may be left out at the end. Without an override the parts are
        a chain.
        """
        before, wires = self.inputs[0], {}
        for name in self.parts():
            wires[name] = (before,)
            before = name
        return wires

    def _walk(self, *shapes: Any) -> Iterator[tuple[str, Layer, tuple[str, ...], tuple[Any, ...], Shape]]:
        """Name, layer, what it gets, and shapes of inputs and output of each part in use."""
        parts = self.parts(*shapes)
        known: dict[str, Any] = dict(zip((n.rstrip("?") for n in self.inputs), shapes, strict=False))
        for name, sources in self.wiring(*shapes).items():
            given: tuple[Any, ...] = tuple(known.get(source) for source in sources)
            given += (None,) * (0 if parts[name].is_variadic() else len(parts[name].inputs) - len(given))
            known[name] = parts[name].output_shape(*given)
            yield name, parts[name], sources, given, known[name]

    def output_shape(self, *shapes: Shape) -> Shape:
        return [shape for *_, shape in self._walk(*shapes)][-1]

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        found: tuple[Weight, ...] = ()
        for name, layer, _sources, given, _shape in self._walk(*shapes):
            found += weights_of_part(name, layer, *given)
        return found

    def extras(self, *shapes: Shape) -> Mapping[str, Shape]:
        found: dict[str, Shape] = {}
        for name, layer, _sources, given, _shape in self._walk(*shapes):
            found |= {f"{name}/{extra}": shape for extra, shape in layer.extras(*given).items()}
        return found

    def extra_names(self, extra: str) -> tuple[str, ...]:
        name, _, own = extra.partition("/")
        return self.parts()[name].extra_names(own)

    def _halos(self, *shapes: Any) -> dict[str, int]:
        """Zeros that the consumers among the parts want around each input and each part's output."""
        wanted: dict[str, int] = {}
        for _name, layer, sources, given, _shape in self._walk(*shapes):
            for source, shape in zip(sources, given, strict=False):
                if shape is not None and len(shape) in (2, 3):
                    wanted[source] = max(wanted.get(source, 0), layer.halo(*given))
        return wanted

    def halo(self, *shapes: Shape) -> int:
        wanted = self._halos(*shapes)
        return max((wanted.get(n.rstrip("?"), 0) for n in self.inputs), default=0)

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        halos = self._halos(*lowering.shapes)
        made: dict[str, Any] = dict(zip((n.rstrip("?") for n in self.inputs), inputs, strict=False))
        walk = list(self._walk(*lowering.shapes))
        for i, (name, layer, sources, given, _shape) in enumerate(walk):
            tensors = [made.get(source) for source in sources]
            tensors += [None] * (0 if layer.is_variadic() else len(given) - len(tensors))
            last = i == len(walk) - 1
            made[name] = lowering.part(name, *tensors, halo=None if last else halos.get(name, 0))
        return made[walk[-1][0]]  # type: ignore[no-any-return]

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        made: dict[str, Any] = dict(zip((n.rstrip("?") for n in self.inputs), inputs, strict=False))
        shapes = [None if x is None else x.shape[1:] for x in inputs]
        last = ""
        for last, layer, sources, given, _shape in self._walk(*shapes):
            arrays = [made.get(source) for source in sources]
            arrays += [None] * (0 if layer.is_variadic() else len(given) - len(arrays))
            own = {n.removeprefix(f"{last}/"): w for n, w in weights.items() if n.startswith(f"{last}/")}
            made[last] = layer.reference(arrays, own, training)  # type: ignore[arg-type]
        return np.asarray(made[last])


def opened(graph: Graph, node: str, *shapes: Any) -> tuple[Graph, dict[str, str]]:
    """The graph with a composite node replaced by its parts.

    Parameters
    ----------
    graph : Graph
    node : str
        Id of a node whose layer is a `Composite`.
    *shapes
        Its input shapes, which say which parts are in use.

    Returns
    -------
    graph : Graph
        The new nodes' ids are the old one's, a slash and the part's name: so the weight
        ``kernel`` of a new node has the same path as the composite's weight ``part/kernel``,
        and training goes on with it.
    ids : dict of str to str
        Ids of the new nodes by the names of the parts.
    """
    whole = graph.node(node)
    layer = whole.layer
    assert isinstance(layer, Composite)
    ports = {n.rstrip("?"): wire for n, wire in zip(layer.inputs, graph.feeds(node), strict=False)}
    outgoing = graph.outgoing(node)
    result, ids = graph, {}
    wires: list[Edge] = []
    for name, part, sources, _given, _shape in layer._walk(*shapes):
        ids[name] = f"{node}/{name}"
        title = result.unique_name(f"{whole.name} {name.replace('_', ' ')}")
        start = whole.pretrained.part(name) if whole.pretrained else None
        new = Node(ids[name], title, part, pretrained=start)
        result = dataclasses.replace(result, nodes=(*result.nodes, new))
        for port, source in enumerate(sources):
            if source in ids and source != name:
                wires.append(Edge(ids[source], 0, ids[name], port))
            else:
                outside = ports.get(source)
                if outside is not None:
                    wires.append(Edge(outside.source, outside.source_port, ids[name], port))
    result = result.set_trainable(ids.values(), whole.trainable)
    result = result.set_learning_rate_multiplier(ids.values(), whole.learning_rate_multiplier)
    last = ids[name]
    wires += [Edge(last, 0, e.target, e.target_port) for e in outgoing]
    kept = tuple(e for e in result.edges if node not in (e.source, e.target))
    nodes = tuple(n for n in result.nodes if n.id != node)
    return dataclasses.replace(result, nodes=nodes, edges=(*kept, *wires)), ids
