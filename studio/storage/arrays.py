"""Weights as safetensors and curves as npz: arrays in files, without any code in them."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping
from urllib.parse import quote, unquote

import numpy as np

from studio.engine.history import History
from studio.storage import archive
from studio.storage.errors import StorageError

_LARGEST_HEADER = 16 << 20
_MOST_ARRAYS = 200_000
_MOST_CURVES = 1_000
_LARGEST_CURVE = 1 << 30
_NUMBER_SIZE = 4

Key = tuple[str, ...]


def weights_to_bytes(arrays: Mapping[Key, np.ndarray]) -> bytes:
    """A safetensors file of float32 arrays whose keys are tuples of names."""
    from safetensors.numpy import save

    named = {"/".join(quote(part, safe="") for part in key): a for key, a in arrays.items()}
    return bytes(save({k: np.asarray(a, np.float32, order="C") for k, a in sorted(named.items())}))


def weights_from_bytes(content: bytes) -> dict[Key, np.ndarray]:
    """The arrays that `weights_to_bytes` was given.

    Raises
    ------
    StorageError
        When the header is too large, or header and content do not agree.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    _check_header(content)
    try:
        arrays = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise StorageError("The weights in the file are damaged.") from error
    return {tuple(unquote(part) for part in name.split("/")): array for name, array in arrays.items()}


def _check_header(content: bytes) -> None:
    """Look at what the file claims before a library takes it at its word."""
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > min(_LARGEST_HEADER, len(content) - 8):
        raise StorageError("The weights in the file are damaged: their table of contents is cut off.")
    try:
        header = json.loads(content[8 : 8 + size])
    except (ValueError, RecursionError) as error:
        raise StorageError(
            "The weights in the file are damaged: their table of contents is unreadable."
        ) from error
    if not isinstance(header, dict) or len(header) > _MOST_ARRAYS:
        raise StorageError("The weights in the file are damaged: their table of contents is too long.")
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if not isinstance(entry, dict) or entry.get("dtype") != "F32" or not _is_shape(entry.get("shape")):
            raise StorageError(
                f"The weights in the file are damaged: {name[:64]!r} is not an array of 32-bit numbers."
            )
        if math.prod(entry["shape"]) * _NUMBER_SIZE > len(content):
            raise StorageError(f"The weights in the file are damaged: {name[:64]!r} is larger than the file.")


def _is_shape(value: object) -> bool:
    return isinstance(value, list) and len(value) <= 32 and all(isinstance(n, int) and n >= 0 for n in value)


def history_to_bytes(history: History) -> bytes:
    """An npz file that ``numpy.load`` reads: one float64 ``(points, 2)`` array a curve."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, points in sorted(history.to_arrays().items()):
            curve = io.BytesIO()
            np.lib.format.write_array(curve, np.ascontiguousarray(points, np.float64), allow_pickle=False)
            archive.add(file, f"{quote(name, safe='')}.npy", curve.getvalue(), compressed=False)
    return buffer.getvalue()


def history_from_bytes(content: bytes) -> History:
    """The history that `history_to_bytes` was given.

    Raises
    ------
    StorageError
        When it is damaged.
    """
    file = archive.Archive(io.BytesIO(content), "The part with the curves")
    names = file.names()
    if len(names) > _MOST_CURVES:
        raise StorageError(f"The curves in the file are damaged: there are {len(names)} of them.")
    curves = {}
    for name in names:
        if not name.endswith(".npy"):
            raise StorageError(f"The curves in the file are damaged: {name[:64]!r} is none.")
        curves[unquote(name[:-4])] = _points(file.read(name, _LARGEST_CURVE, stored=True), name)
    return History.from_arrays(curves)


def _points(content: bytes, name: str) -> np.ndarray:
    """An npy file of pairs, whose size is checked before anything is allocated."""
    stream = io.BytesIO(content)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("Only version 1.0 is ever written.")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        if dtype != np.dtype("<f8") or fortran or len(shape) != 2 or shape[1] != 2:
            raise ValueError("A curve is a list of pairs.")
        return np.frombuffer(content, "<f8", offset=stream.tell()).reshape(shape)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, OverflowError) as error:
        raise StorageError(f"The curves in the file are damaged: {name[:64]!r} is not readable.") from error
