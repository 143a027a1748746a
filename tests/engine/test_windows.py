"""Samples on the disk: the order they come in, and training on them."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from networks import classifier, clouds, layer, network, optimizer, require_equal_states
from test_repeating import fingerprint

from studio.core.dataset import Dataset, Split
from studio.core.document import Training
from studio.core.stored import FileChanged, StoredArray, advise, stored
from studio.engine import windows as windows_module
from studio.engine.failure import EngineProblem
from studio.engine.network import Network
from studio.engine.run import TrainingRun
from studio.engine.windows import Windows
from studio.kernels.jit import compile_ahead


def of(samples: int, each: int = 4) -> StoredArray:
    return stored(np.arange(samples * each, dtype=np.float32).reshape(samples, each), (each,))


def passed(windows: Windows, batch: int, seed: int = 1, epoch: int = 0, begin: int = 0) -> list[np.ndarray]:
    """The minibatches of an epoch, as the runner takes them."""
    found, position = [], begin
    while position < windows.samples:
        order, start, steps = windows.cover(seed, epoch, position, batch)
        assert steps >= 1
        for _ in range(steps):
            count = min(batch, windows.samples - position)
            found.append(order[position - start : position - start + count].copy())
            assert len(found[-1]) == count
            position += count
            if position >= windows.samples:
                break
    return found


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch", [1, 7, 64, 5000])
@pytest.mark.parametrize("samples", [1, 5, 640, 1003])
def test_each_sample_comes_once_an_epoch(samples: int, batch: int, shuffle: bool) -> None:
    windows = Windows([of(samples)], shuffle, batch, block_bytes=10 * 16, window_bytes=100 * 16)
    seen = np.concatenate(passed(windows, batch))
    assert np.array_equal(np.sort(seen), np.arange(samples))
    if not shuffle:
        assert np.array_equal(seen, np.arange(samples))


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    first, second = (Windows([of(1003)], True, 8, 160, 1600) for _ in range(2))
    orders = [np.concatenate(passed(first, 8, seed, epoch)) for seed, epoch in ((1, 0), (1, 1), (2, 0), (1, 0))]
    assert np.array_equal(orders[0], orders[3])
    assert len({o.tobytes() for o in orders}) == 3
    # From the middle of the epoch on, it is the same; and the batch does not matter.
    later = np.concatenate(passed(second, 8, 1, 0, begin=504))
    assert np.array_equal(later, orders[0][504:])
    assert np.array_equal(np.concatenate(passed(second, 50, 1, 0)), orders[0])


def test_a_window_mixes_blocks_from_all_over_the_file() -> None:
    windows = Windows([of(100_000)], True, 8, block_bytes=100 * 16, window_bytes=10_000 * 16)
    assert (windows.block, windows.window) == (100, 10_000)
    seen = np.concatenate(passed(windows, 100))
    for start in range(0, 100_000, 10_000):
        window = seen[start : start + 10_000]
        assert len(np.unique(window // 100)) == 100
        # Any minibatch of a window is of many blocks, in all thirds of the file.
        minibatch = window[:100]
        assert len(np.unique(minibatch // 100)) > 50
        assert min(np.histogram(minibatch, 3, (0, 100_000))[0]) > 10


def test_small_samples_make_no_long_windows() -> None:
    windows = Windows([stored(np.zeros((3_000_000, 1), np.uint8), (1,))], True, 8)
    assert windows.window <= 1 << 20
    assert windows.block <= windows.window // 64


def test_what_comes_is_fetched_once_and_what_is_done_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, int, int]] = []
    monkeypatch.setattr(windows_module, "advise", lambda raw, first, last, what: told.append((what, first, last)))
    windows = Windows([of(1000)], True, 10, block_bytes=10 * 16, window_bytes=100 * 16)
    passed(windows, 10)
    windows.close()
    for what in ("MADV_WILLNEED", "MADV_DONTNEED"):
        blocks = [(first, last) for word, first, last in told if word == what]
        assert sorted(blocks) == [(i, i + 10) for i in range(0, 1000, 10)], what
    # Never more is held than two windows and what comes next.
    held, most = 0, 0
    for word, first, last in told:
        held += (last - first) * (1 if word == "MADV_WILLNEED" else -1)
        most = max(most, held)
    assert most <= 250


def test_advice_reaches_the_mapped_pages(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(40_000, dtype=np.float32).reshape(-1, 10))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for first, last in ((0, 1), (0, 4000), (3999, 4000)):
        for what in ("MADV_WILLNEED", "MADV_DONTNEED", "MADV_NO_SUCH"):
            advise(mapped, first, last, what)
    assert np.array_equal(mapped[17], np.arange(170, 180, dtype=np.float32))
    advise(np.zeros((3, 3)), 0, 3, "MADV_WILLNEED")  # in memory, nothing happens


# Training ---------------------------------------------------------------------------------


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 4 samples and windows of 24, where samples have 4 numbers."""
    monkeypatch.setattr("studio.engine.cpu_device.Windows", lambda a, s, b: Windows(a, s, b, 4 * 16, 24 * 16))


def on_disk(data: Dataset) -> Dataset:
    """The same data set with samples that are read as if from a file."""

    def part(split: Split) -> Split:
        return Split(stored(np.array(split.x), split.x.shape[1:]), split.y)

    info = dataclasses.replace(data.info, on_disk=True)
    return dataclasses.replace(data, info=info, train=part(data.train), validation=part(data.validation), test=part(data.test))


