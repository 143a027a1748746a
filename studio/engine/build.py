"""Lowering: a graph becomes a plan.

`build_plan` walks the graph once in order of its wires; each layer emits its calls through
`studio.engine.lowering`. Backward functions are put on a tape and run in reverse when the
plan trains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.core.dataset import DatasetInfo
from studio.core.graph import Graph
from studio.core.inference import Inference
from studio.core.layer import Layer, Loss
from studio.core.lowering import Lowering, Ref, Tensor
from studio.core.optimizer import Optimizer
from studio.core.parts import owner_of
from studio.core.plugins import from_plugin
from studio.engine.arena import Placed, SharedSpace, aligned
from studio.engine.failure import mistake_of_plugin
from studio.engine.lowering import LayerLowering, Place, reshaped
from studio.engine.plan import Plan
from studio.engine.rates import RING
from studio.kernels import clipping, control
from studio.kernels.penalties import add_penalty, parts_of, penalize
from studio.kernels.rates import set_rate
from studio.kernels.stored import gather_stored


@dataclass
class PlanBuilder(LayerLowering):
    """Walks a graph: each node forward, the tape backward, then the update.

    With `scheduled`, each step's learning rate comes from the ring.
    """

    scheduled: bool = False

    @property
    def at(self) -> Place:
        """The layer that is being lowered."""
        return self._place

    def build(self, useful: frozenset[str]) -> Plan:
        """Lower the useful nodes, then the backward pass."""
        self.valid = self.scratch(self.batch)
        self.emit(control.mark_valid, self.batch, self.valid)
        # Arrays are numbered through, as `studio.engine.observed` hands them out.
        first_arrays: dict[str, int] = {}
        arrays = 0
        for source in (n.id for n in self.graph.nodes if n.id in self.datasets):
            first_arrays[source] = arrays
            arrays += self.datasets[source].ports
        for node_id in self.graph.order:
            if node_id not in useful:
                continue
            layer = self.graph.node(node_id).layer
            self._place = Place(node_id, layer)
            if layer.family == "Data":
                self._lower_source(node_id, first_arrays[node_id], useful)
            else:
                self._lower_node(node_id, layer)
        self._lower_rest()
        # The tape's functions hold the builder: without this it would wait for a collection.
        self._tape.clear()
        self._deferred.clear()
        return Plan(
            tuple(self.calls),
            np.concatenate([*self._table, np.zeros(1, np.int64)]),
            aligned(self._private),
            self.shard,
            dict(self._outputs),
            dict(self._gradients),
            tuple(self._losses),
            dict(self._floats_by_node),
            dict(self._predictions),
            dict(self._extras),
        )

    def _lower_rest(self) -> None:
        """What comes after the nodes."""
        if self.training:
            self._lower_backward()
            self._lower_update()

    def _wanted_halo(self, node: str, port: int) -> int:
        wanted = 0
        for edge in self.graph.outgoing(node):
            if edge.source_port == port and edge.target in self.inference.input_shapes:
                shapes = self.inference.input_shapes[edge.target]
                wanted = max(wanted, self.graph.node(edge.target).layer.halo(*shapes))
        return wanted

    def _lower_source(self, node: str, first: int, useful: frozenset[str]) -> None:
        # One node's order is every node's, and where samples are on the disk it is known in part only.
        gather = gather_stored if any(info.on_disk for info in self.datasets.values()) else control.gather
        used = {e.source_port for e in self.graph.outgoing(node) if e.target in useful}
        for port, shape in enumerate(self.inference.shapes[node]):
            if port not in used and not (port == 0 and not self.training):
                continue
            self._halo = self._wanted_halo(node, port) if len(shape) in (2, 3) else 0
            tensor = self._allocate(shape, self._halo, 0, False)
            distance = self.scratch(2 * self.batch)
            self.emit(
                gather,
                first + port,
                tensor.rows,
                tensor.row_length,
                tensor.row_stride,
                self.batch,
                tensor.base,
                distance,
            )
            self._outputs[node, port] = tensor

    def _lower_node(self, node: str, layer: Layer) -> None:
        inputs: list[Any] = [self._outputs[w.source, w.source_port] if w else None for w in self.graph.feeds(node)]
        self.shapes = self.inference.input_shapes[node]
        own = not self.frozen and any(w.trainable for w in self.inference.weights.get(node, ()))
        self._differentiable = self.training and (own or any(t.differentiable for t in inputs if t))
        self._halo = self._wanted_halo(node, 0) if len(self.inference.shapes[node][0]) in (2, 3) else 0
        if isinstance(layer, Loss):
            self._losses.append(node)
        else:
            for tensor in inputs:
                if tensor is not None:
                    self.need(tensor)
        made = layer.lower(self, *inputs)
        for port, tensor in enumerate(made if isinstance(made, tuple) else (made,)):
            self._outputs[node, port] = tensor

    def _lower_backward(self) -> None:
        self._phase = "backward"
        for place, output, function in reversed(self._tape):
            self._place = place
            if output is None:
                function(None)
                continue
            parts = self._contributions.get(id(output), [])
            if not parts:
                continue
            for part in parts[1:]:
                self.emit(
                    control.add_into,
                    part.rows,
                    part.row_length * part.batch,
                    parts[0].base,
                    parts[0].row_stride,
                    part.base,
                    part.row_stride,
                )
                self._release(part)
            if output is self._outputs.get((place.node, 0)):
                self._gradients[place.node] = parts[0]
            function(reshaped(parts[0], output.shape))
            self._release(parts[0])

    def _lower_update(self) -> None:
        """Penalties, then limits on gradients, then the optimizer, each thread on its part of the weights."""
        self._phase = "update"
        assert self.optimizer is not None
        learning = self._learning()
        for placed, _multiplier in learning:
            if placed.weight.penalized:
                owner, prefix, _ = owner_of(self.graph.node(placed.node).layer, placed.weight.name)
                self._place = Place(placed.node, owner, prefix)
                ref = self.space.weight(placed.node, placed.weight.name)
                numbers, floats = (self.number("l1"), self.number("l2")), placed.rows * placed.stride
                parts = parts_of(floats, self.lanes, self.on_card)
                room = self.scratch(parts * self.lanes) if parts > 1 else self.zeros(1)
                self.emit(penalize, floats, ref.value, ref.gradient, *numbers, parts, room)
                if parts > 1:
                    self.emit(add_penalty, parts, room, *numbers)
        self._place = Place()
        if self.scheduled:
            for multiplier in dict.fromkeys(multiplier for _, multiplier in learning):
                rate = self.space.number(learning_rate_owner(multiplier), "learning_rate")
                factor = self.space.number(f"constant*{multiplier!r}", "factor")
                self.emit(set_rate, self.space.rate_ring(RING), RING, factor, rate)
        self.barrier()
        gradients, stride = self.shards(Ref("private", 0))
        summed = self._lower_clipping(gradients, stride, [placed for placed, _ in learning])
        kernel, names = self.optimizer.kernel(), list(self.optimizer.numbers())
        for start, floats, multiplier in _runs(learning):
            slots = [Ref("shared", self.space.slots[name] + start) for name in self.optimizer.kept()]
            # The first number is the learning rate, the only one that may differ from layer to layer.
            owners = [learning_rate_owner(multiplier), *["optimizer"] * (len(names) - 1)]
            rates = [self.space.number(owner, name) for owner, name in zip(owners, names, strict=True)]
            places = (Ref("shared", start), gradients + start, 0 if summed else stride)
            self.emit(kernel, floats, *places, *slots, *rates)
        self.barrier()

    def _learning(self) -> list[tuple[Placed, float]]:
        """Weights that are updated, in the order of their places, each with its share of the rate."""
        found = []
        for (node_id, _name), placed in self.space.placed.items():
            node = self.graph.node(node_id)
            if placed.weight.trainable and node.trainable and (node_id, 0) in self._outputs:
                found.append((placed, node.learning_rate_multiplier))
        return found

    def _lower_clipping(self, gradients: Ref, stride: Ref, learning: list[Placed]) -> bool:
        """Keep gradients within the optimizer's limit, if any; whether threads' gradients are added up."""
        assert self.optimizer is not None
        limited = self.optimizer.clipping()
        if not limited or not learning:
            return False
        limit = self.space.number("optimizer", limited)
        if limited == "clipvalue":
            self.emit(clipping.clip_values, self.space.trainable_floats, gradients, stride, limit)
            self.barrier()
            return True
        shapes = [(p.rows, p.columns, p.stride, gradients + p.offset) for p in learning]
        parts = [clipping.parts_of(p.rows, self.on_card) for p in learning]
        firsts, together = np.cumsum([0, *parts]).tolist(), limited == "global_clipnorm"
        squares, scale = self.scratch(2 * firsts[-1]), self.scratch(1)
        for shape, first, count in zip(shapes, firsts, parts, strict=False):
            self.emit(clipping.add_and_measure, *shape, stride, squares, first, count)
        self.barrier()
        for number, (shape, first, count) in enumerate(zip(shapes, firsts, parts, strict=False)):
            if number == 0 or not together:
                many = firsts[-1] if together else count
                self.emit(clipping.find_scale, first, many, *self.shards(squares), limit, scale)
            self.emit(clipping.scale_gradient, *shape, scale)
        self.barrier()
        return True


def learning_rate_owner(multiplier: float) -> str:
    """Whose number the learning rate is that is so many times the optimizer's."""
    return "optimizer" if multiplier == 1.0 else f"optimizer*{multiplier!r}"


