"""Samples that are too many for memory: they stay on the disk and mean the same."""

from __future__ import annotations

import tracemalloc
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from data_files import pictures, write_pair

from studio.core import registry
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.stored import StoredArray, stored
from studio.data import DataError, describe, load, parse_source, source_for
from studio.data import loading as loading_module
from studio.data.array_files import files_of
from studio.data.on_disk import mean_and_spread
from studio.engine.network import Network
from studio.engine.run import TrainingRun
from studio.kernels import state
from studio.kernels.jit import compile_ahead
from studio.layers.data import Data
from studio.storage import data_reference


@pytest.fixture
def small_memory(monkeypatch):
    """As if samples of more than 4000 numbers took too much memory."""
    monkeypatch.setattr("studio.data.on_disk.STAY_ON_DISK", 16_000)
    for known in (loading_module._known, loading_module._loaded, loading_module._read):
        known.clear()


def table(count: int = 700, columns: int = 7, kind: type = np.float32) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    x = generator.normal(3.0, 2.0, (count, columns)) * np.arange(1, columns + 1)
    return x.astype(kind), np.arange(count) % 3


def save(folder: Path, how: str, x: np.ndarray, y: np.ndarray) -> str:
    """Write arrays in one of the ways that can stay on the disk; the source."""
    folder.mkdir(exist_ok=True)
    if how == "npz":
        np.savez(folder / "arrays.npz", x=x, y=y)
        return f"npz:{folder / 'arrays.npz'}"
    if how == "folder":
        np.save(folder / "x.npy", x)
        np.save(folder / "y.npy", y)
        return f"npy:{folder}"
    if how == "pair":
        np.save(folder / "digits_x.npy", x)
        np.save(folder / "digits_y.npy", y)
        return f"npy:{folder / 'digits_x.npy'}"
    write_pair(folder, "train", x, y.astype(np.uint8))
    return f"idx:{folder}"


@pytest.mark.parametrize("how", ["npz", "folder", "pair", "idx"])
def test_bytes_of_pictures_stay_on_the_disk(small_memory, tmp_path, how):
    x, y = pictures(200)
    loaded = load(Data(source=save(tmp_path / how, how, x, y), standardize=False))
    assert loaded.info.on_disk
    assert "stay on the disk" in loaded.info.notes[-1]
    assert "shuffled in part" in loaded.info.notes[-1]
    for part in (loaded.train, loaded.validation, loaded.test):
        assert isinstance(part.x, StoredArray)
        assert isinstance(part.x.raw, np.memmap)
        rows = part.x.rows
        assert np.array_equal(np.asarray(part.x), (x[rows] / np.float32(255.0))[..., None])
        assert np.array_equal(part.y, y[rows])
    together = np.concatenate([part.x.rows for part in (loaded.train, loaded.validation, loaded.test)])
    assert np.array_equal(np.sort(together), np.arange(200))


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16, np.int32, np.int64, np.uint16, np.int8, np.bool_])
def test_tables_of_each_type_are_standardised_as_in_memory(monkeypatch, tmp_path, kind):
    x, y = table(kind=np.float64)
    x = (x > 3) if kind is np.bool_ else x.astype(kind)
    source = save(tmp_path, "folder", x, y)
    node = Data(source=source)
    before = load(node)
    assert not before.info.on_disk
    monkeypatch.setattr("studio.data.on_disk.STAY_ON_DISK", 1000)
    loading_module._known.clear()
    loading_module._loaded.clear()
    loading_module._read.clear()
    loaded = load(node)
    assert loaded.info.on_disk
    np.testing.assert_allclose(loaded.x_mean, before.x_mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(loaded.x_scale, before.x_scale, rtol=1e-5)
    # The same samples are in the same parts, though in the order of the file.
    np.testing.assert_allclose(np.sort(loaded.train.x[:], 0), np.sort(before.train.x, 0), rtol=1e-4, atol=1e-5)
    assert np.array_equal(np.sort(loaded.test.y), np.sort(before.test.y))


def test_pictures_and_sequences_are_standardised_as_in_memory(monkeypatch, tmp_path):
    generator = np.random.default_rng(8)
    sets = {
        "pictures": generator.integers(0, 256, (90, 6, 5, 3), dtype=np.uint8),
        "sequences": generator.normal(4.0, 2.0, (90, 6, 5)).astype(np.float32),
        "series": (generator.normal(size=(90, 4)) + 1e4).astype(np.float64),
    }
    for name, x in sets.items():
        node = Data(source=save(tmp_path / name, "npz", x, np.arange(90) % 3))
        monkeypatch.setattr("studio.data.on_disk.STAY_ON_DISK", 1 << 30)
        before = loading_module.load_afresh(node)
        monkeypatch.setattr("studio.data.on_disk.STAY_ON_DISK", 1000)
        loading_module._known.clear()
        loading_module._read.clear()
        loaded = loading_module.load_afresh(node)
        assert isinstance(loaded.train.x, StoredArray)
        np.testing.assert_allclose(loaded.x_mean, before.x_mean, rtol=1e-5, err_msg=name)
        np.testing.assert_allclose(loaded.x_scale, before.x_scale, rtol=1e-5, err_msg=name)
        mine = np.sort(np.asarray(loaded.train.x).reshape(len(loaded.train), -1), 0)
        theirs = np.sort(before.train.x.reshape(len(before.train), -1), 0)
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-4, err_msg=name)
        loading_module._known.clear()
        loading_module._read.clear()


