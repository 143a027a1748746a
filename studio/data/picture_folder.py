"""Folders of pictures: one sub-folder for each class, or pictures and their masks.

- ``FOLDER/cat/1.png``, ``FOLDER/dog/2.png``: the sub-folders are the classes, in alphabetical order.
- ``FOLDER/train/cat/1.png``, ``FOLDER/test/cat/2.png``: the same, with a test part of its own.
- ``FOLDER/images/1.png``, ``FOLDER/masks/1.png``: the class of each pixel. A mask has its picture's
  name, whatever its ending, and its size. Its pixels are numbers (grey or a palette) or colours; each
  different one is a class, in order. ``FOLDER/classes.txt`` may name them, one a line.

``size=N`` (or ``size=HEIGHTxWIDTH``) brings all pictures to that size, and so does the Data node's
`resize`. Without either, pictures keep their size if all have the same and no side is longer than
128 pixels, else they become 64 by 64. ``colors=grey`` or ``colors=rgb`` decides how many channels
they have; without it, they are grey if none of those looked at has colours.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studio.data import classes
from studio.data.errors import DataError, listed, shown
from studio.data.facts import Arrays, Facts, Survey
from studio.data.files import LARGEST, Stamp, resolved
from studio.data.picture_files import (
    Look,
    for_each,
    has_colours,
    is_picture,
    look,
    nearest_pixels,
    read_mask,
    read_picture,
)
from studio.data.progress import Progress, silent
from studio.data.source import Source

#: Side of pictures that have no size of their own, and the longest side that is left as it is.
USUAL, LONGEST = 64, 128
MOST_PICTURES = 1_000_000
#: More values than this in the pixels of masks come from smoothing or from JPEG, not from classes.
MOST_MASK_CLASSES = 64
#: So many headers say what all pictures are like.
_LOOKED_AT = 200
_LARGEST_SIDE = 1024
#: The file that may name the classes of masks.
_NAMES = "classes.txt"
_PARTS = frozenset(("train", "test", "validation", "valid", "val"))


@dataclass(frozen=True)
class _Listing:
    """What is where.

    Parameters
    ----------
    train, test : tuple of Path
        The pictures.
    classes : tuple of str
        Names of the sub-folders; empty where there are masks.
    counts, test_counts : tuple of int
        How many pictures each class has; they stand in the order of the classes.
    masks : tuple of Path
        One for each picture of `train`, or none.
    notes : tuple of str
    """

    train: tuple[Path, ...]
    test: tuple[Path, ...] = ()
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    test_counts: tuple[int, ...] = ()
    masks: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Pictures(Survey):
    """Pictures of classes."""

    listing: _Listing
    deep: bool

    def arrays(self, side: int, progress: Progress) -> Arrays:
        listing, codes = self.listing, range(len(self.facts.classes))
        paths = (*listing.train, *listing.test)
        x = _read(paths, self.facts, side, self.deep, progress)
        y = np.repeat(codes, listing.counts).astype(np.int64)
        if not listing.test:
            return Arrays(x, y)
        first = len(listing.train)
        return Arrays(x[:first], y, x[first:], np.repeat(codes, listing.test_counts).astype(np.int64))


@dataclass(frozen=True, eq=False)
class _Masked(Survey):
    """Pictures with the class of each pixel, `values` by class."""

    listing: _Listing
    deep: bool
    values: np.ndarray

    def arrays(self, side: int, progress: Progress) -> Arrays:
        size = (side, side) if side else (self.facts.x_shape[0], self.facts.x_shape[1])
        both = 2 * len(self.listing.train)
        x = _read(self.listing.train, self.facts, side, self.deep, lambda done, total: progress(done, both))
        y = np.empty((len(x), *size), np.int64)

        def smaller(path: Path) -> np.ndarray:
            return nearest_pixels(read_mask(path), size)

        for i, mask in enumerate(for_each(self.listing.masks, smaller, lambda done, total: progress(total + done, both))):
            y[i] = np.searchsorted(self.values, mask)
            if not np.array_equal(self.values[np.minimum(y[i], len(self.values) - 1)], mask):
                raise DataError(f"{self.facts.title} changed while it was read: try again.")
        return Arrays(x, y)


def stamps(folder_name: str, whole: bool = False) -> tuple[Stamp, ...]:
    """What tells whether the folder changed.

    Parameters
    ----------
    whole : bool
        Also look at each picture. Without it, only pictures that were added, taken out or renamed are noticed.
    """
    root = resolved(folder_name)
    found = [_stamp(path) for path in (*_folders(root), root / _NAMES)]
    if whole:
        found += [_stamp(path) for path in files(root)]
    return tuple(found)


def files(root: Path) -> list[Path]:
    """All files that may belong to the pictures of a folder, by name, folder by folder.

    Raises
    ------
    DataError
        When a folder cannot be listed.
    """
    return [path for folder in _folders(root) for path in _entries(folder)[1]]


def _folders(root: Path) -> list[Path]:
    """The folder, its sub-folders, and those of its parts for training and testing."""
    inner = _sub_folders(root)
    deeper = [f for part in inner if part.name.lower() in _PARTS for f in _sub_folders(part)]
    return [root, *inner, *deeper]


def survey(source: Source, progress: Progress = silent) -> Survey:
    """Find out what the folder holds: lists it, looks at some pictures, and reads all masks.

    Raises
    ------
    DataError
        When it is not a folder of pictures, in one of the ways above.
    """
    root = resolved(source.name)
    listing = _listing(root)
    if len(listing.train) + len(listing.test) > MOST_PICTURES:
        raise DataError(f"The folder {_name(root)} has more than {MOST_PICTURES:,} pictures: use a part of it.")
    paths = (*listing.train, *listing.test)
    looks = list(for_each(paths[:: max(1, len(paths) // _LOOKED_AT)], look, progress))
    size, channels, notes = _size(source, looks)
    deep = any(one.deep for one in looks)
    title = shown(root.resolve().name or "Pictures")
    notes = (*listing.notes, *notes)
    if not listing.masks:
        classes.check_classes(len(listing.classes), f"The folder {_name(root)}", listing.classes[0])
        facts = Facts(
            title, (*size, channels), "labels", len(listing.train), test_samples=len(listing.test),
            classes=tuple(shown(c) for c in listing.classes), notes=notes,
        )  # fmt: skip
        _check_memory(root, facts)
        return _Pictures(facts, listing, deep)
    values, names = _mask_classes(root, listing, progress)
    facts = Facts(title, (*size, channels), "labels", len(listing.train), classes=names, y_shape=size, notes=notes)
    _check_memory(root, facts)
    return _Masked(facts, listing, deep, values)


# Listing --------------------------------------------------------------------------------


def _listing(root: Path) -> _Listing:
    folders, files = _entries(root)
    by_name = {folder.name.lower(): folder for folder in folders}
    if not folders:
        found = "has pictures, but no sub-folders" if any(map(is_picture, files)) else "has no sub-folders with pictures"
        raise DataError(f"The folder {_name(root)} {found}: put the pictures of each class into a sub-folder of its own.")
    if "images" in by_name and len(by_name) <= 2:
        if "masks" not in by_name:
            raise DataError(f"The folder {_name(root)} has a sub-folder images, but none that is called masks: add it, or rename images.")
        return _pairs(root, by_name["images"], by_name["masks"])
    if "train" in by_name and set(by_name) <= _PARTS and _entries(by_name["train"])[0]:
        return _parts(root, by_name)
    names, counts, pictures = _classes(folders)
    return _Listing(pictures, classes=names, counts=counts)


def _classes(folders: list[Path]) -> tuple[tuple[str, ...], tuple[int, ...], tuple[Path, ...]]:
    """Names of the classes, how many pictures each has, and the pictures."""
    found: list[Path] = []
    counts = []
    for folder in folders:
        inner, files = _entries(folder)
        pictures = [file for file in files if is_picture(file)]
        if not pictures:
            why = "only folders" if inner else "no pictures"
            raise DataError(f"The folder {_name(folder)} has {why} in it: put pictures of its class there, or take it away.")
        counts.append(len(pictures))
        found += pictures
    return tuple(folder.name for folder in folders), tuple(counts), tuple(found)


def _parts(root: Path, by_name: dict[str, Path]) -> _Listing:
    """A folder with train and test in it; a validation part of its own is only used where there is no test."""
    names, counts, pictures = _classes(_entries(by_name["train"])[0])
    held = next((by_name[n] for n in ("test", "validation", "valid", "val") if n in by_name), None)
    unused = [f.name for n, f in by_name.items() if n != "train" and f is not held]
    if held is None:
        return _Listing(pictures, classes=names, counts=counts)
    test_names, test_counts, test_pictures = _classes(_entries(held)[0])
    strange = sorted(set(test_names) - set(names))
    if strange:
        raise DataError(f"The folder {_name(held)} has {listed(strange)}, which {_name(by_name['train'])} has not: the classes must be the same.")
    by_class = dict(zip(test_names, test_counts, strict=True))
    notes = [f"The folder {held.name} is the test part, so the share for testing is not used."]
    if unused:
        notes.append(f"The folder {listed(unused)} is not used: validation takes its share of {by_name['train'].name}.")
    return _Listing(pictures, test_pictures, names, counts, tuple(by_class.get(n, 0) for n in names), notes=tuple(notes))


def _pairs(root: Path, images: Path, masks: Path) -> _Listing:
    pictures, by_stem = _by_stem(images), _by_stem(masks)
    if not pictures:
        raise DataError(f"The folder {_name(images)} has no pictures in it: put some there.")
    lacking = next((stem for stem in pictures if stem not in by_stem), None)
    if lacking is not None:
        raise DataError(
            f"{shown(pictures[lacking].name)} in {_name(images)} has no mask in {_name(masks)}: add one called {shown(lacking)}.png."
        )
    left = len(by_stem) - len(pictures)
    notes = ["Y tells for each pixel which class it is of."]
    if left:
        notes.append(f"{left:,} mask{'s' if left > 1 else ''} without a picture {'were' if left > 1 else 'was'} left out.")
    return _Listing(tuple(pictures.values()), masks=tuple(by_stem[stem] for stem in pictures), notes=tuple(notes))


def _by_stem(folder: Path) -> dict[str, Path]:
    """The pictures of a folder, by their name without its ending."""
    found: dict[str, Path] = {}
    for file in filter(is_picture, _entries(folder)[1]):
        if found.setdefault(file.stem, file) is not file:
            raise DataError(f"There are two pictures called {shown(file.stem)} in {_name(folder)}: take one away.")
    return found


def _sub_folders(folder: Path) -> list[Path]:
    """Sub-folders alone, which costs less than `_entries` where there are many files."""
    try:
        with os.scandir(folder) as found:
            return sorted(Path(e.path) for e in found if e.is_dir())
    except OSError:
        return _entries(folder)[0]  # which says what is wrong


def _entries(folder: Path) -> tuple[list[Path], list[Path]]:
    """Sub-folders and files, by name; hidden ones are not there."""
    try:
        with os.scandir(folder) as found:
            entries = sorted((e for e in found if not e.name.startswith((".", "__MACOSX"))), key=lambda e: e.name)
            return [Path(e.path) for e in entries if e.is_dir()], [Path(e.path) for e in entries if e.is_file()]
    except FileNotFoundError:
        raise DataError(f"There is no folder {_name(folder)}: check its name.") from None
    except NotADirectoryError:
        raise DataError(f"{_name(folder)} is a file: images: takes the folder with the pictures.") from None
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise DataError(f"{_name(folder)} cannot be listed ({reason}): choose another folder.") from None


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return str(path), 0, -1
    return str(path), status.st_mtime_ns, status.st_size


def _name(path: Path) -> str:
    return shown(str(path), 200)


# Looking --------------------------------------------------------------------------------


def _size(source: Source, looks: list[Look]) -> tuple[tuple[int, int], int, tuple[str, ...]]:
    """Height and width, channels, and what to say of them."""
    sizes = {one.size for one in looks}
    colors = source.option("colors")
    channels = 3 if colors == "rgb" or (colors is None and any(one.coloured for one in looks)) else 1
    given = _given_size(source)
    if given:
        return given, channels, ()
    (own, *others) = sorted(sizes)
    if not others and max(own) <= LONGEST:
        return own, channels, ()
    which = "Pictures of different sizes were" if others else f"The pictures, {own[0]} by {own[1]} pixels, were"
    note = f"{which} brought to {USUAL} by {USUAL} pixels; resize chooses another size."
    return (USUAL, USUAL), channels, (note,)


def _given_size(source: Source) -> tuple[int, int] | None:
    text = source.option("size")
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,4})(?:[x×](\d{1,4}))?", text.strip().lower())
    sides = tuple(int(n) for n in found.groups(default=found[1])) if found else (0, 0)
    if not all(1 <= n <= _LARGEST_SIDE for n in sides):
        raise DataError(f"The option size cannot be {shown(text)!r}: write pixels a side, such as 64 or 48x64, at most {_LARGEST_SIDE}.")
    return sides[0], sides[1]


def _check_memory(root: Path, facts: Facts) -> None:
    height, width, channels = facts.x_shape
    numbers = (facts.samples + facts.test_samples) * height * width * (channels + 2 * bool(facts.y_shape))
    if 4 * numbers > LARGEST:
        raise DataError(
            f"The pictures of {_name(root)} would take more than 4 GiB of memory at {height} by {width} pixels: "
            "choose a smaller size, such as size=32, or use a part of them."
        )


def _mask_classes(root: Path, listing: _Listing, progress: Progress) -> tuple[np.ndarray, tuple[str, ...]]:
    """The different pixels of all masks, sorted, and what the classes are called."""
    coloured = has_colours(listing.masks[0])

    def distinct(pair: tuple[Path, Path]) -> np.ndarray:
        picture, mask = pair
        pixels = read_mask(mask)
        size = look(picture).size
        if pixels.shape != size:
            raise DataError(
                f"The mask {shown(mask.name)} has {pixels.shape[0]} by {pixels.shape[1]} pixels, its picture "
                f"{size[0]} by {size[1]}: they must be the same."
            )
        if has_colours(mask) != coloured:
            raise DataError(f"Some masks of {_name(root)} hold colours, others numbers: save all in the same way.")
        return np.unique(pixels)

    values: np.ndarray = np.zeros(0, np.int64)
    pairs = list(zip(listing.train, listing.masks, strict=True))
    for (_, mask), found in zip(pairs, for_each(pairs, distinct, progress), strict=True):
        values = np.union1d(values, found)
        if len(values) > MOST_MASK_CLASSES:
            raise DataError(
                f"The masks of {_name(root)} have more than {MOST_MASK_CLASSES} different pixels (met at {shown(mask.name)}): "
                "each class needs one number or colour; save them as PNG, without smoothing."
            )
    names = tuple(f"#{v:06x}" for v in values) if coloured else tuple(str(v) for v in values)
    classes.check_classes(len(values), f"All masks of {_name(root)} together", names[0])
    return values, _class_names(root, names)


def _class_names(root: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names in classes.txt, if there is such a file."""
    file = root / _NAMES
    try:
        text = file.read_text(encoding="utf-8-sig") if file.is_file() else ""
    except (OSError, UnicodeError):
        raise DataError(f"{_name(file)} cannot be read: save it as plain text, one name a line.") from None
    given = [line.strip() for line in text.splitlines() if line.strip()]
    if not given:
        return names
    if len(given) != len(names) or len(set(given)) != len(given):
        raise DataError(f"{_name(file)} has {len(given)} names for the {len(names)} classes of the masks ({listed(list(names))}): give one a line, each once.")
    return tuple(shown(name) for name in given)


# Reading --------------------------------------------------------------------------------


def _read(paths: tuple[Path, ...], facts: Facts, side: int, deep: bool, progress: Progress) -> np.ndarray:
    height, width, channels = (side, side, facts.x_shape[2]) if side else facts.x_shape
    x = np.empty((len(paths), height, width, channels), np.float32 if deep else np.uint8)

    def read(path: Path) -> np.ndarray:
        return read_picture(path, (height, width), channels, deep)

    for i, picture in enumerate(for_each(paths, read, progress)):
        x[i] = picture
    return x
