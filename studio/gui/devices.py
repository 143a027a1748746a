"""What this machine can train on, and why not on the rest."""

from __future__ import annotations

from functools import cache

from studio.cuda import probe
from studio.cuda.probe import Cards, why_not


@cache
def cards() -> Cards:
    """The graphics cards of this machine, as they were when they were first asked for."""
    return probe.cards()


@cache
def why_no_cuda() -> str:
    """One sentence that says why no graphics card can be used; empty if one can."""
    return why_not()
