"""Where the time goes: table, roofline, history and kernels, over made-up times."""

from __future__ import annotations

import dataclasses

import numpy as np
import panel_scenes
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from studio.core.graph import Graph
from studio.engine.commands import StartRace, StopRace
from studio.engine.gradient_check import GradientCheck
from studio.engine.race_messages import Racer, RaceView
from studio.engine.step_times import CallTime, StepTimes
from studio.gui import devices
from studio.gui.panels.speed.kernel_text import text_of
from studio.gui.panels.speed.rates import MOST, SPACING, RateHistory
from studio.gui.panels.speed.summary import OPTIMIZER, OTHER, WAITING, Line, Roof, lines_of
from studio.gui.panels.speed.table import BYTES, NAME, SHARE, TIME
from studio.gui.theme import Theme
from studio.kernels.pointwise import forward_kernel
from studio.kernels.products import multiply_kernel
from studio.layers.relu import ReLU


def times_of(graph: Graph, steps: int = 5, scale: float = 1.0) -> StepTimes:
    """Each node but the last hidden one takes some time; the rest is update, waiting and a stray."""
    ids = [n.id for n in graph.nodes]
    product, curve = multiply_kernel(8, 2), forward_kernel(ReLU)
    calls = [CallTime("", "forward", "mark_valid", 1, 1.0 * scale)]
    for i, node in enumerate(n for n in ids if n != ids[-3]):
        calls.append(CallTime(node, "forward", product.name, 1, (10.0 + i) * scale, 4e6, 1e5 * (i + 1), product))
        calls.append(CallTime(node, "backward", curve.name, 2, 2.0 * scale, 1e4, 5e4, curve))
    calls.append(CallTime("", "update", "adam", 1, 8.0 * scale, 1e4, 1e5))
    calls.append(CallTime("", "", "barrier", 2, 4.0 * scale))
    calls.append(CallTime("gone", "forward", "copy_rows", 1, 1.0 * scale))
    return StepTimes(tuple(calls), steps, 2)


@pytest.fixture
def speed(make_bottom):
    """A shown panel with a scene whose trainer publishes times."""
    scene = panel_scenes.digits()
    bottom = make_bottom(scene)
    tabs = bottom.right.tabs
    index = next(i for i in range(tabs.count()) if tabs.tabText(i) == "Speed")
    QTest.mouseClick(tabs, Qt.MouseButton.LeftButton, pos=tabs.tabRect(index).center())
    assert bottom.right.current is bottom.speed
    yield bottom.speed, scene
    bottom.speed.end()


def publish(scene, panel, **changes) -> None:
    """A snapshot with times."""
    defaults = {"speed": times_of(scene.trainer.graph), "samples_per_second": 12_000.0, "view_share": 0.012}
    scene.live.look()
    scene.trainer.publish(**{**defaults, **changes})
    scene.live.look()
    panel.refresh()


def turn_to(panel, number: int) -> None:
    place = panel.pages_choice.segment(number).center().toPoint()
    QTest.mouseClick(panel.pages_choice, Qt.MouseButton.LeftButton, pos=place)


# Plain values ---------------------------------------------------------------------------------


def test_lines_follow_the_graph_and_add_up():
    graph = panel_scenes.digits().trainer.graph
    times = times_of(graph)
    lines = lines_of(times, graph)
    assert [line.key for line in lines[-3:]] == [OPTIMIZER, OTHER, WAITING]
    nodes = [line.key for line in lines[:-3]]
    assert nodes == [n for n in graph.order if n in nodes]
    assert sum(line.microseconds for line in lines) == pytest.approx(times.microseconds)
    assert sum(line.share for line in lines) == pytest.approx(1.0)
    first = lines[0]
    assert [part.phase for part in first.parts] == ["forward", "backward"]
    assert first.operations == pytest.approx(4e6 + 1e4)
    assert first.gflops == pytest.approx((4e6 + 1e4) / 12e3)


