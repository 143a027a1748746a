"""How many threads a network should train with: counted at first, and measured where that cannot tell.

What was measured is kept in the cache folder, by plan, so that a run repeats: with another number of
threads sums are added up in another order, and the last digits differ.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from studio.core.dataset import Dataset
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.inference import infer
from studio.engine.failure import EngineProblem
from studio.engine.network import Network
from studio.engine.plan import Plan
from studio.engine.processor import cores, processor
from studio.kernels import cache
from studio.kernels.ahead import Wanted
from studio.kernels.jit import cache_folder
from studio.kernels.simd import LANES

#: Multiplications in a minibatch above which a second thread pays for the waiting at barriers.
WORTH_SHARING = 1.0e6
#: Fewer than so many are always for one thread: it is done before another one has begun.
NEVER_SHARED = 1.0e5
#: Most threads.
MOST = 16

#: More threads must take less than this share of the time of fewer: the window wants a core too.
_GAIN = 0.92
#: Seconds of one measurement, of which the best one counts, and of all with one number of threads.
_SECONDS, _ALL_SECONDS = 0.002, 0.012
#: The longest minibatch that is measured, in seconds: longer ones are worth all cores.
_LONGEST = 0.03
#: Share of the threads' time that they must have had a core; less means that others were at work.
_UNDISTURBED = 0.85
#: Plans that are remembered.
_MOST_KEPT = 2000

_known: dict[str, int] = {}
_lock = threading.Lock()


def multiplications(graph: Graph, datasets: Mapping[str, Dataset]) -> float:
    """Multiplications of one sample's forward pass: for each weight, the places it is used at."""
    inference = infer(graph, {n: d.info for n, d in datasets.items()})
    total = 0.0
    for node, weights in inference.weights.items():
        shape = inference.shapes[node][0]
        places = math.prod(shape[:-1]) if len(shape) > 1 else 1
        total += sum(math.prod(w.shape) for w in weights) * places
        total += math.prod(shape)
    return total


def counted_threads(graph: Graph, training: Training, datasets: Mapping[str, Dataset], most: int | None = None) -> int:
    """Threads to train with, by the number of multiplications: one for a small network, all cores for a large one.

    Parameters
    ----------
    most : int or None
        Cores; None for those that this process may use.
    """
    return _counted(_work(graph, training, datasets), _most(training, most))


def numbers_to_try(
    graph: Graph, training: Training, datasets: Mapping[str, Dataset], most: int | None = None
) -> tuple[int, ...]:
    """Numbers of threads among which only a measurement can choose, fewest first; one number if there is no choice."""
    return _to_try(_work(graph, training, datasets), _most(training, most), datasets)


def _work(graph: Graph, training: Training, datasets: Mapping[str, Dataset]) -> float:
    """Multiplications in a minibatch."""
    return multiplications(graph, datasets) * training.batch_size


def _counted(work: float, most: int) -> int:
    return 1 if work < WORTH_SHARING else most


def _to_try(work: float, most: int, datasets: Mapping[str, Dataset]) -> tuple[int, ...]:
    # What comes from a disk is not measured: how fast that is depends on what was read before.
    if work < NEVER_SHARED or most < 2 or any(d.info.on_disk for d in datasets.values()):
        return (_counted(work, most),)
    return (*(2**i for i in range((most - 1).bit_length())), most)


