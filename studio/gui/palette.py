"""The palette: all layers by family, with a search; narrow, it is a rail of families."""

from __future__ import annotations

from PySide6.QtCore import (
    QT_TRANSLATE_NOOP,
    QCoreApplication,
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QSettings,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QPainter, QPaintEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.core import registry
from studio.core.layer import FAMILIES
from studio.gui.brick_shelf import BrickShelf, ShelfEntry
from studio.gui.canvas.layer_search import search_layers
from studio.gui.palette_tree import FAMILY, TYPE, LayerTree, tip_of, tip_of_brick
from studio.gui.theme import Theme
from studio.gui.widgets.label import Label, Rule

WIDTH, RAIL_WIDTH = 208, 48
_EXACTLY = Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive
_SELECT = QItemSelectionModel.SelectionFlag.ClearAndSelect

#: The icon that stands for a family.
FAMILY_ICONS = {
    "Data": "data",
    "Augmentation": "picture",
    "Core": "dense",
    "Convolution": "convolution",
    "Pooling": "pooling",
    "Normalisation": "normalisation",
    "Recurrent": "recurrent",
    "Attention": "attention",
    "Activation": "activation",
    "Merge": "merge",
    "Loss": "loss",
}

#: Where a person's own bricks are listed.
MY_BRICKS = str(QT_TRANSLATE_NOOP("Palette", "My bricks"))


class Palette(QStackedWidget):
    """See the module.

    Parameters
    ----------
    settings : QSettings
        Remembers which families are open, and whether the palette is narrow.
    shelf : BrickShelf
        The person's own bricks.
    """

    #: Emitted with a layer's type name when it should go onto the canvas.
    chosen = Signal(str)
    #: Emitted with the path of a brick's file when it should go into the graph.
    brick_chosen = Signal(str)
    #: Emitted with a `ShelfEntry` and a place on the screen when its menu is wanted.
    brick_menu_wanted = Signal(object, QPoint)
    #: Emitted when the palette became narrow (True) or wide.
    narrowed = Signal(bool)

    def __init__(self, settings: QSettings, shelf: BrickShelf, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings, self._shelf = settings, shelf
        self.setAccessibleName(self.tr("Palette"))
        self._full = QWidget(self)
        self._rail = _Rail(self)
        self.addWidget(self._full)
        self.addWidget(self._rail)
        self.search = QLineEdit(self._full)
        self.search.setPlaceholderText(self.tr("Search layers"))
        self.search.setAccessibleName(self.tr("Search layers"))
        self.search.setClearButtonEnabled(True)
        self.search.setToolTip(self.tr("Type part of a layer's name or of what it does (Ctrl+K)."))
        self._magnifier = self.search.addAction(
            Theme.instance().icon("search", "text-3"), QLineEdit.ActionPosition.LeadingPosition
        )
        self.search.textChanged.connect(self._fill)
        self.search.installEventFilter(self)
        self.tree = LayerTree(self._full)
        self.tree.chosen.connect(self.chosen)
        self.tree.brick_chosen.connect(self.brick_chosen)
        self.tree.brick_menu_wanted.connect(self.brick_menu_wanted)
        shelf.changed.connect(self._refill)
        self.tree.expanded.connect(self._remember)
        self.tree.collapsed.connect(self._remember)
        hint = Label(self.tr("Drag onto the canvas, or onto a wire to insert in between."), "small", "text-3", True)
        column = QVBoxLayout(self._full)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(6)
        field = QVBoxLayout()
        field.setContentsMargins(10, 0, 10, 0)
        field.addWidget(self.search)
        column.addLayout(field)
        column.addWidget(self.tree, 1)
        column.addWidget(Rule())
        foot = QVBoxLayout()
        foot.setContentsMargins(12, 4, 12, 10)
        foot.addWidget(hint)
        column.addLayout(foot)
        self._nothing = Label(self.tr("No layer has that name."), "small", "text-3", True, self.tree)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._nothing.hide()
        self._rail.wanted.connect(self._open_family)
        Theme.instance().changed.connect(self._restyle)
        self._fill("")
        self.set_narrow(settings.value("palette/narrow", False, bool))  # type: ignore[arg-type]

    @property
    def narrow(self) -> bool:
        """Whether it is a rail."""
        return self.currentWidget() is self._rail

    def set_narrow(self, narrow: bool, remember: bool = True) -> None:
        """Become a rail, or a full palette again.

        Parameters
        ----------
        narrow : bool
        remember : bool
            Whether to be so at the next start too.
        """
        self.setCurrentWidget(self._rail if narrow else self._full)
        width = RAIL_WIDTH if narrow else WIDTH
        self.setMinimumWidth(width)
        self.setMaximumWidth(RAIL_WIDTH if narrow else 420)
        if remember:
            self._settings.setValue("palette/narrow", narrow)
        self.narrowed.emit(narrow)

    def sizeHint(self) -> QSize:
        return QSize(RAIL_WIDTH if self.narrow else WIDTH, 400)

    def focus_search(self) -> None:
        """Put the cursor into the search field."""
        if self.narrow:
            self.set_narrow(False)
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def eventFilter(self, watched, event) -> bool:  # type: ignore[no-untyped-def]
        if watched is self.search and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                self.tree.setFocus(Qt.FocusReason.TabFocusReason)
                self._select_first()
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                found = search_layers(registry.layers().values(), self.search.text())
                bricks = self._bricks(self.search.text())
                if self.search.text().strip() and found:
                    self.chosen.emit(found[0].type_name())
                    self.search.clear()
                elif self.search.text().strip() and bricks:
                    self.brick_chosen.emit(str(bricks[0].path))
                    self.search.clear()
                return True
            if event.key() == Qt.Key.Key_Escape and self.search.text():
                self.search.clear()
                return True
        return bool(super().eventFilter(watched, event))

    def _select_first(self) -> None:
        model = self.tree.model()
        index = model.index(0, 0)
        if self.search.text().strip() and index.isValid() and model.rowCount(index):
            index = model.index(0, 0, index)
        self.tree.setCurrentIndex(index)

    def _fill(self, query: str) -> None:
        """Show the families with the layers that fit the query."""
        model = self.tree.model()
        assert isinstance(model, QStandardItemModel)
        blocked = self.tree.blockSignals(True)
        model.clear()
        found = search_layers(registry.layers().values(), query)
        closed = set(str(self._settings.value("palette/closed", "")).split(","))
        searching = bool(query.strip())
        families = {c.family for c in found}
        order = [f for f in FAMILIES if f in families] + sorted(families - set(FAMILIES))
        if searching:
            order = list(dict.fromkeys(c.family for c in found))
        bricks = self._bricks(query)
        if bricks:
            # What a person made is at hand, but a search for a layer finds that first.
            order.insert(len(order) if searching else 0, MY_BRICKS)
        for family in order:
            head = QStandardItem(self.tr(family) if family == MY_BRICKS else family)
            head.setData(family, FAMILY)
            head.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            for layer in (c for c in found if c.family == family):
                head.appendRow(_item(layer.type_name(), layer, family, tip_of(layer)))
            for entry in bricks if family == MY_BRICKS else ():
                head.appendRow(_item(entry.name, entry, family, tip_of_brick(entry)))
            model.appendRow(head)
            self.tree.setExpanded(head.index(), searching or family not in closed)
        self.tree.blockSignals(blocked)
        self._nothing.setVisible(not found and not bricks)
        self._nothing.setGeometry(8, 16, self.width() - 16, 40)

    def _bricks(self, query: str) -> list[ShelfEntry]:
        return [entry for entry in self._shelf.entries if entry.fits(query)]

    def _refill(self) -> None:
        """The folder with bricks has changed: what is seen stays where it is."""
        bar = self.tree.verticalScrollBar()
        place = bar.value()
        current = self.tree.currentIndex().data()
        self._fill(self.search.text())
        bar.setValue(place)
        if current is not None:
            self._go_to(str(current))

    def show_brick(self, name: str) -> None:
        """Bring a brick into view, if the palette is wide."""
        if not self.narrow:
            self.search.clear()
            self._open_family(MY_BRICKS, focus=False)
            self._go_to(name)
            self.tree.scrollTo(self.tree.currentIndex())

    def _go_to(self, words: str) -> None:
        """Make the entry of that name the current one, without moving what is seen."""
        model = self.tree.model()
        found = model.match(model.index(0, 0), Qt.ItemDataRole.DisplayRole, words, 1, _EXACTLY)
        if found:
            self.tree.selectionModel().setCurrentIndex(found[0], _SELECT)

    def _remember(self, _index: QModelIndex) -> None:
        if self.search.text().strip():
            return
        model = self.tree.model()
        rows = (model.index(row, 0) for row in range(model.rowCount()))
        closed = [str(i.data(FAMILY)) for i in rows if not self.tree.isExpanded(i)]
        self._settings.setValue("palette/closed", ",".join(closed))

    def _open_family(self, family: str, focus: bool = True) -> None:
        self.set_narrow(False)
        self.search.clear()
        model = self.tree.model()
        for row in range(model.rowCount()):
            index = model.index(row, 0)
            if index.data(FAMILY) == family:
                self.tree.expand(index)
                self.tree.setCurrentIndex(index)
                self.tree.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtTop)
                if focus:
                    self.tree.setFocus(Qt.FocusReason.OtherFocusReason)
        if not family:
            self.focus_search()

    def _restyle(self) -> None:
        self._magnifier.setIcon(Theme.instance().icon("search", "text-3"))
        self.tree.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), Theme.instance().color("dock"))


