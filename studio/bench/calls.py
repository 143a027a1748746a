"""Runs single kernel calls of a network's training plan, as the plan itself would, on one thread."""

from __future__ import annotations

import time

import numpy as np

from studio.engine.cpu_device import aligned_array, runner_of
from studio.engine.device import BoundPlan
from studio.engine.network import Network
from studio.engine.timing import clock_of
from studio.kernels import control, state

#: Microseconds that a measurement of one call by itself should last.
_LONG_ENOUGH = 500.0


class CallRunner:
    """Times the calls of a network's training step.

    Parameters
    ----------
    network : Network
        With one thread; it has trained a step or more.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._arena = network.device.arena
        self._bound: BoundPlan = network.train_plan
        self._run = runner_of(control.run)
        self._state = self._bound.states[0]
        self._records = self._cut()
        self._clock = clock_of()
        self._ticks = aligned_array(len(self._records), np.int64)
        self._state[state.TICKS] = self._ticks.ctypes.data
        self._clock.put(self._state)

    def _cut(self) -> list[np.ndarray]:
        """A record of one call for each call of the plan."""
        whole, place, parts = self._bound.records[0], 1, []
        for _ in range(int(whole[0])):
            length = int(whole[place + 1])
            parts.append(np.concatenate([np.ones(1, np.int64), whole[place : place + length]]))
            place += length
        return parts

    def repeated(self, index: int, times: int) -> np.ndarray:
        """A record that makes one call many times in a step."""
        call = self._records[index][1:]
        return np.concatenate([np.full(1, times, np.int64), np.tile(call, times)])

    def seconds(self, record: np.ndarray) -> float:
        """Run a record for one minibatch, which stays the same."""
        one = self._state
        kept = [int(one[place]) for place in (state.STEP, state.POSITION, state.EPOCH)]
        one[state.STEPS] = 1
        one[state.SHUFFLE] = 0
        arguments = (self._arena.ctypes.data, record.ctypes.data, self._bound.table.ctypes.data, one.ctypes.data)
        begin = time.perf_counter()
        self._run(*arguments)
        seconds = time.perf_counter() - begin
        one[state.STEP], one[state.POSITION], one[state.EPOCH] = kept
        one[state.SHUFFLE] = 1
        return seconds

    def nothing(self) -> float:
        """Seconds that a record without calls takes."""
        empty = np.zeros(1, np.int64)
        return min(self.seconds(empty) for _ in range(200))

    def inside_step(self, rounds: int) -> np.ndarray:
        """Microseconds of each call within whole training steps, float64 ``(rounds, calls)``.

        A round is as many steps as a measurement should last, each call of which reads the clock.
        """
        steps, timed = self._steps_long_enough(), runner_of(control.run_timed)
        seen = []
        for _ in range(rounds):
            self._ticks[:] = 0
            self._network.train(steps, timed)
            seen.append(self._ticks / steps)
        return np.array(seen) * self._clock.seconds * 1e6

    def _steps_long_enough(self) -> int:
        self._network.train(1)
        begin = time.perf_counter()
        self._network.train(1)
        return max(1, min(1000, int(_LONG_ENOUGH / 1e6 / max(time.perf_counter() - begin, 1e-7))))

    def alone(self, index: int, guess_us: float, rounds: int) -> np.ndarray:
        """Microseconds of one call when it is repeated by itself, float64 ``(rounds,)``."""
        times = max(1, min(1000, int(_LONG_ENOUGH / max(guess_us, 0.01))))
        record = self.repeated(index, times)
        overhead = self.nothing()
        return np.maximum([self.seconds(record) - overhead for _ in range(rounds)], 0.0) / times * 1e6