def _runs(learning: list[tuple[Placed, float]]) -> list[tuple[int, int, float]]:
    """Weights that follow each other and learn alike: start, floats, share of the rate."""
    runs: list[tuple[int, int, float]] = []
    for placed, multiplier in learning:
        if runs and runs[-1][2] == multiplier and sum(runs[-1][:2]) == placed.offset:
            runs[-1] = (runs[-1][0], runs[-1][1] + placed.floats, multiplier)
        else:
            runs.append((placed.offset, placed.floats, multiplier))
    return runs


def useful_nodes(graph: Graph, inference: Inference, training: bool) -> frozenset[str]:
    """Nodes a plan computes: what leads to a loss; without training, all that have shapes."""
    losses = [n.id for n in graph.nodes if isinstance(n.layer, Loss) and n.id in inference.input_shapes]
    leading = {a for loss in losses for a in graph.ancestors(loss)} | set(losses)
    if training:
        return frozenset(leading)
    return frozenset(n for n in inference.shapes if _has_data(graph, inference, n))


def _has_data(graph: Graph, inference: Inference, node: str) -> bool:
    """Whether numbers reach the node: everything before it has a shape and starts at Data."""
    before = graph.ancestors(node) | {node}
    return all(n in inference.shapes for n in before) and all(
        len(graph.node(n).layer.outputs) >= 2 for n in before if graph.node(n).layer.family == "Data"
    )


