"""A peer library in a process of its own, which works only while it is asked to."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

#: Peers by their name on the command line: module, package that must be there, title.
PEERS: dict[str, tuple[str, str, str]] = {
    "torch": ("studio.bench.peers_torch", "torch", "PyTorch"),
    "jax": ("studio.bench.peers_jax", "jax", "JAX"),
    "keras": ("studio.bench.peers_keras", "keras", "Keras"),
    "sklearn": ("studio.bench.peers_sklearn", "sklearn", "scikit-learn"),
}

#: Those that the benchmark can run on a graphics card too.
ON_CARD = ("torch", "jax")
#: Settings that would slow a library down, change how many cores it uses or how exactly it computes.
_FOREIGN = (
    "OPENBLAS_", "OMP_", "MKL_", "KMP_", "GOMP_", "NVPL_", "XLA_", "TORCH_", "JAX_", "KERAS_", "VECLIB_",
    "PYTORCH_", "CUBLAS_", "CUDNN_", "CUDA_LAUNCH_BLOCKING", "NVIDIA_TF32_OVERRIDE",
)  # fmt: skip


class PeerFailure(RuntimeError):
    """Why a peer cannot take part; one plain sentence."""


def clean_environment(environment: Mapping[str, str], threads: int, on_card: bool = False) -> dict[str, str]:
    """The environment without settings that would handicap a library, with its number of threads.

    Parameters
    ----------
    environment : mapping of str to str
    threads : int
    on_card : bool
        Whether the library is to see a graphics card.
    """
    kept = {k: v for k, v in environment.items() if not k.startswith(_FOREIGN)}
    counts = {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "OPENBLAS", "MKL")}
    # JAX would take most of the card's memory at its start, but all sides are on the card together.
    place = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"} if on_card else {"JAX_PLATFORMS": "cpu"}
    return {**kept, **counts, **place, "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"}


def why_missing(name: str) -> str:
    """One sentence if the peer is not installed; empty if it is."""
    _module, package, title = PEERS[name]
    if importlib.util.find_spec(package) is not None:
        return ""
    return f"{title} is not installed, so it is not compared; `pip install 'layer-studio[peers]'` adds it."


def why_not_on_card(name: str) -> str:
    """One sentence if an installed peer cannot take part on the card; empty if it can.

    A process of its own is asked, since only the library itself knows, and it takes seconds to load.
    """
    module, _package, title = PEERS[name]
    if name not in ON_CARD:
        return f"{title} is not compared on a card: its side of the benchmark is for the processor."
    asked = subprocess.run(
        [sys.executable, "-m", "studio.bench.peer_worker", module, "card"],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(os.environ, 1, on_card=True),
    )
    try:
        return str(json.loads(asked.stdout)["sentence"])
    except ValueError:
        return _ended(title, asked.stderr)


def _ended(title: str, errors: str) -> str:
    """A process ended by itself: its last line says most about why."""
    lines = errors.strip().splitlines()
    return f"{title} ended before its time: {lines[-1] if lines else 'it said nothing'}"


class PeerProcess:
    """Starts a peer on a task and asks it to train; a context manager.

    Parameters
    ----------
    name : str
        One of `PEERS`.
    folder : pathlib.Path
        Where the task was saved.
    threads : int
        Cores it may use.
    with_compile : bool
        Whether slow-starting variants are wanted.
    on_card : bool
        Whether it computes on the graphics card.
    module : str
        What runs the task, if it is not what trains with the peer.

    Raises
    ------
    PeerFailure
        When it cannot start.
    """

    def __init__(
        self, name: str, folder: Path, threads: int, with_compile: bool = False, on_card: bool = False, module: str = ""
    ) -> None:
        trains, _package, self.title = PEERS[name]
        self.name = name
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        settings = (str(folder), str(threads), str(int(with_compile)), "cuda" if on_card else "cpu")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "studio.bench.peer_worker", module or trains, *settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=clean_environment(os.environ, threads, on_card),
        )
        try:
            hello = self._read()
        except PeerFailure:
            self.close()
            raise
        self.variants: tuple[str, ...] = tuple(hello["variants"])
        self.versions: dict[str, str] = hello["versions"]
        self.notes: tuple[str, ...] = tuple(hello.get("notes", ()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self, folder: Path) -> None:
        """Go over to another task."""
        self.variants = tuple(self._ask("open", str(folder), 0)["variants"])

    def losses(self, variant: str, steps: int) -> list[float]:
        """Loss of each of the first minibatches, from the initial weights."""
        return [float(loss) for loss in self._ask("losses", variant, steps)["losses"]]

    def train(self, variant: str, steps: int) -> tuple[int, float]:
        """Train at least so many minibatches; returns how many, and the seconds they took."""
        answer = self._ask("train", variant, steps)
        return int(answer["steps"]), float(answer["seconds"])

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                # A process that is gone leaves words in the pipe that nobody takes.
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def _ask(self, what: str, variant: str, steps: int) -> dict[str, Any]:
        pipe: IO[str] | None = self._process.stdin
        assert pipe is not None
        try:
            print(json.dumps({"do": what, "variant": variant, "steps": steps}), file=pipe, flush=True)
        except OSError:
            raise PeerFailure(self._last_words()) from None
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise PeerFailure(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PeerFailure(f"{self.title} {answer.get('variant', '')}".rstrip() + f" could not take part: {answer['error']}")
        return answer

    def _last_words(self) -> str:
        self._errors.seek(0)
        return _ended(self.title, self._errors.read())
