"""Looks back, looks at what was read, then two dense layers, each with a wire around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import Layer
from studio.core.shapes import Shape
from studio.core.transformer import TransformerBlock


@dataclass(frozen=True)
class TransformerDecoder(TransformerBlock):
    """One block of a Transformer that writes: it never looks at later steps."""

    inputs: ClassVar[tuple[str, ...]] = ("input", "encoder?", "padding?")
    attentions: ClassVar[Mapping[str, str]] = {"attention": "causal", "cross_attention": "none"}
    keywords: ClassVar[tuple[str, ...]] = ("transformer", "gpt", "decoder", "causal", "block", "translation")
    help: ClassVar[str] = (
        "For writing step by step: each step looks only at itself and at earlier ones, then, if an encoder is wired, "
        "at all that was read, then goes through two dense layers. Open it to see its parts."
    )
    formula: ClassVar[str] = "a = norm(x + causal(x)),  c = norm(a + attention(a, encoder)),  y = norm(c + W₂ activation(W₁ c))"
    source: ClassVar[str] = "A. Vaswani et al., Attention is all you need, 2017; KerasHub: TransformerDecoder"

    def whole_numbers(self, port: int) -> int | None:
        return 1_000_000 if port == 2 else None

    def wiring(self, *shapes: Shape) -> Mapping[str, tuple[str, ...]]:
        wires = self.half("input", "attention", {"attention": ()})
        if len(shapes) > 1 and shapes[1] is not None:
            wires |= self.half(list(wires)[-1], "cross_attention", {"cross_attention": ("encoder", "padding")})
        return wires | self.dense_half(list(wires)[-1])

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Any, ...]], ...]:
        return (
            (cls(intermediate_dim=7, num_heads=2), ((5, 6), None, None)),
            (cls(intermediate_dim=5, num_heads=2, activation="gelu"), ((3, 4), (5, 6), (5,))),
            (cls(intermediate_dim=5, num_heads=1, normalize_first=True), ((4, 3), (2, 3), None)),
            (cls(intermediate_dim=4, num_heads=1, dropout=0.4), ((2, 3), None, None)),
        )
