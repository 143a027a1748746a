"""The loss that asks for a direction, whatever the length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.layer import Layer, Loss
from studio.core.loss import wired
from studio.core.lowering import Lowering, Scoring, Tensor
from studio.core.shapes import Shape
from studio.kernels.jit import kernel
from studio.kernels.loss_sums import add_part, in_parts, terms_of
from studio.kernels.losses import gradient_scale
from studio.kernels.maths import maximum, sqrt, where
from studio.kernels.numba_names import float32
from studio.kernels.sharing import inner, outer
from studio.kernels.simd import LANES, at, load, splat, store

#: Square of the length that shorter vectors are divided by (Keras's epsilon).
_SHORTEST = 1e-14


@in_parts(every_sample=True)
@kernel
def cosine_similarities(arena: Any, record: Any, table: Any, state: Any) -> None:
    """loss = -y t / (|y| |t|)"""
    terms, count, batch = record[2], record[3], record[4]
    y_places, t_places, w_places = at(table, record[6]), at(table, record[8]), at(table, record[10])
    runs, starts, pieces, columns, room = record[16], at(table, record[17]), record[18], record[19], at(arena, record[20])
    for run in outer(runs):
        for piece in inner(runs, 0, pieces, 1):
            total = splat(0.0)
            for term in terms_of(run, runs, starts, terms):
                y_start, t_start = at(arena, record[5] + y_places[term]), at(arena, record[7] + t_places[term])
                w_start = at(arena, record[9] + w_places[term])
                for b in range(piece * columns, (piece + 1) * columns, LANES):
                    yt, yy, tt = splat(0.0), splat(0.0), splat(0.0)
                    for n in range(count):
                        y, t = load(at(y_start, n * batch + b)), load(at(t_start, n * batch + b))
                        yt, yy, tt = yt + y * t, yy + y * y, tt + t * t
                    lengths = sqrt(maximum(yy, _SHORTEST)) * sqrt(maximum(tt, _SHORTEST))
                    # Padding may hold anything, but 0 * finite is 0.
                    total = total - load(at(w_start, b)) * yt / lengths
            add_part(state, room, run * pieces + piece, runs * pieces, record[14], float32(record[15]), total, splat(0.0))


@kernel
def cosine_similarities_gradient(arena: Any, record: Any, table: Any, state: Any) -> None:
    """dy = (y (y t) / |y|² - t) / (|y| |t|) weight / terms"""
    terms, count, batch = record[2], record[3], record[4]
    y_places, t_places, w_places = at(table, record[6]), at(table, record[8]), at(table, record[10])
    dy_places = at(table, record[12])
    scale = gradient_scale(arena, record, state)
    for term in outer(terms):
        y_start, t_start = at(arena, record[5] + y_places[term]), at(arena, record[7] + t_places[term])
        w_start, dy_start = at(arena, record[9] + w_places[term]), at(arena, record[11] + dy_places[term])
        for b in inner(terms, 0, batch, LANES):
            yt, yy, tt = splat(0.0), splat(0.0), splat(0.0)
            for n in range(count):
                y, t = load(at(y_start, n * batch + b)), load(at(t_start, n * batch + b))
                yt, yy, tt = yt + y * t, yy + y * y, tt + t * t
            lengths = sqrt(maximum(yy, _SHORTEST)) * sqrt(maximum(tt, _SHORTEST))
            factor = load(at(w_start, b)) * scale / lengths
            # A vector too short to have a direction is divided by a constant.
            along = where(yy > _SHORTEST, yt / maximum(yy, _SHORTEST), 0.0)
            for n in range(count):
                y, t = load(at(y_start, n * batch + b)), load(at(t_start, n * batch + b))
                store(at(dy_start, n * batch + b), (y * along - t) * factor)


@dataclass(frozen=True)
class CosineSimilarity(Loss):
    """``-cos`` of the angle between prediction and target along the last axis, averaged."""

    targets: ClassVar[tuple[str, ...]] = ("values", "one_hot")
    keywords: ClassVar[tuple[str, ...]] = ("direction", "angle", "embedding", "similarity", "proximity")
    help: ClassVar[str] = (
        "For vectors whose direction matters and whose length does not, such as embeddings. "
        "-1 when both point the same way, 0 at a right angle, 1 when they are opposed."
    )
    formula: ClassVar[str] = "loss = −y·t / (|y| |t|)"
    source: ClassVar[str] = "G. Salton, Automatic information organization and retrieval (1968); Keras: CosineSimilarity"
    keras: ClassVar[str] = "CosineSimilarity"
    torch: ClassVar[str] = "CosineEmbeddingLoss"

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        y, target, weights = wired(inputs)
        y, target = lowering.need(y), lowering.need(target)
        kernels = (cosine_similarities, cosine_similarities_gradient)
        return lowering.score(Scoring(*kernels, y, target, weights, span=y.shape[-1]))

    def term_values(self, prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
        target = target.reshape(prediction.shape)
        lengths = np.linalg.norm(prediction, axis=-1) * np.linalg.norm(target, axis=-1)
        return np.asarray(-(prediction * target).sum(-1) / lengths)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(), ((7,), (7,))),
            (cls(weight=0.5), ((5,), (5,), ())),
            (cls(), ((3, 2, 5), (3, 2, 5), (3, 2))),
        )
