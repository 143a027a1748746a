"""The choice of how fast training may go reaches the trainer."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QObject

from studio.engine.commands import SetPace
from studio.gui.menus import Actions
from studio.gui.pace import add_pace_actions


class _Engine(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.trainer = self
        self.sent: list[Any] = []

    def send(self, command: Any) -> None:
        self.sent.append(command)


@pytest.mark.parametrize(("key", "pace"), [("pace_full", 0.0), ("pace_slow", 1.0), ("pace_watch", None)])
def test_a_choice_is_sent_and_ticked_alone(qtbot: Any, key: str, pace: float | None) -> None:
    from PySide6.QtWidgets import QWidget

    window = QWidget()
    qtbot.addWidget(window)
    engine, actions = _Engine(), Actions(window)
    group = add_pace_actions(actions, engine)  # type: ignore[arg-type]
    assert actions["pace_watch"].isChecked()
    actions["pace_slow" if key == "pace_full" else "pace_full"].trigger()
    actions[key].trigger()
    assert engine.sent[-1] == SetPace(pace)
    assert [a for a in group.actions() if a.isChecked()] == [actions[key]]
