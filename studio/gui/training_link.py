"""Between the document and the trainer: edits go there as commands, and so do Run and Pause."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer, Signal

from studio.core import registry
from studio.core.component import Component
from studio.core.document import Document, Training
from studio.engine.commands import Pause, Reset, Run, SetCard, SetGraph, SetTraining, SetWeights, Step
from studio.engine.history import History
from studio.engine.messages import Snapshot, TrainingState
from studio.gui.live import Engine, Live
from studio.gui.session import Session

#: For so many seconds after a command the window trusts the command rather than a snapshot,
#: which may have been made before it.
_SETTLING = 0.25


def optimizer_of(training: Training) -> Component:
    """The optimizer of training settings; Adam if they name none."""
    return training.optimizer if training.optimizer is not None else registry.optimizer("Adam")()


class TrainingLink(QObject):
    """Sends the trainer what the person does, and tells what it is doing.

    Parameters
    ----------
    session : Session
        Whose document is trained.
    live : Live
        Where snapshots come from.
    trainer : Engine
        Takes commands.
    """

    #: Emitted when `running` or `status` changed.
    state_changed = Signal()

    def __init__(self, session: Session, live: Live, trainer: Engine, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._live, self._trainer = session, live, trainer
        self._sent: Document | None = None
        self._running = False
        self._status = "empty"
        self._message = ""
        self._trusted_until = self._stale_until = 0.0
        self._step = 0
        self._restored: int | None = None
        self._said = self._noted = ""
        # Edits of one event (a paste, a drag's last move) become one command.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.flush)
        session.document_changed.connect(self._document_changed)
        session.opened.connect(self._opened)
        live.snapshot_taken.connect(self._take)
        # A short run may be over before its command is settled: look once more then.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(int(1000 * _SETTLING) + 20)
        self._later.timeout.connect(lambda: self._take(live.latest))

    # State -----------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether training runs, or was asked to and is getting ready."""
        return self._running

    @property
    def status(self) -> str:
        """The latest snapshot's status."""
        return self._status

    @property
    def message(self) -> str:
        """What is being prepared."""
        return self._message

    # Commands --------------------------------------------------------------------------

    def run(self) -> None:
        """Train until paused or done; says why if the graph has problems."""
        if self._refuse():
            return
        self._command(Run(), running=True)

    def pause(self) -> None:
        """Stop for now."""
        self._command(Pause(), running=False)

    def toggle(self) -> None:
        """Run, or pause if running."""
        if self._running:
            self.pause()
        else:
            self.run()

    def one_step(self) -> None:
        """Train one minibatch."""
        if not self._refuse():
            self._command(Step(steps=1), running=False)

    def one_epoch(self) -> None:
        """Train one pass through the training samples."""
        if not self._refuse():
            self._command(Step(epochs=1), running=True)

    def reset(self, fresh: bool = False) -> None:
        """Back to step 0, with the same initial weights or with new ones."""
        if self._step:
            self._session.mark_trained()
        self._step, self._restored = 0, None
        self._command(Reset(fresh), running=False)
        self._stale_until = self._trusted_until

    def use_card(self, number: int) -> None:
        """Say which graphics card is meant where one is to be used (see `studio.engine.commands.SetCard`)."""
        self._trainer.send(SetCard(number))

    def restore(self, state: TrainingState, history: History | None = None) -> None:
        """Put saved weights and curves in place."""
        self.flush()
        self._step = self._restored = state.step
        self._trust()
        self._stale_until = self._trusted_until
        self._trainer.send(SetWeights(state, history))

    def flush(self) -> None:
        """Send what was edited now."""
        self._soon.stop()
        document = self._session.document
        sent, self._sent = self._sent, document
        if sent is None or sent.graph != document.graph:
            self._trainer.send(SetGraph(document.graph, document.training))
        elif sent.training != document.training:
            self._trainer.send(SetTraining(document.training))

    def _command(self, command: Run | Pause | Step | Reset, running: bool) -> None:
        self.flush()
        self._trainer.send(command)
        self._trust()
        if running != self._running:
            self._running = running
            self.state_changed.emit()

    def _trust(self) -> None:
        self._trusted_until = time.monotonic() + _SETTLING
        self._later.start()

    def _refuse(self) -> bool:
        """Say what keeps the graph from being trained, if anything does."""
        document = self._session.document
        if not document.graph.nodes:
            self._session.say(self.tr("There is nothing to train yet: drag Data and layers onto the canvas."), True)
            return True
        errors = self._session.inference.errors
        if errors:
            self._session.say(errors[0].message, True)
            return True
        return False

    # What happens ----------------------------------------------------------------------

    def _document_changed(self, before: Document, after: Document) -> None:
        if before.graph != after.graph or before.training != after.training:
            self._soon.start()

    def _opened(self) -> None:
        """Another document: nothing of the old one's training may stay."""
        self._soon.stop()
        document = self._session.document
        self._sent = document
        self._step, self._restored = 0, None
        self._trainer.send(Pause())
        self._trainer.send(SetGraph(document.graph, document.training))
        self._trainer.send(Reset())
        self._trust()
        self._stale_until = self._trusted_until
        if self._running:
            self._running = False
            self.state_changed.emit()

    def _take(self, snapshot: Snapshot) -> None:
        # A snapshot from just before a reset or another document says nothing of this one.
        current = snapshot.graph is not None and snapshot.graph == self._session.document.graph
        if self._restored is not None and (snapshot.step >= self._restored or snapshot.status == "running"):
            self._restored = None
        # Opened weights arrive only after the kernels are prepared, however long that takes.
        if current and self._restored is None and time.monotonic() >= self._stale_until:
            if snapshot.step > self._step:
                self._session.mark_trained()
            self._step = snapshot.step
        running = self._running
        if running and self._status == "preparing" and snapshot.status in ("ready", "paused"):
            # Run waits in the trainer's queue; the trainer is ready for a moment before it takes it.
            self._trust()
        if time.monotonic() >= self._trusted_until and snapshot.status != "preparing":
            running = snapshot.status == "running"
        changed = (running, snapshot.status, snapshot.message) != (self._running, self._status, self._message)
        self._running, self._status, self._message = running, snapshot.status, snapshot.message
        if changed:
            self.state_changed.emit()
        problem = snapshot.problem.message if snapshot.problem is not None else ""
        if problem and problem != self._said and snapshot.status == "failed":
            self._session.say(problem, True)
        self._said = problem
        if snapshot.notice and snapshot.notice != self._noted:
            self._session.say(snapshot.notice, True)
        self._noted = snapshot.notice
