"""``studio doctor``: what this machine has, what is missing, and how to get it."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from studio import __version__
from studio.cli import card_choice
from studio.cli.libraries import missing_packages, missing_sentence
from studio.cli.output import print_json
from studio.cli.window import display_problem
from studio.core.amounts import memory_words
from studio.cuda.probe import cards, has_package

_PACKAGES = (
    "PySide6-Essentials",
    "pyqtgraph",
    "numpy",
    "numba",
    "llvmlite",
    "scipy",
    "scikit-learn",
    "safetensors",
    "platformdirs",
    "pillow",
)
_INSTRUCTIONS = ("sse4.2", "avx", "avx2", "fma", "avx512f", "neon", "sve")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    area : str
        ``versions``, ``processor``, ``memory``, ``window``, ``cuda``, ``plug-ins`` or ``cache``.
    name : str
        What was looked at.
    value : str
        What was found.
    ok : bool
        Whether it is as it should be.
    remedy : str
        What to do if it is not; empty if it is.
    """

    area: str
    name: str
    value: str
    ok: bool = True
    remedy: str = ""


def doctor(options: argparse.Namespace) -> int:
    """Print findings, with a remedy for each that is not as it should be."""
    findings = examine()
    if options.json:
        print_json(_as_json(findings))
        return 0
    area = ""
    for finding in findings:
        if finding.area != area:
            area = finding.area
            print(area)
        mark = "ok" if finding.ok else "!!"
        print(f"  {mark}  {finding.name}: {finding.value}")
        if finding.remedy:
            print(f"      {finding.remedy}")
    return 0


def examine() -> list[Finding]:
    """Look at everything; a look that fails is a finding too."""
    found: list[Finding] = []
    looks: dict[str, Callable[[], Iterator[Finding]]] = {
        "versions": _versions,
        "processor": _processor,
        "memory": _memory,
        "window": _window,
        "cuda": _cuda,
        "plug-ins": _plugins,
        "cache": _cache,
    }
    for area, look in looks.items():
        try:
            found += look()
        except Exception as error:  # a broken installation is what the doctor is for
            found.append(
                Finding(
                    area,
                    "examination",
                    f"failed ({type(error).__name__}: {error})",
                    False,
                    "Install Layer Studio again.",
                )
            )
    return found


def _as_json(findings: list[Finding]) -> dict[str, Any]:
    def good(*areas: str) -> bool:
        return all(f.ok for f in findings if f.area in areas)

    return {
        "findings": [asdict(f) for f in findings],
        "ready": {
            "training": good("versions", "processor", "memory"),
            "window": good("versions", "window"),
            "cuda": good("cuda"),
        },
    }