def test_an_index_gives_what_it_gives_of_an_array():
    raw = np.arange(60, dtype=np.int16).reshape(10, 2, 3)
    array = stored(raw, (2, 3), 2.0).part(np.array([7, 1, 4, 9])).scaled(np.array([1.0]), np.array([4.0]))
    expected = ((raw[[1, 4, 7, 9]] / 2 - 1) / 4).astype(np.float32)
    assert array.shape == expected.shape
    assert array.ndim == 3
    assert array.size == expected.size
    assert len(array) == 4
    for index in (0, -1, slice(1, 3), slice(None), [3, 0], np.array([True, False, False, True]), (slice(2), 1), (2, 1, 0)):
        found = array[index]
        assert found.dtype == np.float32
        assert np.array_equal(found, expected[index]), index
    assert np.array_equal(np.asarray(array), expected)
    with pytest.raises(IndexError):
        array[4]


def test_answers_that_are_values_stay_in_memory_and_are_standardised(small_memory, tmp_path):
    x, _ = table()
    y = x[:, :2].astype(np.float64) * 3 + 1
    loaded = load(Data(source=save(tmp_path, "folder", x, y)))
    assert loaded.info.target == "values"
    assert abs(loaded.train.y.mean()) < 1e-5
    rows = loaded.train.x.rows
    np.testing.assert_allclose(loaded.train.y * loaded.y_scale + loaded.y_mean, y[rows], rtol=1e-4)


def test_a_test_part_of_the_file_s_own_stays_there_too(small_memory, tmp_path):
    x, y = table()
    for name, array in {"x_train": x, "y_train": y, "x_test": x[:300] + 1, "y_test": y[:300]}.items():
        np.save(tmp_path / f"{name}.npy", array)
    loaded = load(Data(source=f"npy:{tmp_path}", standardize=False))
    assert np.array_equal(np.asarray(loaded.test.x), x[:300] + 1)
    assert len(loaded.train) + len(loaded.validation) == 700


def test_pictures_that_are_resized_are_read(small_memory, tmp_path):
    x, y = pictures(200)
    loaded = load(Data(source=save(tmp_path, "folder", x, y), resize=3))
    assert not loaded.info.on_disk
    assert isinstance(loaded.train.x, np.ndarray)
    assert loaded.train.x.shape[1:] == (3, 3, 1)


def test_pictures_that_have_the_wanted_size_stay(small_memory, tmp_path):
    x, y = pictures(200, 6, 6)
    loaded = load(Data(source=save(tmp_path, "folder", x, y), resize=6))
    assert loaded.info.on_disk
    assert isinstance(loaded.train.x, StoredArray)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("standardize", [True, False])
