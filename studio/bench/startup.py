"""How long the start takes: importing, the window, the first step after Run, all kernels; cold and warm.

Each figure is from a process of its own (`studio.bench.startup_worker`), with a cache folder that is
empty at first; no display is needed.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

#: Templates that are run: a small network and a convolutional one.
TEMPLATES = ("spirals", "digits-convnet")
#: Seconds that SPEED.md asks for: cold (nothing compiled) and warm.
GOALS = {
    "import": 0.25,
    "cold_window": 2.0,
    "warm_window": 1.0,
    "cold_first_step": 5.0,
    "warm_first_step": 0.2,
}
#: Longest wait, in seconds, for one process.
_PATIENCE = 1800.0
#: Modules that the report names, of those that take longest to import.
_NAMED = 8
_LINE = re.compile(r"import time:\s*(\d+) \|\s*(\d+) \| (\s*)(\S+)")


class StartFailure(RuntimeError):
    """A start could not be measured; the message is one sentence."""


def measure(rounds: int, tell: Callable[[str], None] = lambda sentence: None) -> dict[str, Any]:
    """Measure all starts.

    Parameters
    ----------
    rounds : int
        How many warm starts and imports; medians count. Cold ones are measured once.
    tell : callable
        Told what is going on.

    Returns
    -------
    dict
        JSON values; times in seconds: ``window`` until the welcome page is seen, ``ready`` until clicks
        are answered. ``met`` says which of `GOALS` hold.

    Raises
    ------
    StartFailure
        When the window does not open, or training does not start.
    """
    tell("start: import studio")
    imports = [_seconds_of("import studio") - _seconds_of("pass") for _ in range(rounds)]
    found: dict[str, Any] = {
        "import": {"seconds": round(statistics.median(imports), 3), "slowest": slowest_imports("studio")},
        "window_imports": slowest_imports("studio.gui.app"),
        "cold": {},
        "warm": {},
    }
    with tempfile.TemporaryDirectory(prefix="studio-start-") as folder:
        for number, template in enumerate(TEMPLATES):
            tell(f"start: {template}, nothing compiled")
            found["cold"][template] = _start(template, os.path.join(folder, str(number)))
        tell("start: all kernels, from nothing")
        every = os.path.join(folder, "all")
        found["all_kernels"] = _start("", every)
        for template in TEMPLATES:
            # With all of them there, nothing is compiled beside the window.
            tell(f"start: {template}, everything compiled")
            found["warm"][template] = _medians([_start(template, every) for _ in range(rounds)])
    found["goals"] = GOALS
    found["met"] = _met(found)
    return found


def _met(found: dict[str, Any]) -> dict[str, bool]:
    seconds = {"import": found["import"]["seconds"]}
    for kind in ("cold", "warm"):
        runs = found[kind].values()
        seconds[f"{kind}_window"] = max(run["window"] for run in runs)
        seconds[f"{kind}_first_step"] = max(run["first_step"] for run in runs)
    return {name: seconds[name] <= goal for name, goal in GOALS.items()}


def _medians(starts: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(start[name] for start in starts), 4) for name in starts[0]}


def _seconds_of(program: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, env=_environment())
    return time.perf_counter() - begin


def _environment(**more: str) -> dict[str, str]:
    path = os.pathsep.join(p for p in sys.path if p)
    return {**os.environ, "PYTHONPATH": path, "QT_QPA_PLATFORM": "offscreen", **more}


def slowest_imports(module: str) -> list[dict[str, Any]]:
    """The modules whose own text, without what they import, takes longest to run when a module is imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {module}"],
        capture_output=True,
        text=True,
        check=False,
        env=_environment(),
    )
    if done.returncode:
        raise StartFailure(f"{module} cannot be imported: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return slowest_of(done.stderr)


def slowest_of(text: str) -> list[dict[str, Any]]:
    """The same from what ``python -X importtime`` prints."""
    lines = [(int(m[1]), m[4]) for m in map(_LINE.match, text.splitlines()) if m]
    return [{"module": name, "seconds": round(own / 1e6, 4)} for own, name in sorted(lines, reverse=True)[:_NAMED]]


def _start(template: str, cache: str) -> dict[str, float]:
    """One start of the app, in a process of its own; the clock begins before Python does."""
    with tempfile.TemporaryDirectory(prefix="studio-start-") as folder:
        environment = _environment(STUDIO_CACHE_DIR=cache, STUDIO_START=repr(time.time()))
        try:
            done = subprocess.run(
                [sys.executable, "-m", "studio.bench.startup_worker", template, folder],
                capture_output=True,
                text=True,
                check=False,
                timeout=_PATIENCE,
                env=environment,
            )
        except subprocess.TimeoutExpired:
            raise StartFailure("The app was not ready in half an hour.") from None
    if done.returncode:
        raise StartFailure(f"The app could not be started: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    answer: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def start_table(found: dict[str, Any]) -> str:
    """The figures as lines of text."""

    def verdict(name: str) -> str:
        return f"(goal {GOALS[name]:g} s, {'met' if found['met'][name] else 'MISSED'})"

    lines = [f"import studio  {found['import']['seconds']:.3f} s {verdict('import')}"]
    for kind, words in (("cold", "nothing compiled"), ("warm", "everything compiled")):
        lines.append(f"\n{words}")
        lines.append(f"   {'':16}{'window':>10}{'ready':>9}{'first step':>12}{'longest stall':>15}")
        for template, run in found[kind].items():
            lines.append(f"   {template:16}{run['window']:>8.2f} s{run['ready']:>7.2f} s{run['first_step']:>10.3f} s{run['stall'] * 1e3:>12.0f} ms")
        lines.append(f"   window {verdict(f'{kind}_window')}, first step after Run {verdict(f'{kind}_first_step')}")
    every = found["all_kernels"]
    lines.append(
        f"\nall {every['kernels']:.0f} built-in kernels, from nothing: {every['all']:.1f} s, "
        f"longest stall of the window {every['stall'] * 1e3:.0f} ms"
    )
    slowest = ", ".join(f"{m['module']} {1e3 * m['seconds']:.0f} ms" for m in found["window_imports"])
    lines.append(f"slowest imports of the window: {slowest}")
    return "\n".join(lines)
