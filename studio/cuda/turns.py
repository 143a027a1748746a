"""Which turns of a shared loop a group of threads takes: what `studio.kernels.sharing` means on a card.

Written once for real cards and for the simulator; `group` is which one asks, of `groups` in all.
"""

from __future__ import annotations

from typing import Any


def each(group: Any, groups: Any, begin: Any, end: Any, step: Any) -> range:
    """Every so manieth turn of a loop that no other shared loop is around."""
    return range(begin + group * step, end, groups * step)


def outer(group: Any, groups: Any, count: Any) -> range:
    """The same, but groups that are left over take a turn that another one has too, to help with the loop in it."""
    if count >= groups or count == 0:
        return range(group, count, groups)
    return range(group % count, count, count)


def middle(group: Any, groups: Any, around: Any, begin: Any, end: Any) -> range:
    """Of a loop within one of `around` turns, with another one in it."""
    if around >= groups:
        return range(begin, end, 1)
    helpers = (groups - group % around + around - 1) // around
    helper, count = group // around, end - begin
    if count >= helpers or count == 0:
        return range(begin + helper, end, helpers)
    return range(begin + helper % count, end, count)


def inner(group: Any, groups: Any, around: Any, begin: Any, end: Any, step: Any) -> range:
    """Of a loop within others of `around` turns in all: groups with the same turns outside share these."""
    if around >= groups:
        return range(begin, end, step)
    helpers = (groups - group % around + around - 1) // around
    return range(begin + group // around * step, end, helpers * step)
