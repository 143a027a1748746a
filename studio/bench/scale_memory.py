"""By how much a process grows when it trains, beside what is estimated before.

The process that measures is a fresh one, started as ``python -m studio.bench.scale_memory``;
a line ``["width", 64]`` is a question, the answer is one line ``[estimate, growth]`` in bytes.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import subprocess
import sys
from types import TracebackType
from typing import Self

from studio.bench.peer_process import clean_environment
from studio.bench.resident import resident_bytes
from studio.bench.scale_points import AXES


class MemoryProcess:
    """Asks a process of its own; a context manager."""

    def __init__(self) -> None:
        # Large arrays must be given back to the system one by one for the next growth to be seen.
        environment = {**clean_environment(os.environ, 1), "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "studio.bench.scale_memory"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait()

    def growth(self, axis: str, size: int) -> tuple[int, int]:
        """Bytes estimated, and bytes by which the process grew.

        Raises
        ------
        RuntimeError
            When the process ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([axis, size]), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The process that measures memory ended before its time.")
        estimate, growth = json.loads(line)
        return int(estimate), int(growth)


def growth_of(axis: str, size: int) -> tuple[int, int]:
    """As `MemoryProcess.growth`, in this process: a run is built, trained, evaluated and looked at twice."""
    from studio.core.document import Training
    from studio.engine.run import TrainingRun

    workload = AXES[axis].workload(size)
    document, dataset = workload.document(), workload.dataset()
    # With a part to evaluate, all plans of the network are used.
    part = dataset.train.take(slice(0, min(len(dataset.train), 512)))
    dataset = type(dataset)(dataset.info, dataset.train, part, part)
    (source,) = (n.id for n in document.graph.nodes if n.layer.family == "Data")
    training: Training = document.training
    estimate = growth = 0
    # The first time, libraries and kernels are loaded and buffers grow that then stay.
    for _ in range(2):
        gc.collect()
        _give_back()
        before = resident_bytes()
        run = TrainingRun(document.graph, training, {source: dataset})
        estimate = run.network.memory_estimate
        run.advance(1, steps=3)
        run.validate()
        run.network.look(run.network.probe_arrays(0), document.graph.order)
        run.keep_backup()  # as each second of training does
        growth = resident_bytes() - before
        run.close()
        del run
    return estimate, growth


def _give_back() -> None:
    """Hand freed memory back to the system, where the C library can be asked to."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def main() -> int:
    """Answer until the other side closes the pipe."""
    for line in sys.stdin:
        axis, size = json.loads(line)
        print(json.dumps(growth_of(axis, size)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
