"""The contract of a layer: everything the product needs to know of it, in one class.

A layer is a frozen bundle of parameters. It never holds weights: these live in the arena of
the plan that `studio.engine.plan` lowers a graph to. Palette, inspector, files, validation
and the contract test (`studio.testing.check_layer`) all follow from the class alone.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from studio.core.component import Component
from studio.core.fields import real
from studio.core.keras_code import Code, layer_arguments, layer_call, layer_code
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe, size

if TYPE_CHECKING:
    from studio.core.lowering import Lowering, Tensor

#: Palette groups, in the palette's order.
FAMILIES = (
    "Data",
    "Augmentation",
    "Core",
    "Convolution",
    "Pooling",
    "Normalisation",
    "Recurrent",
    "Attention",
    "Activation",
    "Merge",
    "Loss",
)


@dataclass(frozen=True)
class Weight:
    """A weight array a layer asks for.

    Parameters
    ----------
    name : str
        Keras's name, such as ``kernel``.
    shape : Shape
        Keras's layout, such as ``(inputs, units)`` or ``(height, width, in, out)``.
    initializer : str
        Name of a registered initializer.
    trainable : bool
        False for what training does not update by gradients (moving averages).
    ones : tuple of int
        First place, and the one after the last, of those that start at 1 whatever the
        initializer says; counted along the flat array.
    penalized : bool
        Whether the layer's parameters `l1` and `l2` apply: the loss grows by
        ``l1 * sum|w| + l2 * sum w**2``.
    """

    name: str
    shape: Shape
    initializer: str = "zeros"
    trainable: bool = True
    penalized: bool = False
    ones: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Layer(Component):
    """Base of all nodes of a graph, data sources and losses included."""

    #: Palette group, one of `FAMILIES`.
    family: ClassVar[str] = "Core"
    #: Names of the input ports; ``("inputs...",)`` accepts any number from `minimum_inputs`. A name
    #: that ends in ``?`` may stay without a wire: the layer's methods then get None in its place.
    inputs: ClassVar[tuple[str, ...]] = ("input",)
    #: Names of the output ports.
    outputs: ClassVar[tuple[str, ...]] = ("output",)
    #: Fewest wires a ``...`` port needs.
    minimum_inputs: ClassVar[int] = 2
    #: Stem of the icon in ``assets/icons``.
    icon: ClassVar[str] = ""
    #: Whether it is one of the few that most networks are made of; these come first in the palette.
    common: ClassVar[bool] = False
    #: What people may search for beside the name ("fully connected", "skip").
    keywords: ClassVar[tuple[str, ...]] = ()
    #: Equivalents elsewhere, for the inspector and the exports; empty when there is none.
    keras: ClassVar[str] = ""
    torch: ClassVar[str] = ""
    onnx: ClassVar[str] = ""
    #: Program text of a Keras layer class of the layer's own name and parameters, where Keras has none.
    keras_source: ClassVar[str] = ""

    #: Whether training mode draws random numbers; `reference` then tells inference mode only.
    is_random: ClassVar[bool] = False

    @classmethod
    def is_variadic(cls) -> bool:
        """Whether the layer's one input port takes any number of wires."""
        return bool(cls.inputs) and cls.inputs[-1].endswith("...")

    @classmethod
    def input_names(cls) -> tuple[str, ...]:
        """Names of the input ports for people."""
        return tuple(f"{n[:-1]} (optional)" if n.endswith("?") else n.rstrip(".") for n in cls.inputs)

    @classmethod
    def needs_input(cls, port: int) -> bool:
        """Whether the input port must have a wire."""
        return not cls.inputs[port].endswith("?")

    def whole_numbers(self, port: int) -> int | None:
        """How many whole numbers, from 0 on, an input port can tell apart; None where any number goes.

        A port for whole numbers (words, classes) passes no gradient on.
        """
        return None

    def words_out(self, port: int, words: tuple[str, ...]) -> tuple[str, ...]:
        """What the numbers of an output port stand for, where those of the first input stand for words.

        Empty, as for most layers, where they stand for no words.
        """
        return ()

    def check_words(self, port: int, words: int) -> None:
        """Look whether so many different words can be told apart.

        Asked before `output_shape`, when a port for whole numbers gets words.

        Raises
        ------
        ShapeProblem
            When they cannot.
        """
        known = self.whole_numbers(port)
        if known is not None and words > known:
            raise ShapeProblem(f"knows {known} words, but gets {words} different ones: use fewer words.")

    def same_program(self, other: Layer) -> bool:
        """Whether a layer that differs in live numbers only runs the same kernels.

        Drawing random numbers, for example, is a kernel that is not there where nothing is drawn.
        """
        return self.is_random == other.is_random

    def summary(self) -> str:
        """The second line of the node, such as ``Dense · tanh``."""
        return self.type_name()

    def output_shape(self, *shapes: Shape) -> Shape:
        """Shape of the output for these input shapes.

        Raises
        ------
        ShapeProblem
            When the layer cannot take them; says what it needs and how to get it.
        """
        return shapes[0]

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        """Weights the layer needs for these (legal) input shapes."""
        return ()

    def idle(self) -> frozenset[str]:
        """Names of parameters that change nothing where the others are as they are, so that no form shows them."""
        return frozenset()

    def parts(self, *shapes: Shape) -> Mapping[str, Layer]:
        """Layers that this one is made of, by name; see `studio.core.lowering.Lowering.part`.

        Parameters
        ----------
        *shapes : Shape
            Input shapes, which sizes of parts may follow from. Without them names, types and
            live parameters of the parts must be the same.
        """
        return {}

    def extras(self, *shapes: Shape) -> Mapping[str, Shape]:
        """What there is to see beside the output, such as who looks at whom: shapes by name.

        Pictures, channels last, in any size; who looks at whom is ``(steps, steps, heads)``. See
        `studio.core.lowering.Lowering.expose`. The window shows the first in place of the output.
        """
        return {}

    def extra_names(self, extra: str) -> tuple[str, ...]:
        """What each map (along the last axis) of one of the `extras` is; empty where numbers say enough."""
        return ()

    def halo(self, *shapes: Shape) -> int:
        """How many rows and columns (or steps) of zeros the layer wants around its picture (or sequence)."""
        return 0

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Emit the kernel calls of forward and backward; returns the output tensor.

        A layer with several output ports, all of one shape, returns as many. Only the first passes a
        gradient on.
        """
        raise TypeError(f"{self.type_name()} has no computation of its own.")

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        """What the layer computes, in plain float64 NumPy; the oracle of the tests.

        Parameters
        ----------
        inputs : sequence of numpy.ndarray
            float64, ``(batch, *shape)`` each.
        weights : mapping of str to numpy.ndarray
            float64, by `Weight.name`.
        training : bool
            Training mode (batch statistics) or inference mode.

        Returns
        -------
        numpy.ndarray
            float64, ``(batch, *output_shape)``.
        """
        raise TypeError(f"{self.type_name()} has no computation of its own.")

    def keras_arguments(self, *shapes: Shape) -> Mapping[str, Any]:
        """What a Keras program passes to make this layer, by Keras's names.

        Values are written with `repr`; a `studio.core.keras_code.Code` is written as it is. Worth an
        override where Keras has other names or another form for a value.
        """
        return layer_arguments(self, shapes)

    def keras_code(self, *shapes: Shape) -> Code:
        """The expression that makes this layer in a Keras program.

        Raises
        ------
        studio.core.keras_code.NoTwin
            When Keras cannot say it.
        """
        return layer_code(self, shapes)

    def keras_call(self, made: str, inputs: Sequence[str | None]) -> Code:
        """The expression that applies the layer `made` to these; None for an optional port without a wire."""
        return layer_call(self, made, inputs)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        """Configurations with input shapes that the contract test runs, uneven sizes included."""
        return ()


@dataclass(frozen=True)
class ElementWise(Layer):
    """A layer that applies one function to each number; stated once, run everywhere.

    A subclass gives `function` and `derivative` as static methods written with the
    functions of `studio.kernels.maths`. The same text runs as SIMD on the CPU and as float64
    NumPy in the tests. The arguments of `function` after x are parameters of the layer.
    """

    family: ClassVar[str] = "Activation"
    #: Name for ``activation=``, such as ``relu``.
    activation: ClassVar[str] = ""
    #: Parameters that ``activation=`` by the name means, where Keras's function has others than its layer.
    by_name: ClassVar[Mapping[str, float]] = {}
    #: Whether `derivative` uses only y, so that the result may overwrite the input.
    in_place: ClassVar[bool] = True

    @classmethod
    def named(cls) -> Self:
        """The layer that ``activation=`` by the name stands for."""
        return cls(**cls.by_name)

    def summary(self) -> str:
        return self.activation

    def curve(self) -> type[Any]:
        """The class whose `function`, `derivative` and `in_place` count: its own.

        Another one where parameters that are seldom used need maths that takes longer.
        """
        return type(self)

    def same_program(self, other: Layer) -> bool:
        return isinstance(other, ElementWise) and self.curve() is other.curve()

    def numbers(self) -> dict[str, float]:
        """Values of the parameters that enter the maths."""
        return {n: getattr(self, n) for n in list(inspect.signature(self.curve().function).parameters)[1:]}

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        return lowering.elementwise(self, inputs[0], output=True)

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.asarray(self.curve().function(inputs[0], **self.numbers()), np.float64)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        changed = {}
        for name, field in cls.parameters().items():
            if field.kind == "real":
                other = 0.5 * field.default or 0.5
                changed[name] = min(max(other, field.minimum or 0.0), field.maximum or other)
        more = ((cls(**changed), ((7,),)),) if changed else ()
        return ((cls(), ((7,),)), (cls(), ((3, 5, 2),)), *more)


@dataclass(frozen=True)
class Loss(Layer):
    """A node that scores predictions against targets; training minimises it.

    A prediction is scored term by term: each step, each pixel, or the whole of it. The loss is the
    mean over the terms and over the samples of the minibatch, each term times its weight if there
    are weights (Keras's ``sum_over_batch_size``: the sum is not divided by the sum of the weights).
    """

    family: ClassVar[str] = "Loss"
    inputs: ClassVar[tuple[str, ...]] = ("prediction", "target", "weights?")
    outputs: ClassVar[tuple[str, ...]] = ()
    icon: ClassVar[str] = "loss"
    #: What the target must hold.
    targets: ClassVar[tuple[str, ...]] = ("values",)
    #: The activation whose outputs it reads as probabilities; empty for plain numbers.
    reads: ClassVar[str] = ""
    #: Smallest and largest prediction that makes sense.
    domain: ClassVar[tuple[float, float]] = (-math.inf, math.inf)
    #: Whether the share of right answers is a metric of it.
    has_accuracy: ClassVar[bool] = False

    weight: float = real(
        1.0, 0.0, 1000.0, help="How much this loss counts, where a graph has several.", live=True
    )

    def output_shape(self, *shapes: Shape) -> Shape:
        self.check_target(*shapes[:2])
        if len(shapes) > 2:
            self.check_weights(shapes[0], shapes[2])
        return ()

    def check_target(self, prediction: Shape, target: Shape) -> None:
        """Look whether predictions and targets fit each other.

        Raises
        ------
        ShapeProblem
            When they do not.
        """
        # A last axis of one number may be left out in the target, as Keras users expect.
        if prediction == target or (prediction[-1:] == (1,) and target == prediction[:-1]):
            return
        if target == ():
            raise ShapeProblem(
                f"gets predictions of {describe(prediction)} but one number a sample as target: "
                "end with Dense of 1 unit, or switch on one_hot in Data for classes."
            )
        sentence = f"gets predictions of {describe(prediction)} but targets of {describe(target)}: "
        if size(prediction) == size(target):
            values = (("target_shape", target),)
            remedy = Remedy("insert", "Add Reshape before it", type="Reshape", values=values)
            raise ShapeProblem(sentence + "add Reshape before it.", remedy)
        raise ShapeProblem(sentence + "make the last layer's size match the target.")

    def check_weights(self, prediction: Shape, weights: Shape | None) -> None:
        """Look whether there is a weight for each sample, or for each of its steps or pixels.

        Raises
        ------
        ShapeProblem
            When there is not.
        """
        steps = prediction[:-1]
        if weights is None or size(weights) == 1 or (steps and weights in (steps, (*steps, 1))):
            return
        wanted = f"one number a sample, or {describe(steps)}" if steps else "one number a sample"
        raise ShapeProblem(f"gets weights of {describe(weights)}, needs {wanted}: wire others to it.")

    def check_classes(self, prediction: Shape, classes: int) -> None:
        """Look whether predictions of this shape can tell so many classes apart.

        Asked before `output_shape`, when the target holds the class numbers of a data set.

        Raises
        ------
        ShapeProblem
            When they cannot.
        """

    def term_values(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Loss of each term, float64 ``(batch, ...)``, for float64 inputs ``(batch, *shape)``."""
        raise TypeError(f"{self.type_name()} has no formula.")

    def term_weights(self, prediction: np.ndarray, target: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """How much each term counts, ``(batch, terms)``, where neighbours may share one number."""
        return weights

    def value(self, prediction: np.ndarray, target: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Loss of each sample, float64 ``(batch,)``; the mean of all is the loss of the batch.

        Parameters
        ----------
        prediction, target : numpy.ndarray
            float64, ``(batch, *shape)``.
        weights : numpy.ndarray or None
            float64, ``(batch, *shape)``.
        """
        batch = len(prediction)
        values = self.term_values(prediction, target).reshape(batch, -1)
        given = np.ones((batch, 1)) if weights is None else weights.reshape(batch, -1)
        factors = self.term_weights(prediction, target, given)
        return np.asarray((values * np.repeat(factors, values.shape[1] // factors.shape[1], 1)).mean(1))

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.asarray(self.value(*inputs))
