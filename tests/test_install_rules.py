"""What installing promises: light imports, no Qt in the engine, assets in the wheel, one README."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from studio.cli import libraries

ROOT = Path(__file__).resolve().parents[1]
QT = ("PySide6", "shiboken6", "pyqtgraph")
HEAVY = (*QT, "numba", "llvmlite", "sklearn", "scipy", "numpy")


def loaded_after(statement: str) -> tuple[set[str], float]:
    """Top-level packages in a fresh interpreter after a statement, and its seconds."""
    code = (
        "import json, sys, time; begin = time.perf_counter()\n"
        f"{statement}\n"
        "seconds = time.perf_counter() - begin\n"
        "print(json.dumps([sorted({m.partition('.')[0] for m in sys.modules}), seconds]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    modules, seconds = json.loads(done.stdout)
    return set(modules), seconds


def test_importing_studio_is_fast_and_loads_nothing_heavy() -> None:
    modules, seconds = loaded_after("import studio")
    assert not modules & set(HEAVY)
    assert seconds < 0.25


def test_help_needs_nothing_heavy() -> None:
    modules, _ = loaded_after("import studio.cli.parser; studio.cli.parser.build_parser()")
    assert not modules & set(HEAVY)


@pytest.mark.parametrize(
    "statement",
    [
        "import studio.engine, studio.engine.trainer, studio.engine.run",
        "import studio.data, studio.storage, studio.project, studio.cli",
        "from studio.core import registry; registry.layers(); registry.optimizers()",
        "import studio; studio.new('xor').infer()",
    ],
)
def test_the_engine_loads_no_qt(statement: str) -> None:
    modules, _ = loaded_after(statement)
    assert not modules & set(QT)


def test_training_on_the_command_line_loads_no_qt() -> None:
    modules, _ = loaded_after(
        "import contextlib, io, studio.cli\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    assert studio.cli.main(['train', 'xor', '--epochs', '1', '--json']) == 0"
    )
    assert not modules & set(QT)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the sources."""
    copy = tmp_path_factory.mktemp("sources")
    for name in ("studio", "assets"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy / name)
    code = "import hatchling.build as build; build.build_wheel('wheels')"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=copy, capture_output=True, timeout=200)
    (found,) = (copy / "wheels").glob("*.whl")
    return found


def test_the_wheel_has_all_assets(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    assets = [p.relative_to(ROOT) for p in (ROOT / "assets").rglob("*") if p.is_file()]
    expected = {f"studio/{p.as_posix()}" for p in assets if p.parts[1] != "screenshots"}
    assert expected <= names
    assert "studio/assets/templates/xor.json" in names
    assert not any(n.startswith(("tests/", "assets/")) for n in names)


def test_an_installed_package_finds_them(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        file.extractall(tmp_path)
    code = (
        "import studio, studio.core.assets as a, studio.storage.templates as t; "
        "print(a.assets_folder()); print(studio.__file__); print(len(t.names()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        timeout=120,
    )
    folder, package, count = done.stdout.split()
    assert Path(folder) == tmp_path / "studio" / "assets"
    assert Path(package).is_relative_to(tmp_path)
    assert int(count) >= 10


def commands_in_readme() -> list[str]:
    """The blocks of shell commands."""
    return re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_ci_runs_the_command_of_the_readme() -> None:
    (command,) = [c for c in commands_in_readme() if "pytest" in c]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    for part in ("-e '.[test]'", "QT_QPA_PLATFORM=offscreen", "python -m pytest"):
        assert part in command
        assert part in script
    assert all(check in script for check in ("ruff check", "bin/mypy", "lint-imports"))


def test_the_readme_names_every_library_of_the_window() -> None:
    (command,) = [c for c in commands_in_readme() if "apt-get" in c]
    named = set(command.split())
    assert {*libraries.FOR_IMPORT.values(), *libraries.FOR_WINDOW.values(), "python3-venv"} <= named
