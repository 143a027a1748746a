"""What single kernel calls of a training step take, measured while the network trains.

Now and then a few ordinary minibatches run with a clock: the same calls in the same order on the same
threads, so the weights come out the same to the last bit. On the processor threads read the clock
themselves (`studio.kernels.control.run_timed`); a card has its own (`studio.cuda.card.Card.time`).
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from studio.engine.card_peaks import NoRoomToMeasure, measured_card_peaks
from studio.engine.costs import cost_of
from studio.engine.cpu_device import aligned_array, runner_of
from studio.engine.cuda_device import CudaDevice, is_launched
from studio.engine.network import Network
from studio.engine.peaks import KERNELS as peak_kernels
from studio.engine.peaks import Peaks, measured_peaks
from studio.engine.step_times import CallTime, StepTimes
from studio.kernels import control, state
from studio.kernels.ahead import Wanted
from studio.kernels.jit import Kernel

#: Kernels that timing on the processor, and what it is compared with, need beside a plan's own.
KERNELS: tuple[Kernel, ...] = (control.run_timed, control.read_clock, *peak_kernels)
#: Seconds between two measurements.
INTERVAL = 0.25
#: Of so many measurements the middle one counts: what the system does in between is in some of them.
_ROUNDS = 9
#: Seconds over which the clock's rate is measured, and how often it is read for one moment.
_CALIBRATION, _READS = 0.01, 16
#: Minibatches that a card times at once: each must end before the next begins, so that many would hold training up.
_ON_CARD = 5


@dataclass(frozen=True)
class Clock:
    """The clock that kernels read.

    Parameters
    ----------
    address, kind : int
        Of ``clock_gettime`` and which of its clocks; 0 for the processor's own counter.
    seconds : float
        Length of a tick.
    """

    address: int
    kind: int
    seconds: float

    def put(self, one: np.ndarray) -> None:
        """Tell a thread's state which clock it is."""
        one[state.CLOCK], one[state.CLOCK_KIND] = self.address, self.kind


@functools.cache
def clock_of(counter: bool = control.HAS_COUNTER) -> Clock:
    """The processor's counter, or the system's clock; its rate is measured once, which takes 10 ms."""
    address = kind = 0
    if not counter:
        address = ctypes.cast(ctypes.CDLL(None).clock_gettime, ctypes.c_void_p).value or 0
        kind = time.CLOCK_MONOTONIC
    read = runner_of(control.read_clock)
    one, ticks = aligned_array(state.STATE_LENGTH, np.int64), aligned_array(_READS, np.int64)
    record = np.array([_READS], np.int64)
    one[state.TICKS], one[state.CLOCK], one[state.CLOCK_KIND] = ticks.ctypes.data, address, kind

    def moment() -> tuple[float, float]:
        """The same moment on the clock that `time.perf_counter` reads and on this one."""
        tightest, found = float("inf"), (0.0, 0.0)
        for _ in range(9):
            begin = time.perf_counter()
            read(0, record.ctypes.data, 0, one.ctypes.data)
            end = time.perf_counter()
            if end - begin < tightest:
                tightest, found = end - begin, ((begin + end) / 2, float(ticks[0] + ticks[-1]) / 2)
        return found

    first = moment()
    time.sleep(_CALIBRATION)
    second = moment()
    return Clock(address, kind, (second[0] - first[0]) / (second[1] - first[1]))


class StepCalls:
    """The calls of a network's training step, those of one kernel for one node in one phase together."""

    def __init__(self, network: Network) -> None:
        #: Which kind of device they run on.
        self.device = network.device.name
        calls = [c for c in network.train_plan.plan.calls if self.device != "cuda" or is_launched(c)]
        keys = [("", "", c.kernel.name) if c.kernel is control.barrier else (c.node, c.phase, c.kernel.name) for c in calls]
        self.threads = network.threads
        self.keys = list(dict.fromkeys(keys))
        numbers = {key: number for number, key in enumerate(self.keys)}
        #: Which of the keys each call is of.
        self.groups = np.array([numbers[key] for key in keys], np.int64)
        self._counts = np.bincount(self.groups, minlength=len(self.keys))
        plan, costs = network.train_plan.plan, np.zeros((len(self.keys), 2))
        for group, call in zip(self.groups, calls, strict=True):
            cost = cost_of(call, plan, network.threads)
            costs[group] += cost.operations, cost.traffic
        self._costs = costs.tolist()
        #: Bytes that a thread goes through in a step: its own, and the weights.
        self.working_set = 4 * (plan.private_floats + network.space.size)
        programs = {key: call.kernel for key, call in zip(keys, calls, strict=True)}
        self._programs = [programs[key] for key in self.keys]

    def with_times(self, microseconds: np.ndarray, steps: int, peaks: Peaks | None = None) -> StepTimes:
        """The calls with what they took, float64 ``(keys,)``, beside what the machine can do."""
        calls = tuple(
            CallTime(*key, int(count), float(taken), cost[0], cost[1], program)
            for key, count, taken, cost, program in zip(
                self.keys, self._counts, microseconds, self._costs, self._programs, strict=True
            )
        )
        if peaks is None:
            return StepTimes(calls, steps, self.threads, device=self.device)
        return StepTimes(calls, steps, self.threads, peaks.gflops, peaks.moving(self.working_set), self.device)


