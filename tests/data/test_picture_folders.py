"""Folders of pictures: classes by sub-folder, and masks."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.data import DataError, class_balance, describe, load, source_for
from studio.data.loading import load_afresh
from studio.layers.data import Data

PLAIN = {"standardize": False, "validation": 0.0, "test": 0.0}


def write(path: Path, pixels: np.ndarray, mode: str | None = None, **options) -> Path:
    """Save a picture, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.asarray(pixels, np.uint8))
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


def grey(value: int, height: int = 6, width: int = 5) -> np.ndarray:
    return np.full((height, width), value, np.uint8)


def animals(root: Path, ending: str = "png", counts=(4, 3)) -> Data:
    """Two classes whose pictures say by their grey which they are."""
    for name, base, count in zip(("cat", "dog"), (10, 200), counts, strict=True):
        for i in range(count):
            write(root / name / f"{i}.{ending}", grey(base + i))
    return Data(source=f"images:{root}", **PLAIN)


def test_sub_folders_are_classes(tmp_path):
    layer = animals(tmp_path / "animals")
    info = describe(layer)
    assert (info.title, info.x_shape, info.y_shape, info.target) == ("animals", (6, 5, 1), (), "labels")
    assert (info.classes, info.samples, info.notes) == (("cat", "dog"), 7, ())
    data = load(layer)
    assert class_balance(data)["train"] == {"cat": 4, "dog": 3}
    assert data.train.x.dtype == np.float32
    shades = {(round(float(x.mean() * 255)), int(y)) for x, y in zip(data.train.x, data.train.y, strict=True)}
    assert shades == {(10 + i, 0) for i in range(4)} | {(200 + i, 1) for i in range(3)}


@pytest.mark.parametrize("ending", ["png", "bmp", "gif", "webp", "tif", "ppm", "jpg"])
def test_kinds_of_files(tmp_path, ending):
    layer = animals(tmp_path, ending)
    assert load(layer).train.x.shape == (7, 6, 5, 1) if ending != "webp" else (7, 6, 5, 3)
    means = sorted(load(layer).train.x.mean((1, 2, 3)) * 255)
    np.testing.assert_allclose(means, [10, 11, 12, 13, 200, 201, 202], atol=1.01)


def test_colours_and_transparency(tmp_path):
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    clear = np.dstack([red, np.zeros((4, 4), np.uint8)])
    write(tmp_path / "a" / "1.png", red)
    write(tmp_path / "a" / "2.png", grey(51, 4, 4))
    write(tmp_path / "b" / "1.png", clear)
    write(tmp_path / "b" / "2.png", red, "P")
    data = load(Data(source=f"images:{tmp_path}", **PLAIN)).train
    assert data.x.shape == (4, 4, 4, 3)
    found = sorted((tuple(round(float(c), 2) for c in x[0, 0]), int(y)) for x, y in zip(data.x, data.y, strict=True))
    assert found == [((0.2, 0.2, 0.2), 0), ((1.0, 0.0, 0.0), 0), ((1.0, 0.0, 0.0), 1), ((1.0, 1.0, 1.0), 1)]
    plain = load(Data(source=f"images:{tmp_path}?colors=grey", **PLAIN)).train
    assert plain.x.shape == (4, 4, 4, 1)
    forced = animals(tmp_path / "more").replace(source=f"images:{tmp_path / 'more'}?colors=rgb")
    x = load(forced).train.x
    assert x.shape[3] == 3
    assert (x[..., 0] == x[..., 1]).all()


def test_sixteen_bits_and_pictures_that_lie_on_their_side(tmp_path):
    deep = np.full((4, 6), 32768, np.uint16)
    (tmp_path / "a").mkdir()
    Image.fromarray(deep).save(tmp_path / "a" / "deep.png")
    lying = Image.fromarray(grey(90, 6, 4))
    exif = lying.getexif()
    exif[0x0112] = 6
    (tmp_path / "b").mkdir()
    lying.save(tmp_path / "b" / "lying.jpg", exif=exif)
    layer = Data(source=f"images:{tmp_path}", **PLAIN)
    assert describe(layer).x_shape == (4, 6, 1)
    means = sorted(load(layer).train.x.mean((1, 2, 3)).tolist())
    np.testing.assert_allclose(means, [90 / 255, 0.5], atol=0.01)