def test_the_roof_is_memory_first_and_then_calculating():
    roof = Roof(100.0, 20.0)
    assert (roof.at(1.0), roof.at(50.0), roof.ridge) == (20.0, 100.0, 5.0)
    # 10 µs for what takes at least 5 µs to move and 1 µs to calculate.
    assert Line("n", "", 10.0, 0.1, 1e5, 1e5).share_of(roof) == pytest.approx(0.5)
    # 10 µs for what takes at least 8 µs to calculate.
    assert Line("n", "", 10.0, 0.1, 8e5, 1e3).share_of(roof) == pytest.approx(0.8)
    assert Line("n", "", 10.0, 0.1).share_of(roof) is None
    assert Line("n", "", 10.0, 0.1, 8e5, 1e3).share_of(None) is None


def test_rates_are_averaged_and_interrupted_by_pauses():
    rates = RateHistory()
    for i in range(40):
        rates.add(0.1 * i, 100.0 + i % 2)
    seconds, values = rates.series()
    assert 4 <= len(values) <= 10
    assert np.all(np.diff(seconds) >= SPACING)
    assert np.allclose(values, 100.5, atol=0.2)
    rates.add(4.0, 0.0)
    rates.add(4.1, 0.0)
    assert np.isnan(rates.series()[1]).sum() == 1
    for i in range(4 * MOST):
        rates.add(10 + SPACING * i, 5.0)
    assert len(rates) == MOST
    rates.clear()
    assert len(rates) == 0


def test_a_kernels_text_is_what_runs_with_what_it_calls():
    text = text_of(multiply_kernel(8, 2))
    assert multiply_kernel(8, 2).text.strip() in text
    assert "# tile, of studio/kernels/tiles.py:" in text
    assert "multiply_add" in text
    assert "maximum(x, 0.0)" in text_of(forward_kernel(ReLU))
    from studio.kernels.control import gather

    assert "def gather(arena, record, table, state):" in text_of(gather)


# The panel --------------------------------------------------------------------------------------


def test_only_while_it_is_seen_steps_are_timed(speed):
    panel, scene = speed
    scene.live.look()
    assert scene.trainer.watch.speed
    assert not scene.trainer.watch.nodes
    panel.hide()
    scene.live.look()
    assert not scene.trainer.watch.speed


def test_it_says_what_to_do_before_there_are_times(speed):
    panel, scene = speed
    publish(scene, panel, speed=None, status="ready")
    assert panel.empty.isVisible()
    assert panel.empty.label.text().startswith("Press Run")
    publish(scene, panel, speed=times_of(scene.trainer.graph, 0, 0.0), status="ready")
    assert panel.empty.isVisible()
    publish(scene, panel, speed=None, status="invalid")
    assert "Problems" in panel.empty.label.text()
    publish(scene, panel)
    assert not panel.empty.isVisible()
    assert panel.table.isVisible()


def test_a_line_opens_into_kernels_and_a_click_selects_the_node(speed):
    panel, scene = speed
    publish(scene, panel)
    table, rows = panel.table, panel.table.rows
    graph = scene.trainer.graph
    index = rows.index(1, NAME)
    assert index.data() == graph.node(rows.lines[1].key).name
    assert rows.index(1, TIME).data().endswith("µs")
    assert rows.rowCount(index) == 2
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(index).center())
    assert scene.session.selection == {rows.lines[1].key}
    # Open it by the keyboard; other times leave it open and selected.
    QTest.keyClick(table, Qt.Key.Key_Right)
    assert table.isExpanded(index)
    publish(scene, panel, speed=times_of(graph, 9, 3.0))
    assert table.isExpanded(rows.index(1, NAME))
    assert table.selectionModel().selectedRows()[0].row() == 1
    # A selection on the canvas is marked here too.
    scene.session.select(frozenset({rows.lines[0].key}))
    assert table.selectionModel().selectedRows()[0].row() == 0
    scene.session.select(frozenset())
    assert not table.selectionModel().selectedRows()


def test_another_graph_keeps_what_is_open(speed):
    panel, scene = speed
    publish(scene, panel)
    table, rows = panel.table, panel.table.rows
    key = rows.lines[2].key
    table.expand(rows.index(2, NAME))
    times = times_of(scene.trainer.graph)
    publish(scene, panel, speed=dataclasses.replace(times, calls=tuple(c for c in times.calls if c.node != rows.lines[0].key)))
    row = next(i for i, line in enumerate(rows.lines) if line.key == key)
    assert row == 1
    assert table.isExpanded(rows.index(row, NAME))


