"""Numbers in English words, to be translated into digits."""

from __future__ import annotations

import numpy as np

from studio.core.vocabulary import END, SPECIAL, encode, vocabulary_of
from studio.data.chance import Chance
from studio.data.errors import DataError
from studio.data.facts import Arrays, Facts

_SMALL = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]

#: Numbers are below this.
LARGEST = 100_000
#: "ninety nine thousand nine hundred ninety nine" has 7 words; five digits and the end are 6.
WORDS, DIGITS = 7, 6
VOCABULARY = vocabulary_of([*_SMALL, *_TENS, "hundred", "thousand"])
CLASSES = (*SPECIAL, *"0123456789")


def words_of(number: int) -> list[str]:
    """A number below `LARGEST` in words, without "and" and hyphens."""
    if number < 20:
        return [_SMALL[number]]
    if number < 100:
        rest = [_SMALL[number % 10]] if number % 10 else []
        return [_TENS[number // 10 - 2], *rest]
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = words_of(number % size) if number % size else []
            return [*words_of(number // size), name, *rest]
    raise AssertionError(number)


def facts(samples: int) -> Facts:
    """What the set holds."""
    return Facts(
        "Numbers in words", (WORDS,), "labels", samples, classes=CLASSES, y_shape=(DIGITS,), vocabulary=VOCABULARY,
        notes=("X are words, Y the digits that they mean and an end mark; no number comes twice.",),
    )


def arrays(samples: int, noise: float, seed: int) -> Arrays:
    """Draw different numbers, as many long ones as short ones would be few.

    Raises
    ------
    DataError
        When more numbers are wanted than there are.
    """
    if samples > LARGEST:
        raise DataError(f"There are only {LARGEST:,} numbers in words: ask for fewer samples.")
    numbers = Chance(seed, "number words").permutation(LARGEST)[:samples]
    x = encode([words_of(int(n)) for n in numbers], VOCABULARY, WORDS)
    y = encode([[*str(int(n)), SPECIAL[END]] for n in numbers], CLASSES, DIGITS)
    return Arrays(x.astype(np.float32), y)