def test_sizes(tmp_path):
    layer = animals(tmp_path)
    other = write(tmp_path / "cat" / "other.png", grey(14, 12, 30))
    assert describe(layer).x_shape == (64, 64, 1)
    assert "Pictures of different sizes were brought to 64 by 64 pixels" in describe(layer).notes[0]
    assert load(layer).train.x.shape == (8, 64, 64, 1)
    assert describe(layer.replace(resize=20)).x_shape == (20, 20, 1)
    assert load(layer.replace(resize=20)).train.x.shape == (8, 20, 20, 1)
    wide = layer.replace(source=f"{layer.source}?size=8x16")
    assert load(wide).train.x.shape == (8, 8, 16, 1)
    np.testing.assert_allclose(sorted(load(wide).train.x.mean((1, 2, 3)) * 255), [10, 11, 12, 13, 14, 200, 201, 202], atol=0.1)
    other.unlink()
    assert describe(layer).x_shape == (6, 5, 1)
    for i, path in enumerate(tmp_path.rglob("*.png")):
        write(path, grey(i, 300, 200))
    (tmp_path / "cat" / "new.png").write_bytes((tmp_path / "cat" / "0.png").read_bytes())
    assert "The pictures, 300 by 200 pixels, were brought to 64 by 64" in describe(layer).notes[0]


def test_shrinking_averages_over_what_a_pixel_covers(tmp_path):
    board = np.indices((40, 40)).sum(0) % 2 * 255
    write(tmp_path / "a" / "1.png", board)
    write(tmp_path / "b" / "1.png", grey(0, 40, 40))
    x = load(Data(source=f"images:{tmp_path}?size=10", **PLAIN)).train.x
    assert abs(x.max() - 0.5) < 0.02


def test_shares_seed_and_standardising_are_as_ever(tmp_path):
    layer = animals(tmp_path, counts=(30, 20)).replace(validation=0.2, test=0.2, standardize=True)
    data = load(layer)
    assert [len(p) for p in (data.train, data.validation, data.test)] == [30, 10, 10]
    assert class_balance(data)["validation"] == {"cat": 6, "dog": 4}
    assert abs(data.train.x.mean()) < 1e-5
    assert abs(data.train.x.std() - 1) < 1e-5
    again = load_afresh(layer)
    assert data.train.x.tobytes() == again.train.x.tobytes()
    assert load(layer.replace(seed=1)).train.y.tobytes() != data.train.y.tobytes()


def test_a_folder_with_train_and_test(tmp_path):
    animals(tmp_path / "train")
    animals(tmp_path / "test", counts=(1, 2))
    layer = Data(source=f"images:{tmp_path}", validation=0.0, standardize=False)
    info = describe(layer)
    assert (info.samples, info.classes) == (10, ("cat", "dog"))
    assert info.notes == ("The folder test is the test part, so the share for testing is not used.",)
    data = load(layer)
    assert (len(data.train), len(data.test)) == (7, 3)
    assert data.test.y.tolist() == [0, 1, 1]
    animals(tmp_path / "val", counts=(1, 1))
    assert "The folder val is not used" in describe(layer).notes[1]
    write(tmp_path / "test" / "bird" / "1.png", grey(1))
    with pytest.raises(DataError, match=r"test has bird, which .*train has not: the classes must be the same"):
        describe(layer)


# Masks ----------------------------------------------------------------------------------


def masked(root: Path, count: int = 6, values=(0, 1, 2)) -> Data:
    """Grey pictures whose left half is of one class and whose right half is of another."""
    for i in range(count):
        mask = np.zeros((8, 10), np.uint8)
        mask[:, 5:] = values[1 + i % (len(values) - 1)]
        mask[:, :5] = values[0]
        write(root / "images" / f"p{i}.jpg", np.dstack([mask * 3] * 3))
        write(root / "masks" / f"p{i}.png", mask)
    return Data(source=f"images:{root}", **PLAIN)


def test_masks_give_each_pixel_a_class(tmp_path):
    layer = masked(tmp_path)
    info = describe(layer)
    assert (info.x_shape, info.y_shape, info.classes, info.target) == ((8, 10, 3), (8, 10), ("0", "1", "2"), "labels")
    assert info.notes == ("Y tells for each pixel which class it is of.",)
    data = load(layer).train
    assert data.y.shape == (6, 8, 10)
    assert (data.y[:, :, :5] == 0).all()
    assert sorted(data.y[:, 0, 9].tolist()) == [1, 1, 1, 2, 2, 2]
    assert class_balance(load(layer))["train"] == {"0": 240, "1": 120, "2": 120}
    smaller = load(layer.replace(resize=4)).train
    assert (smaller.x.shape, smaller.y.shape) == ((6, 4, 4, 3), (6, 4, 4))
    assert (smaller.y[:, :, :2] == 0).all()
    assert (smaller.y[:, :, 2:] > 0).all()


