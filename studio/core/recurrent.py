"""What recurrent layers have in common: parameters, the shape rule and the naive reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core import registry
from studio.core.fields import choice, flag, integer, real
from studio.core.keras_code import Code, call
from studio.core.layer import ElementWise, Layer, Weight
from studio.core.problems import ShapeProblem
from studio.core.sequences import check_sequence
from studio.core.shapes import Shape, describe

#: More different words than any data set has.
MOST_WORDS = 1_000_000


def curve_names() -> tuple[str, ...]:
    """Activations that treat each number by itself; ``linear`` is none at all."""
    return ("linear", *sorted(name for name, layer in registry.activations().items() if issubclass(layer, ElementWise)))


def require_padding(shape: Shape, padding: Shape | None) -> None:
    """Refuse token numbers that do not belong to the sequence's steps.

    Raises
    ------
    ShapeProblem
        Says what they should be.
    """
    if padding is not None and padding != (shape[0],):
        raise ShapeProblem(
            f"gets padding of {describe(padding)} for {shape[0]} steps: wire the token numbers to it, one for each step."
        )


def masked_call(made: str, inputs: Sequence[str | None]) -> Code:
    """How a Keras program applies a recurrent layer; with token numbers, steps of number 0 are skipped."""
    sequence, padding = (*inputs, None)[:2]
    if padding is None:
        return call(made, Code(sequence))
    return call(made, Code(sequence), mask=call("keras.ops.not_equal", Code(padding), 0))


@dataclass(frozen=True)
class Recurrent(Layer):
    """A layer that goes through a sequence step by step and remembers what it has seen."""

    family: ClassVar[str] = "Recurrent"
    icon: ClassVar[str] = "recurrent"
    inputs: ClassVar[tuple[str, ...]] = ("input", "padding?")
    #: How many gates, or sums, each unit has.
    gates: ClassVar[int] = 1
    #: What the gates are, in Keras's order, for a layer that shows them.
    gate_names: ClassVar[tuple[str, ...]] = ()

    units: int = integer(32, 1, 4096, help="How many numbers the layer remembers from step to step.")
    activation: str = choice("tanh", curve_names, help="The curve that what is remembered goes through.")
    use_bias: bool = flag(True, help="Whether each sum has a number of its own added.")
    kernel_initializer: str = choice("glorot_uniform", registry.initializer_names, help="How the weights of the inputs are drawn before training.")
    recurrent_initializer: str = choice("orthogonal", registry.initializer_names, help="How the weights of the remembered numbers are drawn; orthogonal keeps old steps neither fading nor growing.")
    bias_initializer: str = choice("zeros", registry.initializer_names, help="What the biases are before training.")
    return_sequences: bool = flag(False, help="Whether every step's output is passed on, or the last one's only.")
    go_backwards: bool = flag(False, help="Whether the sequence is read from its end; outputs come in the order of reading.")
    zero_output_for_mask: bool = flag(False, help="Whether skipped steps give zeros instead of repeating the output before.")
    dropout: float = real(0.0, 0.0, 0.99, help="Which share of the inputs is silent while training; the same ones in all steps.", live=True)
    recurrent_dropout: float = real(0.0, 0.0, 0.99, help="Which share of the remembered numbers is silent while training; the same ones in all steps.", live=True)
    seed: int = integer(0, 0, 2**31 - 1, help="The number the dropout's chance follows from; 0 takes the training's seed.")

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        """Whether training mode draws random numbers."""
        return self.dropout > 0 or self.recurrent_dropout > 0

    def summary(self) -> str:
        return f"{self.units} units" + (" · sequence" if self.return_sequences else "")

    def whole_numbers(self, port: int) -> int | None:
        return MOST_WORDS if port == 1 else None

    def output_shape(self, *shapes: Any) -> Shape:
        shape, padding = shapes
        check_sequence(shape)
        require_padding(shape, padding)
        return (shape[0], self.units) if self.return_sequences else (self.units,)

    def keras_call(self, made: str, inputs: Sequence[str | None]) -> Code:
        return masked_call(made, inputs)

    def extras(self, *shapes: Any) -> Mapping[str, Shape]:
        if not self.gate_names:
            return {}
        return {"gates": (self.units, shapes[0][0], self.gates)} if shapes else {"gates": (self.units, 1, self.gates)}

    def extra_names(self, extra: str) -> tuple[str, ...]:
        return self.gate_names

    def bias_shape(self) -> Shape:
        """Keras's shape of the bias."""
        return (self.gates * self.units,)

    def weights(self, *shapes: Any) -> tuple[Weight, ...]:
        columns = self.gates * self.units
        found = (
            Weight("kernel", (shapes[0][1], columns), self.kernel_initializer),
            Weight("recurrent_kernel", (self.units, columns), self.recurrent_initializer),
        )
        return (*found, Weight("bias", self.bias_shape(), self.bias_initializer)) if self.use_bias else found

    def step(
        self, x: np.ndarray, states: Sequence[np.ndarray], weights: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, ...]:
        """New states of one time step, the output first; plain float64 NumPy."""
        raise TypeError(f"{self.type_name()} has no computation of its own.")

    #: How many states `step` takes and gives.
    states: ClassVar[int] = 1

    def _order(self, steps: int) -> Iterator[int]:
        return iter(range(steps - 1, -1, -1) if self.go_backwards else range(steps))

    def reference(
        self, inputs: Sequence[Any], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        """What it computes without dropout."""
        x, padding = inputs
        states: tuple[np.ndarray, ...] = (np.zeros((len(x), self.units)),) * self.states
        outputs = []
        for t in self._order(x.shape[1]):
            new = self.step(x[:, t], states, weights)
            counts = np.ones(len(x), bool) if padding is None else padding[:, t] != 0
            states = tuple(np.where(counts[:, None], n, old) for n, old in zip(new, states, strict=True))
            shown = counts[:, None] if self.zero_output_for_mask else True
            outputs.append(np.where(shown, states[0], 0.0))
        return np.stack(outputs, 1) if self.return_sequences else states[0]
