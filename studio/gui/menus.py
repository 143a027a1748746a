"""The window's actions and its menu bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtGui import QAction, QActionGroup, QFontMetricsF, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from studio.gui.theme import Theme
from studio.gui.training_link import TrainingLink


class Actions(QObject):
    """All actions of the window by key; the command palette lists them."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._actions: dict[str, QAction] = {}

    def __getitem__(self, key: str) -> QAction:
        return self._actions[key]

    def __contains__(self, key: str) -> bool:
        return key in self._actions

    def __iter__(self) -> Iterator[str]:
        return iter(self._actions)

    def add(
        self,
        key: str,
        text: str,
        slot: Callable[[], object],
        shortcut: str | QKeySequence.StandardKey | None = None,
        tip: str = "",
        checkable: bool = False,
    ) -> QAction:
        """Make an action that calls `slot`.

        Parameters
        ----------
        key : str
            Under which it is found.
        text : str
            With an ampersand before the letter of its mnemonic.
        slot : callable
            Called without arguments when the action is triggered.
        shortcut : str or QKeySequence.StandardKey, optional
            Works in the whole window.
        tip : str
            One sentence for tooltip and status bar.
        checkable : bool
            Whether it can be on or off.
        """
        action = QAction(text, self._window)
        action.setObjectName(key)
        action.setCheckable(checkable)
        if shortcut is not None:
            action.setShortcut(QKeySequence(shortcut))
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        if tip:
            action.setToolTip(tip)
            action.setStatusTip(tip)
        action.triggered.connect(lambda _checked=False: slot())
        self._window.addAction(action)
        self._actions[key] = action
        return action

    def put(self, key: str, action: QAction) -> None:
        """Take in an action that another widget made; its shortcuts go on working only there.

        Were it added to the window, Delete would delete layers while a person edits a number.
        """
        self._actions[key] = action

    def mark_theme(self) -> None:
        """Tick the theme that is in use."""
        self._actions[f"theme_{Theme.instance().mode}"].setChecked(True)

    def listed(self) -> list[tuple[str, QAction]]:
        """Texts without ampersands, and actions, in order; what the command palette offers."""
        found = []
        for key, action in self._actions.items():
            text = _without_mnemonic(action.text()).rstrip(".…")
            if text and action.isVisible():
                menu = next((words for start, words in _menus() if key.startswith(start)), "")
                found.append((f"{menu}: {text}" if menu else text, action))
        return found


def tr(text: str) -> str:
    """Text of the menus in the person's language."""
    return QCoreApplication.translate("Menus", text)


def add_training_actions(actions: Actions, link: TrainingLink) -> None:
    """Run, steps and resets."""
    run = actions.add("run", tr("&Run"), link.toggle, "F5", tr("Train the network, or stop for now."))
    actions.add("one_step", tr("One &step"), link.one_step, "F10", tr("Train on one minibatch, then pause."))
    actions.add("one_epoch", tr("One &epoch"), link.one_epoch, "Shift+F10", tr("Go once through the training samples."))
    actions.add(
        "reset_same",
        tr("Reset to the s&ame initial weights"),
        lambda: link.reset(False),
        "Shift+F5",
        tr("Forget what was learned and start from the same weights again."),
    )
    actions.add(
        "reset_fresh",
        tr("Reset to &new initial weights"),
        lambda: link.reset(True),
        "Ctrl+Shift+F5",
        tr("Forget what was learned and draw other weights to start from."),
    )
    link.state_changed.connect(lambda: run.setText(tr("&Pause") if link.running else tr("&Run")))


def add_theme_actions(actions: Actions, window: QWidget, choose: Callable[[str], None]) -> None:
    """Light, dark, system."""
    group = QActionGroup(window)
    for mode, text in (("light", tr("&Light")), ("dark", tr("&Dark")), ("system", tr("As the &system has it"))):
        action = actions.add(f"theme_{mode}", text, partial(choose, mode), checkable=True)
        group.addAction(action)

    Theme.instance().changed.connect(actions.mark_theme)
    actions.mark_theme()


class TitledMenuBar(QMenuBar):
    """A menu bar that also says which file is open, in its middle."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = ""
        Theme.instance().changed.connect(self.update)

    def set_title(self, title: str) -> None:
        """Show other words in the middle."""
        self._title = title
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = Theme.instance(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.color("window"))
        painter.fillRect(0, self.height() - 1, self.width(), 1, theme.color("border"))
        font = theme.font("tab")
        painter.setFont(font)
        for action in self.actions():
            self._paint_entry(painter, action)
        painter.setPen(theme.color("text-3"))
        last = self.actionGeometry(self.actions()[-1]).right() if self.actions() else 0
        width = QFontMetricsF(font).horizontalAdvance(self._title)
        left = max(last + 16.0, (self.width() - width) / 2)
        room = int(self.width() - left - 8)
        text = painter.fontMetrics().elidedText(self._title, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(int(left), 0, room, self.height() - 1, Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_entry(self, painter: QPainter, action: QAction) -> None:
        theme, rect = Theme.instance(), self.actionGeometry(action)
        active = action is self.activeAction()
        if active:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("hover"))
            painter.drawRoundedRect(rect.adjusted(0, 2, 0, -3), 5, 5)
        painter.setPen(theme.color("text" if active else "text-2"))
        painter.drawText(rect.adjusted(0, 0, 0, -1), Qt.AlignmentFlag.AlignCenter, _without_mnemonic(action.text()))


def _menus() -> tuple[tuple[str, str], ...]:
    """Words before actions that only make sense within their menu, by the start of their keys."""
    return ("template_", tr("New from template")), ("theme_", tr("Theme")), ("show_", tr("Show or hide")), ("export_", tr("Export"))


def _without_mnemonic(text: str) -> str:
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&")


def fill(menu: QMenu, actions: Actions, *keys: str) -> QMenu:
    """Put actions into a menu; an empty key is a line, an unknown one is left out."""
    for key in keys:
        if not key:
            menu.addSeparator()
        elif key in actions:
            menu.addAction(actions[key])
    return menu
