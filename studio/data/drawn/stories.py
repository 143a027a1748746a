"""Little stories, drawn from a grammar, for models that predict the next character."""

from __future__ import annotations

import numpy as np

from studio.core.vocabulary import SPECIAL
from studio.data.chance import Chance
from studio.data.facts import Arrays, Facts

_WHO = ["fox", "owl", "bear", "mouse", "duck", "girl", "boy", "baker", "king", "sailor"]
_HOW = ["small", "old", "clever", "hungry", "tired", "brave"]
_FOUND = ["apple", "stone", "key", "letter", "lamp", "boat", "bell", "map"]
_WHERE = ("near the river", "in the garden", "under a tree", "by the sea", "on the hill", "behind the house")
_DID = ("sang a song", "went home", "fell asleep", "told a friend", "laughed loudly", "waited all night")
_WEATHER = ("it rained", "the sun came out", "the wind blew", "snow fell", "it was dark")
_DRAWS = 10

#: Characters that a model sees at once.
WINDOW = 48
CHARACTERS = (*SPECIAL[:1], *" abcdefghijklmnopqrstuvwxyz.,")


def _story(u: np.ndarray) -> str:
    def pick(words: list[str] | tuple[str, ...], number: float) -> str:
        return words[int(number * len(words))]

    who, thing = pick(_WHO, u[0]), pick(_FOUND, u[1])
    how = pick(_HOW, u[2])
    article = "an" if how[0] in "aeiou" else "a"
    found = "an" if thing[0] in "aeiou" else "a"
    lines = [f"once {article} {how} {who} found {found} {thing} {pick(_WHERE, u[3])}."]
    if u[4] < 0.5:
        lines.append(f"{pick(_WEATHER, u[5])}, so the {who} hid the {thing}.")
    lines.append(f"then the {who} {pick(_DID, u[6])}.")
    if u[7] < 0.5:
        lines.append(f"the {thing} was never seen again.")
    return " ".join(lines) + " "


def facts(samples: int) -> Facts:
    """What the set holds."""
    return Facts(
        "Little stories", (WINDOW,), "labels", samples, classes=CHARACTERS, y_shape=(WINDOW,), vocabulary=CHARACTERS,
        continues=True,
        notes=("Drawn from a small grammar. X are characters of one long text, Y the character after each.",),
    )


def arrays(samples: int, noise: float, seed: int) -> Arrays:
    """Draw a text and cut it into windows that follow each other."""
    wanted = samples * WINDOW + 1
    u = Chance(seed, "stories").uniform(wanted // 60 + 2, _DRAWS)
    parts: list[str] = []
    length = 0
    for row in u:
        parts.append(_story(row))
        length += len(parts[-1])
        if length >= wanted:
            break
    text = "".join(parts)[:wanted]
    numbers = np.array([CHARACTERS.index(c) for c in text], np.int64)
    return Arrays(
        numbers[:-1].reshape(samples, WINDOW).astype(np.float32), numbers[1:].reshape(samples, WINDOW)
    )
