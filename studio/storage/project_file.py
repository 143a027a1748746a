"""The project file ``.studio``: a zip of readable JSON, weights and curves.

``document.json`` holds the document and where training stood, ``weights.safetensors`` the
weights and the optimizer's state, ``history.npz`` the curves, ``pretrained.safetensors`` what
layers from bricks start from. Nothing in it is code, and no
name in it is looked up anywhere but in the registry.
"""

from __future__ import annotations

import dataclasses
import math
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from studio.core.document import Document
from studio.engine.history import History
from studio.engine.messages import TrainingState
from studio.storage import archive, readable_json
from studio.storage.arrays import history_from_bytes, history_to_bytes, weights_from_bytes, weights_to_bytes
from studio.storage.data_reference import DataReference, reference_from_json, references
from studio.storage.document_json import document_from_json, document_to_json
from studio.storage.durable import write_durably
from studio.storage.errors import StorageError
from studio.storage.pretrained import stored_from_bytes, stored_to_bytes, stored_weights, with_weights

#: What project files end in.
SUFFIX = ".studio"
_DOCUMENT, _WEIGHTS, _HISTORY = "document.json", "weights.safetensors", "history.npz"
_PRETRAINED = "pretrained.safetensors"
_MOST_TEXT = 64 << 20
_MOST_ARRAYS = 16 << 30
_WHOLE_NUMBERS = ("step", "position", "seed")


@dataclass(frozen=True, eq=False)
class StoredProject:
    """What a project file holds.

    Parameters
    ----------
    document : Document
    state : TrainingState or None
        None if it was never trained.
    history : History
        Empty if it was never trained.
    data : tuple of DataReference
        The files its data came from when it was saved.
    """

    document: Document
    state: TrainingState | None = None
    history: History = dataclasses.field(default_factory=History)
    data: tuple[DataReference, ...] = ()


def save(
    path: str | os.PathLike[str],
    document: Document,
    state: TrainingState | None = None,
    history: History | None = None,
) -> None:
    """Write a project file; the old one stays as it was until the new one is complete.

    Parameters
    ----------
    path : path
        Taken as it is; see `SUFFIX`.
    document : Document
    state : TrainingState, optional
        Weights and optimizer state; without it the file holds no weights.
    history : History, optional
        The curves so far.

    Raises
    ------
    StorageError
        When it cannot be written, in one sentence; nothing is lost then.
    """
    text = _document_text(document, state)
    # Nothing may replace a good file that could not be opened again.
    document_from_json(readable_json.loads(text, "The document"))
    weights = b"" if state is None else weights_to_bytes(_named_arrays(state))
    curves = b"" if history is None else history_to_bytes(history)
    stored = stored_weights(document.graph)
    starts = stored_to_bytes(stored) if stored else b""

    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w") as parts:
            archive.add(parts, _DOCUMENT, text, compressed=True)
            if state is not None:
                archive.add(parts, _WEIGHTS, weights, compressed=False)
            if history is not None:
                archive.add(parts, _HISTORY, curves, compressed=False)
            if starts:
                archive.add(parts, _PRETRAINED, starts, compressed=False)

    write_durably(path, write)


def open_project(path: str | os.PathLike[str]) -> StoredProject:
    """Read a project file.

    Raises
    ------
    StorageError
        When it is missing, damaged, or made by a newer version; one sentence.
    """
    path = Path(path)
    with archive.open_for_reading(path) as file:
        try:
            return _read(file, path)
        except StorageError as error:
            if str(path) in str(error):
                raise
            raise StorageError(f"{path} cannot be opened: {error}") from error


