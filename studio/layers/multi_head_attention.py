"""Each step of a sequence looks at all others and takes what it needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core import registry
from studio.core.fields import choice, flag, integer, real, text
from studio.core.keras_code import Code, call
from studio.core.layer import Layer, Weight
from studio.core.lowering import Lowering, Ref, Tensor
from studio.core.problems import Remedy, ShapeProblem
from studio.core.sequences import check_sequence
from studio.core.shapes import Shape, describe
from studio.kernels.attention import (
    ROWS,
    attend,
    attend_backward,
    gap,
    in_place,
    row_floats,
    rows_at_once,
    show_probabilities,
)
from studio.kernels.attention_blocks import Attention, Dropout, Rows
from studio.kernels.projections import pieces_of, project


@dataclass(frozen=True)
class MultiHeadAttention(Layer):
    """``y = concatenate(softmax(Q Kᵀ / √d) V) W``, with several heads side by side."""

    family: ClassVar[str] = "Attention"
    inputs: ClassVar[tuple[str, ...]] = ("query", "value?", "padding?")
    icon: ClassVar[str] = "attention"
    common: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("attention", "transformer", "self-attention", "cross-attention", "heads", "causal", "mask", "xlnet")
    help: ClassVar[str] = (
        "Each step asks a question (query), compares it with what all steps offer (keys) and takes from those "
        "that fit (values). Each head learns to ask for something else. "
        "Wire another sequence to value to look there instead, and the word numbers to padding to leave out words of number 0."
    )
    formula: ClassVar[str] = "y = [softmax(Qₕ Kₕᵀ / √d) Vₕ]ₕ W + b,  Q = x Wq + bq, K = v Wk + bk, V = v Wv + bv"
    source: ClassVar[str] = "A. Vaswani et al., Attention is all you need, 2017; Keras: MultiHeadAttention"
    keras: ClassVar[str] = "MultiHeadAttention"
    torch: ClassVar[str] = "MultiheadAttention"
    onnx: ClassVar[str] = "Attention"

    num_heads: int = integer(4, 1, 256, help="How many questions each step asks at once.")
    key_dim: int = integer(16, 1, 4096, help="How many numbers a question, and what it is compared with, has.")
    value_dim: int = integer(0, 0, 4096, help="How many numbers a head takes from a step; 0 takes as many as key_dim.")
    dropout: float = real(0.0, 0.0, 0.99, help="Which share of the looks is left out at random while training.", live=True)
    use_bias: bool = flag(True, help="Whether queries, keys, values and output add numbers of their own.")
    mask: str = choice(
        "none",
        ("none", "causal", "permutation"),
        help="none: each step sees all. causal: only itself and earlier ones. permutation: only itself and those before it in order.",
    )
    order: str = text("", help="For the mask permutation: all positions, from 0, in the order in which they are read, such as 2 0 1.")
    kernel_initializer: str = choice("glorot_uniform", registry.initializer_names, help="How the weights are drawn before training.")
    bias_initializer: str = choice("zeros", registry.initializer_names, help="What the biases are before training.")

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        """Whether training mode draws random numbers."""
        return self.dropout > 0

    @property
    def width(self) -> int:
        """Numbers a head takes from a step."""
        return self.value_dim or self.key_dim

    def summary(self) -> str:
        heads = f"{self.num_heads} head{'s' if self.num_heads > 1 else ''}"
        return heads if self.mask == "none" else f"{heads} · {self.mask}"

    def keras_arguments(self, *shapes: Shape) -> Mapping[str, Any]:
        return {n: v for n, v in super().keras_arguments(*shapes).items() if n not in ("mask", "order")}

    def keras_call(self, made: str, inputs: Sequence[str | None]) -> Code:
        query, value, padding = (Code(n) if n is not None else None for n in _ports(inputs))
        more: dict[str, Any] = {"use_causal_mask": True} if self.mask == "causal" else {}
        masks = []
        if self.mask == "permutation":
            order = self.positions(len(self.order.split()))
            rank = [order.index(i) for i in range(len(order))]
            masks.append(Code(f"numpy.greater_equal.outer({rank}, {rank})[None]"))
        if padding is not None:
            masks.append(Code(f"keras.ops.not_equal({padding}, 0)[:, None, :]"))
        if masks:
            more["attention_mask"] = masks[0] if len(masks) == 1 else call("keras.ops.logical_and", *masks)
        # Only the way that also returns the scores takes care of steps that may look at nothing,
        # and of values of another size than keys.
        scores = padding is not None or self.width != self.key_dim
        applied = call(made, query, value or query, **more, **({"return_attention_scores": True} if scores else {}))
        return Code(f"{applied}[0]") if scores else applied

    def whole_numbers(self, port: int) -> int | None:
        return 1_000_000 if port == 2 else None

    def output_shape(self, *shapes: Shape) -> Shape:
        query: Shape
        query, value, padding = _ports(shapes)
        check_sequence(query, 0, "query" if value is not None else "")
        looked_at = query if value is None else value
        check_sequence(looked_at, 1, "value")
        if padding is not None and padding != looked_at[:1]:
            raise ShapeProblem(
                f"gets {describe(padding)} as padding, needs {looked_at[0]} word numbers: "
                "wire what goes into Embedding to it."
            )
        if self.mask == "permutation":
            self._check_order(query[0], looked_at[0])
        return query

    def _check_order(self, queries: int, keys: int) -> None:
        if queries != keys:
            raise ShapeProblem(
                f"looks from {queries} at {keys} steps, needs as many of both for the mask permutation: use another mask.",
                Remedy("set", "Use no mask", values=(("mask", "none"),)),
            )
        if sorted(self.positions(queries)) != list(range(queries)):
            mixed = " ".join(str(i) for i in [*range(1, queries, 2), *range(0, queries, 2)])
            raise ShapeProblem(
                f"needs each position from 0 to {queries - 1} once in its order, such as {mixed[:60]}.",
                Remedy("set", "Use the odd ones first", values=(("order", mixed),)),
            )

    def positions(self, steps: int) -> list[int]:
        """The positions in the order in which they are read."""
        if self.mask != "permutation":
            return list(range(steps))
        found = re.findall(r"[^\s,;]+", self.order)
        return [int(word) if word.isascii() and word.isdigit() and len(word) < 10 else -1 for word in found]

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        query, value, _ = _ports(shapes)
        looked_at = query if value is None else value
        declared: list[Weight] = []
        for name, inputs, size in (
            ("query", query[1], self.key_dim),
            ("key", looked_at[1], self.key_dim),
            ("value", looked_at[1], self.width),
        ):
            declared.append(Weight(f"{name}/kernel", (inputs, self.num_heads, size), self.kernel_initializer))
            if self.use_bias:
                declared.append(Weight(f"{name}/bias", (self.num_heads, size), self.bias_initializer))
        declared.append(Weight("attention_output/kernel", (self.num_heads, self.width, query[1]), self.kernel_initializer))
        if self.use_bias:
            declared.append(Weight("attention_output/bias", (query[1],), self.bias_initializer))
        return tuple(declared)

    def extras(self, *shapes: Shape) -> Mapping[str, Shape]:
        query, value, _ = _ports(shapes)
        return {"attention": (query[0], (query if value is None else value)[0], self.num_heads)}

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        query, value, padding = _ports(inputs)
        looked_at = query if value is None else value
        heads, depth, width, batch = self.num_heads, self.key_dim, self.width, lowering.batch
        queries, keys = query.shape[0], looked_at.shape[0]
        # What comes from the same sequence is made together: it is read once, and has one gradient.
        if looked_at is query:
            made = project_sequence(self, lowering, query, ("query", "key", "value"))
            sources = (made, made, made)
        else:
            asked = project_sequence(self, lowering, query, ("query",))
            offered = project_sequence(self, lowering, looked_at, ("key", "value"))
            sources = (asked, offered, offered)
        starts = (0, 0 if sources[0] is not sources[1] else heads * depth, heads * depth * (1 if sources[0] is not sources[1] else 2))
        gathered = spread(lowering, queries, heads * width)
        order = np.array(self.positions(queries))
        orders = (order, order if self.mask == "permutation" else np.arange(keys))

        def places(tensor: Tensor, rows: np.ndarray) -> Ref:
            return lowering.table(tensor.pixel_offsets()[rows])

        tables = [places(t, o) for t, o in zip(sources, (orders[0], orders[1], orders[1]), strict=True)]

        def three(tensors: Sequence[Tensor]) -> list[Rows]:
            """Where queries, keys and values (or their gradients) are."""
            firsts = [t.base + start * batch for t, start in zip(tensors, starts, strict=True)]
            return [Rows(*each) for each in zip(firsts, tables, (depth * batch, depth * batch, width * batch), strict=True)]

        q, k, v = three(sources)
        y = Rows(gathered.base, places(gathered, orders[0]), width * batch)
        shown = lowering.expose("attention")
        dropping = lowering.training and self.dropout > 0
        dropout = Dropout(lowering.number("dropout"), lowering.node_key()) if dropping else None
        tokens = lowering.contiguous(padding) if padding is not None else None
        seen = (tokens.base, lowering.table(orders[1] * batch)) if tokens is not None else None
        lead_back: Callable[[Rows, Rows, Rows, Rows], None]
        if lowering.on_card:
            attention = Attention(lowering, heads, queries, keys, depth, width, self.mask != "none", q, k, v, y, dropout)
            attention.forward(seen)
            probabilities, lead_back = attention.probabilities, attention.backward
        else:
            layout = (int(in_place(self.positions(queries), batch)), *(t.shape[-1] * batch for t in (*sources, gathered)))
            probabilities, lead_back = self._attend(lowering, (heads, queries, keys, depth, width), (q, k, v, y), seen, dropout, shown is not None, layout)
        if shown is not None:
            looked = (heads, queries, keys, batch, int(self.mask != "none"), probabilities, shown.base)
            lowering.emit(show_probabilities, *looked, lowering.table(orders[0]), lowering.table(orders[1]))

        def backward(dy: Tensor) -> None:
            gradients: dict[int, Any] = {}
            for tensor in sources:
                if id(tensor) not in gradients:
                    gradients[id(tensor)] = lowering.gradient(tensor)
            found = [gradients[id(tensor)] for tensor in sources]
            if not any(g is None for g in found):
                lead_back(Rows(dy.base, places(dy, orders[0]), width * batch), *three(found))

        lowering.backward(gathered, backward)
        return self.put_out(lowering, gathered, query.shape)

    def _attend(
        self,
        lowering: Lowering,
        sizes: tuple[int, ...],
        rows: Sequence[Rows],
        seen: tuple[Ref, Ref] | None,
        dropout: Dropout | None,
        shown: bool,
        layout: tuple[int, ...],
    ) -> tuple[Ref, Callable[[Rows, Rows, Rows, Rows], None]]:
        """Emit the processor's kernel; where the probabilities are, and what emits the way back."""
        _, queries, keys, depth, width = sizes
        batch, lanes = lowering.batch, lowering.lanes
        limited, dropping = int(self.mask != "none"), dropout is not None
        kept = lowering.training or shown
        row, deep, wide = row_floats(keys), row_floats(depth), row_floats(width)
        every = sizes[0] * (batch // lanes) * queries * row
        dropped = lowering.scratch(every) if dropping else lowering.zeros(1)
        rate, key = (dropout.rate, dropout.key) if dropout is not None else (lowering.zeros(1), lowering.node_key())
        most = rows_at_once(queries, keys) if lowering.training else ROWS
        packed = 0 if layout[0] else 1
        rooms = {
            "q": packed * most * deep, "k": packed * keys * deep, "v": packed * keys * wide, "y": packed * most * wide,
            "allowed": keys * lanes, "draws": (keys + 3) * lanes, "scores": 0 if kept else ROWS * row,
        }  # fmt: skip
        if lowering.training:
            rooms |= {"dq": packed * ROWS * deep, "dk": packed * keys * deep, "dv": packed * keys * wide, "ds": most * row, "totals": ROWS * lanes}
        room = _places(lowering, rooms)
        probabilities = lowering.scratch(every) if kept else room["scores"]
        asked = [a for each in rows for a in each.arguments]
        lowering.emit(
            attend,
            *(*sizes, batch, *asked, limited, int(kept), probabilities),
            *((1, *seen) if seen is not None else (0, lowering.zeros(1), lowering.table([0]))),
            *(int(dropping), dropped, key, rate),
            *(room[name] for name in ("q", "k", "v", "y", "allowed", "draws")),
            *layout,
        )

        def lead_back(dy: Rows, *gradients: Rows) -> None:
            lowering.emit(
                attend_backward,
                *(*sizes, batch, *asked[:9], *dy.arguments, limited, probabilities),
                *(int(dropping), dropped, rate),
                *(gradient.base for gradient in gradients),
                *(room[name] for name in ("q", "k", "v", "y", "dq", "dk", "dv", "ds")),
                *(most, rows[3].base, room["totals"]),
                *layout,
            )

        return probabilities, lead_back

    def put_out(self, lowering: Lowering, gathered: Tensor, shape: Shape) -> Tensor:
        """The output from what all heads took from the steps they looked at."""
        y = lowering.output(shape)
        kernel = lowering.weight("attention_output/kernel")
        bias = lowering.weight("attention_output/bias") if self.use_bias else None
        inputs = self.num_heads * self.width
        project(lowering, gathered, pieces_of(kernel, bias, inputs), y, inputs)
        return y

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        x, value, padding = _ports(inputs)
        other = x if value is None else value

        def projected(array: np.ndarray, name: str) -> np.ndarray:
            made: np.ndarray = np.einsum("btc,chd->bhtd", array, weights[f"{name}/kernel"])
            return made + weights[f"{name}/bias"][None, :, None, :] if self.use_bias else made

        q, k, v = projected(x, "query"), projected(other, "key"), projected(other, "value")
        scores = np.einsum("bhid,bhjd->bhij", q, k) / np.sqrt(self.key_dim)
        seen = np.ones(scores.shape, bool)
        if self.mask == "causal":
            seen &= np.tri(*scores.shape[2:]) > 0
        if self.mask == "permutation":
            positions = self.positions(x.shape[1])
            rank = np.array([positions.index(i) for i in range(x.shape[1])])
            seen &= rank[None, :] <= rank[:, None]
        if padding is not None:
            seen &= (padding != 0)[:, None, None, :]
        e = np.where(seen, np.exp(scores - scores.max(-1, keepdims=True)), 0.0)
        total = e.sum(-1, keepdims=True)
        probabilities = np.divide(e, total, out=np.zeros_like(e), where=total > 0)
        y = np.einsum("bhij,bhjd,hdc->bic", probabilities, v, weights["attention_output/kernel"])
        return np.asarray(y + weights["attention_output/bias"] if self.use_bias else y)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(num_heads=2, key_dim=3), ((5, 7), None, None)),
            (cls(num_heads=1, key_dim=8, mask="causal"), ((9, 4), None, None)),
            (cls(num_heads=3, key_dim=2, value_dim=5, use_bias=False), ((4, 6), (7, 5), None)),
            (cls(num_heads=2, key_dim=4, mask="causal"), ((3, 5), (6, 3), (6,))),
            (cls(num_heads=2, key_dim=5, mask="permutation", order="3, 0, 4, 1, 2"), ((5, 3), None, (5,))),
            (cls(num_heads=1, key_dim=1), ((1, 2), None, None)),
            (cls(num_heads=2, key_dim=3, dropout=0.4, mask="causal"), ((5, 4), None, (5,))),
        )  # type: ignore[return-value]


