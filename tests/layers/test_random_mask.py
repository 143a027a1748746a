"""Words hidden by chance: how many, which, and what counts."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.core.graph import Graph
from studio.core.inference import infer
from studio.core.refit import refitted
from studio.core.vocabulary import HIDDEN, vocabulary_of
from studio.engine.network import Network
from studio.kernels import state
from studio.layers.random_mask import RandomMask
from tests.engine.networks import layer, network, optimizer

WORDS = vocabulary_of("abcdefghijklmnop")
SIZE, STEPS, SAMPLES = len(WORDS), 12, 400


def sentences(validation: int = 0) -> Dataset:
    """Random words, filled up with 0 behind their end."""
    generator = np.random.default_rng(0)
    x = generator.integers(1, SIZE, (SAMPLES, STEPS)).astype(np.float32)
    x[np.arange(STEPS) >= generator.integers(4, STEPS + 1, SAMPLES)[:, None]] = 0
    info = DatasetInfo("words", (STEPS,), (), "labels", ("no", "yes"), samples=SAMPLES, vocabulary=WORDS)
    y = np.zeros(SAMPLES, np.float32)
    count = SAMPLES - validation
    return Dataset(info, Split(x[:count], y[:count]), Split(x[count:], y[count:]), Split(x[:0], y[:0]))


def masked_graph(rows: int = SIZE + 1, **settings: object) -> Graph:
    """Hidden words are looked for by one Dense layer, which only sees each word by itself."""
    graph, data = Graph().add(layer("Data"))
    graph, mask = graph.add(layer("RandomMask", vocabulary_size=SIZE, **settings))
    graph, words = graph.add(layer("Embedding", input_dim=rows, output_dim=8))
    graph, scores = graph.add(layer("Dense", units=SIZE, activation="softmax"))
    graph, loss = graph.add(layer("SparseCategoricalCrossentropy"))
    graph = graph.connect(data, 0, mask, 0).connect(mask, 0, words, 0).connect(words, 0, scores, 0)
    return graph.connect(scores, 0, loss, 0).connect(data, 0, loss, 1).connect(mask, 1, loss, 2)


def seen(ready: Network, arrays: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What both ports of the mask give after training."""
    ready.look(arrays, ["n2"])
    bound = ready._many_plan
    ready._start(bound, arrays, len(arrays[0]))
    words, chosen = [], []
    for start in range(0, len(arrays[0]), bound.plan.shard):
        ready.device.run(bound, 1)
        count = min(bound.plan.shard, len(arrays[0]) - start)
        for port, found in enumerate((words, chosen)):
            values = ready.read_output(bound, "n2", count, port)
            assert values is not None
            found.append(values)
    return np.concatenate(words), np.concatenate(chosen)


def test_of_the_chosen_words_most_are_hidden_some_replaced_some_stay() -> None:
    data = sentences()
    x = data.train.x
    with closing(network(masked_graph(mask_selection_rate=0.4), {"n1": data})) as ready:
        words, chosen = seen(ready, [data.train.x, data.train.y])
    picked = chosen == 1
    assert set(np.unique(chosen)) == {0, 1}
    np.testing.assert_array_equal(words[~picked], x[~picked])
    assert not picked[x == 0].any()  # filling is no word
    assert picked[x != 0].mean() == pytest.approx(0.4, abs=0.03)
    hidden = words[picked] == SIZE
    stays = words[picked] == x[picked]
    assert hidden.mean() == pytest.approx(0.8, abs=0.03)
    # One in ten is replaced, sometimes by itself; one in ten stays.
    assert stays.mean() == pytest.approx(0.1 + 0.1 / (SIZE - 1), abs=0.03)
    replaced = words[picked & (words != SIZE) & (words != x)]
    assert set(replaced.tolist()) == set(range(1, SIZE))


