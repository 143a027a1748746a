"""What a graphics card can do at best, measured on it once: calculating, and moving numbers.

The same questions as those about the processor (`studio.engine.peaks`), put to as many groups of threads
as the card can have at once, and timed by the card's own clock. Numbers lie either in its memory or, where
there are few, in the cache that all its multiprocessors share. The caches of single multiprocessors hold
nothing of use from one kernel to the next and do not count: each time a group goes through numbers they
are others than the last time.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from studio.cuda.card import Card, CardProblem, Launch
from studio.engine.peaks import Peaks, Rates, better, keep, kept
from studio.kernels import state
from studio.kernels.ahead import Wanted
from studio.kernels.jit import Kernel, cache_folder, inline, kernel
from studio.kernels.sharing import each
from studio.kernels.simd import LANES, at, load, splat, store

#: Turns of a loop that are written out, so that counting takes hardly any of the time; sums in each.
_WRITTEN_OUT, _SUMS = 8, 12
#: Floats that a group goes through at a time: eight vectors, so that many loads are on their way at once.
_CHUNK = 8 * LANES
#: Bytes that are gone through: what fits into the shared cache of most cards, and of large ones only.
_SIZES = (2 << 20, 8 << 20, 32 << 20)
#: Bytes that fit into no cache, and the fewest that say anything of memory.
_MEMORY, _LEAST = 256 << 20, 64 << 20
#: Groups by which numbers move on from turn to turn: those of another block, and so mostly another multiprocessor.
_SHIFT = 16
#: Microseconds that a launch should take, beside which its start is nothing, and how often each is timed.
_LONG, _ROUNDS = 500.0, 12
#: Turns that a launch may have at most, also where the clock stands still.
_MOST_TURNS = 1 << 22


@inline
def another(first: Any, shift: Any, groups: Any) -> Any:
    """Where a group begins in the next turn; no division, which would take a card long."""
    return first + shift - groups if first + shift >= groups else first + shift


@kernel
def multiply_shared(arena: Any, record: Any, table: Any, state: Any) -> None:
    """s = s a + b, twelve vectors s at once, again and again, in each of so many groups."""
    turns, groups, sums = record[2], record[3], at(arena, record[4])
    a, b = load(at(arena, 0)), load(at(arena, LANES))
    for group in each(groups):
        s0, s1, s2, s3 = a, b, a + b, a - b
        s4, s5, s6, s7 = a + 1.0, b + 1.0, a + 2.0, b + 2.0
        s8, s9, s10, s11 = a + 3.0, b + 3.0, a + 4.0, b + 4.0
        for _ in range(turns):
            for _ in range(_WRITTEN_OUT):
                s0, s1, s2, s3 = s0 * a + b, s1 * a + b, s2 * a + b, s3 * a + b
                s4, s5, s6, s7 = s4 * a + b, s5 * a + b, s6 * a + b, s7 * a + b
                s8, s9, s10, s11 = s8 * a + b, s9 * a + b, s10 * a + b, s11 * a + b
        total = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7)) + ((s8 + s9) + (s10 + s11))
        store(at(sums, group * LANES), total)


@kernel
def read_shared(arena: Any, record: Any, table: Any, state: Any) -> None:
    """Add up `chunks` times eight vectors, again and again; each group has its own sums, of other numbers each time."""
    turns, groups, shift, sums = record[2], record[3], record[4], at(arena, record[5])
    chunks, source = record[6], at(arena, record[7])
    for group in each(groups):
        s0, s1, s2, s3 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
        s4, s5, s6, s7 = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
        first = group
        for _ in range(turns):
            chunk = first
            while chunk < chunks:
                x = at(source, chunk * _CHUNK)
                s0, s1 = s0 + load(x), s1 + load(at(x, LANES))
                s2, s3 = s2 + load(at(x, 2 * LANES)), s3 + load(at(x, 3 * LANES))
                s4, s5 = s4 + load(at(x, 4 * LANES)), s5 + load(at(x, 5 * LANES))
                s6, s7 = s6 + load(at(x, 6 * LANES)), s7 + load(at(x, 7 * LANES))
                chunk += groups
            first = another(first, shift, groups)
        store(at(sums, group * LANES), ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7)))


@kernel
def copy_shared(arena: Any, record: Any, table: Any, state: Any) -> None:
    """target = source, `chunks` times eight vectors, again and again."""
    turns, groups, shift, chunks = record[2], record[3], record[4], record[5]
    source, target = at(arena, record[6]), at(arena, record[7])
    for group in each(groups):
        first = group
        for _ in range(turns):
            chunk = first
            while chunk < chunks:
                x, y = at(source, chunk * _CHUNK), at(target, chunk * _CHUNK)
                a, b, c, d = load(x), load(at(x, LANES)), load(at(x, 2 * LANES)), load(at(x, 3 * LANES))
                e, f, g, h = load(at(x, 4 * LANES)), load(at(x, 5 * LANES)), load(at(x, 6 * LANES)), load(at(x, 7 * LANES))
                store(y, a)
                store(at(y, LANES), b)
                store(at(y, 2 * LANES), c)
                store(at(y, 3 * LANES), d)
                store(at(y, 4 * LANES), e)
                store(at(y, 5 * LANES), f)
                store(at(y, 6 * LANES), g)
                store(at(y, 7 * LANES), h)
                chunk += groups
            first = another(first, shift, groups)


@kernel
def change_shared(arena: Any, record: Any, table: Any, state: Any) -> None:
    """x = a x, `chunks` times eight vectors, again and again.

    One group may change what another one changes at the same time in its next turn: numbers that are 0 stay 0.
    """
    turns, groups, shift, chunks, source = record[2], record[3], record[4], record[5], at(arena, record[6])
    factor = load(at(arena, 0))
    for group in each(groups):
        first = group
        for _ in range(turns):
            chunk = first
            while chunk < chunks:
                x = at(source, chunk * _CHUNK)
                a, b, c, d = load(x), load(at(x, LANES)), load(at(x, 2 * LANES)), load(at(x, 3 * LANES))
                e, f, g, h = load(at(x, 4 * LANES)), load(at(x, 5 * LANES)), load(at(x, 6 * LANES)), load(at(x, 7 * LANES))
                store(x, factor * a)
                store(at(x, LANES), factor * b)
                store(at(x, 2 * LANES), factor * c)
                store(at(x, 3 * LANES), factor * d)
                store(at(x, 4 * LANES), factor * e)
                store(at(x, 5 * LANES), factor * f)
                store(at(x, 6 * LANES), factor * g)
                store(at(x, 7 * LANES), factor * h)
                chunk += groups
            first = another(first, shift, groups)


#: Kernels that measuring a card needs.
KERNELS: tuple[Kernel, ...] = (multiply_shared, read_shared, copy_shared, change_shared)


class NoRoomToMeasure(CardProblem):
    """A card's memory is too full for measuring how fast it is; one plain sentence with the remedy."""


