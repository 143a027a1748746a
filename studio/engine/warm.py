"""Compiles all built-in kernels into the cache, in a process of its own.

The window starts it when it opens, so that pressing Run seldom has to wait for a compiler:
``python -m studio.engine.warm``.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import subprocess
import sys
from pathlib import Path

from studio.core import registry
from studio.core.layer import ElementWise
from studio.core.merging import Merging
from studio.core.plugins import from_plugin
from studio.engine.timing import KERNELS as timing_kernels
from studio.kernels import jit
from studio.kernels.channelwise import collect_kernel, weigh_kernel
from studio.kernels.correlations import outer_kernel
from studio.kernels.jit import Kernel
from studio.kernels.merging import merge_kernel, slope_kernel
from studio.kernels.pointwise import backward_kernel, forward_kernel
from studio.kernels.products import correlate_kernel, multiply_kernel
from studio.kernels.simd import LANES
from studio.kernels.tiles import SHAPE


def standard_kernels() -> list[Kernel]:
    """All kernels of the built-in layers, losses and optimizers.

    Plug-ins may fail to compile, which is their author's to hear and not ours to wait for.
    """
    layers = [layer for layer in registry.layers().values() if not from_plugin(layer)]
    registry.optimizers()
    for module in ("clipping", "penalties", "rates"):  # what the update of the weights needs besides
        importlib.import_module(f"studio.kernels.{module}")
    kernels = [kernel for kernel in jit.named_kernels() if kernel.function.__module__.startswith("studio.")]
    for outputs in range(SHAPE.outputs, 0, -1):
        kernels += [multiply_kernel(outputs, vectors) for vectors in range(1, SHAPE.vectors + 1)]
    for outputs in range(SHAPE.correlated_outputs, 0, -1):
        kernels.append(correlate_kernel(outputs))
    for inputs in range(SHAPE.outputs, 0, -1):
        kernels += [outer_kernel(inputs, vectors) for vectors in range(1, SHAPE.vectors + 1)]
    # Depthwise convolutions of 3 x 3; others are compiled when they are first used.
    kernels += [collect_kernel(vectors * LANES, many) for vectors in (8, 4, 2, 1) for many in (True, False)]
    kernels += [weigh_kernel(9, with_bias) for with_bias in (True, False)]
    for layer in layers:
        if issubclass(layer, ElementWise):
            kernels += [forward_kernel(layer), backward_kernel(layer)]
        if issubclass(layer, Merging):
            kernels += [merge_kernel(layer), slope_kernel(layer, "slope_a", False), slope_kernel(layer, "slope_b", False)]
    return [*kernels, *timing_kernels]


def _done_mark() -> Path:
    """The file that says that the built-in kernels, as their sources are now, are in the cache.

    Plug-ins do not count: their kernels are compiled when they are first used.
    """
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for folder in (package / "layers", package / "losses", package / "engine" / "optimizers"):
        for source in sorted(folder.glob("*.py")):
            status = source.stat()
            digest.update(f"{source.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return jit.cache_folder() / f"warm-{digest.hexdigest()[:16]}"


def start_warming() -> subprocess.Popen[bytes] | None:
    """Start the process, which whoever starts it ends; None if there is nothing left to compile."""
    if _done_mark().exists():
        return None
    return subprocess.Popen(
        [sys.executable, "-m", "studio.engine.warm"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "STUDIO_LANES": str(jit.lanes())},
    )


def main() -> None:
    """Compile what is missing, at the lowest priority."""
    if hasattr(os, "nice"):
        os.nice(10)
    mark = _done_mark()
    for kernel in standard_kernels():
        if not kernel.is_ready:
            _ = kernel.address
    mark.touch()


if __name__ == "__main__":
    main()
