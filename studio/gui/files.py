"""Documents and files: new, open, save, recent, and what to do when one closes."""

from __future__ import annotations

import threading
from pathlib import Path

from PySide6.QtCore import QEventLoop, QObject, QStandardPaths, Qt, QTimer, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox, QProgressDialog, QWidget

from studio.core import registry
from studio.core.document import Document, Training
from studio.engine.messages import TrainingState
from studio.gui.learned import LearnedBackup, StateSource
from studio.gui.live import Live
from studio.gui.recent import RecentFiles
from studio.gui.session import Session
from studio.gui.theme import Theme
from studio.gui.training_link import TrainingLink
from studio.gui.widgets import numbers
from studio.gui.widgets.question import ask
from studio.storage import SUFFIX, Journal, StorageError, open_project, save, templates

#: Seconds to wait for the trainer before a dialog says what is waited for.
_PATIENCE = 0.5
#: Milliseconds after an edit until the journal has it.
_JOURNAL_DELAY = 300


def blank_document() -> Document:
    """An empty graph with Adam."""
    return Document(training=Training(optimizer=registry.optimizer("Adam")()))


class Files(QObject):
    """Everything between the session and the disk.

    Parameters
    ----------
    session, live, link
        The document, the snapshots and the way to the trainer.
    source : StateSource
        Gives the weights to save.
    recent : RecentFiles
        The list to keep.
    window : QWidget
        Over which dialogs open.
    """

    #: Emitted when a document was put in place that a person wants to see.
    opened = Signal()

    def __init__(
        self,
        session: Session,
        live: Live,
        link: TrainingLink,
        source: StateSource,
        recent: RecentFiles,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._session, self._live, self._link, self._source = session, live, link, source
        self._window = window
        self.recent = recent
        self._name = ""
        self._journal: Journal | None = None
        self._journal_timer = QTimer(self)
        self._journal_timer.setSingleShot(True)
        self._journal_timer.setInterval(_JOURNAL_DELAY)
        self._journal_timer.timeout.connect(self._record)
        self.backup = LearnedBackup(session, live, source, self._record, self)
        session.document_changed.connect(self._document_changed)
        # Training alone makes a document worth recovering too.
        session.file_changed.connect(self._journal_timer.start)

    # Title -----------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What the document is called: the file's name, the template's, or Untitled."""
        path = self._session.path
        return path.name if path is not None else self._name or self.tr("Untitled")

    @property
    def title(self) -> str:
        """The window's title, with a mark if something is not saved."""
        name = self.tr("{name} (edited)").format(name=self.name) if self._session.dirty else self.name
        return f"{name} · Layer Studio"

    # New and open ----------------------------------------------------------------------

    def new_blank(self) -> bool:
        """An empty graph, if what is open may go."""
        if not self.may_go():
            return False
        self._put(blank_document(), None, "")
        return True

    def new_from_template(self, name: str) -> bool:
        """A template's document, if what is open may go."""
        if not self.may_go():
            return False
        try:
            document = templates.load(name)
        except StorageError as error:
            self._session.say(str(error), True)
            return False
        self._put(document, None, name)
        return True

    def ask_and_open(self) -> bool:
        """Let a person choose a file and open it."""
        words = self.tr("Layer Studio files (*{suffix})").format(suffix=SUFFIX)
        path = QFileDialog.getOpenFileName(self._window, self.tr("Open"), str(self.folder()), words)[0]
        return bool(path) and self.open(Path(path))

    def open(self, path: Path) -> bool:
        """Open a project file, if what is open may go.

        A file that cannot be read is explained in one sentence, and nothing changes.
        """
        try:
            project = open_project(path)
        except StorageError as error:
            self._session.say(str(error), True)
            return False
        if not self.may_go():
            return False
        self._put(project.document, path.absolute(), "")
        if project.state is not None:
            self._link.restore(project.state, project.history)
        self.recent.add(path)
        for reference in project.data:
            change = reference.change()
            if change:
                self._session.say(change, True)
        return True

    def _put(self, document: Document, path: Path | None, name: str) -> None:
        if document.training.optimizer is None:
            document = document.with_training(optimizer=registry.optimizer("Adam")())
        self._name = name
        self._session.open(document, path)
        self._forget_journal()
        self.opened.emit()

    # Save ------------------------------------------------------------------------------

    def save(self) -> bool:
        """Save to the file the document came from; asks for one if there is none."""
        path = self._session.path
        return self.save_to(path) if path is not None else self.ask_and_save()

    def ask_and_save(self) -> bool:
        """Let a person choose a file and save to it."""
        start = self._session.path or self.folder() / f"{Path(self.name).stem}{SUFFIX}"
        words = self.tr("Layer Studio files (*{suffix})").format(suffix=SUFFIX)
        path = QFileDialog.getSaveFileName(self._window, self.tr("Save as"), str(start), words)[0]
        if not path:
            return False
        chosen = Path(path)
        if not chosen.suffix:
            chosen = chosen.with_suffix(SUFFIX)
            if chosen.exists() and not self.ask_to_replace(chosen):
                return False
        return self.save_to(chosen)

    def save_to(self, path: Path) -> bool:
        """Save document, weights and curves; returns whether that worked.

        What went wrong is said in one sentence, and nothing is lost.
        """
        document = self._session.document
        self._link.flush()
        known, state = self.state()
        if not known:
            return False
        history = self._live.latest.history if state is not None else None
        QApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
        try:
            save(path, document, state, history)
        except StorageError as error:
            self._session.say(str(error), True)
            return False
        finally:
            QApplication.restoreOverrideCursor()
        self._name = ""
        self._session.mark_saved(path.absolute())
        self._forget_journal()
        self.recent.add(path, self.note(), self._picture())
        self._session.say(self.tr("Saved as {name}.").format(name=path.name))
        return True

    def state(self) -> tuple[bool, TrainingState | None]:
        """Whether the weights are known, and the weights; None for a network without any."""
        found: list[TrainingState | None] = []

        def fetch() -> None:
            found.append(self._source.export_state(timeout=120.0))

        thread = threading.Thread(target=fetch, name="studio-export", daemon=True)
        thread.start()
        thread.join(_PATIENCE)
        if thread.is_alive():
            self._wait_for(thread)
        return (True, found[0]) if found else (False, None)

    def _wait_for(self, thread: threading.Thread) -> None:
        """Keep the window alive until the trainer answers, or a person gives up."""
        words = self.tr("Waiting for training to get to a point where it can be saved…")
        dialog = QProgressDialog(words, self.tr("Cancel"), 0, 0, self._window)
        dialog.setWindowModality(Qt.WindowModality.WindowModal)
        dialog.setMinimumDuration(0)
        dialog.show()
        loop, timer = QEventLoop(), QTimer()
        timer.setInterval(50)
        timer.timeout.connect(lambda: loop.quit() if not thread.is_alive() or dialog.wasCanceled() else None)
        timer.start()
        loop.exec()
        timer.stop()
        dialog.close()
        dialog.deleteLater()

    def note(self) -> str:
        """How well the network does, in a few words."""
        latest = self._live.latest.validation or self._live.latest.train
        if latest is None:
            return ""
        if latest.accuracy is not None:
            return self.tr("val {accuracy}").format(accuracy=numbers.percent(latest.accuracy))
        return self.tr("loss {loss}").format(loss=numbers.loss(latest.loss))

    def _picture(self) -> QPixmap | None:
        """A small picture of the canvas for the list of recent files."""
        picture = getattr(self._window, "picture", None)
        return picture() if picture is not None else None

    # Close -----------------------------------------------------------------------------

    def may_go(self) -> bool:
        """Whether the open document may be replaced; asks if something is not saved."""
        if not self._session.dirty:
            return True
        box = QMessageBox(self._window)
        box.setObjectName("close-question")
        box.setIconPixmap(Theme.instance().pixmap("save", "accent", 32))
        box.setWindowTitle(self.tr("Save changes?"))
        box.setText(self.tr("Save the changes to {name}?").format(name=self.name))
        box.setInformativeText(self.tr("Without saving, edits and what the network learned since are lost."))
        button = QMessageBox.StandardButton
        box.setStandardButtons(button.Save | button.Discard | button.Cancel)
        box.setDefaultButton(button.Save)
        box.button(button.Save).setProperty("kind", "primary")
        box.style().polish(box.button(button.Save))
        answer = box.exec()
        box.deleteLater()
        if answer == button.Save:
            return self.save()
        return bool(answer == button.Discard)

    def ask_to_replace(self, path: Path) -> bool:
        """Whether a person wants a file that is there to be replaced."""
        question = self.tr("There is a file {name} already. Replace it?").format(name=path.name)
        return ask(self._window, self.tr("Replace?"), question)

    def folder(self) -> Path:
        """Where file dialogs start."""
        recent = self.recent.listed()
        if self._session.path is not None:
            return self._session.path.parent
        if recent:
            return Path(recent[0].path).parent
        where = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        return Path(where) if where and Path(where).is_dir() else Path.home()

    # Journal ---------------------------------------------------------------------------

    def start_journal(self, folder: Path) -> Document | None:
        """Begin to write down edits; returns what a crash left behind, if anything."""
        try:
            self._journal = Journal(folder)
            self.backup.start(self._journal.learned)
            return self._journal.recover()
        except StorageError as error:
            self._journal = None
            self._session.say(str(error), True)
            return None

    def restore(self, document: Document) -> None:
        """Put in place what a crash left behind; it counts as edited."""
        journal = self._journal
        path = journal.recovered_path if journal is not None else None
        self._name = self.tr("recovered {name}").format(name=path.stem if path else "")
        self._session.open(blank_document(), None)
        self._session.edit(document, self.tr("restore"))
        self.opened.emit()
        self._restore_learned(path, journal.recovered_learned if journal is not None else None)

    def _restore_learned(self, saved: Path | None, learned: Path | None) -> None:
        """Put the weights back: those that were kept last, else those of the file."""
        for path in (learned, saved):
            if path is None:
                continue
            try:
                project = open_project(path)
            except StorageError:
                continue
            if project.state is not None:
                self._link.restore(project.state, project.history)
                epoch = f"{project.state.epoch:.3g}"
                self._session.say(self.tr("Training goes on from epoch {epoch}.").format(epoch=epoch))
                return
        self._session.say(self.tr("The graph is back; what it had learned was not kept yet, so training begins anew."))

    def discard_recovered(self) -> None:
        """Delete what a crash left behind."""
        if self._journal is not None:
            self._journal.discard()

    def close_journal(self) -> None:
        """End without a crash."""
        self._journal_timer.stop()
        self.backup.end()
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _document_changed(self, before: Document, after: Document) -> None:
        self._journal_timer.start()

    def _record(self) -> None:
        if self._journal is None or not self._session.dirty:
            return
        try:
            self._journal.record(self._session.document, self._session.path)
        except StorageError as error:
            self._session.say(str(error), True)

    def _forget_journal(self) -> None:
        self._journal_timer.stop()
        self.backup.forget()
        if self._journal is not None:
            self._journal.forget()
