"""What `cuda.bindings` makes of our calls of NVIDIA's driver, with a library in the driver's place that writes them down."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from studio.kernels.simd import LANES

HERE = Path(__file__).parent
COMPILER = shutil.which("cc")

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed (extra cuda13)"),
    pytest.mark.skipif(COMPILER is None or sys.platform != "linux", reason="needs a C compiler and Linux, whose driver's library it builds"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("driver")
    assert COMPILER is not None
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", made / "libcuda.so.1", HERE / "stub_driver.c", "-ldl"], check=True)
    return made


def drive(folder: Path, without: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder), "STUB_WITHOUT": without, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, "-u", HERE / "drive_stub.py"], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_driver_gets_what_we_mean(folder: Path) -> None:
    done = drive(folder)
    assert done.returncode == 0, done.stderr
    blocks, threads = -(-100 // (256 // LANES)), 256
    launch = f"launch 0x400 {blocks} 1 1 {threads} 1 1 0 0x200 1111222233334444 8000000000000005 3 4 "
    assert done.stdout.splitlines() == [
        # A stream that does not wait for the one without a name, so nothing may go by that one.
        "stream 1",
        f"Stub, sm_90, driver for CUDA 13000 {4 * 1024 // LANES} {(1 << 33) - (64 << 20)}",
        *("fill 64 0 0x200", "put 32 0x200", "wait 0x200", "get 64 0x200", "wait 0x200"),
        *("load code of gather", "function gather"),
        *("capture 0x200 1", launch, "captured 0x200", "graph 0x500 0"),
        *("capture 0x200 1", *[launch] * 16, "captured 0x200", "graph 0x500 0"),
        *["run 0x600 0x200"] * 2,
        *["event 0"] * 2,
        # 1 stands for an event that has a time, though it is in a graph.
        *("capture 0x200 1", "mark 0x700 0x200 1", launch, "mark 0x701 0x200 1", "captured 0x200", "graph 0x500 0"),
        *("run 0x600 0x200", "wait 0x200", "between 0x700 0x701", "[1500.0]"),
        *("unload 0x300", "release context of 0"),
    ]


def test_a_driver_that_lacks_a_function_is_a_sentence(folder: Path) -> None:
    # CUDA 13's bindings ask for a newer clock than CUDA 12's first drivers have.
    done = drive(folder, "cuEventElapsedTime")
    assert done.returncode == 1
    assert "CardProblem: The NVIDIA driver is too old for the installed packages" in done.stderr
    assert done.stderr.rstrip().endswith("install a newer driver, or the extra that its version has.")
