"""The one place that holds the current document, and the undo stack over it."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack
from shiboken6 import isValid

from studio.core.dataset import DatasetInfo
from studio.core.document import Document, Position
from studio.core.graph import Graph
from studio.core.inference import Inference, infer

Describe = Callable[[Graph], dict[str, DatasetInfo | str]]


#: The commands of each stack, by the stack's number, until Qt has destroyed the stack. When
#: the garbage collector takes a window apart it hands a stack's commands back to Python, which
#: would delete them while the stack still has them; what is listed here outlives that.
_commands: dict[int, list[QUndoCommand]] = {}
_numbers = itertools.count()


class _Edit(QUndoCommand):
    """The only undo command: a document before and a document after."""

    def __init__(self, session: Session, after: Document, text: str, merge_key: str) -> None:
        super().__init__(text)
        self._session = weakref.ref(session)
        self.before = session.document
        self.after = after
        #: Places of nodes that moved because others needed room, not because a person moved them.
        self.amended: dict[str, Position] = {}
        self._merge_key = merge_key

    def redo(self) -> None:
        self._make_current(self.after)

    def undo(self) -> None:
        self._make_current(self.before)

    def _make_current(self, document: Document) -> None:
        session = self._session()
        if session is not None:
            session._show(document)

    def id(self) -> int:
        return 1 if self._merge_key else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, _Edit) or other._merge_key != self._merge_key:
            return False
        self.after = other.after
        return True


class Session(QObject):
    """The current document, what is selected, and where it is saved.

    Panels read `document`, `inference` and `selection`, and change the document only through
    `edit`. Whoever shows the document listens to `document_changed` and reconciles by node id.

    Parameters
    ----------
    describe : callable
        Gives the data sets of a graph's Data nodes, or the sentence why one cannot be had.
    """

    #: Emitted after the document changed: (before, after).
    document_changed = Signal(object, object)
    #: Emitted after the selection changed: frozenset of node ids.
    selection_changed = Signal(object)
    #: Emitted after an edit was made (not undone or redone), which may still be amended.
    edited = Signal()
    #: Emitted when the file, its name or the dirty mark changed.
    file_changed = Signal()
    #: Emitted after another document took the place of the old one, history of edits included.
    opened = Signal()
    #: One plain sentence for the status bar; errors are shown as such.
    said = Signal(str, bool)

    def __init__(self, describe: Describe, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._describe = describe
        self.undo_stack = QUndoStack(self)
        self._number = next(_numbers)
        _commands[self._number] = []
        self.undo_stack.destroyed.connect(partial(_commands.pop, self._number, None))
        self.undo_stack.cleanChanged.connect(self._clean_changed)
        self._document = Document()
        self._inference = Inference()
        self._datasets: dict[str, DatasetInfo | str] = {}
        self._selection: frozenset[str] = frozenset()
        self._path: Path | None = None
        self._weights_dirty = False

    def _clean_changed(self, clean: bool) -> None:
        # A method, not a lambda: Qt lets go of it when the session goes, the undo stack's end included.
        self.file_changed.emit()

    @property
    def document(self) -> Document:
        """The document as it is now."""
        return self._document

    @property
    def inference(self) -> Inference:
        """Shapes and problems of the document's graph."""
        return self._inference

    @property
    def datasets(self) -> dict[str, DatasetInfo | str]:
        """What is known of the data sets, by Data node id; a string says what is wrong."""
        return self._datasets

    @property
    def selection(self) -> frozenset[str]:
        """Ids of the selected nodes."""
        return self._selection

    @property
    def path(self) -> Path | None:
        """The file the document was opened from or last saved to."""
        return self._path

    @property
    def dirty(self) -> bool:
        """Whether closing would lose something: edits, or training since the last save."""
        return not self.undo_stack.isClean() or self._weights_dirty

    def edit(self, after: Document, text: str, merge_key: str = "") -> None:
        """Make `after` the current document, undoably.

        Parameters
        ----------
        after : Document
            Made from the current one by pure edits.
        text : str
            For the Edit menu: ``Undo <text>``.
        merge_key : str
            Following edits with the same key become one step of undo (a slider's drag).
        """
        if after == self._document:
            return
        edit = _Edit(self, after, text, merge_key)
        listed = _commands[self._number]
        listed[:] = [command for command in listed if isValid(command)]
        listed.append(edit)
        self.undo_stack.push(edit)
        self.edited.emit()

    @property
    def last_edit(self) -> _Edit | None:
        """The edit that was made last, with those merged into it; None after it was undone, or before any."""
        listed = [command for command in _commands[self._number] if isValid(command)]
        last = listed[-1] if listed and self.undo_stack.index() == self.undo_stack.count() else None
        return last if isinstance(last, _Edit) else None

    def amend(self, places: Mapping[str, Position], moved: frozenset[str]) -> None:
        """Put nodes elsewhere as part of the last edit, so that both are undone together.

        Parameters
        ----------
        places : mapping of str to (float, float)
            New top left corners by node id.
        moved : frozenset of str
            Those of them that only made room.
        """
        edit = self.last_edit
        if edit is not None:
            edit.after = edit.after.moved(places)
            edit.amended = {node: edit.after.positions[node] for node in moved}
            self._show(edit.after)

    def open(self, document: Document, path: Path | None = None) -> None:
        """Put another document in place; undo starts afresh."""
        self.undo_stack.clear()
        self._path = path
        self._weights_dirty = False
        self.select(frozenset())
        self._datasets = {}
        self._show(document)
        self.opened.emit()
        self.file_changed.emit()

    def mark_saved(self, path: Path) -> None:
        """Say that the document as it is now is in this file."""
        self._path = path
        self._weights_dirty = False
        self.undo_stack.setClean()
        self.file_changed.emit()

    def mark_trained(self) -> None:
        """Say that weights changed since the last save."""
        if not self._weights_dirty:
            self._weights_dirty = True
            self.file_changed.emit()

    def select(self, nodes: frozenset[str]) -> None:
        """Select exactly these nodes."""
        nodes = frozenset(n for n in nodes if n in self._document.graph)
        if nodes != self._selection:
            self._selection = nodes
            self.selection_changed.emit(nodes)

    def say(self, sentence: str, error: bool = False) -> None:
        """Show one plain sentence to the person."""
        self.said.emit(sentence, error)

    def refresh_data(self) -> None:
        """Look at the data sources again (a file may be there now)."""
        self._datasets = {}
        self._infer()
        self.document_changed.emit(self._document, self._document)

    def _infer(self) -> None:
        self._datasets = self._describe(self._document.graph)
        self._inference = infer(self._document.graph, self._datasets)

    def _show(self, document: Document) -> None:
        before, self._document = self._document, document
        if before.graph != document.graph or not self._datasets:
            self._infer()
        self.document_changed.emit(before, document)
        self.select(self._selection)
