"""IDX folders: pairs, plain and gzipped, and headers that lie."""

from __future__ import annotations

import gzip
import struct
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from data_files import idx_bytes, pictures, write_pair
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.data import DataError, class_balance, describe, load
from studio.data.loading import load_afresh
from studio.layers.data import Data

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def node(folder: Path, **settings: object) -> Data:
    return Data(source=f"idx:{folder}", **settings)  # type: ignore[arg-type]


def describe_and_load(layer: Data) -> None:
    describe(layer)
    load(layer)


def refused(folder: Path, said: str) -> None:
    """Describing or loading says so; loading always does."""
    before = {p: p.read_bytes() for p in folder.iterdir() if p.is_file()}
    with pytest.raises(DataError) as caught:
        describe_and_load(node(folder))
    assert said in str(caught.value)
    assert str(caught.value)[-1] == "."
    assert before == {p: p.read_bytes() for p in folder.iterdir() if p.is_file()}


@pytest.mark.parametrize("zipped", [False, True])
def test_a_training_and_a_test_pair(tmp_path, zipped):
    (train, train_labels), (test, test_labels) = pictures(40), pictures(9, seed=1)
    write_pair(tmp_path, "train", train, train_labels, zipped)
    write_pair(tmp_path, "t10k", test, test_labels, zipped)
    layer = node(tmp_path, standardize=False, validation=0.25, test=0.9)
    info, data = describe(layer), load(layer)
    assert info == data.info
    assert (info.x_shape, info.y_shape, info.target, info.samples) == ((6, 5, 1), (), "labels", 49)
    assert info.classes == ("0", "1", "2")
    assert info.title == tmp_path.name
    assert "its own test part" in info.notes[0]
    assert np.array_equal(data.test.x, test[..., None].astype(np.float32) / np.float32(255))
    assert np.array_equal(data.test.y, test_labels)
    assert (len(data.train), len(data.validation)) == (30, 10)
    whole = np.concatenate([data.train.x, data.validation.x]) * 255
    assert sorted(whole.reshape(40, -1).round().tolist()) == sorted(train.reshape(40, -1).tolist())


@pytest.mark.parametrize("stem", ["t10k", "train", "my-digits"])
def test_a_single_pair_is_split(tmp_path, stem):
    write_pair(tmp_path, stem, *pictures(50, classes=5))
    data = load(node(tmp_path))
    assert [len(p) for p in (data.train, data.validation, data.test)] == [30, 10, 10]
    assert data.info.notes == ()
    assert class_balance(data)["test"] == dict.fromkeys("01234", 2)


def test_other_names_shapes_and_types(tmp_path):
    images = np.random.default_rng(0).normal(size=(12, 4, 4, 3)).astype("f4")
    (tmp_path / "test-images.idx4-ubyte").write_bytes(idx_bytes(images))
    (tmp_path / "test-labels.idx1-ubyte").write_bytes(idx_bytes(np.array([7, -2, 300] * 4, "i4")))
    (tmp_path / "readme.txt").write_text("images")
    (tmp_path / "images").mkdir()
    data = load(node(tmp_path, standardize=False, validation=0.0, test=0.0))
    assert data.info.x_shape == (4, 4, 3)
    assert data.info.classes == ("-2", "7", "300")
    order = np.lexsort(data.train.x.reshape(12, -1).T)
    assert np.array_equal(data.train.x[order], images[np.lexsort(images.reshape(12, -1).T)])


def test_a_plain_file_comes_before_its_gzipped_twin(tmp_path):
    write_pair(tmp_path, "train", *pictures(10))
    write_pair(tmp_path, "train", *pictures(20), zipped=True)
    assert describe(node(tmp_path)).samples == 10


def test_gzip_is_known_by_its_content(tmp_path):
    images, labels = pictures(10)
    write_pair(tmp_path, "train", images, labels)
    (tmp_path / IMAGES).write_bytes(gzip.compress(idx_bytes(images)))
    assert load(node(tmp_path)).info.samples == 10