_known: dict[tuple[str, str], Peaks] = {}


def measured_card_peaks(
    card: Card, compile_kernels: Callable[[Iterable[Wanted]], None] = lambda kernels: None, again: bool = False
) -> Peaks:
    """A card's peaks: from the cache folder, or measured, which takes a fraction of a second.

    For the thread that the card belongs to. What other programs do on the card makes the measurement worse.

    Parameters
    ----------
    card : Card
    compile_kernels : callable
        Called with the kernels that measuring needs, before they are used.
    again : bool
        Whether to measure even what is known; then the better rate of both counts, since other
        programs can only make a rate smaller than it is.

    Returns
    -------
    Peaks
        Sizes are those of all the data; ``threads`` is 1.

    Raises
    ------
    NoRoomToMeasure
        When too little of the card's memory is free.
    CardProblem
        When the card fails.
    """
    wanted = card.kernels(KERNELS)
    # Other kernels may have other rates; of the machine that they are compiled on a card knows nothing.
    keys = "".join(one.request()["key"] for one in wanted)
    recipe = hashlib.sha256(f"{keys} {LANES} {_SIZES} {_MEMORY}".encode()).hexdigest()[:16]
    about = {"card": card.identity, "recipe": recipe}
    file = Path(cache_folder()) / f"peaks-card-{hashlib.sha256(card.identity.encode()).hexdigest()[:16]}.json"
    known = _known.get((card.identity, recipe)) or kept(file, about)
    if again or known is None:
        compile_kernels(wanted)
        found = measure(card)
        known = found if known is None else better(found, known)
        keep(file, about, known)
    _known[card.identity, recipe] = known
    return known


@dataclass
class _Work:
    """A kernel that goes through something again and again.

    Parameters
    ----------
    kernel : Kernel
    size : int
        Bytes that it goes through; 0 for none.
    amount : float
        Operations, or bytes read and written, of a turn.
    arguments : list of int
        After the number of turns.
    record : int
        Address of its record on the card.
    """

    kernel: Kernel
    size: int
    amount: float
    arguments: list[int]
    record: int = 0
    turns: int = 1
    prepared: Any = None
    #: Microseconds of a turn, in the best launch.
    best: float = math.inf