def build_plan(
    graph: Graph,
    inference: Inference,
    datasets: Mapping[str, DatasetInfo],
    space: SharedSpace,
    shard: int,
    optimizer: Optimizer | None = None,
    scheduled: bool = False,
    exposing: bool = False,
    on_gradient: Callable[[Lowering, Tensor], None] | None = None,
) -> Plan:
    """Lower a graph.

    Parameters
    ----------
    graph, inference
        The graph and what follows from it.
    datasets : mapping of str to DatasetInfo
        By Data node.
    space : SharedSpace
        Where weights lie; live numbers are added to it.
    shard : int
        Samples a thread takes of a full minibatch.
    optimizer : Optimizer or None
        With one, the plan trains; without, it only computes forward.
    scheduled : bool
        Whether each step has a learning rate of its own.
    exposing : bool
        Whether layers keep what there is to see beside their outputs.
    on_gradient : callable or None
        Told each place for a gradient before it is written to; then none of them is used twice.
    """
    training = optimizer is not None
    builder = PlanBuilder(
        graph, inference, datasets, space, shard, training, optimizer, exposing=exposing, on_gradient=on_gradient, scheduled=scheduled
    )
    try:
        return builder.build(useful_nodes(graph, inference, training))
    except Exception as error:
        node = builder.at.node
        if not node or not from_plugin(type(graph.node(node).layer)):
            raise
        raise mistake_of_plugin(node, graph.node(node).name, error) from error
