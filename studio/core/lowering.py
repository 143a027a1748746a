"""What a layer sees while it is lowered to kernel calls.

The engine implements `Lowering`; layers only talk to this protocol, so they depend neither
on the engine nor on a device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from studio.core.shapes import Shape, size

if TYPE_CHECKING:
    from studio.core.layer import ElementWise
    from studio.core.loss import ElementWiseLoss


@dataclass(frozen=True)
class Ref:
    """A place in the arena that gets its number when the plan is bound to a device.

    Parameters
    ----------
    space : {"shared", "private", "table", "first", "stride"}
        Shared by all threads, one copy a thread, the table of 64-bit integers, the first
        thread's copy of a private place, or the distance between two threads' copies.
    offset : int
        In floats (in integers for ``table``) from the start of the space.
    """

    space: str
    offset: int

    def __add__(self, floats: int) -> Ref:
        return Ref(self.space, self.offset + floats)


@dataclass(frozen=True, eq=False)
class Tensor:
    """A batch of activations (or their gradients) in the arena.

    Numbers of one feature of all samples of the shard are neighbours; features are ordered
    channels-last. A picture may have a halo: its rows are then `row_stride` apart. A sequence
    may have one too: it then has zeros before and after, but no gaps.

    Parameters
    ----------
    shape : Shape
        Of one sample.
    base : Ref
        Of the first feature.
    rows, row_length, row_stride : int
        The features are `rows` runs of `row_length` features each, `row_stride` floats apart.
    batch : int
        Padded batch columns; the distance, in floats, of neighbouring features.
    node : str
        Whose output it is.
    differentiable : bool
        Whether a gradient is of use (there are weights before it).
    gradient_halo : int
        Zeros wanted around its gradient.
    halo : int
        Zeros around it.
    """

    shape: Shape
    base: Ref
    rows: int
    row_length: int
    row_stride: int
    batch: int
    node: str = ""
    differentiable: bool = True
    gradient_halo: int = 0
    halo: int = 0

    @property
    def features(self) -> int:
        """Numbers a sample has."""
        return size(self.shape)

    @property
    def contiguous(self) -> bool:
        """Whether all features follow each other without gaps."""
        return self.rows == 1 or self.row_stride == self.row_length * self.batch

    def runs(self) -> list[tuple[int, int, Ref]]:
        """Longest runs of features without gaps: (first feature, how many, where)."""
        if self.contiguous:
            return [(0, self.rows * self.row_length, self.base)]
        return [(r * self.row_length, self.row_length, self.base + r * self.row_stride) for r in range(self.rows)]

    def offsets(self) -> np.ndarray:
        """Distance in floats of each feature from `base`: int64, of the tensor's shape."""
        rows = np.arange(self.rows, dtype=np.int64)[:, None] * self.row_stride
        columns = np.arange(self.row_length, dtype=np.int64)[None, :] * self.batch
        return (rows + columns).reshape(self.shape if self.shape else (1,))

    def pixel_offsets(self) -> np.ndarray:
        """Distance in floats of each pixel's first channel from `base`: int64, flat."""
        return self.offsets()[..., 0].ravel()

    def picture(self) -> Tensor:
        """A sequence as a picture of one row; a picture as it is. Gradients belong to the original."""
        return replace(self, shape=(1, *self.shape)) if len(self.shape) == 2 else self


@dataclass(frozen=True)
class WeightRef:
    """A weight array in the arena.

    The last axis of an array with two or more axes is padded to the vector width.

    Parameters
    ----------
    shape : Shape
        As the layer declared it.
    value, gradient : Ref
        `gradient` is private to each thread; for an untrainable weight it is of no use.
    stride : int
        Distance, in floats, of neighbouring rows (all axes but the last count as rows).
    trainable : bool
        Whether a gradient is wanted; writing one that is not does no harm but takes time.
    """

    shape: Shape
    value: Ref
    gradient: Ref
    stride: int
    trainable: bool