@given(count=st.integers(4, 30), height=st.integers(1, 9), width=st.integers(1, 9), zipped=st.booleans(), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read(count, height, width, zipped, seed):
    images, labels = pictures(count, height, width, classes=2, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        write_pair(Path(folder), "train", images, labels, zipped)
        data = load_afresh(node(Path(folder), standardize=False, validation=0.0, test=0.0)).train
    rows = np.c_[data.x.reshape(count, -1) * 255, data.y].round()
    assert sorted(rows.tolist()) == sorted(np.c_[images.reshape(count, -1), labels].astype(float).tolist())


@given(content=st.binary(max_size=200), zipped=st.booleans(), which=st.sampled_from([IMAGES, LABELS]))
@settings(max_examples=120, deadline=None)
def test_no_bytes_whatever_bring_more_than_a_sentence(content, zipped, which):
    said = ""
    with tempfile.TemporaryDirectory() as folder:
        write_pair(Path(folder), "train", *pictures(6))
        (Path(folder) / which).write_bytes(gzip.compress(content) if zipped else content)
        try:
            load_afresh(node(Path(folder)))
        except DataError as error:
            said = str(error)
    assert said.endswith(".")
    assert "\n" not in said


def header(*lengths: int, code: int = 0x08) -> bytes:
    return struct.pack(f">BBBB{len(lengths)}I", 0, 0, code, len(lengths), *lengths)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\0\0\x08", "its first four bytes are wrong"),
        (b"\x01\0\x08\x03" + bytes(200), "its first four bytes are wrong"),
        (b"\0\0\x07\x03" + bytes(200), "its first four bytes are wrong"),
        (b"\0\0\x08\0" + bytes(200), "its first four bytes are wrong"),
        (b"\0\0\x08\xff" + bytes(2000), "its first four bytes are wrong"),
        (b"\0\0\x08\x03\0\0", "was cut short"),
        (header(10, 6, 5) + bytes(299), "was cut short"),
        (header(10, 6, 5) + bytes(301), "holds more than its header says"),
        (header(2**32 - 10, 6, 5) + bytes(300), "was cut short"),
        (header(2**31, 2**31, 2**31) + bytes(300), "was cut short"),
        (header(10, 0, 5), "holds nothing"),
        (header(10) + bytes(10), "not a file of pictures"),
        (header(1, 1, 1, 1, 1, 1) + b"\0", "not a file of pictures"),
        (header(9, 6, 5) + bytes(270), "has 10 labels for the 9 pictures"),
        (header(10, 1, 1, code=0x0D) + struct.pack(">10f", *[float("nan")] * 10), "not a finite number"),
        (gzip.compress(header(10, 6, 5) + bytes(300), mtime=0)[:-20], "was cut short"),
        (gzip.compress(header(10, 6, 5) + bytes(300), mtime=0)[:12], "was cut short"),
        (gzip.compress(header(10, 6, 5) + bytes(300), mtime=0)[:-8] + bytes(8), "damaged"),
        (gzip.compress(header(10, 6, 5) + bytes(299), mtime=0), "was cut short"),
        (gzip.compress(header(10, 6, 5) + bytes(5000), mtime=0), "holds more than its header says"),
        (b"\x1f\x8b" + bytes(300), "damaged"),
        (gzip.compress(header(1000, 1000, 1000) + bytes(10), mtime=0), "was cut short"),
    ],
)
def test_files_of_pictures_that_are_wrong(tmp_path, content, said):
    write_pair(tmp_path, "train", *pictures(10))
    (tmp_path / IMAGES).write_bytes(content)
    refused(tmp_path, said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (idx_bytes(np.zeros(10, "u1")), "only one class ('0')"),
        (idx_bytes(np.zeros((10, 2), "u1")), "does not hold labels"),
        (idx_bytes(np.zeros(10, "f4")), "does not hold labels"),
        (idx_bytes(np.arange(11, dtype="u1")), "has 11 labels for the 10 pictures"),
        (header(10) + bytes(9), "was cut short"),
        (b"not an idx file at all", "its first four bytes are wrong"),
    ],
)
def test_files_of_labels_that_are_wrong(tmp_path, content, said):
    write_pair(tmp_path, "train", *pictures(10))
    (tmp_path / LABELS).write_bytes(content)
    refused(tmp_path, said)


def test_folders_that_are_wrong(tmp_path):
    refused(tmp_path, "has no pair of IDX files")
    write_pair(tmp_path, "train", *pictures(10))
    (tmp_path / LABELS).unlink()
    refused(tmp_path, f"has no labels beside it: add the file {LABELS}.")
    write_pair(tmp_path, "train", *pictures(10))
    write_pair(tmp_path, "t10k", *pictures(10, height=7))
    refused(tmp_path, "different sizes")
    write_pair(tmp_path, "t10k", *pictures(10))
    write_pair(tmp_path, "test", *pictures(10))
    refused(tmp_path, "has several sets")


def test_a_header_that_lies_takes_no_memory(tmp_path):
    # 3 GiB of zeros announced; the few bytes there could not even unpack to a tenth of that.
    write_pair(tmp_path, "train", *pictures(10))
    content = header(10, 2**14, 19660) + bytes(1 << 20)
    tracemalloc.start()
    for packed in (content, gzip.compress(content)):
        (tmp_path / IMAGES).write_bytes(packed)
        refused(tmp_path, "was cut short")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20


def test_a_gzip_bomb_is_read_only_as_far_as_its_header_says(tmp_path):
    write_pair(tmp_path, "train", *pictures(10))
    (tmp_path / IMAGES).write_bytes(gzip.compress(header(10, 6, 5) + bytes(100 << 20), 1))
    tracemalloc.start()
    refused(tmp_path, "holds more than its header says")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def test_resizing_to_too_much_is_refused(tmp_path):
    write_pair(tmp_path, "train", np.zeros((6000, 1, 1), np.uint8), (np.arange(6000) % 3).astype(np.uint8))
    with pytest.raises(DataError, match="more than 4 GiB of memory"):
        describe(node(tmp_path, resize=512))
