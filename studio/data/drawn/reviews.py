"""Short reviews, drawn from a small grammar, that praise or complain."""

from __future__ import annotations

import numpy as np

from studio.core.vocabulary import encode, vocabulary_of
from studio.data.chance import Chance
from studio.data.facts import Arrays, Facts

_THINGS = ["film", "book", "meal", "song", "game", "hotel", "play", "story", "soup", "coffee", "concert", "novel", "show", "series", "park"]
_PARTS = ["ending", "beginning", "music", "service", "plot", "cast", "taste", "price", "room", "staff"]
_GOOD = ["good", "great", "lovely", "wonderful", "brilliant", "charming", "fresh", "clever", "warm", "superb"]
_BAD = ["bad", "poor", "dull", "awful", "boring", "cold", "weak", "terrible", "stale", "clumsy"]
_LIKE = ["liked", "loved", "enjoyed"]
_DISLIKE = ["hated", "disliked", "regretted"]
_VERY = ["very", "really", "quite", "so", "rather"]
_NOT = ("not", "never", "hardly")
_GLUE = ["the", "a", "was", "were", "i", "it", "but", "and", "at", "all", "this", "would", "again", "expected", "to", "be", "found", "this", "we"]

#: The longest review has so many words.
WORDS = 18
VOCABULARY = vocabulary_of([*_GLUE, *_THINGS, *_PARTS, *_GOOD, *_BAD, *_LIKE, *_DISLIKE, *_VERY, *_NOT])
CLASSES = ("complaint", "praise")
#: Random numbers that one review takes.
_DRAWS = 12


def _pick(words: list[str] | tuple[str, ...], number: float) -> str:
    return words[int(number * len(words))]


def _statement(good: bool, u: np.ndarray) -> list[str]:
    """A statement that praises or complains, often by denying the opposite."""
    kind, negated = int(u[0] * 4), u[1] < 0.4
    word = _pick(_GOOD if good != negated else _BAD, u[2])
    very = [_pick(_VERY, u[3])] if u[4] < 0.4 else []
    if kind == 0:
        verb = _pick(_LIKE if good else _DISLIKE, u[2])
        return ["i", verb, "the", _pick(_THINGS, u[5])]
    subject = _pick(_THINGS if kind == 1 else _PARTS, u[5])
    denied = [_pick(_NOT, u[3])] if negated else very
    tail = ["at", "all"] if negated and u[4] < 0.3 else []
    return ["the", subject, "was", *denied, word, *tail]


def _review(praise: bool, u: np.ndarray) -> list[str]:
    first = _statement(praise, u[:6])
    if u[6] < 0.45:
        # What follows "but" is what counts.
        return [*_statement(not praise, u[:6]), "but", *_statement(praise, u[6:])]
    return [*first, "and", *_statement(praise, u[6:])] if u[6] < 0.75 else first


def facts(samples: int) -> Facts:
    """What the set holds."""
    return Facts(
        "Short reviews", (WORDS,), "labels", samples, classes=CLASSES, vocabulary=VOCABULARY,
        notes=('Drawn from a small grammar. Single words do not tell: "not good at all", "dull but clever".',),
    )


def arrays(samples: int, noise: float, seed: int) -> Arrays:
    """Draw reviews; noise is the share of them whose class is wrong, at 1 a half."""
    u = Chance(seed, "reviews").uniform(samples, _DRAWS + 1)
    labels = np.arange(samples, dtype=np.int64) % 2
    x = encode([_review(bool(label), row) for label, row in zip(labels, u, strict=True)], VOCABULARY, WORDS)
    wrong = u[:, _DRAWS] < 0.5 * noise
    return Arrays(x.astype(np.float32), np.where(wrong, 1 - labels, labels))