def test_checking_hides_the_same_words_each_time_and_the_reference_knows_them() -> None:
    data = sentences()
    graph = masked_graph()
    with closing(network(graph, {"n1": data}, using=optimizer("Adam", learning_rate=0.05))) as ready:
        first = seen(ready, [data.train.x, data.train.y])
        loss = ready.evaluate(lambda d: d.train)
        again = ready.evaluate(lambda d: d.train)
        ready.train(30)
        later = seen(ready, [data.train.x, data.train.y])
    for one, other in zip(first, later, strict=True):
        np.testing.assert_array_equal(one, other)
    assert loss is not None
    assert again is not None
    assert loss.loss == again.loss
    mask = graph.node("n2").layer
    assert isinstance(mask, RandomMask)
    words, chosen = mask.chosen(data.train.x)
    np.testing.assert_array_equal(first[0], words)
    np.testing.assert_array_equal(first[1], chosen)


def test_each_step_hides_other_words_whatever_the_threads() -> None:
    data = sentences()
    found = []
    for threads in (1, 2):
        with closing(network(masked_graph(), {"n1": data}, threads, batch_size=32)) as ready:
            marks = []
            for _ in range(3):
                ready.train(1)
                bound = ready.train_plan
                parts = []
                for base, one in zip(bound.bases, bound.states, strict=True):
                    tensor = bound.plan.outputs["n2", 1]
                    begin = base + tensor.base.offset
                    block = ready.device.arena[begin : begin + STEPS * tensor.batch].reshape(STEPS, tensor.batch)
                    parts.append(block[:, : int(one[state.VALID])])
                marks.append(np.concatenate(parts, 1))
        found.append(marks)
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(found[0][0], found[0][1])


def test_only_chosen_words_count() -> None:
    data = sentences(100)
    with closing(network(masked_graph(random_token_rate=0.0, mask_token_rate=1.0), {"n1": data})) as ready:
        evaluation = ready.evaluate(lambda d: d.validation)
        arrays = [data.validation.x, data.validation.y]
        scores = ready.look(arrays, ["n4"])["n4"]
        _, chosen = seen(ready, arrays)
        ready.train(4)
        sums = ready.take_sums()
    assert evaluation is not None
    right = (scores.argmax(-1) == data.validation.x)[chosen == 1]
    assert evaluation.accuracy == pytest.approx(right.mean())
    assert "perplexity" in evaluation.metrics
    assert "exact_match" not in evaluation.metrics
    own = np.take_along_axis(scores, data.validation.x[..., None].astype(int), -1)[..., 0]
    assert evaluation.loss == pytest.approx(float((-np.log(own) * chosen).mean()), rel=1e-4)
    # All words that are hidden look alike, so hardly more than one in sixteen is found.
    assert evaluation.accuracy < 0.2
    assert sums.answered[0] < 0.3 * sums.samples[0]


def test_what_it_gives_are_words_and_a_hidden_one() -> None:
    info = sentences().info
    found = infer(masked_graph(), {"n1": info})
    assert found.problems == ()
    assert found.words["n2", 0] == (*WORDS, HIDDEN)
    assert ("n2", 1) not in found.words
    assert found.answer_words(masked_graph(), "n4") == WORDS
    tight = infer(masked_graph(rows=SIZE), {"n1": info})
    assert [p.message for p in tight.problems] == [
        f"Embedding knows {SIZE} words, but gets {SIZE + 1} different ones: raise input_dim."
    ]


def test_layers_that_count_words_are_made_to_fit_other_data() -> None:
    more = vocabulary_of("abcdefghijklmnopqrstuvwxyz")
    info = DatasetInfo("more", (STEPS,), (), "labels", ("no", "yes"), vocabulary=more)
    graph, changes = refitted(masked_graph(), {"n1": info})
    assert infer(graph, {"n1": info}).problems == ()
    assert changes == (
        f"RandomMask.vocabulary_size = {len(more)}",
        f"Embedding.input_dim = {len(more) + 1}",
        f"Dense.units = {len(more)}",
    )
    assert refitted(graph, {"n1": info}) == (graph, ())
    assert refitted(masked_graph(), {"n1": sentences().info})[1] == ()
