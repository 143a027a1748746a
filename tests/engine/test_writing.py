"""Text that networks write: the same as by a plain loop over the whole network."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import numpy as np
import pytest

from studio.core.dataset import DatasetInfo
from studio.core.graph import Graph
from studio.core.inference import infer
from studio.core.language import Language, language_of
from studio.core.layer import Layer
from studio.core.vocabulary import END, SPECIAL, text_of
from studio.engine.network import Network
from studio.engine.writing.known_words import KnownWords
from tests.engine.languages import (
    LETTERS,
    SENTENCE,
    WINDOW,
    decoder,
    made,
    reversals,
    text_data,
    translator_graph,
    writer_graph,
    writer_of,
)
from tests.engine.networks import layer

#: Layers between Embedding and the scores, and whether steps can be computed one by one.
NETWORKS: dict[str, tuple[Sequence[Layer], bool]] = {
    "decoders": ((layer("PositionEmbedding"), decoder(normalize_first=True), decoder()), True),
    "sines": ((layer("SinePositionEncoding"), decoder(dropout=0.3, activation="gelu"), layer("RMSNormalization")), True),
    "attention": (
        (layer("MultiHeadAttention", num_heads=3, key_dim=4, value_dim=5, mask="causal"), layer("LayerNormalization")),
        True,
    ),
    "recurrent": ((layer("LSTM", units=12, return_sequences=True),), False),
    "neighbours": ((layer("Conv1D", filters=12, kernel_size=1, activation="tanh"), decoder()), False),
}


def plain_loop(ready: Network, language: Language, words: Sequence[int], length: int) -> list[int]:
    """The likeliest words, each by computing the whole window anew."""
    known = list(words)
    start = 0
    while len(known) < len(words) + length:
        if len(known) - start > WINDOW:
            start = len(known) - WINDOW // 2
        window = np.zeros((1, WINDOW), np.float32)
        window[0, : len(known) - start] = known[start:]
        scores = ready.look([window, np.zeros_like(window)], [language.output])[language.output][0]
        choices = list(language.choices)
        known.append(choices[int(scores[len(known) - start - 1, choices].argmax())])
    return known[len(words) :]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_likeliest_text_is_that_of_a_plain_loop(name: str) -> None:
    layers, quick = NETWORKS[name]
    ready, language = made(writer_graph(*layers), text_data())
    with closing(ready):
        words = [LETTERS.index(c) for c in "bad"]
        writer = writer_of(ready, language)
        assert writer.one_by_one == quick
        writer.begin(words, 33, 0.0, 1)
        writer.advance()
        expected = plain_loop(ready, language, words, 33)
        assert writer.words()[0].tolist() == expected
        assert len(set(expected)) > 2


def test_steps_one_by_one_give_what_the_whole_window_gives() -> None:
    ready, language = made(writer_graph(layer("PositionEmbedding"), decoder(), decoder()), text_data())
    with closing(ready):
        quick, whole = writer_of(ready, language), writer_of(ready, language, quick=False)
        assert quick.one_by_one
        assert not whole.one_by_one
        for writer in (quick, whole):
            writer.begin([], 50, 0.9, 7, step=3)
            writer.advance()
        assert quick.words().tolist() == whole.words().tolist()
        # Each column draws for itself.
        assert len({tuple(row) for row in quick.words().tolist()}) == 16


def test_a_separate_softmax_and_an_opened_brick_are_written_with_too() -> None:
    ends = (layer("Dense", units=len(LETTERS)), layer("Softmax"))
    ready, language = made(writer_graph(layer("PositionEmbedding"), decoder(), ends=ends), text_data())
    with closing(ready):
        writer = writer_of(ready, language)
        assert writer.one_by_one
        writer.begin([4, 5], 20, 0.0, 1)
        writer.advance()
        assert writer.words()[0].tolist() == plain_loop(ready, language, [4, 5], 20)


def test_what_is_written_follows_from_weights_seed_and_step_alone() -> None:
    ready, language = made(writer_graph(decoder()), text_data())
    with closing(ready):
        writer = writer_of(ready, language)

        def text(seed: int, step: int, pieces: int = 1) -> list[int]:
            writer.begin([4], 40, 1.0, seed, step)
            for _ in range(1000):
                writer.advance(float("inf") if pieces == 1 else 0.0)
                if writer.done:
                    break
            return writer.words()[0].tolist()

        first = text(1, 5)
        assert text(1, 5, pieces=40) == first  # a word at a time, as between chunks of training
        assert text(2, 5) != first
        assert text(1, 6) != first
        ready.train(20)
        assert text(1, 5) == first  # with the weights that were copied
        writer.take_weights(ready)
        assert text(1, 5) != first


@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_words_are_drawn_as_often_as_the_network_expects_them(temperature: float) -> None:
    ready, language = made(writer_graph(decoder()), text_data())
    with closing(ready):
        window = np.zeros((1, WINDOW), np.float32)
        window[0, 0] = 4
        scores = ready.look([window, np.zeros_like(window)], [language.output])[language.output][0, 0]
        choices = list(language.choices)
        expected = scores[choices].astype(np.float64) ** (1 / temperature)
        expected /= expected.sum()
        writer = writer_of(ready, language)
        counts = np.zeros(len(LETTERS))
        for seed in range(250):
            writer.begin([4], 1, temperature, seed)
            writer.advance()
            counts += np.bincount(writer.words()[:, 0], minlength=len(LETTERS))
        drawn = counts.sum()
        assert drawn == 250 * 16
        spread = np.sqrt(expected * (1 - expected) / drawn)
        assert (np.abs(counts[choices] / drawn - expected) < 5 * spread + 1e-9).all()
        assert counts[[i for i in range(len(LETTERS)) if i not in choices]].sum() == 0


def test_filling_and_marks_are_never_written() -> None:
    ready, language = made(writer_graph(decoder()), text_data())
    with closing(ready):
        assert {language.writes[i] for i in language.choices} == {*"abcdef .", SPECIAL[3]}
        writer = writer_of(ready, language)
        writer.begin([], 200, 8.0, 1)  # so hot that anything may come
        writer.advance()
        assert set(np.unique(writer.words())) == set(language.choices)


def test_a_trained_network_writes_its_text() -> None:
    ready, language = made(writer_graph(layer("PositionEmbedding"), decoder(), decoder()), text_data(200), 300)
    with closing(ready):
        writer = writer_of(ready, language)
        writer.begin([LETTERS.index(c) for c in "abc f"], 60, 0.3, 1)
        writer.advance()
        written = "abc f" + text_of(writer.words()[0], language.writes)
        known = KnownWords(ready.datasets["n1"].train.x, language.writes)
        assert known.share(written) == 1.0
        assert SENTENCE in written


def test_translations_are_read_word_by_word_from_what_was_written() -> None:
    """Exactly those are right that are right when the right answer so far is read."""
    ready, language = made(translator_graph(), reversals(256), 70)
    with closing(ready):
        part = ready.datasets["n1"].validation
        writer = writer_of(ready, language, columns=len(part))
        writer.begin_answers(part.x)
        writer.advance()
        answers = writer.words()
        # A plain loop: the whole network for each word, with the answers so far.
        expected = np.zeros_like(part.y)
        for step in range(language.write_steps):
            scores = ready.look([part.x, expected], [language.output])[language.output][:, step]
            choices = np.array(language.choices)
            expected[:, step] = choices[scores[:, choices].argmax(-1)]
        np.testing.assert_array_equal(answers, expected)
        right = [
            text_of(a, language.writes) == text_of(t, language.writes) for a, t in zip(answers, part.y, strict=True)
        ]
        found = ready.evaluate(lambda dataset: dataset.validation)
        assert found is not None
        assert found.metrics["exact_match"] == pytest.approx(np.mean(right))
        assert 0.2 < np.mean(right) < 1.0
        assert END in language.choices


def test_networks_that_see_what_they_should_guess_are_found_out() -> None:
    honest, language = made(writer_graph(layer("LSTM", units=6, return_sequences=True)), text_data())
    with closing(honest):
        assert not writer_of(honest, language).looks_ahead()
    for cheating in (
        writer_graph(layer("TransformerEncoder", intermediate_dim=8, num_heads=2)),
        writer_graph(layer("LSTM", units=6, return_sequences=True, go_backwards=True)),
    ):
        ready, language = made(cheating, text_data())
        with closing(ready):
            assert writer_of(ready, language).looks_ahead()
    for graph, sees in ((translator_graph(), False), (translator_graph(shifted=False), True)):
        ready, language = made(graph, reversals())
        with closing(ready):
            assert writer_of(ready, language).looks_ahead() == sees


def found_language(graph: Graph, info: DatasetInfo) -> Language | str:
    infos = {"n1": info}
    return language_of(graph, infos, infer(graph, infos))


def test_networks_that_write_nothing_say_why() -> None:
    info = text_data().info
    graph = writer_graph(decoder())
    found = found_language(graph, info)
    assert isinstance(found, Language)
    assert (found.kind, found.read_steps, found.opening) == ("continue", WINDOW, LETTERS.index(" "))
    plain = DatasetInfo("numbers", (WINDOW,), (WINDOW,), "labels", LETTERS)
    assert "reads no text" in str(found_language(graph, plain))
    one = DatasetInfo("reviews", (WINDOW,), (), "labels", LETTERS, vocabulary=LETTERS)
    averaged = writer_graph(layer("GlobalAveragePooling1D"))
    assert "does not say at each step" in str(found_language(averaged, one))
    assert "not complete" in str(found_language(graph.remove([graph.nodes[-1].id]), info))
    translates = found_language(translator_graph(), reversals().info)
    assert isinstance(translates, Language)
    assert translates.kind == "translate"


def test_known_words_leave_out_the_one_that_is_cut_off() -> None:
    known = KnownWords(np.array([[LETTERS.index(c) for c in "abc fed. b"]]), LETTERS)
    assert known.unknown("abc fed. cab, fe") == (["cab"], 3)
    assert known.unknown("abc fed.") == ([], 2)
    assert known.share("abc cab. ") == 0.5
    assert known.share("ab") is None
