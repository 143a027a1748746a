"""Larger type, for a projector or for tired eyes: fonts, nodes and controls grow together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtGui import QKeySequence

from studio.gui.menus import Actions
from studio.gui.theme import Theme

if TYPE_CHECKING:
    from studio.gui.main_window import MainWindow

#: How much type may be enlarged; 1 is the usual size.
SIZES = (1.0, 1.25, 1.5, 1.75)
#: For a projector: readable eight metres from a screen two metres wide.
PROJECTOR = 1.5
_KEY = "type_scale"


def tr(text: str) -> str:
    """Text in the window's language."""
    return QCoreApplication.translate("TypeSize", text)


def choose_size(value: object) -> None:
    """Use the size of the settings; one that does not exist is as good as none."""
    try:
        scale = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        scale = 1.0
    Theme.instance().set_scale(scale if scale in SIZES else 1.0)


class TypeSize(QObject):
    """The actions that change the size, and the presentation mode.

    Parameters
    ----------
    window : MainWindow
        Its settings remember the size.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._before: tuple[float, tuple[bool, bool], bool] | None = None
        actions: Actions = window.actions_by_key
        larger = actions.add("type_larger", tr("&Larger type"), lambda: self.step(1), tip=tr("Enlarge words, nodes and controls."))
        larger.setShortcuts([QKeySequence("Ctrl+Alt++"), QKeySequence("Ctrl+Alt+=")])
        actions.add("type_smaller", tr("S&maller type"), lambda: self.step(-1), "Ctrl+Alt+-", tr("Make words, nodes and controls smaller."))
        actions.add("type_usual", tr("Us&ual type"), lambda: self.set(1.0), "Ctrl+Alt+0", tr("Words, nodes and controls as large as they were at first."))
        self._present = actions.add(
            "present", tr("&Presentation"), self.toggle, "Shift+F11",
            tr("For a projector: large type, all of the screen, and only the network and what it sees."), checkable=True,
        )  # fmt: skip

    @property
    def presenting(self) -> bool:
        """Whether the presentation mode is on."""
        return self._before is not None

    def step(self, by: int) -> None:
        """The next larger or smaller size, if there is one."""
        now = Theme.instance().scale
        at = SIZES.index(now) if now in SIZES else 0
        self.set(SIZES[max(0, min(len(SIZES) - 1, at + by))])

    def set(self, scale: float) -> None:
        """Use a size, and remember it."""
        self._window.settings.setValue(_KEY, scale)
        if scale != Theme.instance().scale:
            Theme.instance().set_scale(scale)

    def toggle(self) -> None:
        """Begin a presentation, or end it: all is as it was before then."""
        window, workspace = self._window, self._window.workspace
        docks = workspace.palette_dock, workspace.inspector_dock
        if self._before is None:
            palette, inspector = (dock.isVisible() for dock in docks)
            self._before = Theme.instance().scale, (palette, inspector), window.isFullScreen()
            for dock in docks:
                dock.hide()
            window.showFullScreen()
            Theme.instance().set_scale(max(PROJECTOR, Theme.instance().scale))
            window.session.say(tr("Shift+F11 ends the presentation; the View menu brings panels back."))
        else:
            scale, visible, full = self._before
            self._before = None
            for dock, shown in zip(docks, visible, strict=True):
                dock.setVisible(shown)
            if not full:
                window.showNormal()
            Theme.instance().set_scale(scale)
        self._present.setChecked(self.presenting)
        workspace.canvas.fit()