def make(threads: int, samples: int = 103, batch: int = 8) -> Network:
    graph, data, _ = classifier(layer("Dense", units=9, activation="tanh"))
    sets = {data: on_disk(clouds(samples, validation=10))}
    return network(graph, sets, threads, batch, 3, optimizer("Adam", learning_rate=0.01))


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("threads", [1, 2])
def test_training_repeats_and_goes_on_where_it_was(threads: int) -> None:
    states = []
    for chunks in ((31,), (1,) * 31, (5, 20, 6)):
        with closing(make(threads)) as one:
            assert sum(one.train(steps) for steps in chunks) == 31
            states.append(one.state())
    require_equal_states(states[0], states[1])
    require_equal_states(states[0], states[2])
    with closing(make(threads)) as one:
        one.train(17)
        saved = one.state()
    with closing(make(threads)) as one:
        one.restore(saved)
        one.train(14)
        require_equal_states(one.state(), states[0])


@pytest.mark.usefixtures("small_windows")
def test_more_threads_than_samples_in_the_last_minibatch() -> None:
    """A thread without samples looks at no place of the order that is not there."""
    for samples in (11, 19, 27):
        with closing(make(2, samples, 8)) as one:
            one.train(one.steps_to(3))
            assert one.epoch == 3
            assert np.isfinite(one.total_loss(one.take_sums()))


@pytest.mark.usefixtures("small_windows")
def test_it_learns_and_evaluates_as_from_memory() -> None:
    graph, data, _ = classifier(layer("Dense", units=9, activation="tanh"))
    memory = clouds(600, validation=200)
    found = []
    for sets in (memory, on_disk(memory)):
        training = Training(optimizer=optimizer("Adam", learning_rate=0.02), batch_size=16, epochs=8)
        run = TrainingRun(graph, training, {data: sets}, compile_ahead)
        # The same weights say the same of the same samples, wherever these are.
        start = run.evaluate("validation")
        run.train(8)
        found.append((start, run.evaluate("validation"), run.evaluate("train")))
        run.close()
    assert found[1][0].loss == pytest.approx(found[0][0].loss, rel=1e-6)
    assert np.array_equal(found[1][0].confusion, found[0][0].confusion)
    assert found[1][1].accuracy > 0.8
    assert abs(found[1][1].accuracy - found[0][1].accuracy) < 0.06
    assert abs(found[1][2].loss - found[0][2].loss) < 0.1


def test_a_file_that_becomes_shorter_ends_training_with_a_sentence(tmp_path: Path) -> None:
    data = clouds(4000)
    np.save(tmp_path / "x.npy", data.train.x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    info = dataclasses.replace(data.info, on_disk=True)
    graph, node, _ = classifier()
    sets = {node: dataclasses.replace(data, info=info, train=Split(stored(mapped, (4,)), data.train.y))}
    with closing(network(graph, sets, 1)) as one:
        assert one.train(10) == 10
        with open(tmp_path / "x.npy", "r+b") as file:
            file.truncate(200)
        with pytest.raises(EngineProblem, match=r"x\.npy changed while the network learned from it: start again"):
            one.train(10)


@pytest.mark.parametrize("offset", [0, 128, 5000])
def test_nothing_is_read_behind_the_end_of_a_file_that_became_shorter(tmp_path: Path, offset: int) -> None:
    """In the window, too, which looks at samples while nothing is trained."""
    path, numbers = tmp_path / "x.bin", np.arange(40_000, dtype=np.float32).reshape(10_000, 4)
    path.write_bytes(bytes(offset) + numbers.tobytes())
    array = stored(np.memmap(path, np.float32, "r", offset, numbers.shape), (4,)).part(np.arange(5000, 10_000))
    assert np.array_equal(array[-1], numbers[-1])
    with open(path, "r+b") as file:
        file.truncate(offset + 200)
    with pytest.raises(FileChanged, match=r"^x\.bin became shorter while it was in use: choose it again\.$"):
        array[-1]


def test_data_in_memory_beside_data_on_the_disk_stay_together() -> None:
    """Two Data nodes: the samples of one minibatch are the same ones of both."""
    data = clouds(64)
    pair = {True: on_disk(data), False: data}
    from studio.core.graph import Graph

    graph, first = Graph().add(layer("Data"))
    graph, second = graph.add(layer("Data"))
    graph, joined = graph.add(layer("Subtract"))
    graph, dense = graph.add(layer("Dense", units=3, activation="softmax"))
    graph, end = graph.add(layer("SparseCategoricalCrossentropy"))
    graph = graph.connect(first, 0, joined, 0).connect(second, 0, joined, 1).connect(joined, 0, dense, 0)
    graph = graph.connect(dense, 0, end, 0).connect(second, 1, end, 1)
    with closing(network(graph, {first: pair[True], second: pair[False]}, 2, 7)) as one:
        before = one.node_weights(dense)["kernel"]
        one.train(one.steps_to(2))
        # The difference of equal samples is 0, from which no weight learns.
        assert np.array_equal(one.node_weights(dense)["kernel"], before)
        assert fingerprint(one.state())
