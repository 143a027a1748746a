"""Compiling in other processes, so that a window never waits for a compiler.

Compiling in a thread would hold the interpreter for hundreds of milliseconds at a time and the
window would stutter. A compiler needs a second or two to start: the processes stay for a while,
and one that works through a long list in the background puts it aside for what is needed now.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

from studio.kernels import cache
from studio.kernels.cache import Code

#: Processes at once, at most: two cores are enough to be ready soon, and more take too much memory.
MOST = 2
#: Seconds a process without work stays.
_IDLE_SECONDS = 20.0
#: How much lower than this process's their priority is.
_NICE = 5


class Wanted(Protocol):
    """What another process can compile: a kernel, for the processor or a card."""

    name: str
    #: Its text.
    function: Callable[..., None]
    code: Code | None

    @property
    def is_ready(self) -> bool:
        """Whether its machine code is there."""

    @property
    def address(self) -> int:
        """Its address, if it has one here; compiles it if need be."""

    def request(self) -> dict[str, str]:
        """What the other process must be told."""


class _Worker:
    """One process, and a thread that reads its answers."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "studio.kernels.compile_worker", str(_NICE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Plug-ins must be found there as they are here.
            env={**os.environ, "STUDIO_LANES": str(cache.lanes()), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        #: Who waits for answers, in their order.
        self._waiting: deque[Callable[[dict[str, Any] | None], None]] = deque()
        #: Told when its list of things to do in the background is done.
        self.on_background: Callable[[], None] | None = None
        self._last_words: deque[str] = deque(maxlen=20)
        self._has_ended = False
        self._threads = [
            threading.Thread(target=target, name="kernel-compiler", daemon=True) for target in (self._read, self._listen)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def last_words(self) -> str:
        """What it said last on its way out."""
        self._threads[1].join(1.0)
        return next((line.strip() for line in reversed(self._last_words) if line.strip()), "no message")

    @property
    def is_busy(self) -> bool:
        return self.on_background is not None or bool(self._waiting)

    def send(self, request: dict[str, Any], answer: Callable[[dict[str, Any] | None], None] | None = None) -> bool:
        """Ask for something, and say who is told the answer (None: it ended); false if the process is no more."""
        assert self.process.stdin is not None
        if answer is not None:
            self._waiting.append(answer)
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except (OSError, ValueError):
            self._tell_end()
            return False
        if self._has_ended:
            self._tell_end()
        return True

    def _tell_end(self) -> None:
        """Tell those who wait that no answer will come."""
        while self._waiting:
            with contextlib.suppress(IndexError):  # the thread that reads may tell them too
                self._waiting.popleft()(None)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                answer = json.loads(line)
            except ValueError:
                continue  # what something printed on its way
            if "background" in answer:
                cache.note(answer.get("problem", ""))
                done, self.on_background = self.on_background, None
                if done is not None:
                    done()
            elif self._waiting:
                self._waiting.popleft()(answer)
        # Said before the last look, so that nobody who asks meanwhile waits for ever.
        self._has_ended = True
        self._tell_end()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._last_words.append(line.decode(errors="replace"))

    def close(self) -> None:
        """End it, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(5.0)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class Pool:
    """Processes that compile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: list[_Worker] = []
        self._timer: threading.Timer | None = None

    def take(self, most: int) -> list[_Worker]:
        """So many processes at most, started if there are not enough."""
        with self._lock:
            alive = [w for w in self._free if w.process.poll() is None]
            dead = [w for w in self._free if w.process.poll() is not None]
            taken, self._free = alive[:most], alive[most:]
        for worker in dead:
            worker.close()
        while len(taken) < most:
            taken.append(_Worker())
        return taken

    def give(self, workers: Iterable[_Worker]) -> None:
        """Keep processes for a while."""
        with self._lock:
            self._free += workers
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(_IDLE_SECONDS, self._close_idle)
            self._timer.daemon = True
            self._timer.start()

    def _close_idle(self) -> None:
        with self._lock:
            idle = [w for w in self._free if not w.is_busy]
            self._free = [w for w in self._free if w.is_busy]
        for worker in idle:
            worker.close()

    def in_background(self, module: str, done: Callable[[], None]) -> None:
        """Compile all that ``standard_kernels()`` of a module lists, while nothing else is asked for."""
        workers = self.take(min(MOST, os.cpu_count() or 1))
        left = [len(workers)]

        def one_done() -> None:
            left[0] -= 1
            if left[0] == 0:
                done()
            self.give(())

        for share, worker in enumerate(workers):
            worker.on_background = one_done
            worker.send({"background": module, "share": share, "of": len(workers)})
        self.give(workers)

    def close(self) -> None:
        """End all processes that have nothing to do now, or only in the background."""
        with self._lock:
            workers, self._free = self._free, []
            timer, self._timer = self._timer, None
        for worker in workers:
            worker.close()
        if timer is not None:
            timer.cancel()
            timer.join(5.0)


#: This process's.
pool = Pool()
atexit.register(pool.close)


class _Job:
    """Kernels to compile, and what became of them."""

    def __init__(self, missing: list[Wanted]) -> None:
        self._waiting = deque(missing)
        self._lock = threading.Lock()
        self.total, self.done = len(missing), 0
        self.error = ""
        self.changed = threading.Event()

    def next_for(self, worker: _Worker) -> None:
        """Give a process the next one."""
        with self._lock:
            while self._waiting and not self.error:
                kernel = self._waiting.popleft()
                if kernel.is_ready:  # by what runs in the background, or in another window
                    self.done += 1
                    continue
                if worker.send(kernel.request(), partial(self._answered, worker, kernel)):
                    return
                self.error = worker.last_words
        self.changed.set()

    def _answered(self, worker: _Worker, kernel: Wanted, answer: dict[str, Any] | None) -> None:
        if answer is None or "error" in answer:
            self.error = answer["error"] if answer is not None else worker.last_words
        else:
            cache.note(answer.get("problem", ""))
            if "code" in answer:
                kernel.code = Code(answer["symbol"], answer["arguments"], base64.b64decode(answer["code"]), tuple(answer["needs"]))
            with self._lock:
                self.done += 1
            self.next_for(worker)
        self.changed.set()

    def cancel(self) -> None:
        """Ask for no more."""
        with self._lock:
            self._waiting.clear()

    @property
    def over(self) -> bool:
        return bool(self.error) or self.done >= self.total


def compile_ahead(
    kernels: Iterable[Wanted],
    progress: Callable[[int, int], None] = lambda done, total: None,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Compile these kernels in other processes, and put them into the cache.

    Parameters
    ----------
    kernels : iterable of Kernel or other `Wanted`
    progress : callable
        Told how many of how many are done.
    stopped : callable
        Asked now and then; true ends the work early.

    Raises
    ------
    RuntimeError
        When the compiler fails; the message ends with its last line.
    """
    missing = [k for k in {id(k): k for k in kernels}.values() if not k.is_ready]
    if not missing:
        return
    job, told = _Job(missing), 0
    progress(told, job.total)
    workers = pool.take(min(MOST, os.cpu_count() or 1, len(missing)))
    for worker in workers:
        job.next_for(worker)
    given_up = False
    while not job.over and not given_up:
        job.changed.wait(0.02)
        job.changed.clear()
        given_up = stopped()
        if job.done != told:
            told = job.done
            progress(told, job.total)
    # One that is still at it is asked for more when it is done.
    job.cancel()
    pool.give(workers)
    if job.error and not given_up:
        raise RuntimeError(f"The kernels could not be compiled: {job.error}")