def _versions() -> Iterator[Finding]:
    yield Finding("versions", "Layer Studio", __version__)
    supported = (3, 11) <= sys.version_info[:2] <= (3, 14)
    remedy = "" if supported else "Install Python 3.11 to 3.14 and make a new environment with it."
    yield Finding("versions", "Python", platform.python_version(), supported, remedy)
    yield Finding("versions", "system", f"{platform.system()} {platform.release()}, {platform.machine()}")
    for name in _PACKAGES:
        try:
            yield Finding("versions", name, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding("versions", name, "missing", False, f"Run `pip install {name}`.")


def _processor() -> Iterator[Finding]:
    from studio.engine.processor import cores, processor
    from studio.kernels import jit

    yield Finding("processor", "model", processor())
    yield Finding("processor", "cores", f"{cores()} of {os.cpu_count()} usable")
    known = [name for name in _INSTRUCTIONS if name in jit.host_features()]
    yield Finding("processor", "vector instructions", ", ".join(known) or "none that are known")
    yield Finding("processor", "lanes", f"{jit.lanes()} numbers at a time")


def _memory() -> Iterator[Finding]:
    from studio.engine.cpu_device import available_memory

    free = available_memory()
    enough = free > 512 << 20
    remedy = "" if enough else "Close other programs: training needs some hundred megabytes."
    yield Finding("memory", "free", f"{free / 2**30:.1f} GiB", enough, remedy)


def _window() -> Iterator[Finding]:
    problem = display_problem() if not os.environ.get("QT_QPA_PLATFORM") else ""
    chosen = (
        os.environ.get("QT_QPA_PLATFORM") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    )
    yield Finding("window", "display", chosen or "none", not problem, problem)
    packages = missing_packages(
        window=sys.platform.startswith("linux") and not os.environ.get("WAYLAND_DISPLAY")
    )
    yield Finding(
        "window",
        "system libraries",
        "all there" if not packages else f"{len(packages)} missing",
        not packages,
        missing_sentence(window=True) if packages else "",
    )
    if missing_packages(window=False):
        return
    try:
        from PySide6.QtCore import qVersion

        yield Finding("window", "Qt", qVersion())
    except ImportError as error:
        yield Finding(
            "window",
            "Qt",
            f"does not load ({error})",
            False,
            "Run `pip install --force-reinstall PySide6-Essentials`.",
        )


def _cuda() -> Iterator[Finding]:
    from studio.cuda import resident

    found, installed = cards(), has_package()
    chosen = found.pick(card_choice.remembered())
    if not found.found:
        yield Finding("cuda", "graphics card", "none", False, f"{found.problem} Nothing to do unless this machine has one.")
    for card in found.found:
        capability = ".".join(map(str, card.capability))
        mark = ", chosen" if len(found.found) > 1 and card.number == chosen else ""
        value = f"{card.title}, {memory_words(card.bytes)}, compute capability {capability}{mark}"
        # A card that is too old is no fault as long as there is another one and it is not asked for.
        wrong = bool(card.problem) and (bool(found.problem) or card.number == chosen)
        name = "graphics card" if len(found.found) == 1 else f"graphics card {card.key}"
        yield Finding("cuda", name, value if wrong or not card.problem else f"{value}, too old", not wrong, card.problem if wrong else "")
    remedy = "" if installed else "With an NVIDIA card, run `pip install 'layer-studio[cuda12]'` or `[cuda13]`, as the driver's version has it."
    yield Finding("cuda", "numba-cuda", "installed" if installed else "not installed", installed, remedy)
    ready = not found.problem and installed
    on_card = "on the card with `--device cuda`"
    if len(found.found) > 1:
        on_card = f"on cuda:{chosen} with `--device cuda`, on another card with its name, as in `--device {found.found[-1].key}`"
    yield Finding(
        "cuda",
        "training",
        on_card if ready else "on the processor",
        ready,
        "" if ready else "Nothing to do: `--device cpu` is the default.",
    )
    if problem := resident.noted():
        # Training is as right without it, and nothing that a person does makes it work.
        yield Finding("cuda", "resident kernel", f"not used for small networks, which are slower without it: {problem}")


def _plugins() -> Iterator[Finding]:
    from studio.core import registry

    plugins = registry.plugins()
    if not plugins:
        yield Finding("plug-ins", "installed", "none")
    for plugin in plugins:
        layers = ", ".join(layer.type_name() for layer in plugin.layers) or "no layer"
        yield Finding("plug-ins", plugin.name, f"{plugin.package}: {layers}", not plugin.problems, " ".join(plugin.problems))


def _cache() -> Iterator[Finding]:
    from studio.kernels import cache, jit

    folder = jit.cache_folder()
    try:
        with tempfile.TemporaryFile(dir=folder):
            writable = True
    except OSError:
        writable = False
    remedy = "Set STUDIO_CACHE_DIR to a folder that can be written, or kernels are prepared anew each time."
    yield Finding("cache", "folder", str(folder), writable, "" if writable else remedy)
    ready = cache.count()
    yield Finding("cache", "kernels", f"{ready} prepared")
