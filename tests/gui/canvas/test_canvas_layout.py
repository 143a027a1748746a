"""Auto-layout: no overlaps, left to right, in a bounded number of tries."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.gui.canvas.layout import GRID, Link, arrange_in_columns


@st.composite
def drawings(draw: st.DrawFn) -> tuple[dict[str, tuple[float, float]], list[Link]]:
    count = draw(st.integers(1, 25))
    names = [f"n{i}" for i in range(count)]
    sizes = {
        n: (draw(st.floats(40, 260, width=32)), draw(st.floats(30, 450, width=32))) for n in names
    }
    links = []
    if count > 1:
        pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda p: p[0] < p[1])
        for low, high in draw(st.lists(pairs, max_size=40)):
            ports = draw(st.tuples(st.floats(0, 30), st.floats(0, 30)))
            links.append(Link(names[low], names[high], *ports, lane=draw(st.booleans())))
    return sizes, links


@settings(max_examples=80, deadline=None)
@given(drawings())
def test_no_overlaps_and_left_to_right(drawing: tuple[dict[str, tuple[float, float]], list[Link]]) -> None:
    sizes, links = drawing
    placed = arrange_in_columns(sizes, links, origin=(16, -24))
    assert set(placed) == set(sizes)
    boxes = [(*placed[n], *sizes[n]) for n in sizes]
    for i, (ax, ay, aw, ah) in enumerate(boxes):
        for bx, by, bw, bh in boxes[i + 1 :]:
            apart = ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay
            assert apart
    for link in links:
        assert placed[link.source][0] + sizes[link.source][0] < placed[link.target][0]
    assert all(x % GRID == 0 and y % GRID == 0 for x, y in placed.values())
    assert arrange_in_columns(sizes, links, origin=(16, -24)) == placed


def test_a_chain_is_a_straight_line_through_its_ports() -> None:
    sizes = {"a": (150.0, 220.0), "b": (120.0, 420.0), "c": (120.0, 168.0)}
    links = [Link("a", "b", 100, 210), Link("b", "c", 210, 84)]
    placed = arrange_in_columns(sizes, links)
    heights = [placed["a"][1] + 100, placed["b"][1] + 210, placed["b"][1] + 210, placed["c"][1] + 84]
    assert max(heights) - min(heights) <= GRID


def test_crossed_wires_are_uncrossed() -> None:
    sizes = dict.fromkeys("abcd", (100.0, 60.0))
    placed = arrange_in_columns({k: sizes[k] for k in "abdc"}, [Link("a", "c"), Link("b", "d"), Link("a", "d", lane=False)])
    assert (placed["a"][1] < placed["b"][1]) == (placed["c"][1] < placed["d"][1])


def test_a_shortcut_gets_a_lane_past_the_nodes_it_skips() -> None:
    sizes = dict.fromkeys("abcd", (100.0, 200.0))
    links = [Link("a", "b", 100, 100), Link("b", "c", 100, 100), Link("c", "d", 100, 80), Link("a", "d", 100, 120)]
    alone = arrange_in_columns(sizes, links[:3])
    assert alone["a"][1] == alone["b"][1] == alone["c"][1]
    placed = arrange_in_columns(sizes, links)
    # The lane pushes what it passes off the line from a to d, and to one side.
    assert placed["b"][1] == placed["c"][1]
    assert abs(placed["b"][1] - placed["a"][1]) > 50


def test_a_loop_is_refused() -> None:
    with pytest.raises(ValueError, match="loop"):
        arrange_in_columns({"a": (10, 10), "b": (10, 10)}, [Link("a", "b"), Link("b", "a")])
