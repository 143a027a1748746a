"""Compiling what a network needs, in other processes, with a sentence if a kernel is at fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from studio.core.problems import Problem
from studio.engine.failure import EngineProblem
from studio.kernels import jit
from studio.kernels.ahead import Wanted

#: What surrounds the reason in a message of Numba's.
_AROUND = re.compile(r"\x1b\[[0-9;]*m|Failed in \w+ mode pipeline.*")


def compile_kernels(
    kernels: Iterable[Wanted], progress: Callable[[int, int], None], stopped: Callable[[], bool]
) -> None:
    """As `studio.kernels.jit.compile_ahead`, which see.

    Raises
    ------
    EngineProblem
        When a kernel cannot be compiled; names it.
    """
    wanted = list(kernels)
    try:
        jit.compile_ahead(wanted, progress, stopped)
    except RuntimeError as failure:
        # The other process was at work on several: the one at fault is found by compiling what is still missing.
        for kernel in wanted:
            try:
                _ = kernel.address
            except Exception as error:
                module = kernel.function.__module__
                sentence = f"The kernel {kernel.name} of {module} cannot be compiled ({_reason(error)}): correct it, or replace its layer."
                raise EngineProblem(Problem("", sentence)) from error
        raise EngineProblem(Problem("", f"{str(failure).rstrip('.')}: try again.")) from failure


def _reason(error: Exception) -> str:
    lines = (line.strip() for line in _AROUND.sub("", str(error)).splitlines())
    first = next((line for line in lines if line), "no reason given")
    return f"{type(error).__name__}: {first.rstrip('.')}"[:200]
