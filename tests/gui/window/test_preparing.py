"""While kernels are compiled the window says so, and Pause stops waiting for them."""

from __future__ import annotations

import threading

import pytest

from studio.engine import trainer as trainer_module
from studio.engine.compiling import compile_kernels


@pytest.fixture
def slow_compiler(monkeypatch: pytest.MonkeyPatch):
    """Kernels seem to be missing: 12 of 30 are done, and the rest when the test says so."""
    go_on = threading.Event()

    def slow(kernels, progress, stopped):
        progress(0, 30)
        progress(12, 30)
        while not go_on.wait(0.01):
            if stopped():
                return
        compile_kernels(kernels, lambda done, total: None, stopped)

    monkeypatch.setattr(trainer_module, "compile_kernels", slow)
    yield go_on
    go_on.set()


def test_run_waits_for_kernels_and_says_so(make_studio, hands, qtbot, slow_compiler):
    window = make_studio()
    me, workspace = hands(window), window.workspace
    bar = workspace.run_bar
    assert window.files.new_from_template("xor")
    qtbot.waitUntil(lambda: bar.epoch.label == "Preparing kernels")
    assert not workspace.preparing_note.isVisible()  # nobody waits yet
    me.click(bar.run_button)
    qtbot.waitUntil(lambda: workspace.preparing_note.isVisible())
    assert workspace.preparing_note.text == "Preparing kernels 12 of 30"
    assert workspace.preparing_note.share == pytest.approx(0.4)
    assert bar.epoch.text == "12 of 30"
    assert bar.run_button.text() == "Pause"
    qtbot.wait(350)  # longer than a command counts more than what is seen
    assert bar.run_button.text() == "Pause"
    seen = []
    window.link.state_changed.connect(lambda: seen.append(bar.run_button.text()))
    slow_compiler.set()
    qtbot.waitUntil(lambda: window.live.latest.step > 0, timeout=60_000)
    qtbot.waitUntil(lambda: bar.epoch.label == "Epoch")
    assert not workspace.preparing_note.isVisible()
    me.click(bar.run_button)
    qtbot.waitUntil(lambda: window.link.status in ("paused", "finished"))
    assert seen[0] == "Pause"  # it did not look idle in between


def test_pause_stops_waiting(make_studio, hands, qtbot, slow_compiler):
    window = make_studio()
    me, workspace = hands(window), window.workspace
    assert window.files.new_from_template("xor")
    me.click(workspace.run_bar.run_button)
    qtbot.waitUntil(lambda: workspace.preparing_note.isVisible())
    me.click(workspace.run_bar.run_button)
    assert workspace.run_bar.run_button.text() == "Run"
    qtbot.waitUntil(lambda: not workspace.preparing_note.isVisible())
    slow_compiler.set()
    qtbot.waitUntil(lambda: window.link.status in ("ready", "paused"), timeout=60_000)
    qtbot.wait(100)
    assert window.live.latest.step == 0
    assert workspace.run_bar.run_button.text() == "Run"


def test_another_network_is_not_kept_waiting(make_studio, qtbot, slow_compiler):
    """Kernels of a network that nobody wants any more are given up."""
    window = make_studio()
    assert window.files.new_from_template("xor")
    qtbot.waitUntil(lambda: window.link.status == "preparing" and window.live.latest.progress > 0)
    before = window.live.latest.graph
    assert window.files.new_from_template("iris")
    qtbot.waitUntil(lambda: window.live.latest.graph not in (None, before))
    slow_compiler.set()
    qtbot.waitUntil(lambda: window.link.status == "ready", timeout=60_000)
    assert window.live.latest.graph == window.session.document.graph


def test_a_cache_that_cannot_be_used_is_said_once(make_studio, qtbot, monkeypatch):
    from studio.kernels import cache

    sentence = "Prepared kernels cannot be kept in /nowhere (No space left on device)."
    monkeypatch.setattr(cache, "_sentences", {"written": sentence})
    window = make_studio()
    qtbot.waitUntil(lambda: window.notice.text == sentence)
    said = []
    window.session.said.connect(lambda text, error: said.append((text, error)))
    assert window.files.new_from_template("xor")
    qtbot.waitUntil(lambda: window.link.status == "ready", timeout=60_000)
    qtbot.wait(100)
    assert (sentence, True) not in said


@pytest.mark.parametrize("width", [1000, 1280])
def test_words_that_say_so_take_the_place_of_the_least_needed(make_studio, qtbot, slow_compiler, width):
    window = make_studio(size=(width, 800))
    bar = window.workspace.run_bar
    assert window.files.new_from_template("digits-convnet")
    qtbot.waitUntil(lambda: bar.epoch.label == "Preparing kernels")
    assert bar.layout().sizeHint().width() <= bar.width()
    qtbot.waitUntil(lambda: bar.epoch.width() >= bar.epoch.sizeHint().width() - 1)
    slow_compiler.set()
    qtbot.waitUntil(lambda: bar.epoch.label == "Epoch", timeout=60_000)
    assert bar.layout().sizeHint().width() <= bar.width()
