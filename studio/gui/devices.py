"""What this machine can train on, and why not on the rest."""

from __future__ import annotations

from functools import cache

from studio.cuda.probe import why_not


@cache
def why_no_cuda() -> str:
    """One sentence that says why no graphics card can be used; empty if one can."""
    return why_not()
