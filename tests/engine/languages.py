"""Small networks that write, and data for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.core.graph import Graph
from studio.core.inference import infer
from studio.core.language import Language, language_of
from studio.core.layer import Layer
from studio.core.vocabulary import END, PADDING, vocabulary_of
from studio.engine.network import Network
from studio.engine.writing.writer import Writer
from studio.kernels.jit import compile_ahead
from tests.engine.networks import layer, network, optimizer

WINDOW = 10
LETTERS = vocabulary_of("abcdef .")
SENTENCE = "abc fed. bad face. "


def text_data(samples: int = 40, text: str = SENTENCE) -> Dataset:
    """One text over and over, cut into windows; Y are the next characters."""
    numbers = np.array([LETTERS.index(c) for c in text])
    codes = np.resize(numbers, samples * WINDOW + 1).astype(np.float32)
    x, y = codes[:-1].reshape(-1, WINDOW), codes[1:].reshape(-1, WINDOW)
    info = DatasetInfo(
        "text", (WINDOW,), (WINDOW,), "labels", LETTERS, samples=samples, vocabulary=LETTERS, continues=True
    )
    kept = samples - samples // 4
    return Dataset(info, Split(x[:kept], y[:kept]), Split(x[kept:], y[kept:]), Split(x[:0], y[:0]))


def reversals(samples: int = 64, seed: int = 5) -> Dataset:
    """Words of three letters or less, to be written backwards with an end mark."""
    generator = np.random.default_rng(seed)
    x, y = np.zeros((samples, 3), np.float32), np.zeros((samples, 4), np.float32)
    for i, length in enumerate(generator.integers(1, 4, samples)):
        word = generator.integers(4, 9, length)
        x[i, :length], y[i, :length], y[i, length] = word, word[::-1], END
    names = vocabulary_of("abcde")
    info = DatasetInfo("words", (3,), (4,), "labels", names, samples=samples, vocabulary=names)
    kept = samples - samples // 4
    return Dataset(info, Split(x[:kept], y[:kept]), Split(x[kept:], y[kept:]), Split(x[:0], y[:0]))


def writer_graph(*middle: Layer, ends: Sequence[Layer] = ()) -> Graph:
    """Embedding, these layers in a row, scores of the next character, and the loss."""
    graph, data = Graph().add(layer("Data"))
    before = data
    last = ends or (layer("Dense", units=len(LETTERS), activation="softmax"),)
    for one in (layer("Embedding", input_dim=len(LETTERS), output_dim=8), *middle, *last):
        graph, node = graph.add(one)
        graph = graph.connect(before, 0, node, 0)
        before = node
    graph, loss = graph.add(layer("SparseCategoricalCrossentropy"))
    return graph.connect(before, 0, loss, 0).connect(data, 1, loss, 1)


def decoder(**values: object) -> Layer:
    """A causal block."""
    return layer("TransformerDecoder", intermediate_dim=12, num_heads=2, **values)


def translator_graph(shifted: bool = True) -> Graph:
    """An encoder, and a decoder that reads the answer so far (or, unfairly, the answer)."""
    graph, data = Graph().add(layer("Data"))
    graph, words = graph.add(layer("Embedding", input_dim=9, output_dim=12))
    graph, places = graph.add(layer("PositionEmbedding"))
    graph, encoder = graph.add(layer("TransformerEncoder", intermediate_dim=16, num_heads=2))
    graph, later = graph.add(layer("ShiftRight"))
    graph, letters = graph.add(layer("Embedding", input_dim=9, output_dim=12))
    graph, steps = graph.add(layer("PositionEmbedding"))
    graph, block = graph.add(layer("TransformerDecoder", intermediate_dim=16, num_heads=2))
    graph, scores = graph.add(layer("Dense", units=9, activation="softmax"))
    graph, loss = graph.add(layer("SparseCategoricalCrossentropy", ignore_class=PADDING))
    graph = graph.connect(data, 0, words, 0).connect(words, 0, places, 0).connect(places, 0, encoder, 0)
    graph = graph.connect(data, 0, encoder, 1).connect(data, 1, later, 0)
    graph = graph.connect(later, 0, letters, 0) if shifted else graph.connect(data, 1, letters, 0)
    graph = graph.connect(letters, 0, steps, 0).connect(steps, 0, block, 0)
    graph = graph.connect(encoder, 0, block, 1).connect(data, 0, block, 2).connect(block, 0, scores, 0)
    graph = graph.connect(scores, 0, loss, 0).connect(data, 1, loss, 1)
    return graph if shifted else graph.remove([later])


def made(graph: Graph, data: Dataset, steps: int = 30) -> tuple[Network, Language]:
    """A network that has learned for so many steps, and what it writes."""
    ready = network(graph, {"n1": data}, using=optimizer("Adam", learning_rate=0.01), batch_size=16)
    ready.train(steps)
    language = language_of(graph, ready.infos, infer(graph, ready.infos))
    assert isinstance(language, Language), language
    return ready, language


def writer_of(ready: Network, language: Language, quick: bool = True, columns: int = 16) -> Writer:
    """A writer with the network's weights."""
    writer = Writer(ready.graph, ready.infos, language, compile_ahead, columns, quick)
    writer.take_weights(ready)
    return writer
