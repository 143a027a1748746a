"""Where one works: run bar, palette, canvas, inspector and the tabs below, as movable docks."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSettings, Qt
from PySide6.QtGui import QAction, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

from studio.gui.brick_shelf import BrickShelf
from studio.gui.canvas.canvas import Canvas
from studio.gui.inspector.inspector import Inspector
from studio.gui.live import Live
from studio.gui.menus import Actions
from studio.gui.palette import Palette
from studio.gui.panels.bottom import BottomTabs
from studio.gui.run_bar import RunBar
from studio.gui.session import Session
from studio.gui.theme import Theme
from studio.gui.training_link import TrainingLink
from studio.gui.widgets.dock import Dock
from studio.gui.widgets.preparing_note import PreparingNote

#: Raised when docks are added or renamed, so that an old layout is not forced on them.
_LAYOUT = 1
_BOTTOM, _INSPECTOR = 370, 336
#: In a narrower window the palette makes itself narrow, so that the middle has room.
_ROOMY = 1120


class Workspace(QMainWindow):
    """A main window inside the window, so that docks stay out of the welcome page.

    Parameters
    ----------
    session, live, link
        The document, the snapshots and the way to the trainer.
    actions : Actions
        The window's actions; the canvas's are added to them.
    settings : QSettings
        Remembers the layout, and the graphics card that was chosen.
    shelf : BrickShelf
        The person's own bricks, for the palette.
    """

    def __init__(
        self,
        session: Session,
        live: Live,
        link: TrainingLink,
        actions: Actions,
        settings: QSettings,
        shelf: BrickShelf,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowFlags(Qt.WindowType.Widget)
        self._settings = settings
        self._laid_out = False
        self._narrowed = False
        self.setDockOptions(QMainWindow.DockOption.AllowNestedDocks | QMainWindow.DockOption.AllowTabbedDocks)
        for corner in (Qt.Corner.TopLeftCorner, Qt.Corner.BottomLeftCorner):
            self.setCorner(corner, Qt.DockWidgetArea.LeftDockWidgetArea)
        for corner in (Qt.Corner.TopRightCorner, Qt.Corner.BottomRightCorner):
            self.setCorner(corner, Qt.DockWidgetArea.RightDockWidgetArea)
        self.run_bar = RunBar(session, live, link, actions, settings)
        self.setMenuWidget(self.run_bar)
        self.canvas = Canvas(session, live)
        self.canvas.setMinimumSize(240, 160)
        self.preparing_note = PreparingNote(self.canvas, live, link)
        self.setCentralWidget(self.canvas)
        self.palette_view = Palette(settings, shelf)
        self.palette_view.chosen.connect(self.canvas.add_layer)
        self.inspector = Inspector(session, live, settings)
        self.bottom = BottomTabs(session, live)
        self.bottom.setMinimumHeight(180)
        self.palette_dock = Dock("palette", self.tr("Layers"), self.palette_view)
        self.inspector_dock = Dock("inspector", self.tr("Inspector"), self.inspector)
        self.bottom_dock = Dock("bottom", self.tr("Curves and representation"), self.bottom, header=False)
        self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, self.palette_dock)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.inspector_dock)
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.bottom_dock)
        self._add_narrowing()
        for name, action in self.canvas.actions().items():
            actions.put(f"canvas_{name}", action)
        menu = self.inspector.node.identity.menu
        for name in ("rename", "", "duplicate", "copy", "cut", "", "take_out", "disconnect", "delete", "", "brick", "", "frame", "kernel"):
            if name:
                menu.addAction(self.canvas.actions()[name])
            else:
                menu.addSeparator()
        self._explain()
        self.canvas.unit_selected.connect(self.inspector.show_unit)
        self.canvas.details_wanted.connect(self._show_details)
        self.canvas.kernel_wanted.connect(self._show_kernel)
        self._scale = Theme.instance().scale
        Theme.instance().changed.connect(self._follow_scale)
        self.bottom.speed.bars_wanted.connect(self.canvas.node_times.show)

    def docks(self) -> tuple[QDockWidget, ...]:
        """The docks, from left to right."""
        return self.palette_dock, self.bottom_dock, self.inspector_dock

    def dock_actions(self) -> list[QAction]:
        """One action a dock, that shows or hides it."""
        return [dock.toggleViewAction() for dock in self.docks()]

    def show_problems(self) -> None:
        """Bring the list of problems to the front."""
        self.bottom_dock.show()
        self.bottom.show_problems()

    def _explain(self) -> None:
        """What the parts are, for What is this? in the Help menu."""
        for part, words in (
            (self.run_bar, self.tr("Runs and pauses training, and shows how well the network does.")),
            (self.palette_view, self.tr("All layers there are. Drag one onto the canvas, or onto a wire.")),
            (self.canvas, self.tr("The network: data flow from left to right. Each layer shows what it gives.")),
            (self.inspector, self.tr("Everything about the selected layer; without one, how training goes about it.")),
            (self.bottom, self.tr("Curves of training at the left, what the network sees at the right.")),
        ):
            part.setWhatsThis(words)

    def next_part(self, step: int = 1) -> None:
        """Move the keyboard to the next part of the window, or back with -1."""
        parts = (self.run_bar, self.palette_view, self.canvas, self.bottom, self.inspector)
        visible = [part for part in parts if part.isVisible()]
        focus = self.focusWidget()
        now = next((i for i, part in enumerate(visible) if focus is not None and part.isAncestorOf(focus)), -step)
        for offset in range(1, len(visible) + 1):
            part = visible[(now + step * offset) % len(visible)]
            first = part if part.focusPolicy() & Qt.FocusPolicy.TabFocus or part.focusProxy() else _first_in(part)
            if first is not None:
                first.setFocus(Qt.FocusReason.TabFocusReason)
                return

    def find_layer(self) -> None:
        """Put the cursor into the palette's search."""
        self.palette_dock.show()
        self.palette_view.focus_search()

    def reset_layout(self) -> None:
        """All docks back to where they were at first."""
        areas = (
            (self.palette_dock, Qt.DockWidgetArea.LeftDockWidgetArea),
            (self.inspector_dock, Qt.DockWidgetArea.RightDockWidgetArea),
            (self.bottom_dock, Qt.DockWidgetArea.BottomDockWidgetArea),
        )
        for dock, area in areas:
            dock.setFloating(False)
            self.addDockWidget(area, dock)
            dock.show()
        self.palette_view.set_narrow(False)
        self._set_sizes()

    def save_layout(self) -> None:
        """Remember where the docks are."""
        if self._laid_out:
            self._settings.setValue("workspace/layout", self.saveState(_LAYOUT))

    def _add_narrowing(self) -> None:
        header = self.palette_dock.header
        assert header is not None
        button = header.add_button("chevron-left", self.tr("Make the palette narrow"))
        button.clicked.connect(lambda: self.palette_view.set_narrow(not self.palette_view.narrow))

        def show_narrow(narrow: bool) -> None:
            header.title.setVisible(not narrow)
            for other in header.findChildren(type(button)):
                other.setVisible(other is button or not narrow)
            header.set_icon(button, "chevron-right" if narrow else "chevron-left")
            words = self.tr("Show the layers' names") if narrow else self.tr("Make the palette narrow")
            button.setToolTip(words)
            button.setAccessibleName(words)

        self.palette_view.narrowed.connect(show_narrow)
        show_narrow(self.palette_view.narrow)

    def _show_details(self, node: str) -> None:
        """A big view of a node: the representation tab, with the node selected."""
        self.bottom_dock.show()
        self.bottom.right.show_panel(self.bottom.representation)

    def _show_kernel(self) -> None:
        """The programs of the selected layer: the tab Speed, opened at the kernels."""
        self.bottom_dock.show()
        self.bottom.right.show_panel(self.bottom.speed)
        self.bottom.speed.show_kernels()

    def _set_sizes(self) -> None:
        height = max(200, min(_BOTTOM, round(self.height() * 0.4)))
        self.resizeDocks([self.bottom_dock], [height], Qt.Orientation.Vertical)
        self.bottom.splitter.setSizes([480, 520])
        self.resizeDocks(
            [self.palette_dock, self.inspector_dock],
            [self.palette_view.sizeHint().width(), _INSPECTOR],
            Qt.Orientation.Horizontal,
        )

    def _follow_scale(self) -> None:
        """Larger type needs wider docks; the canvas keeps a third of the window."""
        scale, before = Theme.instance().scale, self._scale
        if scale == before:
            return
        self._scale = scale
        docks = [dock for dock in (self.palette_dock, self.inspector_dock) if dock.isVisible() and not dock.isFloating()]
        wanted = [dock.width() * scale / before for dock in docks]
        shrink = min(1.0, 0.66 * self.width() / max(1.0, sum(wanted)))
        self.resizeDocks(docks, [round(width * shrink) for width in wanted], Qt.Orientation.Horizontal)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        docked = not self.palette_dock.isHidden() and not self.palette_dock.isFloating()
        if self.width() < _ROOMY and docked and not self.palette_view.narrow:
            self._narrowed = True
            self.palette_view.set_narrow(True, remember=False)
        elif self.width() >= _ROOMY and self._narrowed:
            self._narrowed = False
            self.palette_view.set_narrow(False, remember=False)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._laid_out:
            self._laid_out = True
            self._make_room()
            layout = self._settings.value("workspace/layout")
            if not (isinstance(layout, QByteArray) and self.restoreState(layout, _LAYOUT)):
                self._set_sizes()


def _first_in(part: QWidget) -> QWidget | None:
    """The first widget of a part that takes the keyboard."""
    inside = part.nextInFocusChain()
    while inside is not None and inside is not part:
        takes = inside.focusPolicy() & Qt.FocusPolicy.TabFocus
        if part.isAncestorOf(inside) and takes and inside.isVisible() and inside.isEnabled():
            return inside
        inside = inside.nextInFocusChain()
    return None
