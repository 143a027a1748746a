"""Which graphics card a command computes on: the one it names, or the one that was chosen in the window."""

from __future__ import annotations

import configparser
from typing import TYPE_CHECKING

from studio.cuda import probe
from studio.gui.places import CARD_KEY, Places

if TYPE_CHECKING:
    from studio.core.document import Training


def choose_card(training: Training, device: str = "") -> None:
    """Choose the card of this process, if it is to compute on one.

    Parameters
    ----------
    training : Training
        Whose device says whether it is.
    device : str
        As on the command line: ``cuda:1`` is the second card, all else leaves the choice to the settings.

    Raises
    ------
    ProjectError
        When there is no card of that number; the sentence names those that there are.
    """
    if training.device != "cuda":
        return
    # The doctor, which asks only for what was chosen, must work where these do not load.
    from studio.cuda import card
    from studio.project import ProjectError

    number = device.partition(":")[2]
    if not number:
        wanted = remembered()
        if wanted is not None:
            card.choose(wanted)
        return
    found = probe.cards()
    if found.found and int(number) >= len(found.found):  # that there is none at all is said by who opens it
        raise ProjectError(f"There is no card cuda:{int(number)}: this machine has {found.listed()}.")
    card.choose(int(number))


def remembered() -> int | None:
    """The number that was chosen in the window; None if there was no choice."""
    section, _, key = CARD_KEY.partition("/")
    # As Qt writes it; a file that is damaged, or of somebody else's making, chooses nothing.
    settings = configparser.RawConfigParser(strict=False)
    try:
        settings.read(Places.usual().settings, encoding="utf-8")
        return settings.getint(section, key)
    except (configparser.Error, ValueError, OSError):
        return None
