"""What is asked of NVIDIA's driver, with a stand-in for it, and the sentences when it refuses."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fake_driver import FakeDriver

from studio.cuda.card import CardProblem, Launch
from studio.cuda.code import CardKernel, requested
from studio.cuda.driver import DriverCard
from studio.cuda.resident import WalkKernel
from studio.kernels import cache, control
from studio.kernels.ahead import pool
from studio.kernels.cache import Code
from studio.kernels.jit import compile_ahead
from studio.kernels.simd import LANES


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    # Processes that other tests had compile keep what they were told of the cache, and so do these.
    pool.close()
    monkeypatch.setenv("STUDIO_CACHE_DIR", str(tmp_path))
    yield
    pool.close()


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """All kernels seem to be compiled, their machine code is their name; walks seem to be on their way."""
    monkeypatch.setattr(CardKernel, "key", "0" * 64)
    monkeypatch.setattr(CardKernel, "take", lambda self: Code(self.kernel.name, "", self.name.encode()))
    monkeypatch.setattr(WalkKernel, "ask", lambda self: True)


def test_memory_is_zero_and_is_copied_there_and_back() -> None:
    driver = FakeDriver()
    card = DriverCard(driver)
    assert card.title == "Test Card"
    free = card.free_bytes()
    address = card.allocate(64)
    found = np.ones(16, np.float32)
    card.get(address, found)
    assert not found.any()
    card.put(address + 8, np.arange(4, dtype=np.float32))
    card.get(address, found)
    assert list(found[:7]) == [0, 0, 0, 1, 2, 3, 0]
    assert card.free_bytes() == free - 64
    card.release(address)
    assert not driver.memory


def test_a_card_is_known_by_its_kind_and_its_driver() -> None:
    driver = FakeDriver(cards=2)
    assert DriverCard(driver).identity == "Test Card, sm_90, driver for CUDA 12040"
    assert DriverCard(driver, number=1).identity == "Other Card, sm_90, driver for CUDA 12040"
    driver.failing["cuDriverGetVersion"] = 999
    assert DriverCard(driver).identity == "Test Card, sm_90, driver for CUDA 0"


def test_a_step_becomes_a_graph_and_many_steps_one_too(compiled: None) -> None:
    driver = FakeDriver()
    card = DriverCard(driver)
    launches = [Launch(control.begin_step, 1, (1, 2, 3, 4)), Launch(control.gather, 100, (5, 6, 7, 8))]
    ready = card.prepare(launches)
    # A block has 256 threads; groups of the last one find nothing to do.
    groups = 256 // LANES
    assert ready.one == [
        (b"begin_step", 1, LANES, (1, 2, 3, 4)),
        (b"gather", -(-100 // groups), 256, (5, 6, 7, 8)),
    ]
    assert ready.many == ready.one * 16
    driver.calls.clear()
    card.run(ready, 35)
    assert [call[1] for call in driver.calls if call[0] == "cuGraphLaunch"] == [ready.many] * 2 + [ready.one] * 3
    assert [name for name, *_ in driver.calls].count("cuModuleLoadData") == 0


def test_a_timed_step_is_a_graph_with_an_event_after_each_launch(compiled: None) -> None:
    driver = FakeDriver()
    card = DriverCard(driver)
    kernels = [control.begin_step, control.gather, control.add_into, control.end_step]
    ready = card.prepare([Launch(kernel, 1, (i, 2, 3, 4)) for i, kernel in enumerate(kernels)])
    assert not driver.events  # who never looks has none
    driver.durations = {b"begin_step": 0.002, b"gather": 0.25, b"add_into": 0.5, b"end_step": 0.001}
    driver.calls.clear()
    assert card.time(ready) == pytest.approx([2.0, 250.0, 500.0, 1.0])
    # The same launches with the same arguments as in a step without a clock, in their order, and an event at each edge.
    first, *others = [f"event {number}" for number in range(1, 6)]
    assert ready.timed == [first, *(node for pair in zip(ready.one, others, strict=True) for node in pair)]
    names = [name for name, *_ in driver.calls]
    # Nothing is asked of the events before the card is done with the step.
    assert names.index("cuGraphLaunch") < names.index("cuStreamSynchronize") < names.index("cuEventElapsedTime")
    # Again, with other times: the events and the graph are those that there are.
    driver.durations[b"gather"] = 0.125
    driver.calls.clear()
    assert card.time(ready) == pytest.approx([2.0, 125.0, 500.0, 1.0])
    assert [call[1] for call in driver.calls if call[0] == "cuGraphLaunch"] == [ready.timed]
    assert not {"cuEventCreate", "cuGraphInstantiate"} & {name for name, *_ in driver.calls}
    # Ordinary steps have no events in them.
    driver.calls.clear()
    card.run(ready, 17)
    assert [call[1] for call in driver.calls if call[0] == "cuGraphLaunch"] == [ready.many, ready.one]
    graphs = [ready.one, ready.many, ready.timed]
    driver.calls.clear()
    card.forget(ready)
    assert not driver.events
    assert [call[1] for call in driver.calls if call[0] == "cuGraphExecDestroy"] == graphs


def test_what_was_never_timed_is_forgotten_without_events(compiled: None) -> None:
    driver = FakeDriver()
    card = DriverCard(driver)
    ready = card.prepare([Launch(control.gather, 1, (0, 0, 0, 0))])
    driver.calls.clear()
    card.forget(ready)
    assert [name for name, *_ in driver.calls] == ["cuCtxSetCurrent", "cuGraphExecDestroy", "cuGraphExecDestroy"]


@pytest.mark.parametrize("function", ["cuEventCreate", "cuEventRecordWithFlags", "cuStreamSynchronize", "cuEventElapsedTime"])
def test_a_card_that_fails_at_a_timed_step_is_a_sentence(compiled: None, function: str) -> None:
    driver = FakeDriver()
    card = DriverCard(driver)
    ready = card.prepare([Launch(control.gather, 1, (0, 0, 0, 0))])
    driver.failing[function] = 700
    with pytest.raises(CardProblem, match=r"Test Card failed \(error 700\): train on the processor"):
        card.time(ready)
    driver.failing.clear()
    card.forget(ready)
    assert not driver.events
    # It can still be asked for other things.
    card.prepare([Launch(control.gather, 1, (0, 0, 0, 0))])


@pytest.mark.skipif(importlib.util.find_spec("cuda") is None, reason="cuda.bindings is not installed (extra cuda13)")
def test_the_stand_in_has_only_what_nvidias_driver_has() -> None:
    from cuda.bindings import driver

    functions = [name for name in vars(FakeDriver) if name.startswith("cu")]
    assert len(functions) > 20
    assert [name for name in functions if not callable(getattr(driver, name, None))] == []
    for kind in ("CUdevice_attribute", "CUstreamCaptureMode", "CUevent_record_flags"):
        assert [name for name in vars(getattr(FakeDriver, kind)) if not hasattr(getattr(driver, kind), name)] == []


def test_each_kernel_is_loaded_once(compiled: None) -> None:
    driver = FakeDriver()
    card = DriverCard(driver)
    for _ in range(2):
        card.prepare([Launch(control.gather, 1, (0, 0, 0, 0))] * 3)
    loaded = [call[1] for call in driver.calls if call[0] == "cuModuleLoadData"]
    assert loaded == [b"gather.sm_90"]


def test_a_card_that_is_left_gives_all_back_and_another_is_opened(compiled: None) -> None:
    driver = FakeDriver(cards=2)
    first = DriverCard(driver)
    first.prepare([Launch(control.gather, 1, (0, 0, 0, 0))])
    first.allocate(64)
    first.close()
    first.close()
    assert [c[1:] for c in driver.calls if c[0] == "cuModuleUnload"] == [(b"gather.sm_90",)]
    assert [c[0] for c in driver.calls].count("cuStreamDestroy") == 1
    assert driver.retained == {0: 0, 1: 0}
    assert driver.entered is None
    assert not driver.memories[0]
    second = DriverCard(driver, 1)
    assert second.title == "Other Card"
    address = second.allocate(16)
    assert list(driver.memories[1]) == [address]
    with pytest.raises(CardProblem, match="Test Card was left for another one: choose it again"):
        first.put(address, np.ones(4, np.float32))
    assert driver.entered == 1


def test_a_card_that_failed_can_be_left_too() -> None:
    driver = FakeDriver()
    card = DriverCard(driver)
    driver.failing["cuCtxSetCurrent"] = driver.failing["cuDevicePrimaryCtxRelease"] = 700
    card.close()


def test_a_card_that_does_not_open_keeps_no_context() -> None:
    driver = FakeDriver()
    driver.failing["cuStreamCreate"] = 999
    with pytest.raises(CardProblem):
        DriverCard(driver)
    assert driver.retained == {0: 0}


def test_some_memory_stays_free_for_what_is_not_asked_for_in_bytes() -> None:
    driver = FakeDriver(room=100 << 20)
    assert DriverCard(driver).free_bytes() == 36 << 20
    assert DriverCard(FakeDriver(room=10 << 20)).free_bytes() == 0


def test_a_number_that_no_card_has_is_a_sentence() -> None:
    with pytest.raises(CardProblem, match="There is no card cuda:2: this machine has 2, counted from 0"):
        DriverCard(FakeDriver(cards=2), 2)


@pytest.mark.parametrize(
    ("driver", "words"),
    [
        (FakeDriver(cards=0), "No NVIDIA card was found"),
        (FakeDriver(capability=(6, 1)), "Test Card is too old"),
    ],
)
def test_what_is_missing_is_a_sentence_with_a_remedy(driver: FakeDriver, words: str) -> None:
    with pytest.raises(CardProblem, match=words) as problem:
        DriverCard(driver)
    assert "processor" in str(problem.value)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("cuInit", "The NVIDIA driver does not answer"),
        ("cuDevicePrimaryCtxRetain", "Test Card is used up or blocked"),
        ("cuStreamCreate", r"Test Card failed \(error 999\)"),
    ],
)
def test_a_driver_that_fails_is_a_sentence(function: str, words: str) -> None:
    driver = FakeDriver()
    driver.failing[function] = 999
    with pytest.raises(CardProblem, match=words):
        DriverCard(driver)


def test_a_lost_card_and_too_little_memory_are_sentences(compiled: None) -> None:
    driver = FakeDriver()
    card = DriverCard(driver)
    driver.failing["cuMemAlloc"] = 2
    with pytest.raises(CardProblem, match=r"no room for 2\.00 GB more: make the network or the batch smaller"):
        card.allocate(2_000_000_000)
    ready = card.prepare([Launch(control.gather, 1, (0, 0, 0, 0))])
    driver.failing["cuGraphLaunch"] = 700
    with pytest.raises(CardProblem, match=r"failed \(error 700\): train on the processor"):
        card.run(ready, 1)
    driver.failing["cuModuleLoadData"] = 222
    with pytest.raises(CardProblem, match="cannot read the kernel add_into"):
        card.prepare([Launch(control.add_into, 1, (0, 0, 0, 0))])


@pytest.mark.skipif(importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed (extra cuda13)")
def test_a_process_that_imported_nothing_of_numbas_knows_a_kernel_by_the_same_key() -> None:
    """As the window's, which asks others to compile."""
    program = (
        "from studio import kernels; kernels.COMPILES_HERE = False\n"
        "from studio.cuda.code import CardKernel; from studio.kernels import control\n"
        "import sys; assert 'numba' not in sys.modules\n"
        "print(CardKernel(control.mark_valid, (9, 0)).key)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    import studio.cuda.assembly  # noqa: F401

    assert done.stdout.strip() == CardKernel(control.mark_valid, (9, 0)).key


@pytest.mark.skipif(importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed (extra cuda13)")
def test_another_process_compiles_a_kernel_for_the_card(own_cache: None) -> None:
    card = DriverCard(FakeDriver())
    (kernel,) = card.kernels([control.mark_valid])
    assert isinstance(kernel, CardKernel)
    assert not kernel.is_ready
    compile_ahead([kernel])
    assert kernel.is_ready
    again = requested(kernel.request())
    assert again.key == kernel.key
    code = cache.read(again.name, again.key)
    assert code is not None
    assert code.text.startswith(b"\x7fELF")
    assert "mark" in code.symbol or "entry" in code.symbol
    assert DriverCard(FakeDriver(capability=(8, 0))).kernels([control.mark_valid])[0].is_ready is False