def measure(card: Card) -> Peaks:
    """Measure anew.

    Raises
    ------
    NoRoomToMeasure
        When too little of the card's memory is free.
    CardProblem
        When the card fails.
    """
    groups = card.most_groups
    shift = _SHIFT % groups
    # Two vectors of numbers, a vector of sums for each group, and then what is gone through.
    begin = -(-(2 + groups) * LANES // _CHUNK) * _CHUNK
    memory = min(_MEMORY, card.free_bytes() // 4) // (8 * _CHUNK) * (8 * _CHUNK)
    if memory < min(_LEAST, _MEMORY):
        raise _no_room(card)
    sizes = (*(size for size in _SIZES if size < memory), memory)
    works = [_Work(multiply_shared, 0, groups * _WRITTEN_OUT * _SUMS * 2 * LANES, [groups, 2 * LANES])]
    for size in sizes:
        chunks = size // (4 * _CHUNK)
        half = chunks // 2
        works += [
            _Work(read_shared, size, size, [groups, shift, 2 * LANES, chunks, begin]),
            # What copies has its source and its target within the same bytes.
            _Work(copy_shared, size, 8 * half * _CHUNK, [groups, shift, half, begin, begin + half * _CHUNK]),
            _Work(change_shared, size, 2 * size, [groups, shift, chunks, begin]),
        ]
    with _memory(card, 4 * begin + memory, [8 * state.STATE_LENGTH, *[64] * len(works)]) as (arena, own, *records):
        # They go to b / (1 - a), whatever they begin as, and never become so small that they would count as 0.
        card.put(arena, np.repeat(np.array([0.999, 0.001], np.float32), LANES))
        try:
            for work, record in zip(works, records, strict=True):
                work.record = record
                work.prepared = card.prepare([Launch(work.kernel, groups, (arena, record, record, own))])
                _lengthen(card, work)
            # All in turn: a card that has rested takes a while until it is as fast as it can be.
            for _ in range(_ROUNDS):
                for work in works:
                    _time(card, work)
        finally:
            with contextlib.suppress(CardProblem):  # a card that failed takes nothing back
                for work in works:
                    if work.prepared is not None:
                        card.forget(work.prepared)
    *nearer, (_, in_memory) = _rates(works, copy_shared)
    gflops = works[0].amount / works[0].best / 1e3
    return Peaks(gflops, in_memory, tuple(nearer), 1, _rates(works, read_shared), _rates(works, change_shared))


def _lengthen(card: Card, work: _Work) -> None:
    """Give a launch so many turns that it takes long enough."""
    _put_record(card, work)
    card.time(work.prepared)  # the first launch finds nothing where it needs it
    while (taken := _time(card, work)) < _LONG / 2 and work.turns < _MOST_TURNS:
        # A short launch takes mostly as long as its start does, of which turns are no multiple.
        work.turns = min(_MOST_TURNS, work.turns * math.ceil(min(64.0, max(2.0, _LONG / max(taken, 1e-3)))))
        _put_record(card, work)
        # What short launches took is mostly their start.
        work.best = math.inf


def _put_record(card: Card, work: _Work) -> None:
    card.put(work.record, np.array([0, 3 + len(work.arguments), work.turns, *work.arguments], np.int64))


def _time(card: Card, work: _Work) -> float:
    """Microseconds of one launch; the shortest turn so far is noted."""
    (taken,) = card.time(work.prepared)
    work.best = min(work.best, max(float(taken), 1e-3) / work.turns)
    return float(taken)


def _rates(works: Sequence[_Work], program: Kernel) -> Rates:
    """By bytes, the rate of a kernel; fewer bytes move at least as fast as more of them, since they are as near."""
    found: list[tuple[int, float]] = []
    for work in sorted((w for w in works if w.kernel is program), key=lambda w: -w.size):
        found.append((work.size, max(work.amount / work.best / 1e3, found[-1][1] if found else 0.0)))
    return tuple(reversed(found))


@contextlib.contextmanager
def _memory(card: Card, first: int, others: Sequence[int]) -> Iterator[list[int]]:
    """So many bytes of a card for a while: the addresses."""
    taken: list[int] = []
    try:
        try:
            taken.append(card.allocate(first))
        except CardProblem:
            # Another program may have taken it meanwhile; a card that is lost says so at the next thing it is asked for.
            raise _no_room(card) from None
        for count in others:
            taken.append(card.allocate(count))
        yield taken
    finally:
        with contextlib.suppress(CardProblem):  # a card that failed takes nothing back
            for address in taken:
                card.release(address)


def _no_room(card: Card) -> NoRoomToMeasure:
    return NoRoomToMeasure(
        f"The memory of the {card.title} is too full to measure how fast it is: close what else uses the card, "
        "or make the network or the batch smaller."
    )
