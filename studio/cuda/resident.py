"""A resident kernel beside the captured graphs of a plan: tried on its own minibatches, and taken where it is faster.

It is one block of threads that walks through the launches of many minibatches (`studio.cuda.walking`). Until another
process has compiled it, the graphs do all; then both take turns, with the card's clock, until it is known which
one is faster. Minibatches are the same by either, to the last bit: kernels are, and groups only share their turns.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import json
import statistics
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from studio.cuda.card import CardProblem, Launch
from studio.cuda.code import CardCode, recipe
from studio.cuda.walking import THREADS, rows_of, walk_of
from studio.kernels import cache, control, jit
from studio.kernels.ahead import compile_ahead
from studio.kernels.cache import Code
from studio.kernels.jit import Kernel
from studio.kernels.state import HALTED

#: Vectors that a launch goes through on the average, at most, in plans that are tried. A multiprocessor does some three
#: in a nanosecond, a quarter of what it could, so that so many take it about as long as a launch in a graph costs.
MOST_VECTORS = 8192
#: Seconds that a walk lasts at most: cards with a display give up kernels that run for seconds.
_LONGEST = 0.05
#: Minibatches by the graphs, and then by the walk: so many, or as many as there are, but not fewer than these.
PART, LEAST = 16, 4
#: Such parts of each that count; one more comes before them, in which all is used for the first time.
ROUNDS = 5
_FILE = "walk.json"
_PARAMETERS = (ctypes.c_uint64,) * 3


def could_pay(launches: Sequence[Launch]) -> bool:
    """Whether a plan's launches are so short that one block may be faster than a graph that has the whole card."""
    if len(launches) < 2 or launches[0].kernel is not control.begin_step or launches[-1].kernel is not control.end_step:
        return False  # what is no minibatch does not say when to stop
    if any(launch.kernel.blocks is not None for launch in launches):
        return False  # a kernel for blocks of threads of its own, which is for large products
    return sum(launch.vectors for launch in launches) <= MOST_VECTORS * len(launches)


class WalkKernel(CardCode):
    """The walk through calls of a set of kernels, for one kind of card.

    Parameters
    ----------
    calls : sequence of (Kernel, bool)
        Kernels, and whether one group calls each alone.
    capability : (int, int)
        Kind of card, such as (9, 0) for Hopper.
    """

    def __init__(self, calls: Sequence[tuple[Kernel, bool]], capability: tuple[int, int]) -> None:
        found = {kernel.key: (kernel, alone) for kernel, alone in calls}
        #: What the walk calls each kernel, by its key.
        self.numbers = {key: number for number, key in enumerate(sorted(found))}
        self.kernels = [found[key][0] for key in self.numbers]
        self.alone = [found[key][1] for key in self.numbers]
        self.capability = capability
        self.function = walk_of
        self.name = f"walk_{len(found)}.sm_{capability[0]}{capability[1]}"
        #: Why it cannot be compiled; empty if that is not known.
        self.problem = ""
        self._compiling: threading.Thread | None = None

    @functools.cached_property
    def key(self) -> str:
        """A hash of all program text that its machine code depends on."""
        seen = repr(list(zip(self.numbers, self.alone, strict=True)))
        return hashlib.sha256(f"walk {seen} {self.capability} {recipe()}".encode()).hexdigest()

    def make(self) -> Code:
        from studio.cuda import walk_assembly  # needs numba-cuda

        linked = walk_assembly.machine_code(self.kernels, self.alone, self.capability)
        return Code(walk_assembly.SYMBOL, "", linked.code)

    def request(self) -> dict[str, str]:
        """What another process needs to compile the same walk."""
        calls = [(kernel.request(), alone) for kernel, alone in zip(self.kernels, self.alone, strict=True)]
        return {"name": self.name, "key": self.key, "maker": __name__, "calls": json.dumps(calls), "capability": json.dumps(self.capability)}

    def ask(self) -> bool:
        """Have another process compile it, and do not wait; whether there is anything to wait for."""
        if self._compiling is None:
            if self.is_ready or self.problem:
                return False
            self._compiling = threading.Thread(target=self._compile_ahead, name="walk-compiler", daemon=True)
            self._compiling.start()
        return self._compiling.is_alive()

    def _compile_ahead(self) -> None:
        try:
            compile_ahead([self])
        except RuntimeError as error:
            self.problem = str(error)
        note(self.problem)


