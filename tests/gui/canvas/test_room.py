"""Nodes that grow cover no others; to undo that brings all back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from tests_canvas_scenes import chain, layer

from studio.core.document import Document
from studio.gui.canvas.room import room_for

coordinates = st.integers(0, 60).map(lambda n: 16.0 * n)
sizes = st.tuples(st.integers(40, 200).map(float), st.integers(40, 300).map(float))


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(one[a] < other[a] + other[a + 2] and other[a] < one[a] + one[a + 2] for a in (0, 1))


@given(
    st.lists(st.tuples(coordinates, coordinates, sizes, st.booleans(), st.tuples(st.integers(0, 200), st.integers(0, 200))), min_size=1, max_size=8)
)
def test_no_two_nodes_come_to_overlap(drawn: list[Any]) -> None:
    names = [str(i) for i in range(len(drawn))]
    places = {n: (x, y) for n, (x, y, _, _, _) in zip(names, drawn, strict=True)}
    before = {n: size for n, (_, _, size, _, _) in zip(names, drawn, strict=True)}
    after = {
        n: (size[0] + more[0] * grows, size[1] + more[1] * grows)
        for n, (_, _, size, grows, more) in zip(names, drawn, strict=True)
    }
    moved = room_for([n for n in names if after[n] != before[n]], places, before, after)
    now = places | moved
    for i, one in enumerate(names):
        for other in names[:i]:
            if not overlap((*places[one], *before[one]), (*places[other], *before[other])):
                assert not overlap((*now[one], *after[one]), (*now[other], *after[other]))
    assert all(now[n][0] >= places[n][0] and now[n][1] >= places[n][1] for n in names)
    assert all(moved[n] != places[n] for n in moved)


def test_who_has_room_enough_moves_nobody() -> None:
    places = {"a": (0.0, 0.0), "b": (300.0, 0.0), "c": (0.0, 400.0)}
    before = dict.fromkeys(places, (120.0, 160.0))
    assert room_for(["a"], places, before, before | {"a": (200.0, 300.0)}) == {}
    # All that is further right moves by the same.
    places["d"], before["d"] = (700.0, 900.0), (120.0, 160.0)
    moved = room_for(["a"], places, before, before | {"a": (320.0, 160.0)})
    assert {n: x - places[n][0] for n, (x, _) in moved.items()} == {"b": 56.0, "d": 56.0}


@pytest.fixture
def stacked(bench: Any) -> tuple[Any, str, str]:
    """Two hidden layers of three neurons over the plane, one close below the other."""
    document = chain(
        ("Points", layer("Data", source="spirals")),
        ("Upper", layer("Dense", units=3, activation="tanh")),
        ("Lower", layer("Dense", units=3, activation="tanh")),
        ("Answer", layer("Dense", units=2, activation="softmax")),
        loss=False,
    )
    upper, lower = (document.graph.named(name).id for name in ("Upper", "Lower"))
    bench.open(document)
    bottom = bench.scene.nodes[upper].frame().bottom()
    x, _ = document.positions[upper]
    bench.open(document.moved({lower: (x, bottom + 16)}))
    return bench, upper, lower


def set_units(bench: Any, node: str, units: int, key: str = "") -> None:
    """What the inspector does when a number is changed; with a key as part of a drag."""
    document: Document = bench.session.document
    made = replace(document.graph.node(node).layer, units=units)
    bench.session.edit(document.with_graph(document.graph.set_layer(node, made)), "units", key)


def test_a_node_that_grows_pushes_the_one_below_and_undo_brings_it_back(stacked: Any) -> None:
    bench, upper, lower = stacked
    before = bench.session.document
    set_units(bench, upper, 8)
    frames = {n: item.frame() for n, item in bench.scene.nodes.items()}
    assert not frames[upper].intersects(frames[lower])
    assert frames[lower].top() - frames[upper].bottom() >= 16
    assert bench.session.document.positions[lower] == (frames[lower].left(), frames[lower].top())
    bench.session.undo_stack.undo()
    assert bench.session.document == before  # one step
    bench.session.undo_stack.redo()
    assert bench.scene.nodes[lower].frame() == frames[lower]


def test_a_drag_forth_and_back_leaves_everything_in_its_place(stacked: Any) -> None:
    bench, upper, lower = stacked
    before = bench.session.document
    for units in (4, 6, 8, 7, 5):
        set_units(bench, upper, units, "drag")
        assert not bench.scene.nodes[upper].frame().intersects(bench.scene.nodes[lower].frame())
    far = bench.session.document.positions[lower]
    set_units(bench, upper, 3, "drag")
    assert bench.session.document.positions == before.positions
    assert far != before.positions[lower]
    assert bench.session.undo_stack.count() == 1


def test_what_a_person_puts_over_another_stays_there(stacked: Any) -> None:
    bench, upper, lower = stacked
    over = bench.session.document.positions[upper]
    bench.canvas.editor.move({lower: (over[0] + 10, over[1] + 10)})
    assert bench.session.document.positions[lower] == (over[0] + 10, over[1] + 10)
    set_units(bench, upper, 8)
    assert bench.session.document.positions[lower] == (over[0] + 10, over[1] + 10)


def test_the_minimap_goes_where_no_node_lies(bench: Any) -> None:
    document = chain(("Points", layer("Data", source="spirals")), ("Answer", layer("Dense", units=2)), loss=False)
    first, second = (n.id for n in document.graph.nodes[:2])
    bench.open(document.moved({second: (4000.0, 0.0)}))
    minimap, view = bench.canvas.minimap, bench.view
    assert minimap.isVisible()
    seen = []
    for place in (QPoint(view.width() - 100, view.height() - 80), QPoint(60, view.height() - 80), QPoint(600, 300)):
        corner = view.mapToScene(place)
        bench.canvas.editor.move({first: (corner.x(), corner.y())})
        bench.canvas._looked()
        area = QRect(minimap.pos(), minimap.size())
        node = view.mapFromScene(bench.scene.nodes[first].frame()).boundingRect()
        assert not area.intersects(node)
        assert bench.canvas.rect().contains(area)
        seen.append(minimap.pos())
    assert seen[0] != seen[1]
    assert seen[1] == seen[2]  # it does not move without need


def test_without_a_free_corner_the_minimap_is_a_sign_that_opens_under_the_pointer(bench: Any) -> None:
    document = chain(*((f"Layer {i}", layer("Dense", units=4)) for i in range(40)), loss=False)
    grid = {n.id: (130.0 * (i % 10), 170.0 * (i // 10)) for i, n in enumerate(document.graph.nodes)}
    bench.open(document.moved(grid))
    bench.view.look_at(bench.scene.bounds().center(), 1.3)
    minimap = bench.canvas.minimap
    assert minimap.isVisible()
    small, corner = minimap.size(), minimap.geometry().bottomRight()
    assert small.width() < 60
    QTest.mouseMove(bench.canvas, QPoint(300, 300))
    QTest.mouseMove(minimap, minimap.rect().center())
    bench.qtbot.waitUntil(lambda: minimap.width() > 100)
    assert minimap.geometry().bottomRight() == corner
    there = bench.view.in_view().center()
    QTest.mouseClick(minimap, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert bench.view.in_view().center() != there
    assert minimap.width() > 100
    QTest.mouseMove(bench.view.viewport(), QPoint(100, 100))
    QApplication.sendEvent(minimap, QEvent(QEvent.Type.Leave))
    assert minimap.size() == small


def test_a_graph_too_large_to_read_opens_at_its_beginning(bench: Any) -> None:
    document = chain(("Points", layer("Data", source="spirals")), *((f"Layer {i}", layer("Dense", units=8)) for i in range(30)), loss=False)
    bench.session.open(document)
    assert bench.view.zoom == pytest.approx(0.5)
    assert bench.view.in_view().contains(bench.scene.nodes[document.graph.named("Points").id].frame())
    assert bench.canvas.minimap.isVisible()
    bench.canvas.resize(1100, 700)
    assert bench.view.zoom == pytest.approx(0.5)
    bench.canvas.fit()
    bench.qtbot.waitUntil(lambda: bench.view.in_view().contains(bench.scene.bounds()))
