"""Brick files ``.brick``: a zip of readable JSON and weights, as project files are.

``brick.json`` holds the name, where it comes from and the piece of the graph,
``pretrained.safetensors`` what its layers had learned.
"""

from __future__ import annotations

import dataclasses
import os
import re
import zipfile
from pathlib import Path
from typing import IO, Any

from studio.core.brick import Brick, BrickError, legal_name, may_be_in_brick
from studio.storage import archive, readable_json
from studio.storage.document_json import document_from_json, document_to_json
from studio.storage.durable import write_durably
from studio.storage.errors import StorageError
from studio.storage.pretrained import stored_from_bytes, stored_to_bytes, stored_weights, with_weights

#: What brick files end in.
BRICK_SUFFIX = ".brick"
WEIGHTS = "pretrained.safetensors"
_BRICK = "brick.json"
_FORMAT = 1
_MOST_TEXT = 64 << 20
_MOST_ARRAYS = 16 << 30
_LONGEST_ORIGIN = 1000


def save_brick(path: str | os.PathLike[str], brick: Brick) -> None:
    """Write a brick file; an old one stays as it was until the new one is complete.

    Raises
    ------
    StorageError
        When it cannot be written, in one sentence; nothing is lost then.
    """
    values = {"format": _FORMAT, "name": brick.name, "origin": brick.origin, "document": document_to_json(brick.document)}
    text = readable_json.encode(values)
    weights = stored_to_bytes(stored_weights(brick.graph))

    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w") as parts:
            archive.add(parts, _BRICK, text, compressed=True)
            archive.add(parts, WEIGHTS, weights, compressed=False)

    write_durably(path, write)


def open_brick(path: str | os.PathLike[str]) -> Brick:
    """Read a brick file.

    Raises
    ------
    StorageError
        When it is missing, damaged, or made by a newer version; one sentence.
    """
    return _opened(Path(path), weights=True)


def glance_at_brick(path: str | os.PathLike[str]) -> Brick:
    """Read a brick file without its weights, which is quick however large it is.

    Raises
    ------
    StorageError
        As `open_brick`, but damaged weights are not noticed.
    """
    return _opened(Path(path), weights=False)


def brick_path(folder: Path, name: str) -> Path:
    """The file in a folder where a brick of that name is kept; the same for names that differ in case only."""
    letters = re.sub(r"[^\w\- ]+", "_", name.strip().casefold()).strip(" .") or "_"
    # Windows keeps these for devices.
    reserved = re.fullmatch(r"con|prn|aux|nul|com\d|lpt\d", letters)
    return folder / f"{letters}{'_' if reserved else ''}{BRICK_SUFFIX}"


def _opened(path: Path, weights: bool) -> Brick:
    with archive.open_for_reading(path) as file:
        try:
            return _read(file, path, weights)
        except StorageError as error:
            if str(path) in str(error):
                raise
            raise StorageError(f"{path} cannot be opened: {error}") from error


def _read(file: IO[bytes], path: Path, weights: bool) -> Brick:
    parts = archive.Archive(file, str(path))
    if _BRICK not in parts:
        other = " It is a whole project: open it with File, Open." if "document.json" in parts else ""
        raise StorageError(f"{path} is not a brick: choose a file that ends in {BRICK_SUFFIX}.{other}")
    values: Any = readable_json.loads(parts.read(_BRICK, _MOST_TEXT), f"The brick in {path}")
    if not isinstance(values, dict):
        raise StorageError("The brick is damaged: it is not a JSON object.")
    number = values.get("format")
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise StorageError("The file does not say which format it has, so it is not a brick.")
    if number > _FORMAT:
        raise StorageError(
            f"The brick was made by a newer Layer Studio (format {number}, this one reads {_FORMAT}): "
            "update Layer Studio to use it."
        )
    name, origin = values.get("name"), values.get("origin", "")
    if not isinstance(name, str) or not isinstance(origin, str) or len(origin) > _LONGEST_ORIGIN:
        raise StorageError("The brick is damaged: its name or where it comes from is not a line of text.")
    try:
        name = legal_name(name)
    except BrickError as error:
        raise StorageError(str(error)) from error
    document = document_from_json(values.get("document", {}))
    if not document.graph.nodes or not all(map(may_be_in_brick, document.graph.nodes)):
        raise StorageError("The brick is damaged: it has no layers, or has data or a loss among them.")
    if weights:
        stored = stored_from_bytes(parts.read(WEIGHTS, _MOST_ARRAYS, stored=True))
        graph = with_weights(document.graph, stored)
        lost = next((n.name for n in graph.nodes if n.pretrained and n.pretrained.missing), "")
        if lost:
            raise StorageError(f"The brick is damaged: it lacks the weights of {lost}.")
        document = dataclasses.replace(document, graph=graph)
    return Brick(name, " ".join(origin.split()), document)