def test_narrow_panels_keep_name_time_and_share(speed, qtbot):
    panel, scene = speed
    publish(scene, panel)
    panel.table.resize(280, 200)
    assert not any(panel.table.isColumnHidden(c) for c in (NAME, TIME, SHARE))
    assert panel.table.isColumnHidden(BYTES)
    panel.table.resize(700, 200)
    assert not panel.table.isColumnHidden(BYTES)


def test_a_dot_tells_and_selects(speed):
    panel, scene = speed
    publish(scene, panel)
    turn_to(panel, 1)
    plot = panel.roofline
    assert plot.isVisible()
    plot.show_lines(panel.table.rows.lines, Roof(200.0, 20.0))
    dot = plot.dots[2]
    place = plot.dot_place(dot.key).toPoint()
    QTest.mouseMove(plot, QPoint(2, 2))
    QTest.mouseMove(plot, place)
    assert plot.hovered == dot.key
    assert dot.name in plot.accessibleDescription()
    QTest.mouseClick(plot, Qt.MouseButton.LeftButton, pos=place)
    assert scene.session.selection == {dot.key}
    # By keys too.
    plot.setFocus()
    QTest.keyClick(plot, Qt.Key.Key_Right)
    QTest.keyClick(plot, Qt.Key.Key_Return)
    assert scene.session.selection == {plot.hovered}
    assert plot.hovered != dot.key
    assert not plot.grab().isNull()


def test_the_line_below_says_what_looking_costs(speed):
    panel, scene = speed
    publish(scene, panel)
    assert "views cost 1.2 %" in panel.costs.text()
    publish(scene, panel, status="paused")
    assert "cost nothing" in panel.costs.text()


def test_the_kernel_of_the_selected_layer(speed):
    panel, scene = speed
    publish(scene, panel)
    turn_to(panel, 3)
    page = panel.kernel
    assert "Select one layer" in page._switch.empty.label.text()
    node = panel.session.document.graph.nodes[1]
    scene.session.select(frozenset({node.id}))
    assert page.formula.text()
    assert page.choice.count() == 2
    assert page.choice.currentData() == "forward multiply_8x2"
    assert "def run(arena, record, table, state):" in page.source.toPlainText()
    page.choice.setFocus()
    QTest.keyClick(page.choice, Qt.Key.Key_Down)
    assert "maximum(x, 0.0)" in page.source.toPlainText()
    # Other times of the same kernels leave the choice and the place in the text as they are.
    publish(scene, panel, speed=times_of(scene.trainer.graph, 9))
    assert page.choice.currentData() == "backward relu_function"
    silent = panel.session.document.graph.nodes[-3]
    scene.session.select(frozenset({silent.id}))
    assert "needs no program" in page._switch.empty.label.text()


def test_a_double_click_on_a_kernel_shows_its_text(speed):
    panel, scene = speed
    publish(scene, panel)
    table, rows = panel.table, panel.table.rows
    top = rows.index(1, NAME)
    table.resize(500, 300)
    table.expand(top)
    child = rows.index(1, NAME, top)
    place = table.visualRect(child).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert panel.kernel.isVisible()
    assert panel.kernel.choice.currentData() == "backward relu_function"
    assert scene.session.selection == {rows.lines[1].key}


@pytest.mark.parametrize(
    ("check", "words", "token"),
    [
        (None, "checking", "text-3"),
        (GradientCheck("n", "weights", 3.2e-7, 32, 1200), "matches, to 3e-7", "ok"),
        (GradientCheck("n", "inputs", 0.4, 32, 5, True), "inputs differs, by 0.4", "error"),
        (GradientCheck("n", problem="No loss depends on it."), "no gradient", "text-3"),
    ],
)
def test_the_badge_says_how_well_gradients_match(speed, check, words, token):
    panel, _ = speed
    badge = panel.kernel.badge
    panel.kernel.show_check(check)
    assert words in badge.text
    assert badge._token == token
    assert badge.toolTip()


def test_both_themes_paint_all_pages(speed):
    from studio.gui.theme import Theme

    panel, scene = speed
    scene.session.select(frozenset({scene.trainer.graph.nodes[1].id}))
    for mode in ("light", "dark"):
        Theme.instance().set_mode(mode)
        for page in range(4):
            turn_to(panel, page)
            publish(scene, panel)
            assert not panel.grab().isNull()


# The race ---------------------------------------------------------------------------------------