def _ports(given: Sequence[Any]) -> tuple[Any, Any, Any]:
    """What is at the ports query, value and padding; None where nothing is."""
    query, value, padding = (*given, None, None)[:3]
    return query, value, padding


def project_sequence(layer: MultiHeadAttention, lowering: Lowering, x: Tensor, names: Sequence[str]) -> Tensor:
    """Queries, keys and values of a sequence, side by side: all heads of the first, then of the next."""
    pieces = []
    for name in names:
        kernel = lowering.weight(f"{name}/kernel")
        bias = lowering.weight(f"{name}/bias") if layer.use_bias else None
        pieces += pieces_of(kernel, bias, x.shape[1])
    made = spread(lowering, x.shape[0], sum(piece.outputs for piece in pieces))
    project(lowering, x, pieces, made)
    return made


def _places(lowering: Lowering, sizes: Mapping[str, int]) -> dict[str, Ref]:
    """Places of so many floats each."""
    starts, total = {}, 0
    for name, floats in sizes.items():
        starts[name] = total
        total += -(-floats // lowering.lanes) * lowering.lanes
    first = lowering.scratch(total)
    return {name: first + start for name, start in starts.items()}


def spread(lowering: Lowering, steps: int, features: int) -> Tensor:
    """A sequence of so many features, and maybe some that stay free."""
    return lowering.tensor((steps, features + gap(features, lowering.batch)))
