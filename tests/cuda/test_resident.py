"""A resident kernel beside captured graphs: when it is tried, which of them is taken, and what the walk is made of."""

from __future__ import annotations

import importlib.util
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fake_driver import FakeDriver

from studio.cli import doctor
from studio.cuda import resident
from studio.cuda.card import Launch
from studio.cuda.code import CardKernel
from studio.cuda.driver import DriverCard
from studio.cuda.resident import MOST_VECTORS, PART, ROUNDS, WalkKernel, could_pay, requested
from studio.cuda.walking import END, KERNEL, ROW, rows_of
from studio.engine.cuda_device import shares
from studio.engine.warm import standard_kernels
from studio.kernels import cache, control, state
from studio.kernels.ahead import pool
from studio.kernels.cache import Code
from studio.kernels.jit import Kernel, compile_ahead, named_kernels

NEEDS_COMPILER = pytest.mark.skipif(importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed (extra cuda13)")


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("STUDIO_CACHE_DIR", str(tmp_path))
    # Processes that compile keep the folder that they began with.
    pool.close()
    yield
    pool.close()


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch, own_cache: None) -> None:
    """All kernels and walks seem to be compiled: machine code is their name."""
    monkeypatch.setattr(CardKernel, "take", lambda self: Code(self.kernel.name, "", self.name.encode()))
    monkeypatch.setattr(WalkKernel, "is_ready", True)
    monkeypatch.setattr(WalkKernel, "take", lambda self: Code("walk", "", b"walk"))


class Rig:
    """A card with a plan of five launches: 2 to 8 kernels, and how long they take.

    Parameters
    ----------
    by_graphs, by_walk : float
        Milliseconds of a minibatch.
    """

    def __init__(self, by_graphs: float, by_walk: float) -> None:
        self.driver = FakeDriver()
        self.driver.durations = {b"gather": by_graphs, b"walk": by_walk}
        self.card = DriverCard(self.driver)
        self.state = self.card.allocate(8 * state.STATE_LENGTH)
        shared = [Launch(kernel, 2, (1, 2, 3, self.state), True, 50) for kernel in (control.gather, control.add_into)]
        edges = [Launch(kernel, 1, (1, 2, 3, self.state)) for kernel in (control.begin_step, control.end_step)]
        self.launches = [edges[0], *shared, edges[1]]
        self.ready = self.card.prepare(self.launches)
        #: What is there without a walk.
        self.blocks = len(self.driver.memory)
        self.one, self.many = self.ready.one, self.ready.many

    def run(self, minibatches: int, ready: Any = None) -> list[tuple[str, int]]:
        """Run: who did how many minibatches, in their order."""
        self.driver.calls.clear()
        self.card.run(self.ready if ready is None else ready, minibatches)
        return list(self.parts())

    def parts(self) -> Iterator[tuple[str, int]]:
        for name, *arguments in self.driver.calls:
            if name == "cuGraphLaunch":
                yield "graphs", len(arguments[0]) // len(self.launches)
            elif name == "cuLaunchKernel":
                yield "walk", arguments[-2][0][-1]

    @property
    def is_walk(self) -> bool:
        assert self.ready.resident is not None
        return self.ready.resident.is_walk

    def unloaded(self) -> list[bytes]:
        return [arguments[0] for name, *arguments in self.driver.calls if name == "cuModuleUnload"]


