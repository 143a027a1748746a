"""What the benchmark ran on."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from studio.engine.peaks import Peaks, measured_peaks
from studio.engine.processor import cores, processor

#: Packages whose versions matter for speed.
_PACKAGES = ("layer-studio", "numpy", "numba", "llvmlite")
#: And those that do for a card's.
_CARD_PACKAGES = ("numba-cuda", "cuda-bindings")


def machine(
    peer_versions: Mapping[str, str], threads: Sequence[int] = (), again: bool = False, card: str = ""
) -> dict[str, Any]:
    """Processor, system, versions and measured peaks, as JSON values.

    Parameters
    ----------
    peer_versions : mapping of str to str
        Of other libraries.
    threads : sequence of int
        Numbers of threads to measure the peaks of, which takes a second each where they are not known.
    again : bool
        Whether to measure them in any case.
    card : str
        Name of the graphics card that trained; empty for the processor.
    """
    from studio.kernels.simd import LANES

    versions = {"python": platform.python_version()}
    for package in (*_PACKAGES, *(_CARD_PACKAGES if card else ())):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "cpu": processor(),
        "device": card or processor(),
        "cores": cores(),
        "lanes": LANES,
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {**versions, **peer_versions},
        "peaks": {str(count): peaks_json(measured_peaks(count, again)) for count in threads},
    }


def peaks_json(peaks: Peaks) -> dict[str, Any]:
    """What the machine can do, as JSON values."""
    kinds = ("nearer", "reading", "changing")
    return {
        "threads": peaks.threads,
        "gflops": round(peaks.gflops, 1),
        "gigabytes_per_second": round(peaks.gigabytes_per_second, 1),
        **{kind: [[size, round(rate, 1)] for size, rate in getattr(peaks, kind)] for kind in kinds},
    }


def peaks_line(peaks: Mapping[str, Any], whose: str = "") -> str:
    """`peaks_json` as a line of text.

    Parameters
    ----------
    peaks : mapping
    whose : str
        What it was measured with, where that is not threads of the processor.
    """
    near = ", ".join(f"{rate:.0f} within {_size(size)}" for size, rate in peaks["nearer"])
    plural = "s" if peaks["threads"] > 1 else ""
    whose = whose or f"{peaks['threads']} thread{plural}"
    return (
        f"measured peaks of {whose}: {peaks['gflops']:.0f} GFLOP/s; copying "
        f"{peaks['gigabytes_per_second']:.0f} GB/s in memory{f' ({near})' if near else ''}"
    )


def _size(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"