@dataclass(frozen=True)
class Scoring:
    """How a loss scores predictions: its two kernels and what they get.

    A sample's prediction is cut into terms of `span` neighbouring numbers (the scores of one
    step or pixel, or single numbers) that are scored one by one.

    Parameters
    ----------
    forward, gradient : Kernel or str
        Kernels take the arguments that `studio.kernels.losses` lists; names are those of static
        methods of `maths`, which kernels are made from.
    prediction, target : Tensor
        The target has as many terms.
    weights : Tensor or None
        How much each sample, or each of a sample's steps, counts.
    maths : type or None
        The `studio.core.loss.ElementWiseLoss` class whose methods are named.
    span : int
        Numbers of a term.
    divisor : int
        What a sample's sum over its terms is divided by; 0 is their number.
    numbers : sequence of Ref
        The loss's own.
    answers : {"", "kernel", "threshold"}
        How right answers are counted: not at all, by the forward kernel, or by comparing one
        number with `threshold` (of several numbers, the largest says which class).
    threshold : float
        0 or one half.
    class_weights : Ref or None
        One float a class.
    class_kind : {"labels", "one_hot", "binary"}
        How the target says which class it is.
    ignored : int or None
        Label of terms that do not count.
    """

    forward: Any
    gradient: Any
    prediction: Tensor
    target: Tensor
    weights: Tensor | None = None
    maths: type[ElementWiseLoss] | None = None
    span: int = 1
    divisor: int = 0
    numbers: Sequence[Ref] = ()
    answers: str = ""
    threshold: float = 0.0
    class_weights: Ref | None = None
    class_kind: str = "labels"
    ignored: int | None = None


