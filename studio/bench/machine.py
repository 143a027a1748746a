"""What the benchmark ran on."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any

from studio.engine.processor import cores, processor

#: Packages whose versions matter for speed.
_PACKAGES = ("layer-studio", "numpy", "numba", "llvmlite")


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
