"""The welcome page: templates to start from, and what one worked on last."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRect, QSettings, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from studio.engine.processor import cores
from studio.gui.files import Files
from studio.gui.theme import MODES, Theme
from studio.gui.welcome_cards import RecentRow, TemplateCard
from studio.gui.widgets import numbers
from studio.gui.widgets.label import Label, Rule
from studio.gui.widgets.segments import SegmentedButtons
from studio.storage import StorageError, templates

_SIDE, _CARD, _GAP = 430, (212, 250), 16
_SHOW = "welcome/show"


def wanted_at_start(settings: QSettings) -> bool:
    """Whether the page is shown at start."""
    return bool(settings.value(_SHOW, True, bool))


class WelcomePage(QWidget):
    """See the module.

    Parameters
    ----------
    files : Files
        Opens what is chosen.
    settings : QSettings
        Remembers whether the page is shown at start.
    """

    #: Emitted with a theme's mode.
    theme_chosen = Signal(str)
    #: Emitted when a person wants back to the open document.
    back_wanted = Signal()
    #: Emitted when the list of keys is wanted.
    keys_wanted = Signal()

    def __init__(self, files: Files, settings: QSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._files, self._settings = files, settings
        self.setAccessibleName(self.tr("Welcome"))
        # Takes the focus at first, so that no button looks pressed; Tab goes to the first one.
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._side = _Side()
        self._fill_side()
        row.addWidget(self._side)
        row.addLayout(self._main(), 1)
        files.recent.changed.connect(self.refresh)
        Theme.instance().changed.connect(self._restyle)
        self._restyle()
        self.refresh()

    # Left ------------------------------------------------------------------------------

    def _fill_side(self) -> None:
        self._logo = QLabel()
        self._logo.setFixedSize(46, 46)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(Label("Layer Studio", "page-title"))
        words.addWidget(Label(self.tr("Build a network. Watch it think."), "body", "text-2"))
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addWidget(self._logo)
        head.addLayout(words, 1)
        self.new_button = QPushButton("  " + self.tr("New graph"))
        self.new_button.setProperty("kind", "primary")
        self.new_button.setAccessibleName(self.tr("New graph"))
        self.new_button.clicked.connect(self._files.new_blank)
        self.open_button = QPushButton("  " + self.tr("Open…"))
        self.open_button.setAccessibleName(self.tr("Open"))
        self.open_button.clicked.connect(self._files.ask_and_open)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        for button in (self.new_button, self.open_button):
            button.setFixedHeight(38)
            buttons.addWidget(button, 1)
        self.back_button = QPushButton()
        self.back_button.setProperty("kind", "link")
        self.back_button.clicked.connect(self.back_wanted)
        self.back_button.hide()
        self._recent = QVBoxLayout()
        self._recent.setSpacing(4)
        self._no_recent = Label(self.tr("Files you save or open are listed here."), "body", "text-3", wrap=True)
        self.keys_button = QPushButton("  " + self.tr("Keyboard and mouse basics"))
        self.keys_button.setProperty("kind", "link")
        self.keys_button.clicked.connect(self.keys_wanted)
        self._device_icon = QLabel()
        device = QHBoxLayout()
        device.setSpacing(10)
        text = numbers.counted(cores(), self.tr("CPU · {count} thread available"), self.tr("CPU · {count} threads available"))
        device.addWidget(self._device_icon)
        device.addWidget(Label(text, "body", "text-2"), 1)
        self.show_box = QCheckBox(self.tr("Show this page at start"))
        self.show_box.setChecked(wanted_at_start(self._settings))
        self.show_box.toggled.connect(lambda shown: self._settings.setValue(_SHOW, shown))
        column = QVBoxLayout(self._side)
        column.setContentsMargins(40, 44, 40, 26)
        column.setSpacing(0)
        column.addLayout(head)
        column.addSpacing(30)
        column.addLayout(buttons)
        column.addSpacing(10)
        column.addWidget(self.back_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addSpacing(24)
        column.addWidget(Label(self.tr("Recent"), "section"))
        column.addSpacing(10)
        column.addWidget(self._no_recent)
        shift = QHBoxLayout()
        shift.setContentsMargins(-12, 0, -12, 0)
        shift.addLayout(self._recent)
        column.addLayout(shift)
        column.addStretch(1)
        column.addWidget(Rule())
        column.addSpacing(16)
        column.addWidget(self.keys_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addSpacing(8)
        column.addLayout(device)
        column.addSpacing(10)
        column.addWidget(self.show_box)

    def offer_back(self, name: str) -> None:
        """Offer to go back to the open document; an empty name offers nothing."""
        self.back_button.setText(self.tr("Back to {name}").format(name=name))
        self.back_button.setVisible(bool(name))

    def refresh(self) -> None:
        """Read the list of recent files again."""
        while self._recent.count():
            item = self._recent.takeAt(0)
            row = item.widget() if item is not None else None
            if row is not None:
                row.hide()
                row.deleteLater()
        recent = self._files.recent
        room = max(1, (max(self.height(), 700) - 430) // 76)
        listed = recent.listed()[: min(6, room)]
        for entry in listed:
            row = RecentRow(entry, recent.picture(entry.path), self._side)
            row.clicked.connect(lambda _=False, path=entry.path: self._files.open(Path(path)))
            row.unwanted.connect(lambda path=entry.path: recent.remove(path))
            self._recent.addWidget(row)
        self._no_recent.setVisible(not listed)

    # Right -----------------------------------------------------------------------------

    def _main(self) -> QVBoxLayout:
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search templates"))
        self.search.setAccessibleName(self.tr("Search templates"))
        self.search.setClearButtonEnabled(True)
        self.search.setFixedHeight(36)
        self._magnifier = self.search.addAction(
            Theme.instance().icon("search", "text-3"), QLineEdit.ActionPosition.LeadingPosition
        )
        self.search.textChanged.connect(self._filter)
        self.search.returnPressed.connect(self._open_first)
        self.themes = SegmentedButtons((self.tr("Light"), self.tr("Dark"), self.tr("System")), 36)
        self.themes.setAccessibleName(self.tr("Theme"))
        self.themes.chosen.connect(lambda index: self.theme_chosen.emit(MODES[index]))
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(self.search, 1)
        top.addWidget(self.themes)
        self._problem = Label("", "body", "error", wrap=True)
        try:
            listed = templates.templates()
        except StorageError as error:
            listed = ()
            self._problem.setText(str(error))
        self._problem.setVisible(not listed)
        self._kinds = ["", *dict.fromkeys(t.kind for t in listed)]
        words = [self.tr("All {count}").format(count=len(listed)), *self._kinds[1:]]
        self.kinds = SegmentedButtons(words)
        self.kinds.setAccessibleName(self.tr("Kind of data"))
        self.kinds.chosen.connect(self._filter)
        heading = QHBoxLayout()
        heading.addWidget(Label(self.tr("Templates"), "section"))
        heading.addStretch(1)
        heading.addWidget(self.kinds)
        self.cards = [TemplateCard(template) for template in listed]
        for card in self.cards:
            card.clicked.connect(lambda _=False, name=card.template.name: self._files.new_from_template(name))
        self._grid = _Grid(self.cards)
        self._nothing = Label(self.tr("No template fits. Try a shorter word, or New graph."), "body", "text-3", wrap=True)
        self._nothing.hide()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setAccessibleName(self.tr("Templates"))
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self._grid)
        scroll.viewport().setAutoFillBackground(False)
        self._grid.setAutoFillBackground(False)
        column = QVBoxLayout()
        column.setContentsMargins(48, 28, 36, 0)
        column.setSpacing(16)
        column.addLayout(top)
        column.addSpacing(2)
        column.addLayout(heading)
        column.addWidget(self._problem)
        column.addWidget(self._nothing)
        column.addWidget(scroll, 1)
        return column

    def _filter(self) -> None:
        words, kind = self.search.text().lower().split(), self._kinds[self.kinds.current]
        shown = []
        for card in self.cards:
            t = card.template
            text = f"{t.name} {t.title} {t.description} {t.kind}".lower()
            if (not kind or t.kind == kind) and all(word in text for word in words):
                shown.append(card)
        self._grid.show_cards(shown)
        self._nothing.setVisible(not shown)

    def _open_first(self) -> None:
        if self._grid.shown:
            self._grid.shown[0].click()

    # Widget ----------------------------------------------------------------------------

    def _restyle(self) -> None:
        theme = Theme.instance()
        self._logo.setPixmap(theme.pixmap("app", "text", 46))
        self.new_button.setIcon(theme.icon("plus", "on-accent"))
        self.open_button.setIcon(theme.icon("folder", "text"))
        self.keys_button.setIcon(theme.icon("keyboard", "accent"))
        self._device_icon.setPixmap(theme.pixmap("chip", "text-2"))
        self._magnifier.setIcon(theme.icon("search", "text-3"))
        self.themes.set_current(MODES.index(theme.mode))
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._side.setFixedWidth(_SIDE if self.width() > 1400 else 340)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), Theme.instance().color("window"))


class _Side(QWidget):
    """The left part, on the docks' colour."""

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        painter.fillRect(self.rect(), theme.color("dock"))
        painter.fillRect(self.width() - 1, 0, 1, self.height(), theme.color("border"))


class _Grid(QWidget):
    """Cards in as many columns as fit, all of one width."""

    def __init__(self, cards: list[TemplateCard]) -> None:
        super().__init__()
        self.shown = list(cards)
        for card in cards:
            card.setParent(self)
        self._place()

    def show_cards(self, cards: list[TemplateCard]) -> None:
        """Show some of the cards only."""
        for card in self.shown:
            card.hide()
        self.shown = cards
        for card in cards:
            card.show()
        self._place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def sizeHint(self) -> QSize:
        return QSize(500, self.minimumHeight())

    def _place(self) -> None:
        width = max(self.width() - 8, _CARD[0])
        columns = max(1, (width + _GAP) // (_CARD[0] + _GAP))
        each = (width - (columns - 1) * _GAP) // columns
        height = round(_CARD[1] * Theme.instance().scale)
        for i, card in enumerate(self.shown):
            row, column = divmod(i, columns)
            card.setGeometry(QRect(column * (each + _GAP), row * (height + _GAP), each, height))
        rows = -(-len(self.shown) // columns)
        self.setMinimumHeight(rows * (height + _GAP) + 12)
