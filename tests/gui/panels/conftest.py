"""A shown BottomTabs over a made-up training."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from panel_scenes import Scene
from pytestqt.qtbot import QtBot

from studio.gui.panels.bottom import BottomTabs
from studio.gui.theme import Theme

Make = Callable[[Scene], BottomTabs]


@pytest.fixture
def make_bottom(qtbot: QtBot) -> Iterator[Make]:
    """Show the panels of a scene, with one snapshot drawn."""
    Theme.instance().set_mode("dark")

    def make(scene: Scene, width: int = 1056, height: int = 364) -> BottomTabs:
        bottom = BottomTabs(scene.session, scene.live)
        qtbot.addWidget(bottom)
        bottom.resize(width, height)
        with qtbot.waitExposed(bottom):
            bottom.show()
        scene.go_on()
        for panel in (bottom.loss, bottom.representation):
            panel.refresh()
        return bottom

    yield make
    Theme.instance().set_mode("light")
