"""Calls of a plan as numbers, and whether they are what the kernels take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.core.lowering import Ref
from studio.engine.plan import CALL_HEADER, Call, Plan
from studio.kernels.arguments import ANY, FLOATS, INTEGER, TABLE, UNKNOWN

#: What a number of a call is counted from: nothing, or the start of one of the spaces of `Ref`.
SPACES = ("", "shared", "private", "table", "first", "stride")
_CODES = {name: code for code, name in enumerate(SPACES)}
#: By an argument's letter: from what it may be counted.
_LEGAL = {FLOATS: ("shared", "private", "first"), TABLE: ("table",), INTEGER: ("", "stride"), UNKNOWN: SPACES}
_FITS = np.zeros((128, len(SPACES)), bool)
for _letter, _spaces in _LEGAL.items():
    _FITS[ord(_letter), [_CODES[s] for s in _spaces]] = True
_NAMES = {FLOATS: "a place in the arena", TABLE: "a place in the table", INTEGER: "a whole number"}


class WrongCall(TypeError):
    """A layer, a loss or an optimizer emits a call that its kernel cannot take: a mistake in its code."""


def numbers_for(plan: Plan, bases: Sequence[int], addresses: Sequence[int]) -> list[np.ndarray]:
    """A plan's records, int64, one for each thread.

    Parameters
    ----------
    plan : Plan
    bases : sequence of int
        Where the private floats of each thread begin.
    addresses : sequence of int
        Of the kernel of each call.

    Raises
    ------
    WrongCall
        As `numbers_of`.
    """
    numbers, spaces = numbers_of(plan)
    place = 1
    for call, address in zip(plan.calls, addresses, strict=True):
        numbers[place] = address
        place += CALL_HEADER + len(call.arguments)
    stride = bases[1] - bases[0] if len(bases) > 1 else 0
    records = []
    for base in bases:
        starts = {"private": base, "first": bases[0], "stride": stride}
        records.append(numbers + np.array([starts.get(space, 0) for space in SPACES], np.int64)[spaces])
    return records


def numbers_of(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """A plan's record, for places that all start at 0, kernels among them.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    numbers : numpy.ndarray
        int64, as the runner reads them (`studio.kernels.control.run`).
    spaces : numpy.ndarray
        uint8, as many: the place in `SPACES` of what each number is counted from.

    Raises
    ------
    WrongCall
        When a call has more or fewer arguments than its kernel reads, or of another kind.
    """
    numbers = [len(plan.calls)]
    spaces = bytearray(1)
    letters = [UNKNOWN]
    for call in plan.calls:
        arguments, expected = call.arguments, call.kernel.arguments
        if expected == ANY:
            expected = UNKNOWN * len(arguments)
        elif len(expected) != len(arguments):
            raise WrongCall(
                f"The kernel {call.kernel.name} takes {len(expected)} arguments, but {_who(call)} gives {len(arguments)}."
            )
        numbers += (0, CALL_HEADER + len(arguments))
        numbers += [a.offset if isinstance(a, Ref) else int(a) for a in arguments]
        spaces += bytes(CALL_HEADER)
        spaces += bytes([_CODES[a.space] if isinstance(a, Ref) else 0 for a in arguments])
        letters.append(UNKNOWN * CALL_HEADER + expected)
    kinds = np.frombuffer("".join(letters).encode("ascii"), np.uint8)
    counted = np.frombuffer(spaces, np.uint8)
    if not _FITS[kinds, counted].all():
        raise _wrong_kind(plan)
    return np.array(numbers, np.int64), counted


def _wrong_kind(plan: Plan) -> WrongCall:
    for call in plan.calls:
        for number, (argument, letter) in enumerate(zip(call.arguments, call.kernel.arguments, strict=False)):
            space = argument.space if isinstance(argument, Ref) else ""
            if letter in _NAMES and space not in _LEGAL[letter]:
                given = f"one of the space {space}" if space else f"the number {argument}"
                return WrongCall(
                    f"Argument {number} of the kernel {call.kernel.name} is {_NAMES[letter]}, but {_who(call)} gives {given}."
                )
    raise AssertionError("All arguments are what the kernels take.")


def _who(call: Call) -> str:
    return f"the {call.phase} pass of {call.node}" if call.node else f"the plan's own {call.phase} pass"
