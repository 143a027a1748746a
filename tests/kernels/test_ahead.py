"""Compiling in other processes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from studio.kernels import ahead, cache
from studio.kernels.jit import Kernel, generated

TEXT = "def run(arena, record, table, state):\n    arena[record[2]] = {value}\n"


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An empty cache, and processes of the test's own that know of it."""
    monkeypatch.setenv("STUDIO_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache, "_sentences", {})
    monkeypatch.setattr(cache, "_held", {})
    pool = ahead.Pool()
    monkeypatch.setattr(ahead, "pool", pool)
    yield tmp_path
    pool.close()


def made(value: str) -> Kernel:
    return generated(f"test_ahead_{abs(hash(value)) % 1000}", TEXT.format(value=value))


@pytest.mark.usefixtures("own_cache")
def test_processes_compile_and_stay_for_more() -> None:
    told: list[tuple[int, int]] = []
    first = [made("1.25"), made("2.25"), made("3.25")]
    ahead.compile_ahead([*first, *first], lambda done, total: told.append((done, total)))
    assert told[0] == (0, 3)
    assert told[-1] == (3, 3)
    assert all(k.is_ready and not k.is_loaded for k in first)
    processes = {w.process.pid for w in ahead.pool._free}
    assert len(processes) in (1, 2)
    ahead.compile_ahead([made("4.25")])
    assert {w.process.pid for w in ahead.pool._free} == processes
    assert all(k.address for k in first)
    assert not cache.problem()


@pytest.mark.usefixtures("own_cache")
def test_the_one_at_fault_is_told_and_the_process_stays() -> None:
    with pytest.raises(RuntimeError, match="could not be compiled: TypingError"):
        ahead.compile_ahead([made("unknown_name")])
    ahead.compile_ahead([made("5.25")])
    assert made("5.25").is_ready


@pytest.mark.usefixtures("own_cache")
def test_who_gives_up_waits_no_longer_and_the_processes_are_of_use_to_the_next() -> None:
    many = [made(f"{number}.75") for number in range(8)]
    ahead.compile_ahead(many, stopped=lambda: True)
    assert not all(k.is_ready for k in many)
    processes = {w.process.pid for w in ahead.pool._free}
    ahead.compile_ahead([made("6.25")])
    assert made("6.25").is_ready
    assert {w.process.pid for w in ahead.pool._free} == processes
    assert sum(k.is_ready for k in many) <= 2  # those that were being compiled


@pytest.mark.usefixtures("own_cache")
def test_a_process_that_ends_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_LANES", "16")
    monkeypatch.setattr(ahead.sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="could not be compiled"):
        ahead.compile_ahead([made("8.25")])


@pytest.mark.skipif(sys.platform == "win32", reason="it takes a shell")
def test_who_asks_a_process_that_will_say_no_more_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It can still be written to, so that only the reading thread knows."""
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec >&- 2>&-\nread question\nsleep 60\n")
    silent.chmod(0o700)
    monkeypatch.setattr(ahead.sys, "executable", str(silent))
    worker, answers = ahead._Worker(), []
    try:
        worker._threads[0].join(30.0)
        assert worker.process.poll() is None
        assert worker.send({"name": "x"}, answers.append)
        assert answers == [None]
    finally:
        worker.close()