def requested(request: dict[str, str]) -> WalkKernel:
    """The walk that `WalkKernel.request` of another process described."""
    calls = [(jit.requested(kernel), alone) for kernel, alone in json.loads(request["calls"])]
    major, minor = json.loads(request["capability"])
    return WalkKernel(calls, (major, minor))


def note(problem: str) -> None:
    """Keep why the last walk could not be compiled or loaded, for `studio doctor`; empty if it could.

    Nobody else is told of it: training goes on as fast as before.
    """
    cache.put(_file(), json.dumps(problem).encode(), quietly=True)


def noted() -> str:
    """What `note` has kept; empty if there is nothing."""
    with contextlib.suppress(OSError, ValueError):
        return str(json.loads(_file().read_bytes()))
    return ""


def _file() -> Path:
    return cache.folder() / _FILE


class _Walk:
    """A walk that is on the card, through the launches of one plan.

    Parameters
    ----------
    call : callable
        Calls the driver, as `studio.cuda.driver.DriverCard` does.
    stream : object
        The driver's.
    wanted : WalkKernel
    code : Code
    launches : sequence of Launch
    """

    def __init__(self, call: Callable[..., Any], stream: Any, wanted: WalkKernel, code: Code, launches: Sequence[Launch]) -> None:
        self._call, self._stream = call, stream
        rows = rows_of([(wanted.numbers[launch.kernel.key], not launch.shares, launch.arguments) for launch in launches])
        self._module = call("cuModuleLoadData", code.text)
        self._rows = 0
        try:
            self._function = call("cuModuleGetFunction", self._module, code.symbol.encode())
            self._rows = int(call("cuMemAlloc", rows.nbytes))
            # In the stream: a walk that finds other rows may never end.
            call("cuMemcpyHtoDAsync", self._rows, rows.ctypes.data, rows.nbytes, stream)
            call("cuStreamSynchronize", stream)
        except CardProblem:
            self.close()
            raise
        self._arguments = self._rows, launches[0].arguments[3]
        #: Minibatches that one launch does at most.
        self.most = 1

    def take(self, microseconds: float) -> None:
        """Take over what a minibatch takes, so that no launch lasts too long."""
        self.most = max(1, int(_LONGEST * 1e6 / max(microseconds, 1e-3)))

    def run(self, minibatches: int) -> None:
        """Run so many; does not wait for the end."""
        while minibatches > 0:
            count = min(minibatches, self.most)
            values = ((*self._arguments, count), _PARAMETERS)
            self._call("cuLaunchKernel", self._function, 1, 1, 1, THREADS, 1, 1, 0, self._stream, values, 0)
            minibatches -= count

    def close(self) -> None:
        """Give back what it has on the card."""
        if self._rows:
            self._call("cuMemFree", self._rows)
        self._call("cuModuleUnload", self._module)


class Choice(NamedTuple):
    """What a minibatch of a plan took, in microseconds."""

    by_graphs: float
    by_walk: float

    @property
    def is_walk(self) -> bool:
        """Whether the walk is taken."""
        return self.by_walk < self.by_graphs


class Residents:
    """The walks of a card, and what is known of plans, for as long as the program uses the card.

    Parameters
    ----------
    call : callable
        Calls the driver, as `studio.cuda.driver.DriverCard` does.
    capability : (int, int)
    """

    def __init__(self, call: Callable[..., Any], capability: tuple[int, int]) -> None:
        self.call, self._capability = call, capability
        self._wanted: dict[str, WalkKernel] = {}
        self.choices: dict[str, Choice] = {}

    def wanted(self, launches: Sequence[Launch]) -> WalkKernel:
        """The walk through these launches, the same for all plans with these kernels."""
        made = WalkKernel([(launch.kernel, not launch.shares) for launch in launches], self._capability)
        return self._wanted.setdefault(made.key, made)

    def resident(self, stream: Any, launches: Sequence[Launch]) -> Resident | None:
        """What tries and runs the walk through a plan's launches; None where that could not pay."""
        return Resident(self, stream, launches) if could_pay(launches) else None


