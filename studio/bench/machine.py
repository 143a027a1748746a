"""What the benchmark ran on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

#: Packages whose versions matter for speed.
_PACKAGES = ("layer-studio", "numpy", "numba", "llvmlite")


def cores() -> int:
    """Processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """The processor's name, as far as the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine(peer_versions: dict[str, str]) -> dict[str, Any]:
    """Processor, system and versions, as JSON values."""
    from studio.kernels.simd import LANES

    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "cpu": processor(),
        "cores": cores(),
        "lanes": LANES,
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {**versions, **peer_versions},
    }
