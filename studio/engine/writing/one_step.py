"""A network that goes on with a text, made to compute one step at a time.

What each step does by itself stays as it is; layers that look at earlier steps are replaced by
twins that remember them. So a step costs as little as it can, however long the window is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.composite import Composite, opened
from studio.core.graph import Edge, Graph
from studio.core.inference import Inference
from studio.core.language import Language
from studio.core.layer import ElementWise, Layer, Weight
from studio.core.lowering import Lowering, Tensor
from studio.core.merging import Merging
from studio.core.shapes import Shape
from studio.engine.writing.kernels import add_number, add_row, keep_step
from studio.kernels.attention import ROWS, attend, row_floats
from studio.layers.alpha_dropout import AlphaDropout
from studio.layers.concatenate import Concatenate
from studio.layers.dense import Dense
from studio.layers.dropout import Dropout
from studio.layers.embedding import Embedding
from studio.layers.gaussian_dropout import GaussianDropout
from studio.layers.gaussian_noise import GaussianNoise
from studio.layers.layer_normalization import LayerNormalization
from studio.layers.multi_head_attention import MultiHeadAttention, project_sequence
from studio.layers.position_embedding import PositionEmbedding
from studio.layers.rms_normalization import RMSNormalization
from studio.layers.sine_position_encoding import SinePositionEncoding
from studio.layers.softmax import Softmax
from studio.layers.spatial_dropout1d import SpatialDropout1D

#: Layers that look at no other step. In a sequence of one step they do what they do in a long one.
_BY_ITSELF: tuple[type[Layer], ...] = (
    Embedding, Dense, ElementWise, Merging, LayerNormalization, RMSNormalization,
    Dropout, AlphaDropout, SpatialDropout1D, GaussianDropout, GaussianNoise,
)  # fmt: skip


@dataclass(frozen=True)
class _Remembering(Layer):
    """What the twins have in common: a second port, which step of the window it is.

    Parameters
    ----------
    whole : Layer
        The layer whose twin it is.
    steps : int
        Of the window.
    """

    inputs: ClassVar[tuple[str, ...]] = ("input", "step")

    whole: Layer = dataclasses.field(default_factory=Layer)
    steps: int = 1

    def output_shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def weights(self, *shapes: Shape) -> tuple[Weight, ...]:
        return self.whole.weights((self.steps, *shapes[0][1:]))


@dataclass(frozen=True)
class RememberingAttention(_Remembering):
    """Causal attention of one step: keys and values of earlier ones are remembered."""

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        x, step = inputs
        layer = self.whole
        assert isinstance(layer, MultiHeadAttention)
        heads, depth, width, batch = layer.num_heads, layer.key_dim, layer.width, lowering.batch
        made = project_sequence(layer, lowering, x, ("query", "key", "value"))
        kept = heads * (depth + width)
        memory, seen = lowering.tensor((self.steps, kept)), lowering.tensor((self.steps,))
        new = made.base + heads * depth * batch
        lowering.emit(keep_step, kept, batch, self.steps, new, memory.base, seen.base, step.base)
        gathered = lowering.tensor((1, heads * width))
        here, places = lowering.table([0]), lowering.table(memory.pixel_offsets())
        deep, wide = row_floats(depth), row_floats(width)
        lowering.emit(
            attend,
            *(heads, 1, self.steps, depth, width, batch),
            *(made.base, here, depth * batch),
            *(memory.base, places, depth * batch),
            *(memory.base + heads * depth * batch, places, width * batch),
            *(gathered.base, here, width * batch),
            *(0, 0, lowering.scratch(ROWS * row_floats(self.steps))),
            *(1, seen.base, lowering.table(np.arange(self.steps) * batch)),
            *(0, lowering.zeros(1), 0, lowering.zeros(1)),
            *(lowering.scratch(ROWS * deep), lowering.scratch(self.steps * deep)),
            *(lowering.scratch(self.steps * wide), lowering.scratch(ROWS * wide)),
            *(lowering.scratch(self.steps * lowering.lanes), lowering.scratch((self.steps + 3) * lowering.lanes)),
            *(0, 0, 0, 0, 0),
        )
        return layer.put_out(lowering, gathered, x.shape)


@dataclass(frozen=True)
class RememberingPositions(_Remembering):
    """Learned numbers for the step that it is."""

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        x, step = lowering.contiguous(inputs[0]), inputs[1]
        weight = lowering.weight("position_embeddings")
        y = lowering.output(x.shape)
        lowering.emit(add_row, x.features, lowering.batch, weight.stride, x.base, y.base, weight.value, step.base)
        return y


@dataclass(frozen=True)
class RememberingSines(_Remembering):
    """Sines and cosines of the step that it is."""

    def lower(self, lowering: Lowering, *inputs: Tensor) -> Tensor:
        x, step = lowering.contiguous(inputs[0]), inputs[1]
        assert isinstance(self.whole, SinePositionEncoding)
        y = lowering.output(x.shape)
        waves = self.whole.waves((self.steps, x.shape[1]))
        numbers = lowering.table(np.rint(waves * 2.0**24).astype(np.int64))
        lowering.emit(add_number, x.features, lowering.batch, x.base, y.base, numbers, step.base)
        return y


def _twin(layer: Layer, wires: Sequence[Edge], steps: int) -> Layer | None:
    """What does one step of a layer; the layer itself where steps are all alike, None where nothing does."""
    if isinstance(layer, MultiHeadAttention):
        alone = layer.mask == "causal" and len(wires) == 1
        return RememberingAttention(layer, steps) if alone else None
    if isinstance(layer, PositionEmbedding):
        return RememberingPositions(layer, steps)
    if isinstance(layer, SinePositionEncoding):
        return RememberingSines(layer, steps)
    if isinstance(layer, (Softmax, Concatenate)):
        return layer if layer.axis == -1 else None
    return layer if isinstance(layer, _BY_ITSELF) else None


def one_step_graph(graph: Graph, inference: Inference, language: Language) -> Graph | None:
    """The graph that computes one step of a text; None where a layer needs the whole window.

    Port 0 of the Data node gives the number of a word, port 1 the number of its step. Bricks are
    opened; ids of nodes are such that weights have the same paths.
    """
    useful = graph.ancestors(language.output) | {language.output}
    steps = language.read_steps
    result = graph.subgraph(useful)
    for node in list(result.nodes):
        if isinstance(node.layer, Composite):
            result, _ = opened(result, node.id, *inference.input_shapes[node.id])
    if language.output not in result:
        return None  # a brick gives the scores; its last part has another id
    for node in list(result.nodes):
        if node.layer.family == "Data":
            continue
        twin = _twin(node.layer, result.incoming(node.id), steps)
        if twin is None:
            return None
        if isinstance(twin, _Remembering):
            result = result.set_layer(node.id, twin).connect(language.source, 1, node.id, 1)
    return result