def _read(file: IO[bytes], path: Path) -> StoredProject:
    parts = archive.Archive(file, str(path))
    values = readable_json.loads(parts.read(_DOCUMENT, _MOST_TEXT), f"The document in {path}")
    document = document_from_json(values)
    if _PRETRAINED in parts:
        stored = stored_from_bytes(parts.read(_PRETRAINED, _MOST_ARRAYS, stored=True))
        document = dataclasses.replace(document, graph=with_weights(document.graph, stored))
    state = None
    if _WEIGHTS in parts:
        arrays = weights_from_bytes(parts.read(_WEIGHTS, _MOST_ARRAYS, stored=True))
        state = _state_from_json(values.get("state"), arrays)
    history = History()
    if _HISTORY in parts:
        history = history_from_bytes(parts.read(_HISTORY, _MOST_ARRAYS, stored=True))
    data = values.get("data", [])
    if not isinstance(data, list):
        raise StorageError("The note about data files is damaged.")
    return StoredProject(document, state, history, tuple(reference_from_json(d) for d in data))


def _document_text(document: Document, state: TrainingState | None) -> bytes:
    values = document_to_json(document)
    if state is not None:
        values["state"] = {
            **{name: int(getattr(state, name)) for name in _WHOLE_NUMBERS},
            "epoch": float(state.epoch),
            "optimizer": state.optimizer,
        }
        if state.memory:
            values["state"]["memory"] = {name: float(value) for name, value in state.memory.items()}
    known = references(document.graph)
    if known:
        values["data"] = [dataclasses.asdict(r) for r in known]
    try:
        text = readable_json.encode(values)
    except ValueError as error:
        raise StorageError("The document was not saved, because a number in it is not finite.") from error
    if len(text) > _MOST_TEXT:
        raise StorageError("The document was not saved, because its text is too long: shorten the notes.")
    return text


def _named_arrays(state: TrainingState) -> dict[tuple[str, ...], np.ndarray]:
    named: dict[tuple[str, ...], np.ndarray] = {
        ("weights", *key): array for key, array in state.weights.items()
    }
    named.update({("slots", *key): array for key, array in state.slots.items()})
    named.update({("best", *key): array for key, array in state.best.items()})
    return named


def _state_from_json(values: Any, arrays: dict[tuple[str, ...], np.ndarray]) -> TrainingState:
    if not isinstance(values, dict):
        raise StorageError("The file has weights, but does not say where training stood.")
    numbers: dict[str, int] = {}
    for name in _WHOLE_NUMBERS:
        number = values.get(name, 0)
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 1 << 63:
            raise StorageError(f"The file's {name} of training is not a whole number from 0 on.")
        numbers[name] = number
    epoch = values.get("epoch", 0.0)
    if isinstance(epoch, bool) or not isinstance(epoch, (int, float)) or not 0 <= epoch < math.inf:
        raise StorageError("The file's epoch of training is not a number from 0 on.")
    optimizer = values.get("optimizer", "")
    if not isinstance(optimizer, str):
        raise StorageError("The file's optimizer of the weights is not a name.")
    weights: dict[tuple[str, str], np.ndarray] = {}
    slots: dict[tuple[str, str, str], np.ndarray] = {}
    best: dict[tuple[str, str], np.ndarray] = {}
    for key, array in arrays.items():
        if key[0] == "weights" and len(key) == 3:
            weights[key[1], key[2]] = array
        elif key[0] == "slots" and len(key) == 4:
            slots[key[1], key[2], key[3]] = array
        elif key[0] == "best" and len(key) == 3:
            best[key[1], key[2]] = array
        else:
            raise StorageError(
                f"The file has weights under a name that is none of ours: {'/'.join(key)[:64]!r}."
            )
    return TrainingState(
        weights, slots, epoch=float(epoch), optimizer=optimizer, memory=_memory(values), best=best, **numbers
    )


def _memory(values: dict[str, Any]) -> dict[str, float]:
    memory = values.get("memory", {})
    if not isinstance(memory, dict):
        raise StorageError("The file's memory of training is not a JSON object.")
    for name, number in memory.items():
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
            raise StorageError(f"The file's memory of training has no number for {name[:64]!r}.")
    return {name: float(number) for name, number in memory.items()}
