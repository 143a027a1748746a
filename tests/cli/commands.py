"""Running the command in this process or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from studio.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def values(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        parsed = json.loads(self.out)
        assert isinstance(parsed, dict)
        return parsed

    @property
    def sentence(self) -> str:
        """The one line on stderr of a command that failed, besides its progress, which slow machines show."""
        lines = [line for line in self.err.strip().splitlines() if not line.startswith(("Preparing kernels", "epoch "))]
        assert len(lines) == 1, self.err
        assert lines[0].startswith("studio")
        return lines[0]


class Studio:
    """Runs commands in this process and gathers what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Outcome:
        self._capsys.readouterr()
        code = main([str(a) for a in arguments])
        printed = self._capsys.readouterr()
        return Outcome(code, printed.out, printed.err)


def run_alone(*arguments: object, **environment: str | None) -> Outcome:
    """Run the command in a process of its own; None removes a variable."""
    variables = {k: v for k, v in {**os.environ, **environment}.items() if v is not None}
    done = subprocess.run(
        [sys.executable, "-m", "studio", *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        env=variables,
        timeout=120,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