def total(parts: list[tuple[str, int]]) -> int:
    return sum(count for _, count in parts)


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize(("by_graphs", "by_walk", "faster"), [(0.05, 0.01, "walk"), (0.05, 0.06, "graphs")])
def test_both_take_turns_and_the_faster_one_is_taken(by_graphs: float, by_walk: float, faster: str) -> None:
    rig = Rig(by_graphs, by_walk)
    assert not rig.card.is_settled(rig.ready)
    parts = rig.run(400)
    assert rig.card.is_settled(rig.ready)
    assert total(parts) == 400
    turns = 2 * (ROUNDS + 1)
    assert [who for who, _ in parts[:turns]] == ["graphs", "walk"] * (ROUNDS + 1)
    # Nothing is known of the first walk, so it is a short one.
    assert [count for _, count in parts[:4]] == [PART, 1, PART, PART]
    assert {who for who, _ in parts[turns:]} == {faster}
    assert not rig.driver.events
    # The other one is given back, and comes no more.
    assert {who for who, _ in rig.run(100)} == {faster}
    if faster == "walk":
        assert rig.ready.one is rig.ready.many is None
        assert len(rig.driver.memory) == rig.blocks + 1
        # Also single minibatches, for which nothing else is left.
        assert rig.run(1) == [("walk", 1)]
    else:
        assert (rig.ready.one, rig.ready.many) == (rig.one, rig.many)
        assert len(rig.driver.memory) == rig.blocks
    # Timing single calls is the graphs' in any case.
    assert rig.card.time(rig.ready) == pytest.approx([0.0, 1e3 * by_graphs, 0.0, 0.0])
    rig.driver.calls.clear()
    rig.card.forget(rig.ready)
    assert rig.unloaded() == ([b"walk"] if faster == "walk" else [])
    assert len(rig.driver.memory) == rig.blocks
    assert not rig.driver.events
    # The same plan once more: it is known.
    again = rig.card.prepare(rig.launches)
    assert {who for who, _ in rig.run(100, again)} == {faster}
    assert [name for name, *_ in rig.driver.calls].count("cuEventRecord") == 0
    rig.card.forget(again)
    assert len(rig.driver.memory) == rig.blocks


@pytest.mark.usefixtures("compiled")
def test_turns_go_on_in_later_runs_and_single_minibatches_are_none() -> None:
    rig = Rig(0.05, 0.01)
    assert rig.run(1) == [("graphs", 1)]
    assert rig.run(3) == [("graphs", 1)] * 3
    seen = [rig.run(12) for _ in range(2 * ROUNDS + 4)]
    assert all(total(parts) == 12 for parts in seen)
    assert seen[0] == [("graphs", 1)] * 12
    assert seen[1][0] == ("walk", 1)
    assert seen[-1] == [("walk", 12)]


@pytest.mark.usefixtures("compiled")
def test_no_walk_lasts_long() -> None:
    """A card with a display gives up a kernel that runs for seconds."""
    rig = Rig(20.0, 9.0)
    parts = rig.run(300)
    assert total(parts) == 300
    assert parts[-1][0] == "walk"
    assert max(count for who, count in parts if who == "walk") == 5  # 45 ms


@pytest.mark.usefixtures("compiled")
def test_minibatches_after_a_loss_that_is_not_finite_say_nothing() -> None:
    rig = Rig(0.05, 0.01)
    halted = np.ones(1, np.int64)
    rig.card.put(rig.state + 8 * state.HALTED, halted)
    for _ in range(2 * ROUNDS + 4):
        assert total(rig.run(50)) == 50
        assert not rig.is_walk
    rig.card.put(rig.state + 8 * state.HALTED, 0 * halted)
    rig.run(400)
    assert rig.is_walk


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("failing", ["cuModuleLoadData", "cuModuleGetFunction", "cuMemAlloc", "cuLaunchKernel"])
def test_what_the_driver_does_not_take_is_left_and_noted(failing: str) -> None:
    rig = Rig(0.05, 0.01)
    rig.driver.failing[failing] = 701
    for _ in range(3):
        done = [one for one in rig.run(40) if one[0] == "graphs"]
        assert total(done) == 40
    rig.driver.failing.clear()
    assert {who for who, _ in rig.run(40)} == {"graphs"}
    assert len(rig.driver.memory) == rig.blocks
    assert "Test Card failed (error 701)" in resident.noted()