def _item(words: str, what: object, family: str, tip: str) -> QStandardItem:
    """An entry that can be dragged."""
    item = QStandardItem(words)
    item.setData(what, TYPE)
    item.setData(family, FAMILY)
    item.setToolTip(tip)
    item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled)
    return item


class _Rail(QWidget):
    """One button a family; each opens the palette there."""

    #: A family's name; empty for the search.
    wanted = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._buttons: list[tuple[QToolButton, str, str]] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        families = {c.family for c in registry.layers().values()}
        entries = [("search", "", self.tr("Search layers"))]
        entries.append(("cube", MY_BRICKS, QCoreApplication.translate("Palette", MY_BRICKS)))
        entries += [(FAMILY_ICONS[f], f, f) for f in FAMILIES if f in families]
        for icon, family, words in entries:
            button = QToolButton(self)
            button.setFixedSize(32, 32)
            button.setIconSize(QSize(18, 18))
            button.setToolTip(words)
            button.setAccessibleName(words)
            button.clicked.connect(lambda _=False, f=family: self.wanted.emit(f))
            self._buttons.append((button, icon, family))
            column.addWidget(button)
        column.addStretch(1)
        Theme.instance().changed.connect(self._restyle)
        self._restyle()

    def _restyle(self) -> None:
        theme = Theme.instance()
        for button, icon, family in self._buttons:
            button.setIcon(theme.icon(icon, theme.family(family) if family else "text-2", 18))
