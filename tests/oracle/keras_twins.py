"""Keras's twin of each of our layers and of whole graphs, with the same weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from studio.core.composite import Composite
from studio.core.graph import Graph
from studio.core.inference import Inference
from studio.core.layer import Layer, Loss

#: Parameters that name what Keras has in another way, or that change nothing once weights are set.
_OTHER = {"seed", "l1", "l2"}

#: How to build Keras's layer where names or values of the parameters differ.
SPECIAL: dict[str, Callable[[Any], Any]] = {}


def special(name: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Register how the twin of a layer type is built."""

    def keep(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
        SPECIAL[name] = make
        return make

    return keep


@keras.saving.register_keras_serializable()  # Bidirectional copies its layer by its description
class _Nothing(keras.initializers.Initializer):
    """Zeros until our weights are put in; Keras's own initializers take long to compile."""

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        return np.zeros(shape, dtype)


def build(kind: Any, *values: Any, **named: Any) -> Any:
    """A Keras layer that draws no initial weights."""
    names = [n for n in inspect.signature(kind.__init__).parameters if n.endswith("_initializer")]
    return kind(*values, **named, **dict.fromkeys(names, _Nothing()))


class _Attention(keras.layers.Layer):
    """Keras's attention with what our layer has as parameters and ports."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.ours = layer
        self.attention = build(
            keras.layers.MultiHeadAttention,
            layer.num_heads,
            layer.key_dim,
            layer.value_dim or None,
            dropout=layer.dropout,
            use_bias=layer.use_bias,
        )

    def call(self, query: Any, first: Any = None, second: Any = None, training: bool = False) -> Any:
        others = [o for o in (first, second) if o is not None]
        value = next((o for o in others if len(o.shape) == 3), query)
        padding = next((o for o in others if len(o.shape) == 2), None)
        seen = np.ones((1, query.shape[1], value.shape[1]), bool)
        if self.ours.mask != "none":
            order = self.ours.positions(query.shape[1])
            rank = [order.index(i) for i in range(query.shape[1])]
            others_rank = rank if self.ours.mask == "permutation" else range(value.shape[1])
            seen = np.array([[[r >= o for o in others_rank] for r in rank]])
        mask: Any = keras.ops.convert_to_tensor(seen)
        if padding is not None:
            mask = keras.ops.logical_and(mask, keras.ops.not_equal(padding, 0)[:, None, :])
        if padding is None and self.ours.value_dim in (0, self.ours.key_dim):
            return self.attention(query, value, attention_mask=mask, training=training)
        # Only the way that also returns the scores takes care of steps that may look at nothing,
        # and of values of another size than keys.
        return self.attention(query, value, attention_mask=mask, return_attention_scores=True, training=training)[0]


@special("MultiHeadAttention")
def _attention(layer: Any) -> Any:
    return _Attention(layer)


@special("Conv2DTranspose")
def _transposed_convolution(layer: Any) -> Any:
    values = {n: getattr(layer, n) for n in ("filters", "kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias")}
    chosen = None if max(layer.output_padding) < 0 else layer.output_padding
    return build(keras.layers.Conv2DTranspose, **values, output_padding=chosen)


def _sides(values: Sequence[int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Top, bottom, left and right as Keras pairs them."""
    top, bottom, left, right = values
    return (top, bottom), (left, right)


@special("ZeroPadding2D")
def _zero_padding(layer: Any) -> Any:
    return keras.layers.ZeroPadding2D(_sides(layer.padding))


@special("Cropping2D")
def _cropping(layer: Any) -> Any:
    return keras.layers.Cropping2D(_sides(layer.cropping))


def _recurrent(layer: Any) -> Any:
    kind = getattr(keras.layers, layer.type_name())
    names = [n for n in layer.parameters() if n != "seed" and not n.endswith("_initializer")]
    # Unrolled, JAX has no loop to compile for each configuration, which takes it many seconds; but
    # then Keras gives other numbers for the skipped steps of a sequence.
    return build(kind, **{n: getattr(layer, n) for n in names}, unroll=not layer.return_sequences)


SPECIAL |= dict.fromkeys(("SimpleRNN", "LSTM", "GRU"), _recurrent)


@special("Bidirectional")
def _bidirectional(layer: Any) -> Any:
    return keras.layers.Bidirectional(_recurrent(layer.parts()["forward_layer"]), layer.merge_mode)


@special("TimeDistributed")
def _time_distributed(layer: Any) -> Any:
    return keras.layers.TimeDistributed(twin(layer.parts()["layer"], ()))


class _Brick(keras.layers.Layer):
    """A brick's parts, wired as they are once it is opened."""

    def __init__(self, layer: Composite, shapes: Sequence[Any]) -> None:
        super().__init__()
        self.ports = [name.rstrip("?") for name in layer.inputs]
        self.walk = [(name, part, sources) for name, part, sources, _given, _shape in layer._walk(*shapes)]
        self.parts = {name: twin(part, given) for name, part, _sources, given, _shape in layer._walk(*shapes)}

    def call(self, first: Any, second: Any = None, third: Any = None, training: bool = False) -> Any:
        made = {port: x for port, x in zip(self.ports, (first, second, third), strict=False) if x is not None}
        for name, part, sources in self.walk:
            more = {"training": training} if self.parts[name]._call_has_training_arg else {}
            made[name] = call(self.parts[name], part, [made[source] for source in sources if source in made], **more)
        return made[self.walk[-1][0]]


def _written(layer: Layer) -> Any:
    """What a layer that Keras lacks is in the programs that networks are exported to."""
    known: dict[str, Any] = {"keras": keras, "numpy": np}
    exec(layer.keras_source, known)
    values = {n: getattr(layer, n) for n in layer.parameters()}
    return known[layer.type_name()](**{n: _Nothing() if n.endswith("initializer") else v for n, v in values.items()})


def has_twin(layer: type[Layer]) -> bool:
    """Whether Keras has such a layer, or it can be made of Keras's."""
    made = issubclass(layer, Composite) or bool(layer.keras_source)
    return made or layer.type_name() in SPECIAL or bool(_activation(layer)) or hasattr(keras.layers, layer.keras or "-")


def _activation(layer: type[Layer]) -> str:
    """The name in a declaration such as ``Activation('tanh')``; empty for other layers."""
    return layer.keras.removeprefix("Activation('").removesuffix("')") if layer.keras.startswith("Activation(") else ""


def twin(layer: Layer, shapes: Sequence[Any]) -> Any:
    """Keras's layer with the same parameters, for inputs of these shapes; not built yet."""
    if layer.type_name() in SPECIAL:
        return SPECIAL[layer.type_name()](layer)
    if isinstance(layer, Composite):
        return _Brick(layer, shapes)
    if layer.keras_source:
        return _written(layer)
    if _activation(type(layer)):
        return keras.layers.Activation(_activation(type(layer)))
    kind = getattr(keras.layers, layer.keras)
    known = set(inspect.signature(kind.__init__).parameters)
    values = {n: getattr(layer, n) for n in layer.parameters() if n not in _OTHER and not n.endswith("_initializer")}
    if values.get("strides") in (0, (0, 0)):
        values["strides"] = None  # "as large as the window" in both
    unknown = set(values) - known
    if unknown:
        raise LookupError(f"Keras's {layer.keras} has no {', '.join(sorted(unknown))}: add a special twin.")
    return build(kind, **values)


def set_weights(keras_layer: Any, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Put our weights, by our names, into a built Keras layer; Keras's variables by our names."""
    if isinstance(keras_layer, _Brick):
        found = {}
        for part, each in keras_layer.parts.items():
            own = {n.removeprefix(f"{part}/"): w for n, w in weights.items() if n.startswith(f"{part}/")}
            found |= {f"{part}/{name}": variable for name, variable in set_weights(each, own).items()}
        assert set(found) == set(weights)
        return found
    free = list(keras_layer.weights)
    found = {}
    for name, values in weights.items():
        last = name.rsplit("/", 1)[-1]
        fitting = [v for v in free if v.path.rsplit("/", 1)[-1] == last and tuple(v.shape) == values.shape]
        if not fitting:
            raise LookupError(f"{name} {values.shape} is not among {[(v.path, v.shape) for v in free]}.")
        variable = fitting[0]
        variable.assign(values)
        found[name] = variable
        free = [v for v in free if v is not variable]
    left = [v.path for v in free if "seed" not in v.path]
    if left:
        raise LookupError(f"Keras's {left} are not among our weights {list(weights)}.")
    return found


@dataclass
class KerasGraph:
    """A Keras model of a graph whose last node before the loss is the output.

    Parameters
    ----------
    model : keras.Model
    layers : mapping of str to keras.layers.Layer
        By our node id.
    """

    model: Any
    layers: Mapping[str, Any]


def keras_graph(graph: Graph, inference: Inference) -> KerasGraph:
    """The functional Keras model of a graph with one Data node and one loss.

    It takes X, and Y after it if a layer reads Y.
    """
    made: dict[tuple[str, int], Any] = {}
    layers: dict[str, Any] = {}
    sources: list[Any] = []
    output: Any = None
    for node_id in graph.order:
        layer = graph.node(node_id).layer
        inputs = [made[w.source, w.source_port] for w in graph.feeds(node_id) if w is not None and not isinstance(layer, Loss)]
        if layer.family == "Data":
            read = {e.source_port for e in graph.outgoing(node_id) if not isinstance(graph.node(e.target).layer, Loss)}
            for port in sorted(read):
                made[node_id, port] = keras.Input(inference.shapes[node_id][port])
                sources.append(made[node_id, port])
        elif isinstance(layer, Loss):
            wire = graph.feeds(node_id)[0]
            assert wire is not None
            output = made[wire.source, wire.source_port]
        else:
            layers[node_id] = twin(layer, inference.input_shapes[node_id])
            made[node_id, 0] = call(layers[node_id], layer, inputs)
    return KerasGraph(keras.Model(sources, output), layers)


def call(keras_layer: Any, layer: Layer, inputs: Sequence[Any], **more: Any) -> Any:
    """Call a Keras layer as our layer is wired."""
    positional, named = arguments(layer, inputs)
    return keras_layer(*positional, **named, **more)


def arguments(layer: Layer, inputs: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
    """How Keras's layer takes the inputs of ours: by position, and by name."""
    if takes_list(layer):
        return [list(inputs)], {}
    if layer.family == "Recurrent" and len(inputs) == 2:
        return [inputs[0]], {"mask": inputs[1] != 0}
    return list(inputs), {}


def takes_list(layer: Layer) -> bool:
    """Whether Keras's layer takes its inputs as one list: all that merge do."""
    return layer.is_variadic() or layer.family == "Merge"


@special("ReLU")
def _relu(layer: Any) -> Any:
    values = {"negative_slope": layer.negative_slope, "threshold": layer.threshold}
    return keras.layers.ReLU(max_value=layer.max_value or None, **values)


@special("PReLU")
def _prelu(layer: Any) -> Any:
    return build(keras.layers.PReLU, shared_axes=None if layer.shared_axes == (0,) else layer.shared_axes)
