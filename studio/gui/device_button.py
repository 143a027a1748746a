"""The button that says where the network is trained, and its menu: processor or graphics card, and threads."""

from __future__ import annotations

from PySide6.QtCore import QSettings, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from studio.cuda.probe import Cards
from studio.engine.processor import cores
from studio.gui import devices
from studio.gui.live import Live
from studio.gui.places import CARD_KEY
from studio.gui.session import Session
from studio.gui.theme import Theme
from studio.gui.training_link import TrainingLink
from studio.gui.widgets import numbers


class DeviceButton(QPushButton):
    """See the module.

    Whether a card is used is part of the document; which one is, is a matter of this machine, and so is in the settings.

    Parameters
    ----------
    session, live, link
        The document, the snapshots and the way to the trainer.
    settings : QSettings
        Remembers which card was chosen.
    """

    #: Emitted when its words changed, and with them its width.
    widened = Signal()

    def __init__(self, session: Session, live: Live, link: TrainingLink, settings: QSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._live, self._link, self._settings = session, live, link, settings
        self.setProperty("kind", "pill")
        self.setAccessibleName(self.tr("Device"))
        self.setToolTip(self.tr("Where the network is trained, and with how many processor cores."))
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self.fill)
        self.setMenu(menu)
        Theme.instance().changed.connect(self._restyle)
        self._restyle()
        if (remembered := self._remembered()) is not None:
            link.use_card(remembered)

    def _restyle(self) -> None:
        self.setIcon(Theme.instance().icon("chip", "text-2"))

    def _remembered(self) -> int | None:
        """The number of the card that was chosen once; None if there was no choice."""
        found = str(self._settings.value(CARD_KEY, ""))
        return int(found) if found.isascii() and found.isdigit() else None

    # The menu ------------------------------------------------------------------------------

    def fill(self) -> None:
        """Put what there is now into the menu."""
        menu, training = self.menu(), self._session.document.training
        menu.clear()
        places = QActionGroup(menu)
        self._add_place(menu, places, self.tr("CPU (processor)"), training.device == "cpu").triggered.connect(
            lambda: self._set_training(self.tr("change device"), device="cpu")
        )
        cards, on_card = devices.cards(), training.device == "cuda"
        if len(cards.found) < 2:
            self._add_place(menu, places, self.tr("CUDA (NVIDIA card)"), on_card, devices.why_no_cuda()).triggered.connect(
                lambda: self._set_training(self.tr("change device"), device="cuda")
            )
        else:
            chosen = cards.pick(self._remembered())
            for card in cards.found:
                words = self.tr("CUDA:{0} ({1})").format(card.number, card.words)
                reason = devices.why_no_cuda() or card.problem
                self._add_place(menu, places, words, on_card and card.number == chosen, reason).triggered.connect(
                    lambda _=False, n=card.number: self._use_card(n)
                )
        menu.addSeparator()
        threads = QActionGroup(menu)
        for count in (0, *range(1, cores() + 1)):
            words = numbers.counted(count, self.tr("{count} thread"), self.tr("{count} threads")) if count else self.tr("Threads: let the app choose")
            action = threads.addAction(words)
            action.setCheckable(True)
            action.setChecked(training.threads == count)
            action.triggered.connect(
                lambda _=False, n=count: self._set_training(self.tr("change threads"), threads=n)
            )
            menu.addAction(action)

    def _add_place(self, menu: QMenu, group: QActionGroup, words: str, checked: bool, reason: str = "") -> QAction:
        """A line of the menu that can be ticked, unless there is a reason why not."""
        action = group.addAction(words)
        action.setCheckable(True)
        action.setChecked(checked)
        action.setEnabled(not reason)
        action.setToolTip(reason)
        menu.addAction(action)
        return action

    def _use_card(self, number: int) -> None:
        self._settings.setValue(CARD_KEY, number)
        # First, so that a network that goes to a card goes to this one at once.
        self._link.use_card(number)
        if self._session.document.training.device != "cuda":
            self._set_training(self.tr("change device"), device="cuda")
        self.show_device()

    def _set_training(self, text: str, **changes: object) -> None:
        self._session.edit(self._session.document.with_training(**changes), text)

    # Showing -------------------------------------------------------------------------------

    def show_device(self) -> None:
        """Say where the network is trained now."""
        snapshot, training = self._live.latest, self._session.document.training
        threads = training.threads or (snapshot.threads if snapshot.graph is not None else cores())
        # A card that cannot be used leaves the work to the processor, and the button says so.
        on_card = training.device == "cuda" and (snapshot.graph is None or snapshot.device == "cuda")
        words = self._card_words(snapshot.device) if on_card else numbers.counted(threads, self.tr("CPU · {count} thread"), self.tr("CPU · {count} threads"))
        if words != self.text():
            self.setText(words)
            self.widened.emit()

    def _card_words(self, used: str) -> str:
        """The card, by its number if there are several, which the driver is asked for once the card is used."""
        cards = devices.cards() if used == "cuda" else Cards()
        return "CUDA" if len(cards.found) < 2 else f"CUDA:{cards.pick(self._remembered())}"
