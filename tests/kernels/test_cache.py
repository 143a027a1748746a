"""The kernel cache: whatever its state, training works, and a sentence says what is wrong."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from studio.kernels import cache
from studio.kernels.cache import Code

KEY, OTHER = "ab" * 32, "cd" * 32
CODE = Code("cfunc.symbol", "fti?", b"\x7fELF and more", ("memset",))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the test's own."""
    monkeypatch.setenv("STUDIO_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache, "_sentences", {})
    monkeypatch.setattr(cache, "_held", {})
    return cache.folder()


def test_what_is_written_is_read_again(folder: Path) -> None:
    assert cache.read("adam", KEY) is None
    assert not cache.exists("adam", KEY)
    assert cache.write("adam", KEY, CODE)
    assert cache.exists("adam", KEY)
    assert cache.read("adam", KEY) == CODE
    assert cache.read("adam", OTHER) is None
    assert cache.count() == 1
    assert not cache.problem()
    assert [f.suffix for f in folder.iterdir() if f.name != "in-use"] == [".kernel"]


@pytest.mark.parametrize("harm", ["truncated", "emptied", "changed", "text"])
def test_a_damaged_kernel_is_as_good_as_none(folder: Path, harm: str) -> None:
    cache.write("adam", KEY, CODE)
    (path,) = folder.glob("*.kernel")
    content = path.read_bytes()
    path.write_bytes(
        {"truncated": content[:-3], "emptied": b"", "changed": content.replace(b"more", b"less"), "text": b"[1, 2]\n"}[harm]
    )
    assert cache.read("adam", KEY) is None
    assert "it is damaged), so it is prepared again." in cache.problem()
    assert not path.exists()


def test_a_kernel_of_another_machine_is_as_good_as_none(folder: Path) -> None:
    cache.write("adam", KEY, CODE)
    (path,) = folder.glob("*.kernel")
    content = path.read_bytes()
    path.write_bytes(content.replace(cache.machine().encode(), b"0" * 64))
    assert cache.read("adam", KEY) is None
    assert "it is of another machine" in cache.problem()


def test_one_kernel_is_not_taken_for_another(folder: Path) -> None:
    """A file that was renamed has a program text that is not its name's."""
    cache.write("adam", KEY, CODE)
    (path,) = folder.glob("*.kernel")
    path.rename(path.with_name(path.name.replace(KEY[:24], OTHER[:24])))
    assert cache.read("adam", OTHER) is None


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no such permissions here")
def test_what_others_can_write_is_not_run(folder: Path) -> None:
    cache.write("adam", KEY, CODE)
    folder.chmod(0o777)
    assert cache.read("adam", KEY) is None
    assert "because others can write there" in cache.problem()


@pytest.mark.parametrize(("number", "words"), [(errno.EROFS, "Read-only file system"), (errno.ENOSPC, "No space left on device")])
def test_what_cannot_be_written_is_said_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    cache.write("adam", KEY, CODE)

    def refuse(*arguments: object, **more: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    assert not cache.write("sgd", OTHER, CODE)
    assert words in cache.problem()
    assert "set STUDIO_CACHE_DIR to another folder." in cache.problem()
    assert str(folder) in cache.problem()
    assert cache.read("adam", KEY) == CODE  # what is there can be used


def _age(path: Path, days: float) -> None:
    then = path.stat().st_mtime - days * 86400
    for each in (*path.rglob("*"), path):
        os.utime(each, (then, then))


def test_old_kernels_and_folders_go(folder: Path) -> None:
    cache.write("adam", KEY, CODE)
    cache.write("sgd", OTHER, CODE)
    old = next(folder.glob("sgd*"))
    _age(old, 31)
    made = []
    for number in range(9):
        path = folder.parent / f"{number:016x}"
        (path / "ready").mkdir(parents=True)
        (path / "ready" / "adam-1").touch()
        _age(path, number * 5)  # up to 40 days
        made.append(path)
    (folder.parent / "holiday pictures").mkdir()
    _age(folder.parent / "holiday pictures", 400)
    cache.tidy()
    assert [f.name.split("-")[0] for f in folder.glob("*.kernel")] == ["adam"]
    assert [path.exists() for path in made] == [True] * 6 + [False] * 3
    assert (folder.parent / "holiday pictures").exists()


def test_the_last_folder_is_kept_however_old(folder: Path) -> None:
    only = folder.parent / ("0" * 16)
    only.mkdir()
    _age(only, 300)
    cache.tidy()
    assert only.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="files in use cannot be removed there anyway")
def test_a_folder_in_use_is_kept(folder: Path) -> None:
    """Another process has it open, such as a window of an older version."""
    paths = [folder.parent / f"code-{number:016x}" for number in range(3)]
    for path in paths:
        path.mkdir()
    program = (
        "import sys, pathlib; from studio.kernels import cache; print(cache._hold(pathlib.Path(sys.argv[1])), flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, paths[2]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) >= 0
        for age, path in enumerate(paths):
            _age(path, 100 + age)
        cache.tidy()
        assert [path.exists() for path in paths] == [True, False, True]
        process.communicate("\n")
    cache.tidy()
    assert [path.exists() for path in paths] == [True, False, False]


PROGRAM = """
import json, sys
{before}
import numpy as np
from studio.kernels import cache, control
from studio.kernels.ahead import compile_ahead
compile_ahead([control.mark_valid])
loaded = control.mark_valid.is_loaded
address = control.mark_valid.address
print(json.dumps([control.mark_valid.is_ready, bool(address), cache.problem()]))
"""

LIMIT = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
"""


def compiled_with(cache_folder: Path, before: str = "") -> tuple[bool, bool, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        env={**os.environ, "STUDIO_CACHE_DIR": str(cache_folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    ready, has_address, sentence = json.loads(done.stdout)
    return ready, has_address, sentence


def test_a_cache_that_cannot_be_made_keeps_nobody_from_training(tmp_path: Path) -> None:
    """A file is where the folder should be, which stops the superuser too."""
    (tmp_path / "file").touch()
    ready, has_address, sentence = compiled_with(tmp_path / "file" / "cache")
    assert ready
    assert has_address
    assert sentence.startswith("Prepared kernels cannot be kept in ")
    assert "(Not a directory)" in sentence


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit there")
def test_a_full_cache_keeps_nobody_from_training(tmp_path: Path) -> None:
    """The other process compiles, and hands over what it cannot keep: not a byte can be written to files."""
    ready, has_address, sentence = compiled_with(tmp_path, LIMIT)
    assert ready
    assert has_address
    assert "(File too large)" in sentence
    assert not list(tmp_path.rglob("*.kernel"))