def test_numbers_need_not_follow_each_other_and_may_have_names(tmp_path):
    layer = masked(tmp_path, values=(7, 255))
    assert describe(layer).classes == ("7", "255")
    assert set(np.unique(load(layer).train.y)) == {0.0, 1.0}
    (tmp_path / "classes.txt").write_text("ground\n\nroad\n")
    assert describe(layer).classes == ("ground", "road")
    (tmp_path / "classes.txt").write_text("ground\n")
    with pytest.raises(DataError, match=r"classes.txt has 1 names for the 2 classes of the masks \(7 and 255\)"):
        describe(layer)


def test_palettes_and_colours(tmp_path):
    indexed = Image.new("P", (8, 4))
    indexed.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    indexed.putdata([0, 0, 0, 0, 2, 2, 2, 2] * 4)
    for i in range(4):
        write(tmp_path / "one" / "images" / f"{i}.png", grey(i, 4, 8))
        (tmp_path / "one" / "masks").mkdir(exist_ok=True)
        indexed.save(tmp_path / "one" / "masks" / f"{i}.png")
        write(tmp_path / "two" / "images" / f"{i}.png", grey(i, 4, 8))
        (tmp_path / "two" / "masks").mkdir(exist_ok=True)
        indexed.convert("RGB").save(tmp_path / "two" / "masks" / f"{i}.png")
    for name, classes in (("one", ("0", "2")), ("two", ("#000000", "#00ff00"))):
        layer = Data(source=f"images:{tmp_path / name}", **PLAIN)
        assert describe(layer).classes == classes
        assert load(layer).train.y[0, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    shutil.copy(tmp_path / "two" / "masks" / "3.png", tmp_path / "one" / "masks" / "3.png")
    os.utime(tmp_path / "one" / "masks", ns=(1, 1))
    with pytest.raises(DataError, match=r"Some masks of .*one hold colours, others numbers"):
        describe(Data(source=f"images:{tmp_path / 'one'}"))


# What is wrong --------------------------------------------------------------------------


def _no_masks(root: Path) -> None:
    masked(root)
    shutil.rmtree(root / "masks")


def _one_lacks_its_mask(root: Path) -> None:
    masked(root)
    (root / "masks" / "p3.png").unlink()


def _a_mask_of_another_size(root: Path) -> None:
    masked(root)
    write(root / "masks" / "p2.png", grey(0, 8, 9))


def _smooth_masks(root: Path) -> None:
    masked(root)
    write(root / "masks" / "p1.png", np.arange(80).reshape(8, 10))


def _one_class(root: Path) -> None:
    animals(root)
    shutil.rmtree(root / "dog")


def _flat(root: Path) -> None:
    write(root / "1.png", grey(1))


def _empty_class(root: Path) -> None:
    animals(root)
    (root / "bird").mkdir()
    (root / "bird" / "notes.txt").write_text("none yet")


def _too_deep(root: Path) -> None:
    animals(root)
    write(root / "bird" / "small" / "1.png", grey(1))


def _broken(root: Path) -> None:
    animals(root)
    noise = write(root / "dog" / "1.png", np.random.default_rng(1).integers(0, 256, (40, 40)))
    noise.write_bytes(noise.read_bytes()[:-300])


def _no_picture(root: Path) -> None:
    animals(root)
    (root / "dog" / "1.png").write_text("this is no picture")


def _two_of_a_name(root: Path) -> None:
    masked(root)
    write(root / "images" / "p1.png", grey(0, 8, 10))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda root: None, "There is no folder .*pictures: check its name"),
        (lambda root: root.mkdir(), "has no sub-folders with pictures: put the pictures of each class into a sub-folder"),
        (lambda root: root.write_text("x"), "is a file: images: takes the folder with the pictures"),
        (_flat, "has pictures, but no sub-folders: put the pictures of each class into a sub-folder of its own"),
        (_one_class, r"pictures holds only one class \('cat'\)"),
        (_empty_class, "The folder .*bird has no pictures in it: put pictures of its class there, or take it away"),
        (_too_deep, "The folder .*bird has only folders in it"),
        (_broken, "dog/1.png is damaged: save it again, or take it out of the folder"),
        (_no_picture, "dog/1.png is not a picture that can be read: save it as PNG, or take it out"),
        (_no_masks, "has a sub-folder images, but none that is called masks"),
        (_one_lacks_its_mask, "p3.jpg in .*images has no mask in .*masks: add one called p3.png"),
        (_a_mask_of_another_size, "The mask p2.png has 8 by 9 pixels, its picture 8 by 10: they must be the same"),
        (_smooth_masks, r"more than 64 different pixels \(met at p1.png\): each class needs one number or colour"),
        (_two_of_a_name, "There are two pictures called p1 in .*images"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, make, sentence):
    root = tmp_path / "pictures"
    make(root)
    with pytest.raises(DataError, match=sentence) as caught:
        load(Data(source=f"images:{root}"))
    text = str(caught.value)
    assert text.endswith(".")
    assert ". " not in text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?size=0", "The option size cannot be '0': write pixels a side, such as 64 or 48x64, at most 1024"),
        ("?size=20x", "The option size cannot be '20x'"),
        ("?size=2000", "at most 1024"),
        ("?colors=blue", "The option colors cannot be 'blue': write grey or rgb"),
        ("?colours=rgb", "did you mean colors?"),
    ],
)
def test_options(tmp_path, query, sentence):
    animals(tmp_path)
    with pytest.raises(DataError, match=sentence.replace("?", "\\?")):
        describe(Data(source=f"images:{tmp_path}{query}"))


