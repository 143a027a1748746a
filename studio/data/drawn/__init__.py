"""Sets for whole tasks, drawn on the fly: pictures with masks, sound, series, sentences.

Each module has ``facts(samples)`` and ``arrays(samples, noise, seed)``, as `studio.data.plane`
has; the same seed draws the same samples, and more samples keep those that were there.
"""

from __future__ import annotations

from typing import Protocol

from studio.data.drawn import number_words, reviews, shapes, stories, tones, waves
from studio.data.facts import Arrays, Facts


class Drawn(Protocol):
    """What each module offers."""

    def facts(self, samples: int) -> Facts:
        """What the set holds when drawn with that many samples."""
        ...

    def arrays(self, samples: int, noise: float, seed: int) -> Arrays:
        """Draw the set; noise is 0 to 1."""
        ...


#: By the name that a Data node's `source` has.
MODULES: dict[str, Drawn] = {
    "shapes": shapes,
    "tones": tones,
    "waves": waves,
    "reviews": reviews,
    "stories": stories,
    "number-words": number_words,
}

NAMES = tuple(MODULES)
