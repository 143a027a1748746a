"""The text that a network writes while it learns, or its translations."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QBoxLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QSpinBox,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from studio.core.document import Document
from studio.core.language import Language, language_of
from studio.core.vocabulary import is_special
from studio.engine.commands import Watch
from studio.engine.messages import Answer, Snapshot, TextWish, Written
from studio.engine.writing.desk import SENTENCES
from studio.gui.live import Live
from studio.gui.panels.answers_model import AnswersModel, found_words
from studio.gui.panels.empty import Switch
from studio.gui.panels.labels import style_label
from studio.gui.panels.panel import Panel
from studio.gui.panels.written_view import WrittenView
from studio.gui.session import Session
from studio.gui.widgets import numbers

#: The temperature slider counts in hundredths.
_HUNDREDTHS = 100
#: Milliseconds without typing after which the network writes.
_TYPING = 250
#: Words of a vocabulary that a tooltip lists.
_EXAMPLES = 40
#: In a narrower panel some words have no room.
_ROOMY = 380


class TextPanel(Panel):
    """What a network writes: text that goes on after the person's words, or translations."""

    interval = 0.25
    #: Emitted when the network becomes one that writes, or stops being one.
    offered = Signal(bool)

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        super().__init__(session, live, parent)
        #: What the document's network writes; a sentence says why it writes nothing.
        self.language: Language | str = ""
        self._seed, self._first, self._samples = 1, 0, 0
        content = QWidget()
        self._prompt_label = QLabel(content)
        self.prompt = QLineEdit(content)
        self.prompt.setMaxLength(400)
        self.prompt.setClearButtonEnabled(True)
        self._prompt_label.setBuddy(self.prompt)
        self._warmth_label = QLabel(self.tr("Temperature"), content)
        self.temperature = QSlider(Qt.Orientation.Horizontal, content)
        self.temperature.setRange(0, 150)
        self.temperature.setValue(70)
        self.temperature.setPageStep(10)
        self.temperature.setFixedWidth(84)
        self.temperature.setAccessibleName(self.tr("Temperature"))
        tip = self.tr("How daring: at 0 always the likeliest next sign, at 1 as varied as the training text.")
        self.temperature.setToolTip(tip)
        self._warmth_label.setToolTip(tip)
        self.warmth = QLabel(content)
        self._length_label = QLabel(self.tr("Length"), content)
        self.length = QSpinBox(content)
        self.length.setRange(10, 2000)
        self.length.setSingleStep(20)
        self.length.setValue(160)
        self.length.setKeyboardTracking(False)
        self.length.setAccessibleName(self.tr("Length"))
        self.length.setToolTip(self.tr("How many characters (or words) are written."))
        self._length_label.setBuddy(self.length)
        self.again = QPushButton(content)
        self.again.setProperty("kind", "compact")
        self.count_label = QLabel(content)
        self.problem = QLabel(content)
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.text = WrittenView(content)
        self.answers = self._make_answers(content)
        self._pages = QStackedWidget(content)
        self._pages.addWidget(self.text)
        self._pages.addWidget(self.answers)
        self._lay_out(content)
        self._switch = Switch(content)
        self.setLayout(self._switch)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING)
        self._typing.timeout.connect(self.refresh)
        self.prompt.textChanged.connect(lambda _text: self._typing.start())
        self.prompt.returnPressed.connect(self._at_once)
        self.temperature.valueChanged.connect(self._warm)
        self.length.valueChanged.connect(lambda _value: self.refresh())
        self.again.clicked.connect(self._another)
        session.document_changed.connect(self._document_changed)
        session.opened.connect(self._opened)
        self._warm(self.temperature.value())
        self.restyle()
        self._look_at_network()

    def _make_answers(self, parent: QWidget) -> QTableView:
        answers = QTableView(parent)
        self._model = AnswersModel(answers)
        answers.setModel(self._model)
        answers.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        answers.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        answers.setShowGrid(False)
        answers.setWordWrap(False)
        answers.setTabKeyNavigation(False)
        answers.verticalHeader().hide()
        answers.verticalHeader().setDefaultSectionSize(26)
        answers.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = answers.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setMinimumSectionSize(24)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        answers.setAccessibleName(self.tr("Translations"))
        return answers

    def _lay_out(self, content: QWidget) -> None:
        first, self._controls, said = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        self._second = second = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        for row in (first, self._controls, said, second):
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(8)
        first.addWidget(self._prompt_label)
        first.addWidget(self.prompt, 1000)
        first.addStretch(1)
        first.addWidget(self.again)
        for widget in (self._warmth_label, self.temperature, self.warmth, self._length_label, self.length):
            self._controls.addWidget(widget)
        self._controls.addStretch(1)
        said.addStretch(1)
        said.addWidget(self.count_label)
        second.addLayout(self._controls)
        second.addLayout(said, 1)
        column = QVBoxLayout(content)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        column.addLayout(first)
        column.addLayout(second)
        column.addWidget(self.problem)
        column.addWidget(self._pages, 1)

    # Which network ------------------------------------------------------------------------------

    def _document_changed(self, before: Document, after: Document) -> None:
        if before.graph != after.graph or before is after:
            self._look_at_network()

    def _opened(self) -> None:
        """Another document: what was typed belongs to the one before."""
        self._seed, self._first = 1, 0
        with QSignalBlocker(self.prompt):
            self.prompt.clear()
        self.text.forget()
        self._look_at_network()

    def _look_at_network(self) -> None:
        session = self.session
        before = isinstance(self.language, Language)
        self.language = language_of(session.document.graph, session.datasets, session.inference)
        writes = isinstance(self.language, Language)
        if isinstance(self.language, Language):
            self._suit(self.language)
        if writes != before:
            self.offered.emit(writes)
        self.refresh()

    def _suit(self, language: Language) -> None:
        """Show the controls of what is written."""
        goes_on = language.kind == "continue"
        for widget in (self._warmth_label, self.temperature, self.length):
            widget.setVisible(goes_on)
        self._prompt_label.setVisible(language.kind != "restore")
        self.prompt.setVisible(language.kind != "restore")
        self._arrange()
        self._pages.setCurrentWidget(self.text if goes_on else self.answers)
        self.again.setText(self.tr("Again") if goes_on else self.tr("Others"))
        if goes_on:
            self._prompt_label.setText(self.tr("Begin with"))
            self.prompt.setPlaceholderText(self.tr("nothing; type words for the network to go on with"))
            self.prompt.setToolTip(self.tr("The network goes on with these words, also while training pauses."))
            self.again.setToolTip(self.tr("Write another text with the same beginning."))
        elif language.kind == "restore":
            self._model.verb = self.tr("finds")
            self.again.setToolTip(self.tr("Hide words of the next validation samples."))
        else:
            self._model.verb = self.tr("writes")
            self._prompt_label.setText(self.tr("Translate"))
            self.prompt.setPlaceholderText(self.tr("a sentence of your own"))
            words = [w for w in language.reads if not is_special(w)]
            shown = ", ".join(words[:_EXAMPLES]) + (", …" if len(words) > _EXAMPLES else "")
            self.prompt.setToolTip(self.tr("The network knows these words: {0}").format(shown))
            self.again.setToolTip(self.tr("Translate the next validation samples."))
        self.prompt.setAccessibleName(self._prompt_label.text())

    # What is wanted -----------------------------------------------------------------------------

    def wish(self) -> Watch | None:
        if not isinstance(self.language, Language):
            return None
        if self.language.kind == "restore":
            return Watch(nodes=frozenset({self.language.hiding, self.language.output}), sample=self._first)
        return Watch(text=self._text_wish())

    def _text_wish(self) -> TextWish:
        return TextWish(
            self.prompt.text(),
            self.length.value(),
            self.temperature.value() / _HUNDREDTHS,
            self._seed,
            self._first,
            round(0.7 * self.live.stretch, 1),
        )

    def _warm(self, value: int) -> None:
        self.warmth.setText(f"{value / _HUNDREDTHS:.2f}")
        self.refresh()

    def _at_once(self) -> None:
        self._typing.stop()
        self.refresh()

    def _another(self) -> None:
        self._seed += 1
        count = max(1, self._samples)
        self._first = (self._first + SENTENCES) % count if self._first + SENTENCES < count else 0
        self.refresh()

    # What is shown ------------------------------------------------------------------------------

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the latest text, or why there is none."""
        if isinstance(self.language, str):
            self._switch.say(self.language)
            return
        dataset = snapshot.datasets.get(self.language.source)
        self._samples = 0 if dataset is None else len(dataset.validation) or len(dataset.train)
        if self.language.kind == "restore":
            names = self.session.inference.words.get((self.language.hiding, 0), ())
            answers = found_words(snapshot, self.language, names)
            waiting = self.tr("Sentences with hidden words appear here as soon as the network is ready to train.")
            self._switch.say("" if answers else waiting)
            self._show_found(answers, snapshot.epoch)
            return
        written = snapshot.written
        if written is None:
            self._switch.say(self.tr("What the network writes appears here as soon as it is ready to train."))
            return
        self._switch.say("")
        words = written.problem
        if words != self.problem.text():
            self.problem.setText(words)
            self.problem.setVisible(bool(words))
        self.prompt.setProperty("wrong", bool(words))
        if self.language.kind == "continue":
            self._show_text(written)
        else:
            self._show_answers(written)

    def _show_text(self, written: Written) -> None:
        begun = "" if written.problem else written.wish.prompt
        if begun and isinstance(self.language, Language) and not self.language.characters:
            begun += " "
        self.text.show_written(written, begun)
        share = written.known_share
        said = "" if share is None else self.tr("{0} % known words").format(round(100 * share))
        self._say_when(written.epoch, said, self.tr("Share of the words that the training text has too."))

    def _show_found(self, answers: tuple[Answer, ...], epoch: float) -> None:
        self._model.show(answers)
        pairs = [(w, r) for a in answers for w, r in zip(a.written.split(), (a.right or "").split(), strict=True)]
        right = sum(w == r for w, r in pairs)
        said = self.tr("{0} of {1} hidden words found").format(right, len(pairs)) if pairs else ""
        self._say_when(epoch, said, self.tr("Words of these sentences that were hidden."))

    def _show_answers(self, written: Written) -> None:
        self._model.show(written.answers)
        known = [a for a in written.answers if a.right is not None]
        right = sum(a.written == a.right for a in known)
        said = self.tr("{0} of {1} right").format(right, len(known)) if known else ""
        self._say_when(written.epoch, said, self.tr("Answers that are right from the first to the last sign."))

    def _say_when(self, epoch: float, said: str, tip: str) -> None:
        when = self.tr("epoch {0}").format(numbers.grouped(int(epoch + 1e-9)))
        words = " · ".join(w for w in (said, when) if w)
        if words != self.count_label.text():
            self.count_label.setText(words)
            self._arrange()
        self.count_label.setToolTip(tip)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """How well it writes stands beside the controls where there is room, else below them."""
        goes_on = isinstance(self.language, Language) and self.language.kind == "continue"
        for word in (self._length_label, self.warmth):  # words give way before controls do
            word.setVisible(goes_on and self.width() >= _ROOMY)
        wanted = self._controls.sizeHint().width() + self.count_label.sizeHint().width() + 40
        beside = self.width() >= wanted
        self._second.setDirection(QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom)

    def restyle(self) -> None:
        """Take colours and fonts from the theme again."""
        for label in (self._prompt_label, self._warmth_label, self._length_label, self.warmth):
            style_label(label, "tab", "text-2")
        style_label(self.count_label, "small", "text-3")
        style_label(self.problem, "body", "error")
        self.answers.setFont(self.theme.font("body"))
        self.answers.horizontalHeader().setFont(self.theme.font("small"))

