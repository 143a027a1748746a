"""Attention, then two dense layers, each with a wire around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import Layer
from studio.core.shapes import Shape
from studio.core.transformer import TransformerBlock


@dataclass(frozen=True)
class TransformerEncoder(TransformerBlock):
    """One block of a Transformer that reads: self-attention and a small network for each step."""

    inputs: ClassVar[tuple[str, ...]] = ("input", "padding?")
    attentions: ClassVar[Mapping[str, str]] = {"attention": "none"}
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("transformer", "bert", "encoder", "block", "self-attention")
    help: ClassVar[str] = (
        "Each step looks at all others (attention), then goes through two dense layers. Both have a wire around them, "
        "so that many blocks can follow each other. Open it to see its parts."
    )
    formula: ClassVar[str] = "a = norm(x + attention(x)),  y = norm(a + W₂ activation(W₁ a))"
    source: ClassVar[str] = "A. Vaswani et al., Attention is all you need, 2017; KerasHub: TransformerEncoder"

    def whole_numbers(self, port: int) -> int | None:
        return 1_000_000 if port == 1 else None

    def wiring(self, *shapes: Shape) -> Mapping[str, tuple[str, ...]]:
        attention = self.half("input", "attention", {"attention": ("", "padding")})
        return attention | self.dense_half(list(attention)[-1])

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Any, ...]], ...]:
        return (
            (cls(intermediate_dim=7, num_heads=2), ((5, 6), None)),
            (cls(intermediate_dim=5, num_heads=1, activation="gelu", normalize_first=True), ((3, 4), (3,))),
            (cls(intermediate_dim=4, num_heads=1, dropout=0.4), ((2, 3), None)),
        )
