"""What layers see while they are lowered: places, tables, calls, and the backward tape.

`studio.engine.build` walks the graph and drives it. Nothing is compiled here.
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
from studio.core.lowering import Lowering, Ref, Scoring, Tensor, WeightRef
from studio.core.optimizer import Optimizer
from studio.core.shapes import Shape, size
from studio.engine.arena import SharedSpace, aligned
from studio.engine.gradient_spaces import GradientSpaces, Layout
from studio.engine.plan import Call
from studio.engine.scoring import lower_scoring
from studio.kernels import control
from studio.kernels.jit import Kernel
from studio.kernels.pointwise import backward_kernel, forward_kernel

#: Floats after which places of the nearest cache repeat, and how far rows are moved out of step.
_PAGE, _ROW_SHIFT = 1024, 336
#: Floats of what is moved within its page, and how far: back by a few cache lines, an odd number of them, so that what
#: is written comes after what is read, and the pixels of pictures, mostly an even number apart, do not meet.
_LARGE, _APART = 8192, _PAGE - 5 * 16


@dataclass(frozen=True)
class Place:
    """The layer that is being lowered, which may be a part of a node's.

    Parameters
    ----------
    node : str
        Id of the node; empty for what belongs to none.
    layer : Layer or None
        The node's, or the part of it.
    prefix : str
        What names of the part's weights begin with; empty for the node's own.
    last : bool
        Whether its output is the node's.
    columns : int
        How many columns each sample has.
    """

    node: str = ""
    layer: Layer | None = None
    prefix: str = ""
    last: bool = True
    columns: int = 1


@dataclass
class _Deferred:
    """An activation whose forward pass is emitted only if somebody needs its output."""

    name: str
    before: Tensor
    forward: Callable[[], None]
    place: Place
    done: bool = False


@dataclass
class LayerLowering:
    """Implements `studio.core.lowering.Lowering` for one graph, batch and mode."""

    graph: Graph
    inference: Inference
    datasets: Mapping[str, DatasetInfo]
    space: SharedSpace
    shard: int
    training: bool
    optimizer: Optimizer | None = None
    exposing: bool = False
    #: Told each place for a gradient before anything is written to it; then none is used twice.
    on_gradient: Callable[[Lowering, Tensor], None] | None = None
    calls: list[Call] = field(default_factory=list)
    shapes: tuple[Shape, ...] = ()

    def __post_init__(self) -> None:
        self.lanes, self.on_card = self.space.lanes, self.space.on_card
        self._columns = -(-self.shard // self.lanes) * self.lanes
        # Gradients of the trainable weights lie where the weights lie in the shared space.
        self._private = self.space.trainable_floats if self.training else 0
        self._table: list[np.ndarray] = []
        self._table_length = 0
        self._table_cache: dict[bytes, Ref] = {}
        self._outputs: dict[tuple[str, int], Tensor] = {}
        self._deferred: dict[int, _Deferred] = {}
        self._views: dict[int, Tensor] = {}
        self._tape: list[tuple[Place, Tensor | None, Callable[[Any], None]]] = []
        self._contributions: dict[int, list[Tensor]] = {}
        self._gradients: dict[str, Tensor] = {}
        self._spaces = GradientSpaces()
        self._temporary: tuple[Ref, int] | None = None
        self._keep: list[Tensor] = []  # ids of tensors are keys, so the tensors must live on
        self._floats_by_node: dict[str, int] = {}
        self._losses: list[str] = []
        self._predictions: dict[str, tuple[Ref, int]] = {}
        self._extras: dict[tuple[str, str], Tensor] = {}
        self._place = Place()
        self._phase = "forward"
        self._halo = 0
        self._differentiable = False
        self.valid = Ref("private", 0)

    # Services for layers -------------------------------------------------------------------

    @property
    def _node(self) -> str:
        return self._place.node

    @property
    def batch(self) -> int:
        return self._columns * self._place.columns

    @property
    def frozen(self) -> bool:
        return bool(self._node) and not self.graph.node(self._node).trainable

    def weight(self, name: str) -> WeightRef:
        found = self.space.weight(self._node, self._place.prefix + name)
        return dataclasses.replace(found, trainable=False) if self.frozen else found

    def part(self, name: str, *inputs: Tensor | None, halo: int | None = None) -> Tensor:
        whole, shapes, own_halo, differentiable = self._place, self.shapes, self._halo, self._differentiable
        assert whole.layer is not None
        layer = whole.layer.parts(*shapes)[name]
        given: list[Any] = list(inputs)
        columns = next((t.batch for t in given if t is not None), self.batch) // self._columns
        self._place = Place(whole.node, layer, f"{whole.prefix}{name}/", whole.last and halo is None, columns)
        self.shapes = tuple(None if t is None else t.shape for t in given)  # type: ignore[misc]
        self._halo = own_halo if halo is None else halo
        present = [self.need(t) for t in given if t is not None]
        trainable = not self.frozen and any(w.trainable for w in layer.weights(*self.shapes))
        self._differentiable = self.training and (trainable or any(t.differentiable for t in present))
        try:
            made = layer.lower(self, *given)
            return made[0] if isinstance(made, tuple) else made
        finally:
            self._place, self.shapes, self._halo, self._differentiable = whole, shapes, own_halo, differentiable

    def output(self, shape: Shape, gradient_halo: int = 0) -> Tensor:
        return self._allocate(shape, self._halo, gradient_halo, self._differentiable)

    def tensor(self, shape: Shape, gradient_halo: int = 0) -> Tensor:
        return self._allocate(shape, 0, gradient_halo, self._differentiable)

    def side_by_side(self, tensor: Tensor, halo: int = 0) -> Tensor:
        steps, *rest = tensor.shape
        return self._allocate(tuple(rest), halo, 0, tensor.differentiable, tensor.batch * steps)

    def expose(self, name: str) -> Tensor | None:
        layer, prefix = self._place.layer, self._place.prefix
        if not self.exposing or layer is None:
            return None
        tensor = self._allocate(layer.extras(*self.shapes)[name], 0, 0, False)
        self._extras[self._node, prefix + name] = tensor
        return tensor

    def scratch(self, floats: int) -> Ref:
        offset, room = self._private, aligned(floats)
        # Whole pages apart, what is read and what is written would be taken for the same place: processors compare
        # the ends of addresses only, so that reading would wait for writing.
        room += _APART if room >= _LARGE and not self.on_card else 0
        self._private += room
        self._floats_by_node[self._node] = self._floats_by_node.get(self._node, 0) + room
        return Ref("private", offset)

    def temporary(self, floats: int) -> Ref:
        if self._temporary is None or self._temporary[1] < floats:
            self._temporary = self.scratch(floats), floats
        return self._temporary[0]

    def table(self, values: Sequence[int] | np.ndarray) -> Ref:
        numbers = np.ascontiguousarray(values, np.int64).ravel()
        key = numbers.tobytes()
        if key not in self._table_cache:
            self._table_cache[key] = Ref("table", self._table_length)
            self._table.append(numbers)
            self._table_length += len(numbers)
        return self._table_cache[key]

    def number(self, name: str) -> Ref:
        return self.space.number(self._node, self._place.prefix + name)

    def zeros(self, floats: int) -> Ref:
        return self.space.zeros(floats)

    def shards(self, ref: Ref) -> tuple[Ref, Ref]:
        return Ref("first", ref.offset), Ref("stride", 0)

    def emit(self, kernel: Kernel, *arguments: int | Ref) -> None:
        self.calls.append(Call(kernel, arguments, self._node, self._phase))

    def barrier(self) -> None:
        self.emit(control.barrier)

    def node_key(self) -> int:
        # A part has the same number within its whole and, once that is opened, as a node.
        own = f"{self._node}/{self._place.prefix}".rstrip("/")
        return zlib.crc32(own.encode()) & 0x7FFFFFFF

    def view(self, tensor: Tensor, shape: Shape) -> Tensor:
        root = self._views.get(id(tensor), tensor)
        # A picture's rows may lie apart; only shapes that do not cut through them are views.
        gradient_fits = not _has_gaps(root) or not tensor.differentiable
        fits = (tensor.contiguous and gradient_fits) or len(shape) == 1 or shape == tensor.shape
        if self._halo == 0 and fits:
            seen = dataclasses.replace(reshaped(tensor, shape), node=self._node)
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
        if tensor.contiguous and not (_has_gaps(root) and tensor.differentiable):
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
            self.emit(control.copy_rows, 1, source.features * source.batch, target.base, 0, source.base, 0)
            return
        # Cut both into the longest runs that are contiguous in each.
        length = math.gcd(source.row_length, target.row_length)
        for i in range(source.features // length):
            to = target.base + int(target.offsets().ravel()[i * length])
            come = source.base + int(source.offsets().ravel()[i * length])
            self.emit(control.copy_rows, 1, length * source.batch, to, 0, come, 0)

    def backward(self, output: Tensor, function: Callable[[Tensor], None]) -> None:
        if self.training and output.differentiable:
            self._keep.append(output)
            self._tape.append((self._place, output, function))

    def loss_backward(self, function: Callable[[], None]) -> None:
        if self.training:
            self._tape.append((self._place, None, lambda _none: function()))

    def gradient(self, tensor: Tensor) -> Tensor | None:
        if not tensor.differentiable:
            return None
        root = self._views.get(id(tensor), tensor)
        layout = self._layout(root.shape, root.gradient_halo, root.batch)
        start = self._spaces.take(layout, self._phase == "backward")
        if start is None:
            start = self.scratch(layout.floats)
        self._spaces.hold(layout, start)
        place = self._tensor_at(start, layout, 0, False)
        if self.on_gradient is not None:
            self.on_gradient(self, place)
        self._contributions.setdefault(id(root), []).append(place)
        return reshaped(place, tensor.shape)

    def alias_gradient(self, tensor: Tensor, gradient: Tensor) -> bool:
        if not tensor.differentiable:
            return True
        root = self._views.get(id(tensor), tensor)
        if not gradient.contiguous and root.shape != gradient.shape:
            return False
        place = reshaped(gradient, root.shape)
        # Whoever reads it counts on the zeros around it, and in pictures on there being no more.
        if place.halo < root.gradient_halo or (len(root.shape) == 3 and place.halo > root.gradient_halo):
            return False
        self._spaces.hold_again(gradient.base)
        self._contributions.setdefault(id(root), []).append(place)
        return True

    def activation(self, name: str, tensor: Tensor) -> Tensor:
        if name == "linear":
            return tensor
        layer = registry.activation(name)
        if isinstance(layer, ElementWise):
            return self.elementwise(layer, tensor, output=True, own=True)
        made = layer.lower(self, tensor)
        assert isinstance(made, Tensor)
        return made

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
        curve = layer.curve()
        in_place = own and curve.in_place and not self._feeds_loss()
        if in_place:
            result = dataclasses.replace(tensor)
            self._keep.append(result)
        else:
            result = self.output(tensor.shape)
        numbers = self._numbers(layer)
        lengths = (tensor.rows, tensor.row_length * tensor.batch)
        x = (tensor.base, tensor.row_stride)
        y = (result.base, result.row_stride)

        def forward() -> None:
            self.emit(forward_kernel(curve), *lengths, *x, *y, *numbers)

        def backward(dy: Tensor) -> None:
            dx = dy if in_place else self.gradient(tensor)
            if dx is None:
                return
            places = (dy.base, dy.row_stride, dx.base, dx.row_stride)
            self.emit(backward_kernel(curve), *lengths, *x, *y, *places, *numbers)
            if in_place:
                taken = self.alias_gradient(tensor, dy)
                assert taken, "A tensor's gradient lies as its own activation's does."

        if in_place:
            forward()
        else:
            self.defer(layer.activation, tensor, result, forward)
        self.backward(result, backward)
        return result

    def _feeds_loss(self) -> bool:
        """Whether the output of the layer being lowered goes to a loss."""
        consumers = self.graph.outgoing(self._node) if self._place.last else ()
        return any(isinstance(self.graph.node(e.target).layer, Loss) for e in consumers)

    def _numbers(self, layer: ElementWise) -> list[Ref]:
        if isinstance(self._place.layer, type(layer)):
            return [self.number(name) for name in layer.numbers()]
        # An activation by name has its default parameters, whatever the node's are called.
        return [self.space.number(f"default:{layer.type_name()}", name) for name in layer.numbers()]

    def defer(self, name: str, before: Tensor, after: Tensor, forward: Callable[[], None]) -> None:
        """Emit an activation's forward pass only when its output is asked for.

        A loss that can work from the numbers before the activation never asks.
        """
        self._keep += [before, after]
        self._deferred[id(after)] = _Deferred(name, before, forward, self._place)
        if not self.training:
            self.need(after)

    def need(self, tensor: Tensor) -> Tensor:
        """Make sure the tensor's numbers will be there; returns it."""
        for key in (id(tensor), id(self._views.get(id(tensor), tensor))):
            deferred = self._deferred.get(key)
            if deferred is not None and not deferred.done:
                deferred.done = True
                place, self._place = self._place, deferred.place
                deferred.forward()
                self._place = place
        return tensor

    def before_activation(self, tensor: Tensor, name: str) -> Tensor | None:
        """The tensor that activation `name` made this one from, if that is how it was made."""
        deferred = self._deferred.get(id(tensor))
        return deferred.before if deferred is not None and deferred.name == name else None

    def sums(self) -> int:
        """Which of the float64 sums the loss being lowered adds to."""
        return self._losses.index(self._node)

    def set_predictions(self, ref: Ref, terms: int = 1) -> None:
        """Say where the loss being lowered puts predicted classes: a row of columns for each term."""
        self._predictions[self._node] = ref, terms

    def numbers(self, name: str, count: int) -> Ref:
        return self.space.numbers_of(self._node, name, count)

    def score(self, scoring: Scoring) -> Tensor:
        return lower_scoring(self, scoring)

    def _release(self, gradient: Tensor) -> None:
        """Nobody reads this gradient any more: its place may hold another."""
        if self.on_gradient is None:
            self._spaces.release(gradient.base)

    def _layout(self, shape: Shape, halo: int, batch: int) -> Layout:
        if len(shape) == 3:
            height, width, channels = shape
            stride = (width + 2 * halo) * channels * batch
            # Rows a power of two apart would crowd the same places of the nearest cache.
            stride += _ROW_SHIFT if halo and stride % _PAGE == 0 else 0
            before = halo * stride + halo * channels * batch
            return Layout(shape, halo, batch, height, width * channels, stride, before, (height + 2 * halo) * stride)
        # The zeros before and after a sequence leave no gaps in it.
        around = halo * shape[1] * batch if len(shape) == 2 else 0
        floats = size(shape) * batch
        return Layout(shape, halo, batch, 1, size(shape), floats, around, floats + 2 * around)

    def _allocate(
        self, shape: Shape, halo: int, gradient_halo: int, differentiable: bool, columns: int = 0
    ) -> Tensor:
        layout = self._layout(shape, halo, columns or self.batch)
        return self._tensor_at(self.scratch(layout.floats), layout, gradient_halo, differentiable)

    def _tensor_at(self, start: Ref, layout: Layout, gradient_halo: int, differentiable: bool) -> Tensor:
        tensor = Tensor(
            layout.shape,
            start + layout.before,
            *(layout.rows, layout.row_length, layout.row_stride, layout.batch),
            *(self._node, differentiable, gradient_halo, layout.halo),
        )
        self._keep.append(tensor)
        return tensor


def _has_gaps(tensor: Tensor) -> bool:
    """Whether the gradient's rows lie apart."""
    return tensor.gradient_halo > 0 and len(tensor.shape) == 3


def reshaped(tensor: Tensor, shape: Shape) -> Tensor:
    """The same place under another shape; a picture knows its rows."""
    if shape == tensor.shape:
        return tensor
    if tensor.contiguous:
        rows, length = (shape[0], shape[1] * shape[2]) if len(shape) == 3 else (1, size(shape))
        return dataclasses.replace(
            tensor, shape=shape, rows=rows, row_length=length, row_stride=length * tensor.batch, halo=0
        )
    return dataclasses.replace(tensor, shape=shape, halo=0)


