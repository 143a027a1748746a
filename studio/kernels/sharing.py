"""Loops whose turns do not depend on one another: on a card, groups of threads share them out.

On the processor they are ranges; there a thread has a part of the minibatch. What stands before such
a loop in a kernel, all groups do, so it must only work out numbers.
"""

from __future__ import annotations

from studio.kernels.jit import inline

#: The numbers of a shared loop with no other one in it; takes what `range` takes.
each = range


@inline
def outer(count):
    """The numbers below `count`: a shared loop with another one, of `inner`, in it, and nothing else that writes."""
    return range(count)


@inline
def middle(around, begin, end):
    """The numbers of a shared loop in one of `outer(around)`, with another one, of `inner`, in it."""
    return range(begin, end)


@inline
def inner(around, begin, end, step):
    """The numbers of a shared loop in others that take `around` turns in all, and in nothing else that writes."""
    return range(begin, end, step)