@pytest.fixture
def race(speed, monkeypatch):
    """The page of the race, where a card can be used, with its first race asked for."""
    monkeypatch.setattr(devices, "why_no_cuda", lambda: "")
    panel, scene = speed
    publish(scene, panel, status="running")
    turn_to(panel, 4)
    assert panel.race.isVisible()
    QTest.mouseClick(panel.race.button, Qt.MouseButton.LeftButton)
    assert scene.trainer.sent[-1] == StartRace(1)
    assert panel.race.is_on
    return panel, scene


def sides(here: float, there: float) -> dict:
    return {"processor": Racer("", 2, (here,)), "card": Racer("NVIDIA H100 80GB HBM3", 1, (there,)), "turns": 5}


def bar_length(bars, number: int, token: str) -> int:
    """Pixels of a bar's colour in the middle of the bar."""
    picture, theme = bars.grab().toImage(), Theme.instance()
    y = round((number * 40 + 25) * theme.scale)
    return sum(picture.pixelColor(x, y) == theme.color(token) for x in range(picture.width()))


@pytest.mark.parametrize(
    ("here", "there", "sentence"),
    [
        (1000.0, 4000.0, "The card is 4.0 times as fast on this graph."),
        (3600.0, 2000.0, "The processor is 1.8 times as fast on this graph, which gives the card too little to do at once."),
        (1000.0, 1010.0, "Both are about as fast on this graph."),
    ],
)
def test_bars_and_a_sentence_say_who_is_faster(race, here, there, sentence):
    panel, scene = race
    publish(scene, panel, status="running", race=RaceView(1, "done", 1.0, **sides(here, there)))
    assert panel.race.sentence.text() == sentence
    rows = panel.race.bars.rows()
    assert [row[0] for row in rows] == ["Processor · 2 threads", "NVIDIA H100 80GB HBM3"]
    tokens = [row[3] for row in rows]
    lengths = [bar_length(panel.race.bars, number, token) for number, token in enumerate(tokens)]
    assert max(lengths) > 40
    assert lengths[0] / lengths[1] == pytest.approx(here / there, rel=0.08)
    behind = [token == "border-strong" for token in tokens]
    assert behind == [here * 1.05 < there, there * 1.05 < here]
    description = panel.race.bars.accessibleDescription()
    assert "Processor · 2 threads: " in description
    assert "samples/s" in description


def test_how_far_a_race_is(race):
    panel, scene = race
    page = panel.race
    publish(scene, panel, status="preparing", message="Preparing kernels: 3 of 20", race=RaceView(1, "preparing"))
    assert page.state.text() == "Preparing kernels: 3 of 20"
    assert page.button.text() == "Stop the race"
    assert not page.bars.isVisible()
    publish(scene, panel, status="running", race=RaceView(1, "racing", 0.1, 0, **sides(0, 0)))
    assert page.state.text() == "Warming up"
    publish(scene, panel, status="running", race=RaceView(1, "racing", 0.5, 2, on_turn="cuda", **sides(100, 300)))
    assert page.state.text() == "Turn 2 of 5: the card trains"
    assert page.bars.isVisible()
    picture = page.bars.grab().toImage()
    accent = sum(picture.pixelColor(x, picture.height() - 2) == Theme.instance().color("accent") for x in range(picture.width()))
    assert accent == pytest.approx(picture.width() / 2, abs=6)
    QTest.mouseClick(page.button, Qt.MouseButton.LeftButton)
    assert scene.trainer.sent[-1] == StopRace()
    assert not page.is_on  # at once, although no snapshot knows of it yet
    QTest.mouseClick(page.button, Qt.MouseButton.LeftButton)
    assert scene.trainer.sent[-1] == StartRace(2)
    assert page.is_on
    assert not page.bars.isVisible()


def test_why_there_can_be_no_race_now(speed, monkeypatch):
    monkeypatch.setattr(devices, "why_no_cuda", lambda: "")
    panel, scene = speed
    turn_to(panel, 4)
    for status, words in (("failed", "problem to repair"), ("preparing", "in a moment"), ("ready", "")):
        publish(scene, panel, status=status)
        assert panel.race.button.isEnabled() == (not words)
        assert words in panel.race.button.toolTip()
        assert words in panel.race.sentence.text()
