"""Sentences of `studio.data` as the window says them: what to click, where the command line has words to write."""

from __future__ import annotations

import re

from PySide6.QtCore import QCoreApplication


def tr(text: str) -> str:
    """Text in the window's language."""
    return QCoreApplication.translate("Clicks", text)


def how_button() -> str:
    """What is written on the button that asks how a file is read."""
    return tr("How…")


def _clicks() -> tuple[tuple[str, str], ...]:
    """Words to write, and what to click in their place; ``{how}`` is the button."""
    blank = tr("click {how} beside the source in the inspector and choose what to do with blank cells")
    drop = tr("click {how} beside the source in the inspector and tick them under Leave out")
    read = tr(
        "click {how} beside the source in the inspector and tick them under Leave out, or choose Text to have sentences read"
    )
    return (
        (r"add\s+missing=(fill or missing=)?skip to the source", blank),
        (r"leave (?:them|it) out with drop=.*, or read one as text with text=.*(?=\.)", read),
        (r"leave (?:them|it) out with drop=.*(?=\.)", drop),
        (
            r"use fewer steps, such as steps=8",
            tr("click {how} beside the source in the inspector and choose fewer lines to look at"),
        ),
        (
            r"a smaller window such as \?window=16",
            tr("click {how} beside the source in the inspector and take fewer of them for a sample"),
        ),
    )


def in_clicks(sentence: str) -> str:
    """The sentence with what to click in place of what to write behind the name of a file."""
    for words, clicks in _clicks():
        replacement = clicks.format(how=how_button())
        sentence = re.sub(words, lambda _match, text=replacement: text, sentence, flags=re.DOTALL)  # type: ignore[misc]
    return sentence
