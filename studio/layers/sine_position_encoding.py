"""Waves of many lengths tell the places in a sequence apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.fields import real
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.sequences import check_sequence
from studio.core.shapes import Shape
from studio.kernels.control import copy_rows
from studio.kernels.jit import kernel
from studio.kernels.numba_names import float32
from studio.kernels.sharing import inner, outer
from studio.kernels.simd import LANES, at, load, splat, store

#: Sines come as whole numbers of this unit, which is finer than float32 is near 1.
_UNIT = 2.0**-24


@kernel
def add_sines(arena: Any, record: Any, table: Any, state: Any) -> None:
    """y[n] = x[n] + sine[n], the same for all samples."""
    features, batch = record[2], record[3]
    x, y, sines = at(arena, record[4]), at(arena, record[5]), at(table, record[6])
    for n in outer(features):
        number = splat(float32(sines[n]) * float32(_UNIT))
        for b in inner(features, 0, batch, LANES):
            store(at(y, n * batch + b), load(at(x, n * batch + b)) + number)


@dataclass(frozen=True)
class SinePositionEncoding(Layer):
    """``y[t] = x[t] + P[t]``: sines and cosines of many wavelengths say where a step is."""

    family: ClassVar[str] = "Attention"
    icon: ClassVar[str] = "book"
    keywords: ClassVar[tuple[str, ...]] = ("position", "order", "place", "sequence", "transformer", "sinusoidal", "cosine", "wave")
    help: ClassVar[str] = (
        "Adds waves to the sequence: fast ones in the first channels, slow ones in the last. Like the hands of "
        "a clock, together they tell each step where it is. There is nothing to learn."
    )
    formula: ClassVar[str] = "yₜ,₂ᵢ = xₜ,₂ᵢ + sin(t / λ^(2i/C)),  yₜ,₂ᵢ₊₁ = xₜ,₂ᵢ₊₁ + cos(t / λ^(2i/C))"
    source: ClassVar[str] = (
        "A. Vaswani et al., Attention is all you need, 2017; KerasHub: SinePositionEncoding (there, adding is left to you)"
    )
    keras_source: ClassVar[str] = '''
class SinePositionEncoding(keras.layers.Layer):
    """Adds waves of many lengths to a sequence, which tell its steps apart."""

    def __init__(self, max_wavelength=10000.0, **options):
        super().__init__(**options)
        self.max_wavelength = max_wavelength

    def call(self, sequence):
        steps, channels = sequence.shape[1:]
        place = numpy.arange(channels)
        angles = numpy.arange(steps)[:, None] / self.max_wavelength ** (2 * (place // 2) / channels)
        waves = numpy.where(place % 2 == 0, numpy.sin(angles), numpy.cos(angles))
        return sequence + keras.ops.convert_to_tensor(waves.astype("float32"))
'''
    torch: ClassVar[str] = "buffer, added"
    onnx: ClassVar[str] = "Add"

    max_wavelength: float = real(
        10_000.0, 1.0, 1e9, help="Length of the slowest wave, in steps divided by 2π; longer than your sequences.", logarithmic=True
    )

    def output_shape(self, *shapes: Shape) -> Shape:
        check_sequence(shapes[0])
        return shapes[0]

    def waves(self, shape: Shape) -> np.ndarray:
        """What is added: float64, of the sequence's shape."""
        steps, channels = shape
        lengths = self.max_wavelength ** (2 * (np.arange(channels) // 2) / channels)
        angles = np.arange(steps)[:, None] / lengths
        return np.where(np.arange(channels) % 2 == 0, np.sin(angles), np.cos(angles))

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        x = lowering.contiguous(inputs[0])
        y = lowering.output(x.shape)
        sines = lowering.table(np.rint(self.waves(x.shape) / _UNIT).astype(np.int64))
        lowering.emit(add_sines, x.features, lowering.batch, x.base, y.base, sines)

        def backward(dy: Tensor) -> None:
            dx = lowering.gradient(x)
            if dx is not None:
                lowering.emit(copy_rows, 1, x.features * lowering.batch, dx.base, 0, dy.base, 0)

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        y = np.array(inputs[0])
        _, steps, channels = y.shape
        for t in range(steps):
            for c in range(channels):
                angle = t * (1 / self.max_wavelength) ** (2 * (c // 2) / channels)
                y[:, t, c] += np.cos(angle) if c % 2 else np.sin(angle)
        return y

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((5, 7),)),
            (cls(max_wavelength=100.0), ((9, 4),)),
            (cls(), ((1, 1),)),
        )
