"""NPZ files: arrays by name, kinds of answers, and archives that lie."""

from __future__ import annotations

import io
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from data_files import npz_node
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from studio.data import DataError, describe, load
from studio.data.loading import load_afresh
from studio.layers.data import Data

X = np.random.default_rng(0).normal(size=(30, 3))
Y = np.arange(30) % 3


def describe_and_load(layer: Data) -> None:
    describe(layer)
    load(layer)


def refused(layer: Data, said: str) -> None:
    """Describing or loading says so; loading always does."""
    with pytest.raises(DataError) as caught:
        describe_and_load(layer)
    assert said in str(caught.value)
    assert str(caught.value)[-1] == "."
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("y", "query", "classes", "y_shape"),
    [
        (Y, "", ("0", "1", "2"), ()),
        (Y.astype(np.uint8)[:, None], "", ("0", "1", "2"), ()),
        (Y == 1, "", ("False", "True"), ()),
        (Y * 5.0 + 2, "", ("2", "7", "12"), ()),
        (np.array(["b", "a", "c"])[Y], "", ("a", "b", "c"), ()),
        (np.array([b"b", b"a", b"c"])[Y], "", ("a", "b", "c"), ()),
        (np.eye(4)[Y], "", ("0", "1", "2", "3"), ()),
        (np.eye(4)[Y], "?as=values", (), (4,)),
        (Y + 0.5, "", (), (1,)),
        (Y + 0.5, "?as=classes", ("0.5", "1.5", "2.5"), ()),
        (Y, "?as=values", (), (1,)),
        (np.arange(30), "", (), (1,)),
        (X[:, :2], "", (), (2,)),
        (np.zeros((30, 4, 4, 1)), "", (), (4, 4, 1)),
    ],
)
def test_what_answers_are(tmp_path, y, query, classes, y_shape):
    layer = npz_node(tmp_path, query, x=X, y=y)
    info, data = describe(layer), load(layer)
    assert info == data.info
    assert (info.classes, info.y_shape, info.x_shape) == (classes, y_shape, (3,))
    assert info.target == ("labels" if classes else "values")
    assert data.train.y.shape == (18, *y_shape)


@pytest.mark.parametrize(
    ("x", "shape", "plane"),
    [
        (X[:, 0], (1,), False),
        (X[:, :2], (2,), True),
        (X.reshape(30, 3, 1), (3, 1, 1), False),
        (np.zeros((30, 4, 5, 3), np.float16), (4, 5, 3), False),
        (np.asfortranarray(X), (3,), False),
        (X.astype(">f8"), (3,), False),
        (X > 0, (3,), False),
    ],
)
def test_what_samples_are(tmp_path, x, shape, plane):
    layer = npz_node(tmp_path, x=x, y=np.arange(30.0) / 7)
    info = describe(layer)
    assert (info.x_shape, info.plane, info.samples) == (shape, plane, 30)
    data = load_afresh(Data(source=layer.source, standardize=False, validation=0.0, test=0.0)).train
    order = np.argsort(data.y[:, 0])
    assert np.array_equal(data.x[order], x.reshape(30, *shape).astype(np.float32))


def test_pixels_of_bytes_become_0_to_1(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (30, 4, 4), dtype=np.uint8)
    data = load_afresh(Data(source=npz_node(tmp_path, x=x, y=Y).source, standardize=False))
    whole = np.concatenate([p.x for p in (data.train, data.validation, data.test)])
    assert data.info.x_shape == (4, 4, 1)
    assert sorted((whole * 255).round().ravel().tolist()) == sorted(x.ravel().tolist())


def test_own_test_part_is_kept(tmp_path):
    layer = npz_node(tmp_path, x_train=X, y_train=Y, x_test=X[:7] + 1, y_test=Y[:7])
    data = load_afresh(Data(source=layer.source, standardize=False, test=0.9, validation=0.5))
    assert np.array_equal(data.test.x, (X[:7] + 1).astype(np.float32))
    assert np.array_equal(data.test.y, Y[:7])
    assert (len(data.train), len(data.validation), data.info.samples) == (15, 15, 37)
    assert "its own test part" in data.info.notes[0]
    alone = npz_node(tmp_path, X_train=X, Y_train=Y)
    assert len(load(alone).test) == 6


kinds = st.sampled_from(["f8", "f4", "i8", "u1", "i2", "b1"])


def arrays_of_kind(kind: str) -> st.SearchStrategy[np.ndarray]:
    finite = {"allow_nan": False, "allow_infinity": False}
    elements = {"f8": {**finite, "min_value": -1e30, "max_value": 1e30}, "f4": finite}.get(kind)
    return arrays_of.arrays(kind, (8, 3), elements=elements)


@given(x=kinds.flatmap(arrays_of_kind))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(x):
    with tempfile.TemporaryDirectory() as folder:
        layer = npz_node(Path(folder), x=x, y=np.arange(8.0) / 3)
        data = load_afresh(Data(source=layer.source, standardize=False, validation=0.0, test=0.0)).train
    assert np.array_equal(data.x[np.argsort(data.y[:, 0])], x.astype(np.float32))


