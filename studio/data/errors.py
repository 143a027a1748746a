"""What goes wrong with data, in words."""

from __future__ import annotations


class DataError(ValueError):
    """Data that cannot be had; the message is one plain sentence that says what to do."""


def shown(text: str, longest: int = 60) -> str:
    """`text` as a sentence may quote it: on one line, printable and not too long."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return clean if len(clean) <= longest else f"{clean[: longest - 1]}…"


def listed(words: list[str], most: int = 6) -> str:
    """Words as a sentence lists them: ``a, b and c``; long lists are cut."""
    words = [shown(w, 40) for w in words]
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