class Resident:
    """How one plan runs: by its graphs, by a walk, or by both in turn until it is known which is faster.

    Parameters
    ----------
    residents : Residents
        Those of the card.
    stream : object
        The driver's.
    launches : sequence of Launch
        Of a minibatch.
    """

    def __init__(self, residents: Residents, stream: Any, launches: Sequence[Launch]) -> None:
        self._all, self._call, self._stream, self._launches = residents, residents.call, stream, launches
        self._halted_at = launches[0].arguments[3] + 8 * HALTED
        self._walk: _Walk | None = None
        self._events: list[Any] = []
        #: Microseconds of a minibatch in each part, by whether it was walked.
        self._taken: dict[bool, list[float]] = {False: [], True: []}
        #: Whether it is not known yet how the plan runs.
        self._is_open = True

    @property
    def is_settled(self) -> bool:
        """Whether it is known how the plan runs."""
        return not self._is_open

    @property
    def is_walk(self) -> bool:
        """Whether it was found that the walk is faster, so that the graphs are not needed any more."""
        return self._walk is not None and not self._is_open

    def run(self, minibatches: int, graphs: Callable[[int], None]) -> None:
        """Run so many minibatches.

        Parameters
        ----------
        graphs : callable
            Runs so many by the graphs.

        Raises
        ------
        CardProblem
            When the card fails.
        """
        while self._is_open and minibatches >= LEAST and self._is_loaded():
            done, goes_on = self._part(min(minibatches, PART), graphs)
            minibatches -= done
            if not goes_on:
                break
        if self._walk is not None and not self._is_open:
            self._walk.run(minibatches)
        else:
            graphs(minibatches)

    def _is_loaded(self) -> bool:
        """Whether the walk is on the card and has to be tried; asks for it, and loads it when it is compiled."""
        if self._walk is not None:
            return True
        known = self._all.choices.get(self._key)
        if known is not None and not known.is_walk:
            self._is_open = False
            return False
        if self._wanted.ask():
            return False
        code = None if self._wanted.problem else self._wanted.take()
        if code is None:
            self._is_open = False
            return False
        try:
            self._walk = _Walk(self._call, self._stream, self._wanted, code, self._launches)
        except CardProblem as problem:
            self._leave(str(problem))
            return False
        if known is not None:
            self._walk.take(known.by_walk)
            self._is_open = False
        return self._is_open

    @functools.cached_property
    def _wanted(self) -> WalkKernel:
        return self._all.wanted(self._launches)

    @functools.cached_property
    def _key(self) -> str:
        """A hash of what says how long a plan's minibatch takes."""
        seen = repr([(launch.kernel.key, launch.groups, launch.vectors) for launch in self._launches])
        return hashlib.sha256(seen.encode()).hexdigest()

    def _part(self, minibatches: int, graphs: Callable[[int], None]) -> tuple[int, bool]:
        """Run some minibatches with a clock; how many, and whether there are more that can be compared."""
        assert self._walk is not None
        walked = len(self._taken[True]) < len(self._taken[False])
        if walked:
            minibatches = min(minibatches, self._walk.most)
        while len(self._events) < 2:
            self._events.append(self._call("cuEventCreate", 0))
        begin, end = self._events
        self._call("cuEventRecord", begin, self._stream)
        if walked:
            try:
                self._walk.run(minibatches)
            except CardProblem as problem:
                # A launch that the driver refuses has done nothing, and a card that is lost will say so again.
                self._leave(str(problem))
                return 0, False
        else:
            graphs(minibatches)
        self._call("cuEventRecord", end, self._stream)
        halted = np.zeros(1, np.int64)
        self._call("cuMemcpyDtoHAsync", halted.ctypes.data, self._halted_at, halted.nbytes, self._stream)
        self._call("cuStreamSynchronize", self._stream)
        if halted[0]:
            return minibatches, False  # those that were left did nothing, in no time
        # The driver tells milliseconds.
        taken = 1e3 * float(self._call("cuEventElapsedTime", begin, end)) / minibatches
        self._taken[walked].append(taken)
        if walked:
            self._walk.take(taken)
            if len(self._taken[True]) > ROUNDS:
                self._choose()
        return minibatches, self._is_open

    def _choose(self) -> None:
        """Take the one that was faster, and give the walk back if it was not."""
        by_graphs, by_walk = (statistics.median(self._taken[walked][1:]) for walked in (False, True))
        choice = self._all.choices[self._key] = Choice(by_graphs, by_walk)
        self._is_open = False
        assert self._walk is not None
        self._walk.take(by_walk)
        if not choice.is_walk:
            self._forget_walk()
        self._forget_events()

    def _leave(self, problem: str) -> None:
        """Go on with the graphs alone, for a reason."""
        note(problem)
        self._is_open = False
        with contextlib.suppress(CardProblem):
            self.close()

    def _forget_walk(self) -> None:
        walk, self._walk = self._walk, None
        if walk is not None:
            walk.close()

    def _forget_events(self) -> None:
        while self._events:
            self._call("cuEventDestroy", self._events.pop())

    def close(self) -> None:
        """Give back what it has on the card."""
        self._forget_walk()
        self._forget_events()