def test_what_is_no_number_is_found(small_memory, tmp_path, bad, standardize):
    x, y = table()
    x[401, 3] = bad
    with pytest.raises(DataError, match="Sample 401 of x"):
        load(Data(source=save(tmp_path, "npz", x, y), standardize=standardize))


def test_what_cannot_stay_on_the_disk_is_said(monkeypatch, tmp_path):
    x, y = table()
    monkeypatch.setattr("studio.data.npz_file.LARGEST", 1000)
    monkeypatch.setattr("studio.data.on_disk.STAY_ON_DISK", 1000)
    np.savez_compressed(tmp_path / "packed.npz", x=x, y=y)
    with pytest.raises(DataError, match=r"numpy\.savez rather than savez_compressed"):
        describe(Data(source=f"npz:{tmp_path / 'packed.npz'}"))
    with pytest.raises(DataError, match="ascontiguousarray"):
        describe(Data(source=save(tmp_path / "f", "folder", np.asfortranarray(x), y)))
    with pytest.raises(DataError, match="float32 or uint8"):
        describe(Data(source=save(tmp_path / "h", "folder", x.astype(np.float16), y)))


def test_big_answers_as_vectors_are_refused(small_memory, monkeypatch, tmp_path):
    x, y = table()
    monkeypatch.setattr("studio.data.files.LARGEST", 6_000)
    with pytest.raises(DataError, match="more than 4 GiB of memory"):
        load(Data(source=save(tmp_path, "folder", x, y), one_hot=True))


def test_looking_at_a_large_file_takes_little_memory(tmp_path):
    """A file of 16 GB, of which hardly anything is really there."""
    shape = (1_000_000, 64, 64, 4)
    np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, shape).flush()
    np.save(tmp_path / "y.npy", np.arange(shape[0]) % 10)
    node = Data(source=f"npy:{tmp_path}", standardize=False)
    tracemalloc.start()
    info = describe(node)
    loaded = load(node)
    seen = loaded.validation.x[:16]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert info.on_disk
    assert seen.shape == (16, 64, 64, 4)
    assert peak < 300 << 20
    assert loaded.train.x.nbytes < 4 << 20


def test_statistics_are_those_of_the_training_part_alone():
    raw = np.concatenate([np.zeros((50, 3), np.float32), np.full((50, 3), 9, np.float32)])
    raw[:50:2] = 2.0
    x = stored(raw, (3,))
    mean, spread = mean_and_spread(x, [x.part(np.arange(50))], columns=True)
    np.testing.assert_allclose(mean, 1.0)
    np.testing.assert_allclose(spread, 1.0)


# Files ------------------------------------------------------------------------------------


def test_the_kind_of_source_is_told_from_the_file(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 2)))
    assert source_for(tmp_path) == f"npy:{tmp_path}"
    assert source_for(tmp_path / "x.npy") == f"npy:{tmp_path / 'x.npy'}"
    assert parse_source(f"npy:{tmp_path}?as=values").option("as") == "values"


@pytest.mark.parametrize(
    ("samples", "answers"),
    [("x.npy", "y.npy"), ("train_x.npy", "train_y.npy"), ("Images.npy", "labels.npy"), ("set-features.npy", "set-targets.npy")],
)
def test_answers_are_found_by_their_name(tmp_path, samples, answers):
    for name in (samples, answers):
        np.save(tmp_path / name, np.zeros(3))
    assert set(files_of(tmp_path / samples).values()) == {tmp_path / samples, tmp_path / answers}


def test_samples_without_answers_are_one_sentence(tmp_path):
    np.save(tmp_path / "numbers.npy", np.zeros((4, 2)))
    with pytest.raises(DataError, match="has no answers beside it: name the files"):
        describe(Data(source=f"npy:{tmp_path / 'numbers.npy'}"))
    with pytest.raises(DataError, match=r"has no array x \(it has none\)"):
        describe(Data(source=f"npy:{tmp_path}"))
    with pytest.raises(DataError, match="There is no f"):
        describe(Data(source=f"npy:{tmp_path / 'away'}"))


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x93NUMPY\x01\x00\x10\x00{'descr': 'O'}  "])
def test_files_that_are_no_arrays_are_one_sentence(tmp_path, content):
    (tmp_path / "x.npy").write_bytes(content)
    np.save(tmp_path / "y.npy", np.zeros(3))
    with pytest.raises(DataError):
        describe(Data(source=f"npy:{tmp_path}"))