class _ThreadsClock:
    """Times the calls on the processor, whose threads read a clock after each.

    Parameters
    ----------
    network : Network
    clock : Clock
    """

    def __init__(self, network: Network, clock: Clock) -> None:
        self._network, self._seconds = network, clock.seconds
        bound = network.train_plan
        self._calls = len(bound.plan.calls)
        self._ticks = [aligned_array(max(1, self._calls), np.int64) for _ in bound.states]
        for one, ticks in zip(bound.states, self._ticks, strict=True):
            one[state.TICKS] = ticks.ctypes.data
            clock.put(one)
        self._runner = runner_of(control.run_timed)

    def train(self, steps: int) -> tuple[int, np.ndarray, int]:
        """Train: how many minibatches there were, microseconds of each call in one, and how many were timed."""
        for ticks in self._ticks:
            ticks[:] = 0
        done = self._network.train(steps, self._runner)
        # Every thread makes every call, on its own samples: a step's time is the mean over threads.
        # Reading the clock takes about 3 ns beside the call that follows, too little to take off.
        microseconds = np.mean(self._ticks, axis=0)[: self._calls] / max(1, done) * self._seconds * 1e6
        return done, microseconds, done


class _CardClock:
    """Times the calls on a card, in the first few of the minibatches."""

    def __init__(self, network: Network, device: CudaDevice) -> None:
        self._network, self._device = network, device

    def train(self, steps: int) -> tuple[int, np.ndarray, int]:
        """As that of `_ThreadsClock`."""
        bound = self._network.train_plan
        self._device.time_next(bound, min(steps, _ON_CARD))
        done = self._network.train(steps)
        return done, *self._device.take_times(bound)


class StepTimer:
    """Times single calls of a network's training steps.

    Parameters
    ----------
    network : Network
        Its kernels, and on the processor `KERNELS`, are compiled.
    clock : Clock or None
        None for the best one there is; a card has its own.
    peaks : Peaks or None
        What the device that it trains on can do, where it is known.
    """

    def __init__(self, network: Network, clock: Clock | None = None, peaks: Peaks | None = None) -> None:
        self.network = network
        device, self._peaks = network.device, peaks
        self._clock = _CardClock(network, device) if isinstance(device, CudaDevice) else _ThreadsClock(network, clock or clock_of())
        self._calls = StepCalls(network)
        self._rounds: deque[np.ndarray] = deque(maxlen=_ROUNDS)
        self._steps = 0
        self._last = float("-inf")
        self._times: StepTimes | None = None

    @property
    def is_due(self) -> bool:
        """Whether the last measurement is some time ago."""
        return time.perf_counter() - self._last >= INTERVAL

    def train(self, steps: int) -> int:
        """As `Network.train`, with a look at the clock after every call.

        Raises
        ------
        studio.cuda.card.CardProblem
            When the network is on a card, and that fails.
        """
        done, microseconds, timed = self._clock.train(steps)
        self._last = time.perf_counter()
        if timed and not self.network.failed:
            self._steps += timed
            self._rounds.append(np.bincount(self._calls.groups, microseconds, len(self._calls.keys)))
            self._times = None
        return done

    def times(self) -> StepTimes | None:
        """What the calls took, the middle one of the last measurements; None before the first."""
        if self._times is None and self._rounds:
            self._times = self._calls.with_times(np.median(self._rounds, axis=0), self._steps, self._peaks)
        return self._times


def timer_of(network: Network, compile_kernels: Callable[[Iterable[Wanted]], None]) -> StepTimer:
    """A timer that knows what the network's device can do at best, where that is measured.

    Parameters
    ----------
    network : Network
    compile_kernels : callable
        Called with the kernels that timing needs, before they are used.

    Raises
    ------
    studio.cuda.card.CardProblem
        When the network is on a card, and that fails.
    """
    if isinstance(network.device, CudaDevice):
        peaks = None
        # Where there is no room to measure them, times are still worth looking at.
        with contextlib.suppress(NoRoomToMeasure):
            peaks = measured_card_peaks(network.device.card, compile_kernels)
        return StepTimer(network, peaks=peaks)
    compile_kernels(KERNELS)
    return StepTimer(network, peaks=measured_peaks(network.threads))