class Lowering(Protocol):
    """The services a layer may use in `Layer.lower`."""

    #: Floats in a vector register.
    lanes: int
    #: Whether the plan is for a graphics card, where many groups of threads share a kernel's loops.
    on_card: bool
    #: Whether this plan trains (batch statistics, dropout, backward pass).
    training: bool
    #: Input shapes of the layer being lowered.
    shapes: tuple[Shape, ...]
    #: Private floats, one a column: 1 for real samples, 0 for padding.
    valid: Ref

    @property
    def batch(self) -> int:
        """Padded batch columns of a shard; in a part whose inputs have more columns, as many as these."""
        ...

    @property
    def frozen(self) -> bool:
        """Whether the node's weights stay as they are, moving averages too."""
        ...

    def weight(self, name: str) -> WeightRef:
        """The node's weight of that name."""
        ...

    def part(self, name: str, *inputs: Tensor | None, halo: int | None = None) -> Tensor:
        """Lower one of the layer's `studio.core.layer.Layer.parts` and give its output.

        Weights and numbers of the part are those of the layer whose names begin with the
        part's name and a slash.

        Parameters
        ----------
        name : str
            Of the part.
        *inputs : Tensor or None
            What it gets; None for an optional port without a wire.
        halo : int or None
            Zeros wanted around its output; None for the last part, whose output is the layer's.
        """
        ...

    def output(self, shape: Shape, gradient_halo: int = 0) -> Tensor:
        """Allocate the node's output, with the halo that its consumers want."""
        ...

    def tensor(self, shape: Shape, gradient_halo: int = 0) -> Tensor:
        """Allocate a tensor of the layer's own."""
        ...

    def side_by_side(self, tensor: Tensor, halo: int = 0) -> Tensor:
        """Allocate a place for a tensor's steps (along its first axis) in columns of their own.

        Columns of all samples at the first step come first. A part that gets the result takes each
        column for a sample. `valid` tells of the layer's own columns only, so that such a part must
        neither ask for it nor draw random numbers.
        """
        ...

    def view(self, tensor: Tensor, shape: Shape) -> Tensor:
        """The same numbers under another shape, as the node's output; copied only if it must be."""
        ...

    def contiguous(self, tensor: Tensor) -> Tensor:
        """The same numbers without gaps, in the gradient too: the tensor, or a copy of it."""
        ...

    def expose(self, name: str) -> Tensor | None:
        """Where to put one of the layer's `studio.core.layer.Layer.extras`, without gaps.

        None in a plan that nobody looks into, such as that for training.
        """
        ...

    def scratch(self, floats: int) -> Ref:
        """Private floats that keep their values from forward to backward."""
        ...

    def temporary(self, floats: int) -> Ref:
        """Private floats for the next call alone, which finds anything in them."""
        ...

    def table(self, values: Sequence[int] | np.ndarray) -> Ref:
        """Integers for a kernel, such as the offsets of a window's pixels."""
        ...

    def number(self, name: str) -> Ref:
        """A shared float that follows the layer's parameter `name`, also while training runs."""
        ...

    def zeros(self, floats: int) -> Ref:
        """Shared floats that are always zero, such as the bias of a layer without one."""
        ...

    def shards(self, ref: Ref) -> tuple[Ref, Ref]:
        """First thread's copy of a private place and the distance to the next thread's."""
        ...

    def emit(self, kernel: Any, *arguments: int | Ref) -> None:
        """Append a kernel call to the current pass (forward, or backward within a backward)."""
        ...

    def barrier(self) -> None:
        """Let all threads reach this point before any goes on."""
        ...

    def backward(self, output: Tensor, function: Callable[[Tensor], None]) -> None:
        """Register what computes input gradients from the output's gradient.

        `function` is called with the gradient of `output` when the backward pass is built,
        and only if there is one. It asks `gradient` where to write.
        """
        ...

    def loss_backward(self, function: Callable[[], None]) -> None:
        """Register what a loss emits at the start of the backward pass."""
        ...

    def gradient(self, tensor: Tensor) -> Tensor | None:
        """Where to write this consumer's gradient of `tensor`; None if nobody needs it.

        The place has the tensor's shape, its old content is arbitrary (halos are zero), and
        all of it must be written. Gradients of several consumers are added by the engine.
        """
        ...

    def alias_gradient(self, tensor: Tensor, gradient: Tensor) -> bool:
        """Say that `gradient`, given to a backward function, now holds the gradient of `tensor`.

        Computed in place, or the same numbers. Nothing emitted later may read `gradient`, and
        it can be given away once. False when the tensor's gradient must lie in another way; then
        nothing happened, and `gradient(tensor)` must be written.
        """
        ...

    def activation(self, name: str, tensor: Tensor) -> Tensor:
        """Apply an activation by name as the layer's last step; the result is its output."""
        ...

    def elementwise(self, layer: ElementWise, tensor: Tensor, output: bool) -> Tensor:
        """Apply an element-wise layer's maths."""
        ...

    def defer(self, name: str, before: Tensor, after: Tensor, forward: Callable[[], None]) -> None:
        """Emit an activation's forward pass only when its output is asked for."""
        ...

    def need(self, tensor: Tensor) -> Tensor:
        """Make sure the tensor's numbers will be there; returns it. Losses must call it."""
        ...

    def before_activation(self, tensor: Tensor, name: str) -> Tensor | None:
        """What activation `name` made the tensor from, if that is how it was made."""
        ...

    def numbers(self, name: str, count: int) -> Ref:
        """Shared floats that the engine fills with so many numbers of a loss, such as its class weights."""
        ...

    def score(self, scoring: Scoring) -> Tensor:
        """Emit the calls of a loss, forward and backward; gives the output of the Loss node."""
        ...

    def sums(self) -> int:
        """Number of the float64 sums that the loss being lowered adds to."""
        ...

    def set_predictions(self, ref: Ref, terms: int = 1) -> None:
        """Say where the loss being lowered puts predicted classes (floats): a row of columns for each term."""
        ...

    def node_key(self) -> int:
        """A number that stands for the node in the counter-based random generator."""
        ...
