"""Reading and writing the text that names a data source.

A source is the name of a built-in set, or ``KIND:PATH`` with options behind a question mark:
``csv:FILE?target=COLUMN``, ``npz:FILE``, ``idx:FOLDER``. The path is written as it is,
spaces and question marks included; names and values of options are percent-encoded where
they contain ``&``, ``%`` or, for lists, ``,``.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from studio.data import builtin, plane
from studio.data.errors import DataError, listed, shown

#: Options by kind of file. Those of csv are explained in `studio.data.csv_file`, those of
#: npz in `studio.data.npz_file`.
OPTIONS: dict[str, tuple[str, ...]] = {
    "csv": ("target", "as", "missing", "header", "drop"),
    "npz": ("as",),
    "idx": (),
}
_CHOICES = {
    "as": ("classes", "values"),
    "missing": ("fill", "skip"),
    "header": ("yes", "no"),
}
_EXAMPLES = {"csv": "csv:FILE?target=COLUMN", "npz": "npz:FILE", "idx": "idx:FOLDER"}


@dataclass(frozen=True)
class Source:
    """A parsed source.

    Parameters
    ----------
    kind : str
        ``builtin``, ``plane``, ``csv``, ``npz`` or ``idx``.
    name : str
        Name of the set, or path as written.
    options : tuple of (str, str)
        Decoded options in order; ``drop`` may come several times.
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
    for known, names in (("plane", plane.NAMES), ("builtin", builtin.NAMES)):
        for name in names:
            if wanted == name.replace("_", "-"):
                return Source(known, name)
    raise DataError(_unknown(text))


def source_for(path: str | Path, **options: str) -> str:
    """The source that names a file or folder, by its ending.

    Parameters
    ----------
    path : str or Path
        A folder of IDX files, or a file ending in .csv, .tsv, .txt or .npz.
    **options : str
        Such as ``target``; a trailing underscore is cut, for ``as_``.

    Raises
    ------
    DataError
        When files with this ending cannot be read.
    """
    path = Path(path)
    kind = _kind_of(path)
    if not kind:
        raise DataError(
            f"Files like {shown(path.name)} cannot be read as data: use a .csv or .npz file, or a folder of IDX files."
        )
    query = "&".join(f"{k.rstrip('_')}={quote(v, safe=' :/()')}" for k, v in options.items())
    return f"{kind}:{path}" + (f"?{query}" if query else "")


def _kind_of(path: Path) -> str:
    if path.suffix.lower() == ".npz":
        return "npz"
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        return "csv"
    if "idx" in path.name and path.is_file():
        return ""
    return "idx" if path.is_dir() else ""


def _file_source(kind: str, rest: str) -> Source:
    """Find where the path ends: at the first question mark that known options follow.

    A file whose name contains all of the text wins, so that every file can be named.
    """
    if "?" not in rest or _exists(rest):
        return Source(kind, rest)
    marks = [i for i, c in enumerate(rest) if c == "?"]
    problem = ""
    for mark in marks:
        path, query = rest[:mark], rest[mark + 1 :]
        if not query:
            return Source(kind, path)
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        keys = [unquote(key).strip().lower() for key, _, _ in pairs]
        if all(equals and key in OPTIONS[kind] for key, (_, equals, _) in zip(keys, pairs, strict=True)):
            options: list[tuple[str, str]] = []
            for key, (_, _, value) in zip(keys, pairs, strict=True):
                pieces = value.split(",") if key == "drop" else [value]
                options += [(key, unquote(piece)) for piece in pieces]
            _check_options(options)
            return Source(kind, path, tuple(options))
        if any(equals for _, equals, _ in pairs):
            problem = next(k for k, (_, e, _) in zip(keys, pairs, strict=True) if not e or k not in OPTIONS[kind])
    if problem:
        known = OPTIONS[kind]
        close = difflib.get_close_matches(problem, known, 1, 0.5)
        hint = f"did you mean {close[0]}?" if close else f"it takes {listed(list(known))}." if known else "it takes none."
        raise DataError(f"{kind}: has no option {shown(problem)!r}; {hint}")
    return Source(kind, rest)


def _check_options(options: list[tuple[str, str]]) -> None:
    for i, (key, value) in enumerate(options):
        if key in _CHOICES and value not in _CHOICES[key]:
            raise DataError(f"The option {key} cannot be {shown(value)!r}: write {' or '.join(_CHOICES[key])}.")
        if key != "drop" and key in [k for k, _ in options[:i]]:
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
        return f"To read the {'folder' if kind == 'idx' else 'file'} {shown(text, 200)}, write {kind}: before its name."
    word, colon, _ = text.partition(":")
    known = [*plane.NAMES, *builtin.NAMES, *OPTIONS]
    close = difflib.get_close_matches(word.lower().replace("_", "-"), [k.replace("_", "-") for k in known], 3, 0.5)
    close = [k for c in close for k in known if k.replace("_", "-") == c]
    if colon:
        close = [k for k in close if k in OPTIONS]
        hint = f"did you mean {_EXAMPLES[close[0]]}?" if close else f"write {', '.join(_EXAMPLES.values())}."
        return f"There is no kind of source {shown(word)!r}: {hint}"
    if close:
        return f"There is no data set {shown(text)!r}: did you mean {' or '.join(close)}?"
    return f"There is no data set {shown(text)!r}: choose one such as digits or spirals, or a file such as csv:FILE."