@pytest.mark.parametrize(
    ("arrays", "query", "said"),
    [
        ({"a": X, "b": Y}, "", "has no array x (it has a and b)"),
        ({"x": X}, "", "has no array y (it has x)"),
        ({"x_train": X, "y_train": Y, "x_test": X}, "", "has no array y_test"),
        ({"x": X, "y": Y[:5]}, "", "x in arrays.npz has 30 samples but y has 5"),
        ({"x": X, "y": np.float64(3)}, "", "is empty"),
        ({"x": X[:0], "y": Y[:0]}, "", "is empty"),
        ({"x": np.zeros((30, 1, 1, 1, 1)), "y": Y}, "", "has 5 axes"),
        ({"x": X * 1j, "y": Y}, "", "holds complex numbers"),
        ({"x": X.astype(str), "y": Y}, "", "holds text: it must hold numbers"),
        ({"x": X, "y": Y.astype("M8[s]")}, "", "holds dates"),
        ({"x": np.zeros(30, [("a", "f4")]), "y": Y}, "", "holds records"),
        ({"x": np.where(X > 2, np.nan, X), "y": Y}, "", "holds something that is not a finite number"),
        ({"x": X * 1e300, "y": Y}, "", "holds something that is not a finite number"),
        ({"x": X, "y": np.full(30, np.inf)}, "", "Sample 0 of y in arrays.npz"),
        ({"x": X, "y": Y * 0}, "", "only one class ('0')"),
        ({"x": X, "y": Y.astype(str)}, "?as=values", "holds text"),
        ({"x": X, "y": X}, "?as=classes", "has several numbers for each sample"),
        ({"x_train": X, "y_train": Y, "x_test": X[:, :2], "y_test": Y}, "", "samples of different shapes"),
        ({"x_train": X, "y_train": X, "x_test": X, "y_test": X[:, :2]}, "", "y_train and y_test"),
    ],
)
def test_arrays_that_are_wrong(tmp_path, arrays, query, said):
    refused(npz_node(tmp_path, query, **arrays), said)


class Trap:
    """Pickled, it would leave a mark when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path(self.path),)


@pytest.mark.parametrize("name", ["x", "y"])
def test_pickled_objects_are_never_opened(tmp_path, name):
    mark = tmp_path / "mark"
    trap = np.array([Trap(str(mark))] * 30, dtype=object)
    refused(npz_node(tmp_path, **{"x": X, "y": Y, name: trap}), "holds Python objects, which could run code")
    assert not mark.exists()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npy_header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("latin-1")


def archive(folder: Path, packing: int = zipfile.ZIP_DEFLATED, **members: bytes) -> Data:
    path = folder / "arrays.npz"
    with zipfile.ZipFile(path, "w", packing) as target:
        for name, content in members.items():
            target.writestr(f"{name}.npy", content)
    return Data(source=f"npz:{path}")


HUGE = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000)}\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a sound array"),
        (b"garbage" * 10, "not a sound array"),
        (npy(X)[:-8], "smaller than its header says"),
        (npy_header(HUGE), "smaller than its header says"),
        (npy_header(HUGE) + bytes(1 << 20), "smaller than its header says"),
        (npy_header(HUGE.replace("1000000", "-1")), "not a sound array"),
        (npy_header(HUGE.replace("<f8", "|O")), "Python objects"),
        (npy_header(HUGE.replace("<f8", "zz")), "not a sound array"),
        (npy_header(HUGE.replace("1000000", "'a'")), "not a sound array"),
        (npy_header("__import__('os').system('true')\n"), "not a sound array"),
        (npy_header("(" * 5000 + "\n"), "not a sound array"),
        (npy_header(" " * 60_000 + "\n"), "not a sound array"),
        (b"\x93NUMPY\x09\x00" + bytes(100), "not a sound array"),
        (npy_header("{'descr': '<U0', 'fortran_order': False, 'shape': (30,)}\n"), "not a sound array"),
    ],
)
def test_members_that_lie(tmp_path, content, said):
    tracemalloc.start()
    refused(archive(tmp_path, x=content, y=npy(Y)), said)
    refused(archive(tmp_path, x=npy(X), y=content), said)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20


def test_a_zip_bomb_is_read_only_as_far_as_its_header_says(tmp_path):
    layer = archive(tmp_path, x=npy(X) + bytes(200 << 20), y=npy(Y))
    tracemalloc.start()
    assert load(layer).info.samples == 30
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20


def test_arrays_too_large_are_refused_before_they_are_read(tmp_path, monkeypatch):
    layer = npz_node(tmp_path, x=np.zeros((5000, 100), np.uint8), y=np.arange(5000) % 2)
    monkeypatch.setattr("studio.data.npz_file.LARGEST", 1 << 20)
    refused(layer, "more than 4 GiB of memory")


@pytest.mark.parametrize("damage", ["not a zip", "cut", "content", "encrypted", "packing"])
def test_archives_that_are_damaged(tmp_path, damage):
    path = tmp_path / "arrays.npz"
    layer = archive(tmp_path, x=npy(X), y=npy(Y))
    content = bytearray(path.read_bytes())
    if damage == "not a zip":
        content = bytearray(b"PK" + bytes(100))
    elif damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "content":
        content[200:260] = bytes(60)
    else:
        offset, value = {"encrypted": ((6, 8), 1), "packing": ((8, 10), 99)}[damage]
        content[offset[0]] |= value
        content[content.index(b"PK\x01\x02") + offset[1]] |= value
    path.write_bytes(content)
    refused(layer, "arrays.npz")


@given(position=st.integers(0, 2000), value=st.integers(0, 255))
@settings(max_examples=150, deadline=None)
def test_no_changed_byte_brings_more_than_a_sentence(position, value):
    said = "."
    with tempfile.TemporaryDirectory() as folder:
        layer = archive(Path(folder), x=npy(X), y=npy(Y))
        path = Path(folder) / "arrays.npz"
        content = bytearray(path.read_bytes())
        content[position % len(content)] = value
        path.write_bytes(content)
        try:
            data = load_afresh(layer)
        except DataError as error:
            said = str(error)
        else:
            assert np.isfinite(data.train.x).all()
    assert said.endswith(".")
    assert "\n" not in said
