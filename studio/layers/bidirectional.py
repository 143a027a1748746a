"""A sequence read from both ends at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core import registry
from studio.core.fields import choice, flag, integer, real
from studio.core.keras_code import Code, call
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.parts import weights_of_part
from studio.core.recurrent import MOST_WORDS, curve_names, masked_call
from studio.core.shapes import Shape
from studio.kernels.jit import kernel
from studio.kernels.sharing import inner, outer
from studio.kernels.simd import LANES, at, load, store


@kernel
def scale_steps(arena: Any, record: Any, table: Any, state: Any) -> None:
    """y[t] = factor * x[t], factor given in halves; each has its own distance of steps."""
    steps, length, halves = record[2], record[3], record[4]
    for t in outer(steps):
        y, x = at(arena, record[5] + t * record[6]), at(arena, record[7] + t * record[8])
        for i in inner(steps, 0, length, LANES):
            store(at(y, i), load(at(x, i)) * (0.5 * halves))


@kernel
def add_steps(arena: Any, record: Any, table: Any, state: Any) -> None:
    """y[t] = factor * (a[t] + b[t]), factor given in halves."""
    steps, length, halves = record[2], record[3], record[4]
    for t in outer(steps):
        y = at(arena, record[5] + t * record[6])
        a, b = at(arena, record[7] + t * record[8]), at(arena, record[9] + t * record[10])
        for i in inner(steps, 0, length, LANES):
            store(at(y, i), (load(at(a, i)) + load(at(b, i))) * (0.5 * halves))


@kernel
def multiply_steps(arena: Any, record: Any, table: Any, state: Any) -> None:
    """y[t] = a[t] * b[t]"""
    steps, length = record[2], record[3]
    for t in outer(steps):
        y = at(arena, record[4] + t * record[5])
        a, b = at(arena, record[6] + t * record[7]), at(arena, record[8] + t * record[9])
        for i in inner(steps, 0, length, LANES):
            store(at(y, i), load(at(a, i)) * load(at(b, i)))


@dataclass(frozen=True)
class Bidirectional(Layer):
    """Two recurrent layers, of which one reads from the end; their outputs are merged."""

    family: ClassVar[str] = "Recurrent"
    icon: ClassVar[str] = "recurrent"
    inputs: ClassVar[tuple[str, ...]] = ("input", "padding?")
    keywords: ClassVar[tuple[str, ...]] = ("recurrent", "bilstm", "bigru", "backwards", "sequence", "text", "rnn")
    help: ClassVar[str] = (
        "Reads the sequence with two recurrent layers, one from the start and one from the end, and puts their outputs "
        "together. At each step it so knows what came before and what comes after."
    )
    formula: ClassVar[str] = "y = merge(→h(x), ←h(x))"
    source: ClassVar[str] = "M. Schuster and K. Paliwal, Bidirectional recurrent neural networks, IEEE TSP 45 (1997); Keras: Bidirectional"
    keras: ClassVar[str] = "Bidirectional"
    torch: ClassVar[str] = "LSTM"
    onnx: ClassVar[str] = "LSTM"

    layer: str = choice("LSTM", ("LSTM", "GRU", "SimpleRNN"), help="Which recurrent layer reads in each direction.")
    units: int = integer(32, 1, 4096, help="How many numbers each direction remembers from step to step.")
    merge_mode: str = choice("concat", ("concat", "sum", "mul", "ave"), help="How the two directions become one: side by side, added, multiplied or averaged.")
    return_sequences: bool = flag(False, help="Whether every step's output is passed on, or each direction's last one only.")
    activation: str = choice("tanh", curve_names, help="The curve that what is remembered goes through.")
    recurrent_activation: str = choice("sigmoid", curve_names, help="The curve of the gates, where the layer has some.")
    use_bias: bool = flag(True, help="Whether each sum has a number of its own added.")
    kernel_initializer: str = choice("glorot_uniform", registry.initializer_names, help="How the weights of the inputs are drawn before training.")
    recurrent_initializer: str = choice("orthogonal", registry.initializer_names, help="How the weights of the remembered numbers are drawn before training.")
    bias_initializer: str = choice("zeros", registry.initializer_names, help="What the biases are before training.")
    dropout: float = real(0.0, 0.0, 0.99, help="Which share of the inputs is silent while training; the same ones in all steps.", live=True)
    recurrent_dropout: float = real(0.0, 0.0, 0.99, help="Which share of the remembered numbers is silent while training; the same ones in all steps.", live=True)
    seed: int = integer(0, 0, 2**31 - 1, help="The number the dropout's chance follows from; 0 takes the training's seed.")

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        """Whether training mode draws random numbers."""
        return self.dropout > 0 or self.recurrent_dropout > 0

    def summary(self) -> str:
        return f"2 × {self.layer} · {self.units} units"

    def idle(self) -> frozenset[str]:
        return frozenset() if "recurrent_activation" in registry.layer(self.layer).parameters() else frozenset(("recurrent_activation",))

    def parts(self, *shapes: Shape) -> Mapping[str, Layer]:
        kind = registry.layer(self.layer)
        shared = {name: getattr(self, name) for name in kind.parameters() if name in self.parameters()}
        # As in Keras, skipped steps of a sequence give zeros, since the directions skip at different ends.
        shared["zero_output_for_mask"] = self.return_sequences
        return {"forward_layer": kind(**shared), "backward_layer": kind(**shared, **{"go_backwards": True})}

    def keras_code(self, *shapes: Any) -> Code:
        reads = self.parts()["forward_layer"].keras_code(*shapes)
        return call("keras.layers.Bidirectional", reads, merge_mode=self.merge_mode)

    def keras_call(self, made: str, inputs: Sequence[str | None]) -> Code:
        return masked_call(made, inputs)

    def whole_numbers(self, port: int) -> int | None:
        return MOST_WORDS if port == 1 else None

    def output_shape(self, *shapes: Any) -> Shape:
        shape = self.parts()["forward_layer"].output_shape(*shapes)
        return (*shape[:-1], 2 * self.units) if self.merge_mode == "concat" else shape

    def weights(self, *shapes: Any) -> tuple[Weight, ...]:
        return tuple(w for name, part in self.parts().items() for w in weights_of_part(name, part, *shapes))

    def extras(self, *shapes: Any) -> Mapping[str, Shape]:
        found = ((name, part.extras(*shapes)) for name, part in self.parts().items())
        return {f"{name}/{extra}": shape for name, extras in found for extra, shape in extras.items()}

    def extra_names(self, extra: str) -> tuple[str, ...]:
        name, _, own = extra.partition("/")
        return self.parts()[name].extra_names(own)

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        ahead = lowering.part("forward_layer", *inputs, halo=0)
        back = lowering.part("backward_layer", *inputs, halo=0)
        y = lowering.output(self.output_shape(*lowering.shapes))
        length = self.units * lowering.batch
        steps = y.shape[0] if self.return_sequences else 1
        sizes = (steps, length)
        halves = 1 if self.merge_mode == "ave" else 2
        # What was read last comes last, but is the first step's.
        last = (steps - 1) * length
        pair = (ahead.base, length, back.base + last, -length)

        def step(sequence: Tensor) -> int:
            return int(np.diff(sequence.offsets()[:2, 0])[0]) if steps > 1 else 0

        if self.merge_mode == "concat":
            lowering.emit(scale_steps, *sizes, 2, y.base, step(y), *pair[:2])
            lowering.emit(scale_steps, *sizes, 2, y.base + length, step(y), *pair[2:])
        elif self.merge_mode == "mul":
            lowering.emit(multiply_steps, *sizes, y.base, step(y), *pair)
        else:
            lowering.emit(add_steps, *sizes, halves, y.base, step(y), *pair)

        def backward(dy: Tensor) -> None:
            given = (dy.base, step(dy))
            for i, tensor in enumerate((ahead, back)):
                place = lowering.gradient(tensor)
                if place is None:
                    continue
                target = (place.base, length) if i == 0 else (place.base + last, -length)
                if self.merge_mode == "mul":
                    other = pair[2:] if i == 0 else pair[:2]
                    lowering.emit(multiply_steps, *sizes, *target, *given, *other)
                    continue
                source = (dy.base + i * length, step(dy)) if self.merge_mode == "concat" else given
                lowering.emit(scale_steps, *sizes, halves, *target, *source)

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        outputs = []
        for name, part in self.parts().items():
            own = {n.removeprefix(f"{name}/"): w for n, w in weights.items() if n.startswith(f"{name}/")}
            outputs.append(part.reference(inputs, own, training))
        ahead, back = outputs
        if self.return_sequences:
            back = back[:, ::-1]
        if self.merge_mode == "concat":
            return np.concatenate([ahead, back], -1)
        if self.merge_mode == "mul":
            return np.asarray(ahead * back)
        return np.asarray((ahead + back) * (0.5 if self.merge_mode == "ave" else 1.0))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(units=3), ((4, 2), None)),
            (cls(units=5, return_sequences=True, layer="GRU"), ((3, 2), None)),
            (cls(units=3, return_sequences=True, merge_mode="sum", layer="SimpleRNN"), ((4, 2), (4,))),
            (cls(units=2, return_sequences=True, merge_mode="mul", layer="SimpleRNN"), ((3, 2), None)),
            (cls(units=2, merge_mode="ave", use_bias=False, activation="relu", recurrent_activation="hard_sigmoid"), ((3, 2), None)),
            (cls(units=3, layer="SimpleRNN", dropout=0.25, recurrent_dropout=0.5), ((3, 5), None)),
        )  # type: ignore[return-value]
