"""The process of one peer: takes one JSON command a line, answers with one JSON line.

Started as ``python -m studio.bench.peer_worker MODULE FOLDER THREADS COMPILE DEVICE``; commands are
``{"do": "losses", "variant": ..., "steps": ...}``, ``train``, and ``open`` with another task's
folder for the variant. DEVICE is ``cpu``, or ``cuda`` for a module with `create_on_card`. Started with
MODULE and ``card`` it answers in one line why the library cannot compute on a card, and ends.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio.bench.chain import Task
from studio.bench.peer import Peer


def _use_cores(count: int) -> None:
    """Keep the process on so many cores, where the system lets one say so."""
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[:count])


class Conversation:
    """Answers commands for one peer; `create` makes the peer of another folder's task."""

    def __init__(self, create: Callable[[Path], Peer], folder: Path) -> None:
        self._create = create
        self._peer = create(folder)
        self._variant = ""

    def hello(self) -> dict[str, Any]:
        """What the peer offers."""
        notes = list(getattr(self._peer, "notes", ()))
        return {"variants": list(self._peer.variants), "versions": self._peer.versions(), "notes": notes}

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do what a command says."""
        variant, steps = command["variant"], command["steps"]
        if command["do"] == "open":
            self._peer, self._variant = self._create(Path(variant)), ""
            return self.hello()
        if command["do"] == "losses":
            self._start(variant)
            return {"losses": self._peer.losses(steps)}
        if variant != self._variant:
            self._start(variant)
        begin = time.perf_counter()
        done = self._peer.train(steps)
        return {"steps": done, "seconds": time.perf_counter() - begin}

    def _start(self, variant: str) -> None:
        self._peer.start(variant)
        self._variant = variant


def main(arguments: list[str]) -> int:
    """Run the conversation until the other side closes it."""
    # Libraries may print; the pipe is for answers only.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    if arguments[1:] == ["card"]:
        print(json.dumps({"sentence": importlib.import_module(arguments[0]).why_not_on_card()}), file=answers)
        return 0
    module, folder, threads, with_compile, device = arguments
    _use_cores(int(threads))
    try:
        offered = importlib.import_module(module)
        create = offered.create_on_card if device == "cuda" else offered.create
        conversation = Conversation(
            lambda place: create(Task.open(place), int(threads), with_compile == "1"), Path(folder)
        )
        print(json.dumps(conversation.hello()), file=answers)
    except Exception as error:  # the benchmark says it in one sentence and goes on without
        print(json.dumps({"error": _sentence(error)}), file=answers)
        return 1
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = conversation.answer(command)
        except Exception as error:  # other variants may do better
            answer = {"error": _sentence(error), "variant": command["variant"]}
        print(json.dumps(answer), file=answers)
    return 0


def _sentence(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'it did not say why'}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
