"""Opening, training and closing, two hundred times over, leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CYCLES = 200


@pytest.mark.timeout(900)
def test_two_hundred_cycles_end_cleanly():
    script = Path(__file__).with_name("cycles.py")
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", str(script), str(CYCLES)],
        capture_output=True, text=True, timeout=850, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    middle, end = ([int(n) for n in line.split()] for line in done.stdout.split("\n")[:2])
    assert end[0] == 0, "widgets are left behind"
    assert end[1] == 1, "threads are left behind"
    assert end[2] <= middle[2] * 1.1 + 10, "memory grows from cycle to cycle"
