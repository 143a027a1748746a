"""The public way to data: describe and load what a Data node names.

What is known of a file is kept for as long as its path, time of change and size stay the
same, problems included, so that describing a graph after each edit costs nothing.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from studio.core.dataset import Dataset, DatasetInfo
from studio.core.graph import Graph
from studio.data import (
    array_files,
    builtin,
    csv_file,
    drawn,
    idx_file,
    npz_file,
    picture_folder,
    plane,
    text_file,
)
from studio.data.errors import DataError
from studio.data.facts import Arrays, Facts, Survey
from studio.data.files import look_at, resolved
from studio.data.prepare import info_of, prepare
from studio.data.progress import Progress, silent
from studio.data.source import OPTIONS, Source, parse_source
from studio.layers.data import Data

_MOST_KNOWN = 64
#: Loaded sets that are kept, so that the trainer and the window share one copy.
_MOST_LOADED = 3
_LARGEST_KEPT = 256 << 20

_Known = Facts | Survey | DataError
_lock = threading.Lock()
_known: OrderedDict[Source, tuple[Hashable, _Known]] = OrderedDict()
_loaded: OrderedDict[tuple[Data, Hashable], Dataset] = OrderedDict()
#: What was read of a file last, so that other shares or another seed need no second reading.
_read: dict[tuple[Source, int, Hashable], Arrays] = {}
#: Sources that somebody looks into now, which others wait for rather than doing it again.
_looking: dict[Source, threading.Lock] = {}


def load(layer: Data, progress: Progress = silent) -> Dataset:
    """Load, split and standardise the data of a Data node.

    Parameters
    ----------
    layer : Data
        The same node gives the same arrays, bit for bit.
    progress : callable
        Told how many of how many files or lines are read; what it raises stops the reading.

    Returns
    -------
    Dataset
        Arrays are float32 and C-contiguous. They may be shared: do not write to them.

    Raises
    ------
    DataError
        When the data cannot be had; the message is one plain sentence.
    """
    source = parse_source(layer.source)
    key = (layer, _stamp(source, whole=True))
    with _lock:
        if key in _loaded:
            _loaded.move_to_end(key)
            return _loaded[key]
    dataset = load_afresh(layer, progress)
    size = sum(a.nbytes for part in (dataset.train, dataset.validation, dataset.test) for a in part.arrays)
    if size <= _LARGEST_KEPT:
        with _lock:
            _loaded[key] = dataset
            while len(_loaded) > _MOST_LOADED:
                _loaded.popitem(last=False)
    return dataset


def load_afresh(layer: Data, progress: Progress = silent) -> Dataset:
    """`load` without looking whether the data are loaded already."""
    source = parse_source(layer.source)
    known = _knowledge(source, layer, progress)
    facts = known.facts if isinstance(known, Survey) else known
    info_of(facts, layer)  # what is wrong with the node's settings comes before the reading
    try:
        return prepare(facts, _arrays(source, layer, known, progress), layer, progress)
    except MemoryError:
        raise DataError(f"{facts.title} does not fit into memory: use fewer samples or smaller pictures.") from None


def describe(layer: Data, progress: Progress = silent) -> DatasetInfo:
    """What the data of a Data node look like, without loading more than needed.

    Built-in sets cost nothing; of ``idx:`` headers and labels are read, of ``npz:`` and ``npy:`` headers
    and answers, ``csv:`` is read through once, of ``images:`` some headers are read, and all masks.

    Parameters
    ----------
    layer : Data
    progress : callable
        As for `load`.

    Raises
    ------
    DataError
        When the data cannot be had; the message is one plain sentence.
    """
    known = _knowledge(parse_source(layer.source), layer, progress)
    return info_of(known.facts if isinstance(known, Survey) else known, layer)


def describe_all(graph: Graph) -> dict[str, DatasetInfo | str]:
    """Describe all Data nodes of a graph, by node id; a string says what is wrong."""
    found: dict[str, DatasetInfo | str] = {}
    for node in graph.nodes:
        if isinstance(node.layer, Data):
            try:
                found[node.id] = describe(node.layer)
            except DataError as error:
                found[node.id] = str(error)
    return found


def reads_files(layer: Data) -> bool:
    """Whether describing a Data node may take time, since it has to look into files."""
    try:
        return parse_source(layer.source).kind in OPTIONS
    except DataError:
        return False


def _stamp(source: Source, whole: bool = False) -> Hashable:
    """What tells whether a file changed; for folders of pictures, only if `whole`, each of them."""
    if source.kind == "idx":
        return idx_file.stamps(source.name)
    if source.kind == "images":
        return picture_folder.stamps(source.name, whole)
    if source.kind in ("npz", "npy"):
        return array_files.stamps(resolved(source.name))
    return look_at(resolved(source.name)) if source.kind in OPTIONS else None


def _knowledge(source: Source, layer: Data, progress: Progress) -> Facts | Survey:
    if source.kind == "plane":
        return plane.facts(source.name, layer.samples)
    if source.kind == "drawn":
        return drawn.MODULES[source.name].facts(layer.samples)
    if source.kind == "builtin":
        return builtin.FACTS[source.name]
    with _lock:
        looking = _looking.setdefault(source, threading.Lock())
    with looking:
        known = _look_or_remember(source, progress)
    if isinstance(known, DataError):
        raise DataError(str(known))
    return known


def _look_or_remember(source: Source, progress: Progress) -> _Known:
    stamp = _stamp(source)
    with _lock:
        seen = _known.get(source)
        if seen is not None:
            _known.move_to_end(source)
    if seen is not None and seen[0] == stamp:
        return seen[1]
    known = _look_into(source, progress)
    with _lock:
        _known[source] = (stamp, known)
        while len(_known) > _MOST_KNOWN:
            _looking.pop(_known.popitem(last=False)[0], None)
    return known


def _look_into(source: Source, progress: Progress) -> _Known:
    try:
        if source.kind == "csv":
            return csv_file.survey(source, progress)
        if source.kind == "images":
            return picture_folder.survey(source, progress)
        if source.kind == "text":
            return text_file.facts(source)
        return npz_file.facts(source) if source.kind in ("npz", "npy") else idx_file.facts(source.name)
    except DataError as error:
        return error
    except MemoryError:
        return DataError(f"{source.name} does not fit into memory: use a part of it.")


def _arrays(source: Source, layer: Data, known: Facts | Survey, progress: Progress) -> Arrays:
    if source.kind == "plane":
        return plane.arrays(source.name, layer.samples, layer.noise, layer.seed)
    if source.kind == "drawn":
        return drawn.MODULES[source.name].arrays(layer.samples, layer.noise, layer.seed)
    if source.kind == "builtin":
        return builtin.arrays(source.name)
    key = (source, layer.resize if source.kind == "images" else 0, _stamp(source, whole=True))
    with _lock:
        if key in _read:
            return _read[key]
    arrays = _read_file(source, layer, known, progress)
    with _lock:
        _read.clear()
        if arrays.x.nbytes + arrays.y.nbytes <= _LARGEST_KEPT:
            _read[key] = arrays
    return arrays


def _read_file(source: Source, layer: Data, known: Facts | Survey, progress: Progress) -> Arrays:
    if isinstance(known, Survey):
        return known.arrays(layer.resize, progress)
    if source.kind == "text":
        arrays = text_file.arrays(source, known)
    else:
        arrays = npz_file.arrays(source) if source.kind in ("npz", "npy") else idx_file.arrays(source.name)
    if len(arrays.x) != known.samples or arrays.x.shape[1:] != known.x_shape:
        raise DataError(f"{known.title} changed while it was read: try again.")
    return arrays