def _most(training: Training, most: int | None) -> int:
    # A thread computes whole vectors of samples: more threads than there are vectors would save nothing.
    return max(1, min(most or cores(), MOST, -(-training.batch_size // LANES)))


def network_with_best_threads(
    graph: Graph,
    training: Training,
    datasets: Mapping[str, Dataset],
    compile_kernels: Callable[[Iterable[Wanted]], None],
) -> Network:
    """A network with the number of threads that the settings say, or that is best where they leave it open.

    Parameters and errors are those of `Network`.
    """
    if training.threads:
        return Network(graph, training, datasets, training.threads, compile_kernels)
    work, most = _work(graph, training, datasets), _most(training, None)
    numbers = _to_try(work, most, datasets)
    counted = Network(graph, training, datasets, _counted(work, most), compile_kernels)
    if len(numbers) < 2:
        return counted

    def ready(kernels: Iterable[Wanted]) -> None:
        if not all(kernel.is_ready for kernel in kernels):
            raise _NotReady

    def make(threads: int) -> Network | None:
        # Other numbers of threads may take other kernels, which are not worth waiting for.
        try:
            return Network(graph, training, datasets, threads, ready)
        except (_NotReady, EngineProblem):
            return None

    best = best_number(counted, numbers, make)
    if best == counted.threads:
        return counted
    counted.close()
    return Network(graph, training, datasets, best, compile_kernels)


class _NotReady(Exception):
    """A kernel is not compiled yet."""


def best_number(counted: Network, numbers: Sequence[int], make: Callable[[int], Network | None]) -> int:
    """The number of threads with which minibatches take least time; remembered, or measured now.

    Parameters
    ----------
    counted : Network
        With the number of threads that was counted; not trained here.
    numbers : sequence of int
        What to choose from, fewest first.
    make : callable
        Gives a network with so many threads, to be measured and closed; None if it cannot be had now,
        such as while its kernels are not compiled.
    """
    key = _key(counted.train_plan.plan, counted.training.batch_size, numbers)
    with _lock:
        found = _known.get(key) or _read().get(key, 0)
        if found in numbers:
            _known[key] = found
            return found
        best, sure = _measured(counted.threads, numbers, make)
        # For this process it is settled in any case, so that a run repeats.
        _known[key] = best
        if sure:
            _keep(key, best)
        return best


def _measured(counted: int, numbers: Sequence[int], make: Callable[[int], Network | None]) -> tuple[int, bool]:
    """The best number, and whether the measurement is to be trusted."""
    best, least = 0, math.inf
    for number in numbers:
        network = make(number)
        if network is None:
            return counted, False
        try:
            seconds, share = _time(network)
        finally:
            network.close()
        if seconds > _LONGEST:
            return counted, True
        if share < _UNDISTURBED:
            return counted, False
        if seconds < _GAIN * least:
            best, least = number, seconds
    return best, True


def _time(network: Network) -> tuple[float, float]:
    """Seconds a minibatch takes, and the share of the threads' time that they had a core."""
    network.train(1)
    begin = time.perf_counter()
    network.train(1)
    once = time.perf_counter() - begin
    if once > _LONGEST:
        return once, 1.0
    steps = max(1, round(_SECONDS / max(once, 1e-7)))
    taken, share = math.inf, 0.0
    end = time.perf_counter() + _ALL_SECONDS
    while time.perf_counter() < end:
        begin, busy = time.perf_counter(), time.process_time()
        done = network.train(steps)
        seconds, busy = time.perf_counter() - begin, time.process_time() - busy
        if seconds / max(done, 1) < taken:
            taken, share = seconds / max(done, 1), busy / seconds / network.threads
    return taken, share


# What is remembered -------------------------------------------------------------------------


def _key(plan: Plan, batch_size: int, numbers: Sequence[int]) -> str:
    """A hash of all that the time of a minibatch depends on."""
    seen = hashlib.sha256(f"{processor()} {cores()} {LANES} {batch_size} {tuple(numbers)}".encode())
    for kernel in plan.kernels:
        seen.update(kernel.key.encode())
    for call in plan.calls:
        seen.update(f"{call.kernel.name} {call.arguments}\n".encode())
    seen.update(plan.table.tobytes())
    return seen.hexdigest()[:24]


def _file() -> str:
    return os.path.join(cache_folder(), "threads.json")


def _read() -> dict[str, int]:
    try:
        with open(_file(), encoding="utf-8") as file:
            kept = json.load(file)
        return {str(key): int(number) for key, number in kept.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _keep(key: str, number: int) -> None:
    kept = _read()
    kept.pop(key, None)
    kept = dict([*kept.items(), (key, number)][-_MOST_KEPT:])
    # A folder that cannot be written is no reason not to train.
    cache.put(Path(_file()), json.dumps(kept).encode(), quietly=True)
