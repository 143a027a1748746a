"""Reading and writing the text that names a data source.

A source is the name of a built-in set, or ``KIND:PATH`` with options behind a question mark:
``csv:FILE?target=COLUMN``, ``images:FOLDER``, ``npz:FILE``, ``npy:FOLDER``,
``idx:FOLDER``, ``text:FILE``. The path is written as it is,
spaces and question marks included; names and values of options are percent-encoded where
they contain ``&``, ``%`` or, for lists, ``,``.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import quote, unquote

from studio.data import builtin, drawn, plane
from studio.data.csv_text import is_table
from studio.data.errors import DataError, listed, shown

#: Options by kind of file, explained in `studio.data.csv_file` and its neighbours, in
#: `studio.data.npz_file`, `studio.data.picture_folder` and `studio.data.text_file`.
OPTIONS: dict[str, tuple[str, ...]] = {
    "csv": ("target", "as", "missing", "header", "drop", "weight", "text", "level", "window", "series", "steps", "horizon"),
    "npz": ("as",),
    "npy": ("as",),
    "idx": (),
    "images": ("size", "colors"),
    "text": ("level", "window"),
}
#: Endings of files that are taken for pictures.
PICTURE_ENDINGS = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"))
#: Options whose value is a list of columns.
_LISTS = ("drop", "series")
_CHOICES = {
    "as": ("classes", "values"),
    "missing": ("fill", "skip"),
    "header": ("yes", "no"),
    "level": ("characters", "words"),
    "colors": ("grey", "rgb"),
}
_EXAMPLES = {
    "csv": "csv:FILE?target=COLUMN",
    "images": "images:FOLDER",
    "npz": "npz:FILE",
    "npy": "npy:FOLDER",
    "idx": "idx:FOLDER",
    "text": "text:FILE",
}


@dataclass(frozen=True)
class Source:
    """A parsed source.

    Parameters
    ----------
    kind : str
        ``builtin``, ``plane``, ``drawn``, ``csv``, ``npz``, ``npy``, ``idx``, ``images`` or ``text``.
    name : str
        Name of the set, or path as written.
    options : tuple of (str, str)
        Decoded options in order; lists of columns come once for each column.
    """

    kind: str
    name: str
    options: tuple[tuple[str, str], ...] = ()

    def option(self, key: str) -> str | None:
        """Value of an option, None if it is not given."""
        return next((v for k, v in self.options if k == key), None)

    def values(self, key: str) -> tuple[str, ...]:
        """All values of an option that may come several times."""
        return tuple(v for k, v in self.options if k == key)

    def whole(self, key: str, least: int, most: int) -> int | None:
        """An option that is a whole number; None if it is not given.

        Raises
        ------
        DataError
            When it is something else, or not from `least` to `most`.
        """
        text = self.option(key)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
            raise DataError(f"The option {key} cannot be {shown(text)!r}: write a whole number from {least} to {most}.")
        return int(text)


def parse_source(text: str) -> Source:
    """Take a source apart.

    Raises
    ------
    DataError
        When it names no known set or kind of file, or an option is not known.
    """
    text = text.strip()
    kind, colon, rest = text.partition(":")
    kind = kind.strip().lower()
    if colon and kind in OPTIONS:
        return _file_source(kind, rest)
    wanted = text.lower().replace("_", "-")
    for known, names in (("plane", plane.NAMES), ("drawn", drawn.NAMES), ("builtin", builtin.NAMES)):
        for name in names:
            if wanted == name.replace("_", "-"):
                return Source(known, name)
    raise DataError(_unknown(text))


def source_for(path: str | Path, kind: str = "", **options: str | Sequence[str]) -> str:
    """The source that names a file or folder, by its ending and by what is in it.

    Parameters
    ----------
    path : str or Path
        A folder of pictures, of IDX or of NPY files, or a file ending in .csv, .tsv, .txt, .npz or .npy; a .txt
        that is no table is plain text.
    kind : str
        How it is to be read, such as ``csv``, if that is known.
    **options : str or sequence of str
        Such as ``target``; a trailing underscore is cut, for ``as_``. Lists of columns are sequences.

    Raises
    ------
    DataError
        When files with this ending cannot be read.
    """
    path = Path(path)
    kind = kind or _kind_of(path)
    if not kind and path.suffix.lower() in PICTURE_ENDINGS:
        raise DataError(f"{shown(path.name)} is a single picture: take the folder with the sub-folders for each class.")
    if not kind:
        raise DataError(
            f"Files like {shown(path.name)} cannot be read as data: use a .csv, .npz, .npy or .txt file, or a folder of pictures."
        )
    lists = {k.rstrip("_"): [v] if isinstance(v, str) else list(v) for k, v in options.items()}
    # Spaces stay readable, but not at an end, where they would be lost.
    written = {k: ",".join(quote(v, safe=":/() " if v == v.strip() else ":/()") for v in vs) for k, vs in lists.items()}
    query = "&".join(f"{k}={v}" for k, v in written.items())
    return f"{kind}:{path}" + (f"?{query}" if query else "")


def _kind_of(path: Path) -> str:
    ending = path.suffix.lower()
    if path.is_dir():
        return "images" if _has_folders_or_pictures(path) else "npy" if _has_arrays(path) else "idx"
    if ending == ".txt":
        return "csv" if is_table(path) else "text"
    return {".npz": "npz", ".npy": "npy", ".csv": "csv", ".tsv": "csv", ".md": "text"}.get(ending, "")


def _has_arrays(folder: Path) -> bool:
    try:
        return any(path.suffix.lower() == ".npy" for path in islice(folder.iterdir(), 1000))
    except OSError:
        return False


def _has_folders_or_pictures(folder: Path) -> bool:
    """Whether a folder is one of pictures rather than one of IDX files."""
    try:
        with os.scandir(folder) as entries:
            seen = [(e.name.lower(), e.is_dir()) for e in islice(entries, 1000) if not e.name.startswith(".")]
    except OSError:
        return False
    if any("idx" in name or "ubyte" in name for name, is_folder in seen if not is_folder):
        return False
    return any(is_folder or Path(name).suffix in PICTURE_ENDINGS for name, is_folder in seen)


def _file_source(kind: str, rest: str) -> Source:
    """Find where the path ends: at a question mark that known options follow.

    Of several, the first with an existing file before it; a file whose name is all of the
    text comes before these. So every file can be named.
    """
    if "?" not in rest or _exists(rest):
        return Source(kind, rest)
    problem = ""
    candidates: list[Source] = []
    for mark in (i for i, c in enumerate(rest) if c == "?"):
        pairs = [pair.partition("=") for pair in rest[mark + 1 :].split("&") if pair]
        keys = [unquote(key).strip().lower() for key, _, _ in pairs]
        wrong = [k for k, (_, equals, _) in zip(keys, pairs, strict=True) if not equals or k not in OPTIONS[kind]]
        if not wrong:
            values = [v.split(",") if k in _LISTS else [v] for k, (_, _, v) in zip(keys, pairs, strict=True)]
            options = [(k, unquote(v)) for k, pieces in zip(keys, values, strict=True) for v in pieces]
            candidates.append(Source(kind, rest[:mark], tuple(options)))
        elif any(equals for _, equals, _ in pairs):
            problem = wrong[0]
    if candidates:
        chosen = next((c for c in candidates if _exists(c.name)), candidates[0])
        _check_options(list(chosen.options))
        return chosen
    if problem:
        known = OPTIONS[kind]
        close = difflib.get_close_matches(problem, known, 1, 0.5)
        hint = f"did you mean {close[0]}?" if close else f"it takes {listed(list(known), 20)}." if known else "it takes none."
        raise DataError(f"{kind}: has no option {shown(problem)!r}; {hint}")
    return Source(kind, rest)


def _check_options(options: list[tuple[str, str]]) -> None:
    for i, (key, value) in enumerate(options):
        if key in _CHOICES and value not in _CHOICES[key]:
            raise DataError(f"The option {key} cannot be {shown(value)!r}: write {' or '.join(_CHOICES[key])}.")
        if key not in _LISTS and key in [k for k, _ in options[:i]]:
            raise DataError(f"The option {key} is given twice: keep one.")


def _exists(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False


def _unknown(text: str) -> str:
    if not text:
        return "No source is given: write a name such as digits, or a file such as csv:FILE."
    kind = _kind_of(Path(text)) if _exists(text) else ""
    if kind:
        return f"To read the {'folder' if Path(text).is_dir() else 'file'} {shown(text, 200)}, write {kind}: before its name."
    word, colon, _ = text.partition(":")
    if colon:
        close = _close(word, list(OPTIONS))
        hint = f"did you mean {_EXAMPLES[close[0]]}?" if close else f"write {', '.join(_EXAMPLES.values())}."
        return f"There is no kind of source {shown(word)!r}: {hint}"
    close = _close(text, [*plane.NAMES, *drawn.NAMES, *builtin.NAMES])
    if close:
        return f"There is no data set {shown(text)!r}: did you mean {' or '.join(close)}?"
    return f"There is no data set {shown(text)!r}: choose one such as digits or spirals, or a file such as csv:FILE."


def _close(wanted: str, known: list[str]) -> list[str]:
    """Names that `wanted` may have been meant to be; only those about as close as the closest."""
    likeness = {
        name: difflib.SequenceMatcher(None, wanted.lower().replace("_", "-"), name.replace("_", "-")).ratio()
        for name in known
    }
    best = max(likeness.values())
    return sorted((n for n in known if likeness[n] >= max(0.55, best - 0.1)), key=lambda n: -likeness[n])[:3]
