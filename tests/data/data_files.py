"""Makers of small files of each kind."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np

from studio.layers.data import Data

_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array: np.ndarray) -> bytes:
    """An array in IDX format."""
    code = _CODES[array.dtype.str[1:]]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_pair(folder: Path, stem: str, images: np.ndarray, labels: np.ndarray, zipped: bool = False) -> None:
    """Pictures and labels with the names that MNIST's files have."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, array in ((f"images-idx{images.ndim}", images), ("labels-idx1", labels)):
        content = idx_bytes(array)
        name = f"{stem}-{kind}-ubyte" + (".gz" if zipped else "")
        (folder / name).write_bytes(gzip.compress(content) if zipped else content)


def pictures(count: int, height: int = 6, width: int = 5, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random pictures of bytes whose labels come in turn."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (count, height, width), dtype=np.uint8)
    return images, (np.arange(count) % classes).astype(np.uint8)


def csv_node(folder: Path, content: str | bytes, query: str = "", name: str = "table.csv", **settings: Any) -> Data:
    """Write a CSV file and give a Data node for it."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Data(source=f"csv:{path}{query}", **settings)


def npz_node(folder: Path, query: str = "", name: str = "arrays.npz", **arrays: Any) -> Data:
    """Write an NPZ file and give a Data node for it."""
    path = folder / name
    np.savez(path, **arrays)
    return Data(source=f"npz:{path}{query}")