@pytest.mark.usefixtures("own_cache")
def test_a_walk_that_cannot_be_compiled_leaves_the_graphs_and_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CardKernel, "take", lambda self: Code(self.kernel.name, "", self.name.encode()))

    def fails(kernels: list[Any]) -> None:
        raise RuntimeError(f"The kernels could not be compiled: no {kernels[0].name}")

    monkeypatch.setattr(resident, "compile_ahead", fails)
    rig = Rig(0.05, 0.01)
    assert not resident.noted()
    for _ in range(3):
        assert rig.run(40) == [("graphs", 16), ("graphs", 16), *[("graphs", 1)] * 8]
        wanted = rig.card._residents.wanted(rig.launches)
        assert wanted._compiling is not None
        wanted._compiling.join(10)
    assert wanted.problem.endswith("no walk_4.sm_90")
    assert not cache.problem()
    (finding,) = [found for found in doctor.examine() if found.name == "resident kernel"]
    assert finding.ok
    assert "no walk_4.sm_90" in finding.value
    resident.note("")
    assert "resident kernel" not in {found.name for found in doctor.examine()}


@pytest.mark.usefixtures("own_cache")
def test_the_graphs_do_all_while_a_walk_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CardKernel, "take", lambda self: Code(self.kernel.name, "", self.name.encode()))
    asked: list[WalkKernel] = []
    may_end = threading.Event()

    def slow(kernels: list[Any]) -> None:
        asked.extend(kernels)
        may_end.wait(10)
        kernels[0].code = Code("walk", "", b"walk")

    monkeypatch.setattr(resident, "compile_ahead", slow)
    rig = Rig(0.05, 0.01)
    assert rig.run(3) == [("graphs", 1)] * 3
    assert not rig.card._residents._wanted  # who looks at single minibatches needs none
    for _ in range(3):
        assert {who for who, _ in rig.run(40)} == {"graphs"}
    may_end.set()
    (wanted,) = rig.card._residents._wanted.values()
    assert wanted._compiling is not None
    wanted._compiling.join(10)
    assert total(rig.run(200)) == 200
    assert rig.is_walk
    assert asked == [wanted]


def test_only_plans_of_short_launches_are_tried() -> None:
    def plan(*vectors: int, kernel: Any = control.gather) -> list[Launch]:
        inner = [Launch(kernel, 1, (0, 0, 0, 0), True, count) for count in vectors]
        return [Launch(control.begin_step, 1, (0, 0, 0, 0)), *inner, Launch(control.end_step, 1, (0, 0, 0, 0))]

    assert could_pay(plan(1, 1))
    assert could_pay(plan(2 * MOST_VECTORS, 10))
    assert not could_pay(plan(4 * MOST_VECTORS, 10))
    assert not could_pay(plan(1, 1)[:-1])
    assert not could_pay([])
    assert not could_pay(plan(1, kernel=SimpleNamespace(blocks="a text for blocks of threads")))


def test_rows_say_which_kernel_who_calls_it_and_with_what() -> None:
    rows = rows_of([(3, True, (5, 6, 7, 8)), (1, False, (9, 10, 11, 12))])
    assert rows.shape == (3, ROW)
    assert rows[:2].tolist() == [[3, 1, 5, 6, 7, 8], [1, 0, 9, 10, 11, 12]]
    assert rows[2, KERNEL] == END


# The compiler ---------------------------------------------------------------------------------


def by_name(*names: str) -> list[Kernel]:
    found = {kernel.name: kernel for kernel in (*standard_kernels(), *named_kernels())}
    return [found[name] for name in names]


#: One that calls a function of the compiler's, and one with loops of each kind.
_NAMES = ("begin_step", "gather", "adam", "mark_valid", "end_step")


@NEEDS_COMPILER
@pytest.mark.parametrize("capability", [(7, 5), (8, 0), (9, 0), (12, 0)])
def test_a_walk_becomes_machine_code_without_a_card(capability: tuple[int, int]) -> None:
    from studio.cuda.walk_assembly import REGISTERS, SYMBOL, machine_code

    kernels = by_name("begin_step", "adam", "mark_valid", "end_step")
    linked = machine_code(kernels, [not shares(kernel) for kernel in kernels], capability)
    assert linked.code.startswith(b"\x7fELF")
    assert f"Compiling entry function '{SYMBOL}' for 'sm_{capability[0]}{capability[1]}'" in linked.log
    (registers,) = re.findall(r"Used (\d+) registers, used (\d+) barriers", linked.log)
    spilled = sum(map(int, re.findall(r"(\d+) bytes spill stores", linked.log)))
    assert spilled <= 64
    # As many as all threads of the block have room for, and one barrier for all of them.
    assert 32 <= int(registers[0]) <= REGISTERS == 128
    assert registers[1] == "1"


