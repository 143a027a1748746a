"""What the blocks of a Transformer have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from studio.core import registry
from studio.core.composite import Composite
from studio.core.fields import choice, flag, integer, real
from studio.core.layer import Layer
from studio.core.sequences import check_sequence
from studio.core.shapes import Shape


@dataclass(frozen=True)
class TransformerBlock(Composite):
    """Halves with a wire around each: attention, and two dense layers for each step."""

    family: ClassVar[str] = "Attention"
    icon: ClassVar[str] = "attention"
    #: What the halves that look at steps are called, and which mask each has.
    attentions: ClassVar[Mapping[str, str]] = {}

    intermediate_dim: int = integer(64, 1, 65_536, help="How many neurons the first of the two dense layers has.")
    num_heads: int = integer(4, 1, 256, help="How many questions each step asks at once.")
    dropout: float = real(0.0, 0.0, 0.99, help="Which share of the numbers is left out at random while training.", live=True)
    activation: str = choice("relu", registry.activation_names, help="The curve between the two dense layers.")
    normalize_first: bool = flag(
        False, help="Whether numbers are normalised before each half rather than after it; steadier when there are many blocks."
    )

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        """Whether training mode draws random numbers."""
        return self.dropout > 0

    def summary(self) -> str:
        return f"{self.num_heads} head{'s' if self.num_heads > 1 else ''} · {self.intermediate_dim}"

    def parts(self, *shapes: Shape) -> Mapping[str, Layer]:
        width = shapes[0][-1] if shapes and len(shapes[0]) == 2 else self.num_heads
        make = registry.layer

        def half(name: str, layers: Mapping[str, Layer]) -> dict[str, Layer]:
            return {
                f"{name}_normalization": make("LayerNormalization")(epsilon=1e-5),  # type: ignore[call-arg]
                **layers,
                f"{name}_dropout": make("Dropout")(rate=self.dropout),  # type: ignore[call-arg]
                f"{name}_add": make("Add")(),
            }

        found: dict[str, Layer] = {}
        for name, mask in self.attentions.items():
            attention = make("MultiHeadAttention")(  # type: ignore[call-arg]
                num_heads=self.num_heads, key_dim=max(1, width // self.num_heads), mask=mask
            )
            found |= half(name, {name: attention})
        dense = {
            "dense_1": make("Dense")(units=self.intermediate_dim, activation=self.activation),  # type: ignore[call-arg]
            "dense_2": make("Dense")(units=width),  # type: ignore[call-arg]
        }
        return found | half("dense", dense)

    def half(self, start: str, name: str, layers: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """The wires of one half; its last part is what goes on.

        Parameters
        ----------
        start : str
            What the half gets.
        name : str
            Of the half.
        layers : mapping of str to tuple of str
            Its layers one after the other, and what each gets besides.
        """
        wires: dict[str, tuple[str, ...]] = {}
        before = start
        if self.normalize_first:
            wires[f"{name}_normalization"] = (start,)
            before = f"{name}_normalization"
        for layer, more in layers.items():
            wires[layer] = (before, *more)
            before = layer
        if self.dropout > 0:
            wires[f"{name}_dropout"] = (before,)
            before = f"{name}_dropout"
        wires[f"{name}_add"] = (start, before)
        if not self.normalize_first:
            wires[f"{name}_normalization"] = (f"{name}_add",)
        return wires

    def dense_half(self, start: str) -> dict[str, tuple[str, ...]]:
        """The wires of the half with the two dense layers."""
        return self.half(start, "dense", {"dense_1": (), "dense_2": ()})

    def output_shape(self, *shapes: Shape) -> Shape:
        check_sequence(shapes[0], 0, self.inputs[0])
        return super().output_shape(*shapes)
