"""A process of its own that compiles what it is asked for on standard input, a JSON line each.

``{"name", "module" or "text", "key"}`` asks for one kernel, with ``"maker"`` for a kernel of another
kind, whose module has a function ``requested(request)``. ``{"background", "share", "of"}`` names a
module with a function ``standard_kernels()``, of which it compiles its share while nothing else is
asked for.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import importlib
import json
import os
import queue
import sys
import threading
from collections.abc import Iterator
from typing import Any, TextIO

from studio.kernels import cache, jit
from studio.kernels.jit import Kernel


def _answer_to(request: dict[str, str]) -> dict[str, Any]:
    """Compile one kernel; its code is in the answer only if the cache cannot take it."""
    try:
        maker = importlib.import_module(request["maker"]) if "maker" in request else jit
        kernel = maker.requested(request)
        if kernel.key != request["key"]:
            return {"error": f"the program text of {kernel.name} was changed meanwhile"}
        if kernel.is_ready:
            return {}
        code = kernel.compile()
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return {"error": f"{type(error).__name__}: {lines[-1] if lines else 'no message'}"}
    answer: dict[str, Any] = {"problem": cache.problem()}
    if not cache.exists(kernel.name, kernel.key):
        answer |= {"symbol": code.symbol, "arguments": code.arguments, "needs": code.needs}
        answer["code"] = base64.b64encode(code.text).decode()
    return answer


def _background(request: dict[str, Any]) -> Iterator[None]:
    """Compile a share of the standard kernels, one at each turn."""
    kernels: list[Kernel] = importlib.import_module(request["background"]).standard_kernels()
    yield
    for kernel in kernels[request["share"] :: request["of"]]:
        if not kernel.is_ready:
            with contextlib.suppress(Exception):  # whoever needs it hears of it
                kernel.compile()
            yield
        if cache.problem():
            return  # what cannot be kept is of no use
    if request["share"] == 0:
        cache.tidy()


def main(arguments: list[str]) -> None:
    """Work until the other side closes the pipe."""
    if hasattr(os, "nice") and arguments:
        os.nice(int(arguments[0]))
    answers: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what modules print is no answer
    requests: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            requests.put(json.loads(line))
        requests.put(None)

    threading.Thread(target=read, daemon=True).start()
    # What was imported stays; looking at it again and again for garbage takes a fourteenth of the time.
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)
    background: Iterator[None] | None = None
    while True:
        try:
            request = requests.get(block=background is None)
        except queue.Empty:
            assert background is not None
            if next(background, 0) == 0:
                background = None
                print(json.dumps({"background": "done", "problem": cache.problem()}), file=answers)
            continue
        if request is None:
            break
        if "background" in request:
            background = _background(request)
        else:
            print(json.dumps(_answer_to(request)), file=answers)


if __name__ == "__main__":
    main(sys.argv[1:])
    # A kernel that is being compiled in a thread, or Python's end, is nothing to wait for.
    os._exit(0)