def _instructions(text: str) -> list[str]:
    """The instructions of PTX from its first register on, without names of places and of functions beside it."""
    lines = [line.strip() for line in text[text.index(".reg") :].splitlines()]
    lines = [re.sub(r"\$(L__|of_\d+_)", "$", line) for line in lines if line]
    return [re.sub(r"(__internal_\w+?)(_of_\d+)?\b(?!_)", r"\1", line) for line in lines]


@NEEDS_COMPILER
@pytest.mark.parametrize("capability", [(9, 0), (12, 0)])
def test_kernels_of_a_walk_are_those_of_launches(capability: tuple[int, int]) -> None:
    """Card by card, since the compiler writes for the newest ones in another way."""
    from studio.cuda.assembly import ptx
    from studio.cuda.walk_assembly import _body, walk_text

    kernels = by_name(*_NAMES)
    whole = walk_text(kernels, [not shares(kernel) for kernel in kernels], capability)
    # Nothing is called that is elsewhere; all threads meet at one place.
    assert "studio_kernel" not in whole
    assert ".extern" not in whole
    assert whole.count("bar.sync") == 1
    for number, kernel in enumerate(kernels):
        text = ptx(kernel, capability)
        body, _ = _body(text, number)
        assert whole.count(body) == 1
        launched = text[text.index(".entry") :]
        mine, others = _instructions(body), _instructions(launched[: launched.index("\n}") + 2])
        changed = [(a, b) for a, b in zip(mine, others, strict=True) if a != b]
        assert changed
        for mine_one, other in changed:
            parameter = re.fullmatch(r"ld\.param\.[bu]64\s+(%rd\d+), \[\w+_param_(\d)\];", other)
            if parameter is not None:
                assert mine_one.split() == ["mov.b64", f"{parameter[1]},", f"%argument{parameter[2]};"]
            else:
                assert (mine_one, other) == (f"bra $done_{number};", "ret;")


@NEEDS_COMPILER
def test_a_kernel_that_counts_on_a_launch_of_its_own_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from studio.cuda import walk_assembly

    gather = by_name("gather")
    with pytest.raises(walk_assembly.NotWalked, match="gather shares its loops with groups that are not to call it"):
        walk_assembly.walk_text(gather, [True], (9, 0))
    text = walk_assembly.ptx(gather[0], (9, 0))
    monkeypatch.setattr(walk_assembly, "ptx", lambda kernel, capability: text.replace("bar.warp.sync", "bar.sync 0;\nbar.warp.sync", 1))
    with pytest.raises(walk_assembly.NotWalked, match="gather is for blocks of threads of its own"):
        walk_assembly.walk_text(gather, [False], (9, 0))


@NEEDS_COMPILER
@pytest.mark.usefixtures("own_cache")
def test_another_process_compiles_a_walk() -> None:
    kernels = by_name("begin_step", "mark_valid", "end_step")
    walk = WalkKernel([(kernel, True) for kernel in kernels], (9, 0))
    assert not walk.is_ready
    compile_ahead([walk])
    assert walk.is_ready
    again = requested(walk.request())
    assert (again.key, again.numbers) == (walk.key, walk.numbers)
    code = again.take()
    assert code is not None
    assert code.symbol.encode() in code.text
    # Another order is the same walk; another card, and other kernels, are others.
    assert WalkKernel([(kernel, True) for kernel in reversed(kernels)], (9, 0)).key == walk.key
    assert WalkKernel([(kernel, True) for kernel in kernels], (8, 0)).key != walk.key
    assert WalkKernel([(kernel, True) for kernel in kernels[1:]], (9, 0)).key != walk.key
