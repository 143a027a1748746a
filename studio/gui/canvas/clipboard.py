"""Layers on the system clipboard, as JSON text that other windows understand too."""

from __future__ import annotations

import atexit
import dataclasses
import json
from functools import cache

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QGuiApplication

from studio.core.document import Document
from studio.storage import StorageError, document_from_json, document_to_json
from studio.storage.pretrained import stored_from_bytes, stored_to_bytes, stored_weights, with_weights

MIME_TYPE = "application/x-layer-studio-graph"
#: What layers from bricks start from, beside the text.
WEIGHTS_MIME_TYPE = "application/x-layer-studio-weights"
#: Longer texts are not looked at: somebody's novel is on the clipboard, not layers.
_LONGEST = 20_000_000


def put(document: Document) -> None:
    """Put a document's nodes, wires and positions on the clipboard."""
    text = json.dumps(document_to_json(document))
    data = QMimeData()
    data.setText(text)
    data.setData(MIME_TYPE, text.encode())
    stored = stored_weights(document.graph)
    if stored:
        data.setData(WEIGHTS_MIME_TYPE, stored_to_bytes(stored))
    QGuiApplication.clipboard().setMimeData(data)
    _let_go_at_exit()


@cache
def _let_go_at_exit() -> None:
    """Empty the clipboard before Python ends: Qt, which ends later, would ask the data for their Python half."""

    def let_go() -> None:
        data = QGuiApplication.clipboard().mimeData() if QGuiApplication.instance() is not None else None
        # What another program put there meanwhile stays.
        if data is not None and data.hasFormat(MIME_TYPE):
            QGuiApplication.clipboard().clear()

    atexit.register(let_go)


def get() -> Document | None:
    """The document on the clipboard; None when something else, or nothing, is there.

    Raises
    ------
    StorageError
        When it looks like layers but cannot be read.
    """
    data = QGuiApplication.clipboard().mimeData()
    if data is None:
        return None
    ours = data.hasFormat(MIME_TYPE)
    text = bytes(data.data(MIME_TYPE).data()).decode("utf-8", "replace") if ours else data.text()
    if not text.lstrip().startswith("{") or len(text) > _LONGEST:
        return None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        if ours:
            raise StorageError("The layers on the clipboard are damaged: copy them again.") from None
        return None
    if not ours and (not isinstance(values, dict) or "graph" not in values):
        return None
    document = document_from_json(values)
    if not data.hasFormat(WEIGHTS_MIME_TYPE):
        return document
    stored = stored_from_bytes(bytes(data.data(WEIGHTS_MIME_TYPE).data()))
    return dataclasses.replace(document, graph=with_weights(document.graph, stored))
