"""Lowering: a graph becomes a flat list of kernel calls over one arena.

`build_plan` walks the graph once in order of its wires; each layer emits its calls through
the `PlanBuilder`, which implements `studio.core.lowering.Lowering`. Backward functions are
put on a tape and run in reverse when the plan trains. Nothing is compiled here.
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from studio.core import registry
from studio.core.dataset import DatasetInfo
from studio.core.graph import Graph
from studio.core.inference import Inference
from studio.core.layer import ElementWise, Layer, Loss
from studio.core.lowering import Ref, Tensor, WeightRef
from studio.core.optimizer import Optimizer
from studio.core.shapes import Shape, size
from studio.engine.arena import SharedSpace, aligned
from studio.kernels import control
from studio.kernels.jit import Kernel
from studio.kernels.penalties import penalize
from studio.kernels.pointwise import backward_kernel, forward_kernel

#: Numbers of a call before its arguments: the kernel's address and the call's length.
CALL_HEADER = 2


@dataclass(frozen=True)
class Call:
    """One kernel call of a plan.

    Parameters
    ----------
    kernel : Kernel
    arguments : tuple of int or Ref
    node : str
        Whose work it is; empty for the program's own.
    phase : str
        ``forward``, ``backward`` or ``update``.
    """

    kernel: Kernel
    arguments: tuple[int | Ref, ...]
    node: str
    phase: str


@dataclass(frozen=True, eq=False)
class Plan:
    """Kernel calls with symbolic places; `studio.engine.cpu_device` gives them numbers.

    Parameters
    ----------
    calls : tuple of Call
    table : numpy.ndarray
        int64; offsets and indices the kernels read.
    private_floats : int
        Arena each thread needs for itself.
    shard : int
        Real samples a thread takes of a full minibatch.
    outputs : mapping of (node id, port) to Tensor
        Where activations are.
    gradients : mapping of node id to Tensor
        Where gradients of the nodes' outputs are after a step (some are overwritten).
    losses : tuple of str
        Ids of the Loss nodes, in the order of their sums.
    floats_by_node : mapping of str to int
        Private floats each node asked for, to name the largest.
    predictions : mapping of str to Ref
        By Loss node: where each column's predicted class is, for classification.
    """

    calls: tuple[Call, ...]
    table: np.ndarray
    private_floats: int
    shard: int
    outputs: Mapping[tuple[str, int], Tensor]
    gradients: Mapping[str, Tensor]
    losses: tuple[str, ...]
    floats_by_node: Mapping[str, int]
    predictions: Mapping[str, Ref]

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """All kernels it needs, the runner included."""
        return (control.run, *{id(c.kernel): c.kernel for c in self.calls}.values())


@dataclass
class _Deferred:
    """An activation whose forward pass is emitted only if somebody needs its output."""

    name: str
    before: Tensor
    forward: Callable[[], None]
    node: str
    done: bool = False


@dataclass
class PlanBuilder:
    """Implements `studio.core.lowering.Lowering` for one graph, batch and mode."""

    graph: Graph
    inference: Inference
    datasets: Mapping[str, DatasetInfo]
    space: SharedSpace
    shard: int
    training: bool
    optimizer: Optimizer | None = None
    calls: list[Call] = field(default_factory=list)
    batch: int = 0
    shapes: tuple[Shape, ...] = ()

    def __post_init__(self) -> None:
        self.lanes = self.space.lanes
        self.batch = -(-self.shard // self.lanes) * self.lanes
        # Gradients of the trainable weights lie where the weights lie in the shared space.
        self._private = self.space.trainable_floats if self.training else 0
        self._table: list[np.ndarray] = []
        self._table_length = 0
        self._table_cache: dict[bytes, Ref] = {}
        self._outputs: dict[tuple[str, int], Tensor] = {}
        self._deferred: dict[int, _Deferred] = {}
        self._views: dict[int, Tensor] = {}
        self._tape: list[tuple[str, Tensor | None, Callable[[Any], None]]] = []
        self._contributions: dict[int, list[Tensor]] = {}
        self._gradients: dict[str, Tensor] = {}
        self._keep: list[Tensor] = []  # ids of tensors are keys, so the tensors must live on
        self._floats_by_node: dict[str, int] = {}
        self._losses: list[str] = []
        self._predictions: dict[str, Ref] = {}
        self._node = ""
        self._phase = "forward"
        self._halo = 0
        self._differentiable = False
        self.valid = Ref("private", 0)

    # Services for layers -------------------------------------------------------------------

    def weight(self, name: str) -> WeightRef:
        return self.space.weight(self._node, name)

    def output(self, shape: Shape, gradient_halo: int = 0) -> Tensor:
        return self._allocate(shape, self._halo, gradient_halo, self._differentiable)

    def tensor(self, shape: Shape, gradient_halo: int = 0) -> Tensor:
        return self._allocate(shape, 0, gradient_halo, self._differentiable)

    def scratch(self, floats: int) -> Ref:
        offset = self._private
        self._private += aligned(floats)
        self._floats_by_node[self._node] = self._floats_by_node.get(self._node, 0) + aligned(floats)
        return Ref("private", offset)

    def table(self, values: Sequence[int] | np.ndarray) -> Ref:
        numbers = np.ascontiguousarray(values, np.int64).ravel()
        key = numbers.tobytes()
        if key not in self._table_cache:
            self._table_cache[key] = Ref("table", self._table_length)
            self._table.append(numbers)
            self._table_length += len(numbers)
        return self._table_cache[key]

    def number(self, name: str) -> Ref:
        return self.space.number(self._node, name)

    def zeros(self, floats: int) -> Ref:
        return self.space.zeros(floats)

    def shards(self, ref: Ref) -> tuple[Ref, Ref]:
        return Ref("first", ref.offset), Ref("stride", 0)

    def emit(self, kernel: Kernel, *arguments: int | Ref) -> None:
        self.calls.append(Call(kernel, arguments, self._node, self._phase))

    def barrier(self) -> None:
        self.emit(control.barrier)

    def node_key(self) -> int:
        return zlib.crc32(self._node.encode()) & 0x7FFFFFFF

    def view(self, tensor: Tensor, shape: Shape) -> Tensor:
        root = self._views.get(id(tensor), tensor)
        # A picture's rows may lie apart; only shapes that do not cut through them are views.
        gradient_fits = root.gradient_halo == 0 or not tensor.differentiable
        fits = (tensor.contiguous and gradient_fits) or len(shape) == 1 or shape == tensor.shape
        if self._halo == 0 and fits:
            seen = dataclasses.replace(_reshaped(tensor, shape), node=self._node)
            self._views[id(seen)] = root
            self._keep += [seen, root]
            return seen
        copy = self.output(shape)
        self.copy(tensor, copy)

        def backward(dy: Tensor) -> None:
            dx = self.gradient(tensor)
            if dx is not None:
                self.copy(dy, dx)

        self.backward(copy, backward)
        return copy

    def contiguous(self, tensor: Tensor) -> Tensor:
        root = self._views.get(id(tensor), tensor)
        if tensor.contiguous and (root.gradient_halo == 0 or not tensor.differentiable):
            return tensor
        copy = self.tensor(tensor.shape)
        self.copy(self.need(tensor), copy)

        def backward(dy: Tensor) -> None:
            dx = self.gradient(tensor)
            if dx is not None:
                self.copy(dy, dx)

        self.backward(copy, backward)
        return copy

    def copy(self, source: Tensor, target: Tensor) -> None:
        """Emit a copy between tensors with as many features, whatever their rows."""
        if source.contiguous and target.contiguous:
            self.emit(control.copy_rows, 1, source.features * self.batch, target.base, 0, source.base, 0)
            return
        # Cut both into the longest runs that are contiguous in each.
        length = math.gcd(source.row_length, target.row_length)
        for i in range(source.features // length):
            to = target.base + int(target.offsets().ravel()[i * length])
            come = source.base + int(source.offsets().ravel()[i * length])
            self.emit(control.copy_rows, 1, length * self.batch, to, 0, come, 0)

    def backward(self, output: Tensor, function: Callable[[Tensor], None]) -> None:
        if self.training and output.differentiable:
            self._keep.append(output)
            self._tape.append((self._node, output, function))

    def loss_backward(self, function: Callable[[], None]) -> None:
        if self.training:
            self._tape.append((self._node, None, lambda _none: function()))

    def gradient(self, tensor: Tensor) -> Tensor | None:
        if not tensor.differentiable:
            return None
        root = self._views.get(id(tensor), tensor)
        place = self._allocate(root.shape, root.gradient_halo, 0, False)
        self._contributions.setdefault(id(root), []).append(place)
        return _reshaped(place, tensor.shape)

    def alias_gradient(self, tensor: Tensor, gradient: Tensor) -> None:
        if tensor.differentiable:
            self._contributions.setdefault(id(tensor), []).append(gradient)

    def activation(self, name: str, tensor: Tensor) -> Tensor:
        if name == "linear":
            return tensor
        layer = registry.activations()[name]()
        if isinstance(layer, ElementWise):
            return self.elementwise(layer, tensor, output=True, own=True)
        return layer.lower(self, tensor)

    def elementwise(self, layer: ElementWise, tensor: Tensor, output: bool, own: bool = False) -> Tensor:
        """Apply element-wise maths.

        Parameters
        ----------
        own : bool
            The tensor belongs to the same node, so that it may be overwritten.
        """
        if len(tensor.shape) != 3:
            # Only pictures have rows that lie apart in the same way in all their tensors.
            tensor = self.contiguous(tensor)
        # A loss may work from the numbers before the activation, so they must stay.
        in_place = own and layer.in_place and not self._feeds_loss()
        if in_place:
            result = dataclasses.replace(tensor)
            self._keep.append(result)
        else:
            result = self.output(tensor.shape)
        numbers = self._numbers(layer)
        lengths = (tensor.rows, tensor.row_length * self.batch)
        x = (tensor.base, tensor.row_stride)
        y = (result.base, result.row_stride)

        def forward() -> None:
            self.emit(forward_kernel(type(layer)), *lengths, *x, *y, *numbers)

        def backward(dy: Tensor) -> None:
            dx = dy if in_place else self.gradient(tensor)
            if dx is None:
                return
            places = (dy.base, dy.row_stride, dx.base, dx.row_stride)
            self.emit(backward_kernel(type(layer)), *lengths, *x, *y, *places, *numbers)
            if in_place:
                self.alias_gradient(tensor, dy)

        if in_place:
            forward()
        else:
            self.defer(layer.activation, tensor, result, forward)
        self.backward(result, backward)
        return result

    def _feeds_loss(self) -> bool:
        return any(isinstance(self.graph.node(e.target).layer, Loss) for e in self.graph.outgoing(self._node))

    def _numbers(self, layer: ElementWise) -> list[Ref]:
        declared = self.graph.node(self._node).layer
        if isinstance(declared, type(layer)):
            return [self.number(name) for name in layer.numbers()]
        # An activation by name has its default parameters, whatever the node's are called.
        return [self.space.number(f"default:{layer.type_name()}", name) for name in layer.numbers()]

    def defer(self, name: str, before: Tensor, after: Tensor, forward: Callable[[], None]) -> None:
        """Emit an activation's forward pass only when its output is asked for.

        A loss that can work from the numbers before the activation never asks.
        """
        self._keep += [before, after]
        self._deferred[id(after)] = _Deferred(name, before, forward, self._node)
        if not self.training:
            self.need(after)

    def need(self, tensor: Tensor) -> Tensor:
        """Make sure the tensor's numbers will be there; returns it."""
        for key in (id(tensor), id(self._views.get(id(tensor), tensor))):
            deferred = self._deferred.get(key)
            if deferred is not None and not deferred.done:
                deferred.done = True
                node, self._node = self._node, deferred.node
                deferred.forward()
                self._node = node
        return tensor

    def before_activation(self, tensor: Tensor, name: str) -> Tensor | None:
        """The tensor that activation `name` made this one from, if that is how it was made."""
        deferred = self._deferred.get(id(tensor))
        return deferred.before if deferred is not None and deferred.name == name else None

    def sums(self) -> int:
        """Which of the float64 sums the loss being lowered adds to."""
        return self._losses.index(self._node)

    def set_predictions(self, ref: Ref) -> None:
        """Say where the loss being lowered puts each column's predicted class."""
        self._predictions[self._node] = ref

    # Building ------------------------------------------------------------------------------

    def _allocate(self, shape: Shape, halo: int, gradient_halo: int, differentiable: bool) -> Tensor:
        if len(shape) == 3:
            height, width, channels = shape
            row_stride = (width + 2 * halo) * channels * self.batch
            start = self.scratch((height + 2 * halo) * row_stride)
            base = start + halo * row_stride + halo * channels * self.batch
            rows, row_length = height, width * channels
        else:
            base = self.scratch(size(shape) * self.batch)
            rows, row_length, row_stride = 1, size(shape), size(shape) * self.batch
        tensor = Tensor(
            shape, base, rows, row_length, row_stride, self.batch, self._node, differentiable, gradient_halo
        )
        self._keep.append(tensor)
        return tensor

    def build(self, useful: frozenset[str]) -> Plan:
        """Lower the useful nodes, then the backward pass."""
        self.valid = self.scratch(self.batch)
        self.emit(control.mark_valid, self.batch, self.valid)
        sources = [n.id for n in self.graph.nodes if n.id in self.datasets]
        for node_id in self.graph.order:
            if node_id not in useful:
                continue
            self._node = node_id
            layer = self.graph.node(node_id).layer
            if layer.family == "Data":
                self._lower_source(node_id, sources.index(node_id), useful)
            else:
                self._lower_node(node_id, layer)
        if self.training:
            self._lower_backward()
            self._lower_update()
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
        )

    def _wanted_halo(self, node: str, port: int) -> int:
        wanted = 0
        for edge in self.graph.outgoing(node):
            if edge.source_port == port and edge.target in self.inference.input_shapes:
                shapes = self.inference.input_shapes[edge.target]
                wanted = max(wanted, self.graph.node(edge.target).layer.halo(*shapes))
        return wanted

    def _lower_source(self, node: str, number: int, useful: frozenset[str]) -> None:
        used = {e.source_port for e in self.graph.outgoing(node) if e.target in useful}
        for port, shape in enumerate(self.inference.shapes[node]):
            if port not in used and not (port == 0 and not self.training):
                continue
            self._halo = self._wanted_halo(node, port) if len(shape) == 3 else 0
            tensor = self._allocate(shape, self._halo, 0, False)
            distance = self.scratch(2 * self.batch)
            self.emit(
                control.gather,
                2 * number + port,
                tensor.rows,
                tensor.row_length,
                tensor.row_stride,
                self.batch,
                tensor.base,
                distance,
            )
            self._outputs[node, port] = tensor

    def _lower_node(self, node: str, layer: Layer) -> None:
        wires = self.graph.incoming(node)
        inputs = [self._outputs[w.source, w.source_port] for w in wires]
        self.shapes = self.inference.input_shapes[node]
        own = any(w.trainable for w in self.inference.weights.get(node, ()))
        self._differentiable = self.training and (own or any(t.differentiable for t in inputs))
        self._halo = self._wanted_halo(node, 0) if len(self.inference.shapes[node][0]) == 3 else 0
        if isinstance(layer, Loss):
            self._losses.append(node)
        else:
            for tensor in inputs:
                self.need(tensor)
        self._outputs[node, 0] = layer.lower(self, *inputs)

    def _lower_backward(self) -> None:
        self._phase = "backward"
        for node, output, function in reversed(self._tape):
            self._node = node
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
                    part.row_length * self.batch,
                    parts[0].base,
                    parts[0].row_stride,
                    part.base,
                    part.row_stride,
                )
            if output is self._outputs.get((node, 0)):
                self._gradients[node] = parts[0]
            function(_reshaped(parts[0], output.shape))


    def _lower_update(self) -> None:
        """Penalties, then the optimizer, each thread on its part of the weights."""
        self._phase = "update"
        assert self.optimizer is not None
        for (node, _name), placed in self.space.placed.items():
            if placed.weight.penalized and placed.weight.trainable and (node, 0) in self._outputs:
                self._node = node
                ref = self.space.weight(node, placed.weight.name)
                numbers = (self.number("l1"), self.number("l2"))
                self.emit(penalize, placed.rows * placed.stride, ref.value, ref.gradient, *numbers)
        self._node = ""
        self.barrier()
        slots = [Ref("shared", self.space.slots[name]) for name in self.optimizer.slots]
        rates = [self.space.number("optimizer", name) for name in self.optimizer.numbers()]
        first, stride = self.shards(Ref("private", 0))
        kernel = self.optimizer.kernel()
        self.emit(kernel, self.space.trainable_floats, Ref("shared", 0), first, stride, *slots, *rates)
        self.barrier()


def _reshaped(tensor: Tensor, shape: Shape) -> Tensor:
    """The same place under another shape; a picture knows its rows."""
    if shape == tensor.shape:
        return tensor
    if tensor.contiguous:
        rows, length = (shape[0], shape[1] * shape[2]) if len(shape) == 3 else (1, size(shape))
        return dataclasses.replace(
            tensor, shape=shape, rows=rows, row_length=length, row_stride=length * tensor.batch
        )
    return dataclasses.replace(tensor, shape=shape)


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
        len(graph.node(n).layer.outputs) == 2 for n in before if graph.node(n).layer.family == "Data"
    )


def build_plan(
    graph: Graph,
    inference: Inference,
    datasets: Mapping[str, DatasetInfo],
    space: SharedSpace,
    shard: int,
    optimizer: Optimizer | None = None,
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
    """
    training = optimizer is not None
    builder = PlanBuilder(graph, inference, datasets, space, shard, training, optimizer)
    return builder.build(useful_nodes(graph, inference, training))