def test_a_file_cut_short_is_one_sentence(small_memory, tmp_path):
    x, y = table()
    source = save(tmp_path, "folder", x, y)
    content = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(content[:-100])
    with pytest.raises(DataError, match="is smaller than its header says"):
        describe(Data(source=source))


def test_a_change_of_the_answers_is_noticed(tmp_path):
    x, y = table(60)
    graph, _ = Graph().add(Data(source=save(tmp_path, "pair", x, y)))
    (before,) = data_reference.references(graph)
    assert before.change() == ""
    np.save(tmp_path / "digits_y.npy", y + 1)
    assert "changed since" in before.change()


# Training ---------------------------------------------------------------------------------


def classifier() -> tuple[Graph, str]:
    """One dense layer that tells two classes apart, and its Data node."""
    graph, data = Graph().add(registry.layer("Data")())
    graph, flat = graph.add(registry.layer("Flatten")())
    graph, dense = graph.add(registry.layer("Dense")(units=2, activation="softmax"))
    graph, end = graph.add(registry.layer("SparseCategoricalCrossentropy")())
    graph = graph.connect(data, 0, flat, 0).connect(flat, 0, dense, 0).connect(dense, 0, end, 0).connect(data, 1, end, 1)
    return graph, data


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64, np.int64])
def test_the_network_sees_the_samples_as_they_are(small_memory, tmp_path, kind, threads):
    """The gather's columns against the array's own reading, sample by sample."""
    generator = np.random.default_rng(1)
    x = (generator.random((101, 5, 7, 3)) * 200).astype(kind)
    loaded = load(Data(source=save(tmp_path, "folder", x, np.arange(101) % 2)))
    graph, data = classifier()
    training = Training(optimizer=registry.optimizer("SGD")(), batch_size=13)
    with closing(Network(graph, training, {data: loaded}, threads, compile_ahead)) as network:
        seen = network.look(network._arrays(lambda d: d.train), [data])[data]
        np.testing.assert_allclose(seen, loaded.train.x[:], rtol=1e-5, atol=1e-6)
        found = []
        for _ in range(network.steps_to(1)):
            network.train(1)
            plan = network.train_plan
            for base, one in zip(plan.bases, plan.states, strict=True):
                tensor = plan.plan.outputs[data, 0]
                begin = base + tensor.base.offset
                rows = np.lib.stride_tricks.as_strided(
                    network.device.arena[begin:],
                    (tensor.rows, tensor.row_length, int(one[state.VALID])),
                    (4 * tensor.row_stride, 4 * tensor.batch, 4),
                )
                found.append(rows.reshape(-1, int(one[state.VALID])).T.copy())
        mine = np.concatenate(found)
        theirs = loaded.train.x[:].reshape(len(loaded.train), -1)
        order = np.lexsort(mine.T), np.lexsort(theirs.T)
        np.testing.assert_allclose(mine[order[0]], theirs[order[1]], rtol=1e-5, atol=1e-6)


def test_a_card_leaves_samples_on_the_disk_to_the_processor_and_says_so(small_memory, tmp_path):
    generator = np.random.default_rng(1)
    x = (generator.random((60, 5, 7, 3)) * 200).astype(np.uint8)
    loaded = load(Data(source=save(tmp_path, "folder", x, np.arange(60) % 2)))
    graph, data = classifier()
    training = Training(optimizer=registry.optimizer("SGD")(), batch_size=13, device="cuda")
    with closing(TrainingRun(graph, training, {data: loaded}, compile_ahead)) as run:
        assert run.card_problem.startswith("The samples stay on the disk")
        assert run.network.device.name == "cpu"
        run.train(1)
        assert run.network.epoch == 1
