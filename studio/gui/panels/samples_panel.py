"""The validation samples, to pick one for the strip, the maps and the canvas."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QBoxLayout,
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QListView,
    QStackedWidget,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.engine.commands import Watch
from studio.engine.messages import Snapshot
from studio.gui.live import Live
from studio.gui.panels.class_scores import output_node, target_port
from studio.gui.panels.empty import Switch
from studio.gui.panels.labels import style_label
from studio.gui.panels.panel import Panel
from studio.gui.panels.sample_answers import Samples
from studio.gui.panels.sample_cards import NUMBER, CardDelegate, NumbersModel, PictureModel, card_size
from studio.gui.panels.sample_choice import OWN, SampleChoice, SamplePicker
from studio.gui.panels.sample_sentences import RunsDelegate, SentencesModel
from studio.gui.session import Session


class SamplesPanel(Panel):
    """Cards of pictures or rows of numbers; the current one is the picked sample."""

    interval = 0.5

    def __init__(
        self, session: Session, live: Live, samples: SampleChoice, parent: QWidget | None = None
    ) -> None:
        super().__init__(session, live, parent)
        self.choice = samples
        self._samples = Samples()
        content = QWidget()
        self.previous = QToolButton(content)
        self.next = QToolButton(content)
        for button, words, step in (
            (self.previous, self.tr("Previous sample"), -1),
            (self.next, self.tr("Next sample"), 1),
        ):
            button.setToolTip(words)
            button.setAccessibleName(words)
            button.setFixedSize(26, 26)
            button.clicked.connect(lambda _checked=False, step=step: self._step(step))
        self.picker = SamplePicker(samples, content)
        self.picker.setMinimumWidth(140)
        self.only_wrong = QCheckBox(self.tr("Only mistakes"), content)
        self.only_wrong.setToolTip(self.tr("Show only the samples that the network gets wrong now."))
        self.count_label = QLabel(content)
        self._stack = QStackedWidget(content)
        self.cards = self._make_cards()
        self._numbers_model, self._sentences_model = NumbersModel(self._samples), SentencesModel(self._samples)
        self.rows = self._make_rows(self._numbers_model)
        self.sentences = self._make_rows(self._sentences_model)
        self.sentences.setItemDelegate(RunsDelegate(self.sentences))
        for view in (self.cards, self.rows, self.sentences):
            self._stack.addWidget(view)
        self._steps, self._filters = steps, filters = QHBoxLayout(), QHBoxLayout()
        for widget in (self.previous, self.picker, self.next):
            steps.addWidget(widget)
        steps.addStretch(1)
        filters.addWidget(self.only_wrong)
        filters.addStretch(1)
        filters.addWidget(self.count_label)
        self._bar = bar = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        bar.setContentsMargins(0, 0, 0, 0)
        for layout in (steps, filters, bar):
            layout.setSpacing(6)
        bar.addLayout(steps)
        bar.addLayout(filters, 1)
        column = QVBoxLayout(content)
        column.setContentsMargins(12, 10, 12, 8)
        column.setSpacing(8)
        column.addLayout(bar)
        column.addWidget(self._stack, 1)
        self._switch = Switch(content)
        self.setLayout(self._switch)
        self.only_wrong.toggled.connect(lambda _on: self._sort_out(renew=True))
        samples.chosen.connect(self._show_choice)
        self.restyle()

    def _make_cards(self) -> QListView:
        cards = QListView(self)
        self._picture_model = PictureModel(self._samples)
        cards.setModel(self._picture_model)
        cards.setItemDelegate(CardDelegate(cards))
        cards.setViewMode(QListView.ViewMode.IconMode)
        cards.setMovement(QListView.Movement.Static)
        cards.setResizeMode(QListView.ResizeMode.Adjust)
        cards.setUniformItemSizes(True)
        cards.setGridSize(card_size(self._samples))
        cards.setMouseTracking(True)
        cards.setAccessibleName(self.tr("Validation samples"))
        cards.selectionModel().currentChanged.connect(self._pick)
        return cards

    def _make_rows(self, model: NumbersModel | SentencesModel) -> QTableView:
        rows = QTableView(self)
        rows.setModel(model)
        rows.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        rows.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        rows.verticalHeader().hide()
        rows.verticalHeader().setDefaultSectionSize(26)
        rows.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.horizontalHeader().setHighlightSections(False)
        # So many rows say how wide a column must be; to look at all would take too long.
        rows.horizontalHeader().setResizeContentsPrecision(40)
        rows.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        rows.setShowGrid(False)
        rows.setWordWrap(False)
        rows.setAccessibleName(self.tr("Validation samples"))
        rows.selectionModel().currentChanged.connect(self._pick)
        return rows

    # What is shown --------------------------------------------------------------------------------

    def wish(self) -> Watch:
        """The network's answers to the validation samples."""
        return Watch(answers=True, sample=self.choice.index)

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show the data set's samples and the answers."""
        self.choice.follow(snapshot, self.session.document.graph)
        dataset = self.choice.dataset
        if dataset is None or len(dataset.validation) == 0:
            if dataset is None:
                self._switch.say(self.tr("Add Data: its validation samples will show here to pick from."))
            else:
                self._switch.say(self.tr("No samples are kept aside for validation: raise Validation in the Data node."))
            return
        self._switch.say("")
        port = target_port(self.session.document.graph)
        if (dataset, port) != (self._samples.dataset, self._samples.port):
            self._samples.load(dataset, port)
            pictures = len(dataset.info.x_shape) == 3
            text = self._samples.has_text
            self.cards.setGridSize(card_size(self._samples))
            self._stack.setCurrentWidget(self.cards if pictures else self.sentences if text else self.rows)
            self._renew()
            if text:
                self._fit_sentences()
            else:
                self._fit_columns()
        self._take_answers(snapshot)

    def _fit_columns(self) -> None:
        self.rows.resizeColumnsToContents()
        for column in range(self._numbers_model.columnCount()):
            width = self.rows.columnWidth(column)
            self.rows.setColumnWidth(column, min(170, max(44, width + 8)))
        few = self._numbers_model.columnCount() <= 6
        mode = QHeaderView.ResizeMode.Stretch if few else QHeaderView.ResizeMode.Interactive
        for column in range(1, self._numbers_model.columnCount()):
            self.rows.horizontalHeader().setSectionResizeMode(column, mode)

    def _fit_sentences(self) -> None:
        header, columns = self.sentences.horizontalHeader(), self._sentences_model.columns
        self.sentences.resizeColumnsToContents()
        for section, column in enumerate(columns):
            long = column == "reads" or (column == "answer" and not self._samples.is_whole)
            header.setSectionResizeMode(section, QHeaderView.ResizeMode.Stretch if long else QHeaderView.ResizeMode.Interactive)
            if column == "answer" and not long:
                # The network's answers are not known yet, but will be about as long as the right ones.
                truth = self.sentences.columnWidth(columns.index("truth"))
                self.sentences.setColumnWidth(section, max(truth, self.sentences.columnWidth(section)))

    def _take_answers(self, snapshot: Snapshot) -> None:
        samples, given = self._samples, snapshot.answers
        output = output_node(self.session.document.graph)
        before = samples.answers
        if given is not None and output is not None and given.node == output.id:
            if samples.has_classes:
                samples.take_scores(given.activations)
            elif samples.has_values:
                known = samples.values
                samples.take_scores(given.activations)
                if not np.array_equal(known, samples.values):
                    self._sort_out(renew=False)
            elif samples.has_masks:
                samples.take_scores(given.activations)
                self._picture_model.forget(len(samples.guesses))
                self.cards.viewport().update()
        self.only_wrong.setVisible(samples.has_classes and samples.is_whole)
        if not np.array_equal(before, samples.answers):
            self._sort_out(renew=self.only_wrong.isChecked())
        else:
            self._count()

    def _sort_out(self, renew: bool) -> None:
        """Filter by mistakes, or only paint the answers anew."""
        samples = self._samples
        count = 0 if samples.dataset is None else len(samples.dataset.validation)
        only = self.only_wrong.isChecked() and samples.is_whole
        order = samples.wrong if only else np.arange(count)
        if renew and not np.array_equal(order, samples.order):
            samples.order = order
            self._renew()
        self.cards.viewport().update()
        for rows in (self.rows, self.sentences):
            rows.viewport().update()
        self._count()

    def _count(self) -> None:
        samples = self._samples
        total = 0 if samples.dataset is None else len(samples.dataset.validation)
        if len(samples.answers) and not samples.is_whole:
            share = 100 * (1 - samples.mistakes.sum() / max(1, samples.counted.sum()))
            words = self.tr("{0} % of the steps right").format(f"{share:.0f}")
        elif samples.has_classes and len(samples.answers):
            words = self.tr("{0} of {1} wrong").format(len(samples.wrong), len(samples.answers))
        else:
            words = self.tr("{0} samples").format(total)
        if words != self.count_label.text():
            self.count_label.setText(words)
            self._arrange()

    def _renew(self) -> None:
        for view, model in (
            (self.cards, self._picture_model),
            (self.rows, self._numbers_model),
            (self.sentences, self._sentences_model),
        ):
            # A reset clears the current row; picking must not follow that.
            view.selectionModel().blockSignals(True)
            model.renew()
            view.selectionModel().blockSignals(False)
        self._show_choice(self.choice.shown)

    # Picking --------------------------------------------------------------------------------------

    def _current_view(self) -> QAbstractItemView:
        view = self._stack.currentWidget()
        assert isinstance(view, QAbstractItemView)
        return view

    def _pick(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid():
            self.choice.pick(current.data(NUMBER))

    def _show_choice(self, number: int) -> None:
        places = np.flatnonzero(self._samples.order == number)
        view = self._current_view()
        if not len(places):
            if number == OWN:
                view.selectionModel().clearSelection()
            return
        index = view.model().index(int(places[0]), 0)
        if view.currentIndex().row() != index.row() or not view.selectionModel().isSelected(index):
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
            if view is not self.cards:
                flags |= QItemSelectionModel.SelectionFlag.Rows
            view.selectionModel().setCurrentIndex(index, flags)
            view.scrollTo(index)

    def _step(self, step: int) -> None:
        order = self._samples.order
        if not len(order):
            return
        at = int(np.searchsorted(order, self.choice.index, "left"))
        if step > 0 and (at == len(order) or order[at] != self.choice.index):
            at -= 1
        self.choice.pick(int(order[max(0, min(len(order) - 1, at + step))]))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(
            Qt.Key(event.key())
        )
        if step is None:
            super().keyPressEvent(event)
            return
        self._step(step)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """One line above the samples where there is room, else two."""
        wanted = self._steps.sizeHint().width() + self._filters.sizeHint().width() + 40
        one = self.width() >= wanted
        self._bar.setDirection(QBoxLayout.Direction.LeftToRight if one else QBoxLayout.Direction.TopToBottom)

    # Looks ----------------------------------------------------------------------------------------

    def restyle(self) -> None:
        """Take colours, fonts and icons from the theme again."""
        self.previous.setIcon(self.theme.icon("chevron-left"))
        self.next.setIcon(self.theme.icon("chevron-right"))
        style_label(self.count_label, "small", "text-3")
        for rows in (self.rows, self.sentences):
            rows.setFont(self.theme.font("tab"))
            rows.horizontalHeader().setFont(self.theme.font("small"))
        self._picture_model.renew()
        self._show_choice(self.choice.shown)
