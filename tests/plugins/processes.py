"""Processes that have a plug-in, and plug-ins made of a text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

SWIRL = '''
"""A plug-in."""

from dataclasses import dataclass
from typing import Any, ClassVar

from studio.core.layer import ElementWise
from studio.kernels.maths import tanh


@dataclass(frozen=True)
class Swirl(ElementWise):
    """``y = tanh(2 x)``"""

    activation: ClassVar[str] = "swirl"
    icon: ClassVar[str] = "activation"
    help: ClassVar[str] = "Bends twice as fast as tanh."
    formula: ClassVar[str] = "y = tanh(2 x)"
    source: ClassVar[str] = "This test"

    @staticmethod
    def function(x: Any) -> Any:
        return tanh(x * 2.0)

    @staticmethod
    def derivative(x: Any, y: Any) -> Any:
        return (1.0 - y * y) * 2.0
'''


def install(folder: Path, name: str, text: str, value: str = "") -> None:
    """What installing a plug-in leaves behind: a module and its entry point."""
    (folder / f"{name}_layers.py").write_text(text, encoding="utf-8")
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    entry = f"[studio.layers]\n{name} = {value or f'{name}_layers'}\n"
    (information / "entry_points.txt").write_text(entry, encoding="utf-8")


def with_plugin(folder: Path, *command: object, timeout: float = 200, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in another process that has the plug-ins of a folder."""
    path = os.pathsep.join([str(ROOT), str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "QT_QPA_PLATFORM": "offscreen", **variables}
    arguments = [sys.executable, "-W", "error", *map(str, command)]
    return subprocess.run(arguments, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)


def studio(folder: Path, *arguments: object) -> dict[str, Any]:
    """What a command of ``studio`` prints as JSON; it must end well and complain of nothing."""
    done = with_plugin(folder, "-m", "studio", *arguments, "--json")
    progress = ("Preparing kernels", "Loading", "epoch ")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if line and not line.strip().startswith(progress)] == []
    values = json.loads(done.stdout)
    assert isinstance(values, dict)
    return values