def test_more_than_memory_holds_is_refused_before_it_is_read(tmp_path, monkeypatch):
    animals(tmp_path)
    monkeypatch.setattr("studio.data.picture_folder.LARGEST", 1 << 20)
    with pytest.raises(DataError, match="would take more than 4 GiB of memory at 500 by 500 pixels: choose a smaller size"):
        describe(Data(source=f"images:{tmp_path}?size=500"))
    monkeypatch.setattr("studio.data.picture_files._MOST_PIXELS", 20)
    with pytest.raises(DataError, match=r"cat/0.png has more than 67 million pixels"):
        describe(Data(source=f"images:{tmp_path}?size=5"))


def test_a_picture_that_is_added_or_changed_is_noticed(tmp_path):
    layer = animals(tmp_path)
    assert load(layer).train.x.max() * 255 == pytest.approx(202)
    write(tmp_path / "dog" / "0.png", grey(250))
    assert load(layer).train.x.max() * 255 == pytest.approx(250)
    write(tmp_path / "dog" / "more.png", grey(3))
    assert describe(layer).samples == 8
    assert len(load(layer).train) == 8


def test_reading_tells_how_far_it_is_and_can_be_stopped(tmp_path):
    layer = animals(tmp_path, counts=(80, 50))
    told = []
    load_afresh(layer, lambda done, total: told.append((done, total)))
    assert told[0] == (0, 130)
    assert told[-1] == (130, 130)
    assert (64, 130) in told

    def stop(done: int, total: int) -> None:
        if done == 64:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        load_afresh(layer.replace(resize=4), stop)
    assert load_afresh(layer.replace(resize=4)).train.x.shape == (130, 4, 4, 1)


def test_a_folder_is_known_by_what_is_in_it(tmp_path):
    animals(tmp_path / "pictures")
    assert source_for(tmp_path / "pictures") == f"images:{tmp_path / 'pictures'}"
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-images-idx3-ubyte").write_bytes(b"x")
    assert source_for(tmp_path / "mnist").startswith("idx:")
    with pytest.raises(DataError, match=r"1.png is a single picture: take the folder"):
        source_for(write(tmp_path / "1.png", grey(1)))


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=40)
@given(st.sampled_from(["png", "jpg", "gif", "bmp", "webp", "tif", "ppm"]), st.data())
def test_no_changed_byte_brings_more_than_a_sentence(tmp_path_factory, ending, data):
    root = tmp_path_factory.mktemp("changed")
    layer = animals(root, ending, counts=(1, 1))
    path = root / "dog" / f"0.{ending}"
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(1, len(content)))]))
    with contextlib.suppress(DataError):
        assert np.isfinite(load(layer).train.x).all()
