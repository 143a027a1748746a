"""The choice of how fast training may go, so that people can watch it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QActionGroup

from studio.engine.commands import SetPace
from studio.gui.live import Live
from studio.gui.menus import Actions

#: Key of the action, and epochs a second; None lets a run last about ten seconds.
PACES: dict[str, float | None] = {"pace_watch": None, "pace_slow": 1.0, "pace_full": 0.0}


def add_pace_actions(actions: Actions, live: Live) -> QActionGroup:
    """Make the three actions, of which one is ticked; returns their group."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("Pace", text)

    words = {
        "pace_watch": (
            tr("Speed to &watch"),
            tr("A run lasts ten seconds or more, so that the eye can follow."),
        ),
        "pace_slow": (tr("&One epoch a second"), tr("Slow enough to talk about each pass through the data.")),
        "pace_full": (tr("&Full speed"), tr("As fast as this machine can.")),
    }
    group = QActionGroup(actions)
    for key, (text, tip) in words.items():
        send = partial(live.trainer.send, SetPace(PACES[key]))
        action = actions.add(key, text, send, tip=tip, checkable=True)
        group.addAction(action)
    actions["pace_watch"].setChecked(True)
    return group
