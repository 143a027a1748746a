"""Long chains in rows: where they are broken, and the wires between the rows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from PySide6.QtCore import QPointF

from studio.gui.canvas import routes
from studio.gui.canvas.layout import GRID, Link, arrange_in_columns
from tests.gui.canvas.test_canvas_layout import drawings

ASPECT = 1.9
Sizes = dict[str, tuple[float, float]]
Places = dict[str, tuple[float, float]]


def chain(count: int, room: float = 0.0) -> tuple[Sizes, list[Link]]:
    names = [f"n{i}" for i in range(count)]
    sizes = {n: (120.0, 280.0 if i % 3 else 160.0) for i, n in enumerate(names)}
    return sizes, [Link(a, b, 80, 80, room=room) for a, b in itertools.pairwise(names)]


def scale(placed: Places, sizes: Sizes) -> float:
    """How large it can be drawn in a window of the aspect and height 1."""
    width = max(x + sizes[n][0] for n, (x, _) in placed.items()) - min(x for x, _ in placed.values())
    height = max(y + sizes[n][1] for n, (_, y) in placed.items()) - min(y for _, y in placed.values())
    return min(ASPECT / width, 1 / height)


def overlapping(placed: Places, sizes: Sizes) -> list[tuple[str, str]]:
    boxes = {n: (*placed[n], placed[n][0] + sizes[n][0], placed[n][1] + sizes[n][1]) for n in placed}
    return [
        (a, b)
        for (a, p), (b, q) in itertools.combinations(boxes.items(), 2)
        if p[0] < q[2] and q[0] < p[2] and p[1] < q[3] and q[1] < p[3]
    ]


@settings(max_examples=60, deadline=None)
@given(drawings())
def test_rows_overlap_nowhere_and_wires_lead_right_or_down(drawing: tuple[Sizes, list[Link]]) -> None:
    sizes, links = drawing
    placed = arrange_in_columns(sizes, links, aspect=ASPECT)
    assert set(placed) == set(sizes)
    assert not overlapping(placed, sizes)
    for link in links:
        (x, y), (after, below) = placed[link.source], placed[link.target]
        assert x + sizes[link.source][0] < after or y + sizes[link.source][1] < below
    assert all(x % GRID == 0 and y % GRID == 0 for x, y in placed.values())
    assert scale(placed, sizes) >= 0.99 * scale(arrange_in_columns(sizes, links), sizes)


@pytest.mark.parametrize("count", [10, 17, 40])
def test_a_long_chain_is_drawn_much_larger(count: int) -> None:
    sizes, links = chain(count)
    line, rows = (arrange_in_columns(sizes, links, aspect=a) for a in (None, ASPECT))
    assert scale(rows, sizes) > 1.3 * scale(line, sizes)
    # As text is read: each is to the right of the one before, or begins a row further down.
    for a, b in itertools.pairwise(sizes):
        assert rows[a][0] + sizes[a][0] < rows[b][0] or (
            rows[b][0] == min(x for x, _ in rows.values()) and rows[b][1] > rows[a][1] + sizes[a][1]
        )


def test_a_short_chain_stays_in_one_row() -> None:
    sizes, links = chain(5)
    assert arrange_in_columns(sizes, links, aspect=ASPECT) == arrange_in_columns(sizes, links)


def test_strands_are_never_broken() -> None:
    sizes, links = chain(14, room=80.0)
    assert arrange_in_columns(sizes, links, aspect=ASPECT) == arrange_in_columns(sizes, links)


def test_rows_begin_where_few_wires_lead_on() -> None:
    sizes, links = chain(14)
    links += [Link(f"n{i}", "n9", 20 + 4 * i, 40) for i in range(4, 8)]
    placed = arrange_in_columns(sizes, links, aspect=ASPECT)
    starts = [n for n in sizes if placed[n][0] == 0.0]
    assert len(starts) > 1
    assert not {"n7", "n8", "n9"} & set(starts)


# Wires between rows ----------------------------------------------------------------------------

#: Two rows of three nodes, 80 pixels apart.
ROWS = np.array([(200 * c, 280 * r, 200 * c + 120, 280 * r + 200) for r in range(2) for c in range(3)], float)


def behind(path: object, boxes: np.ndarray) -> int:
    """How many points along a way are inside of boxes."""
    x, y = routes.sampled(path, 200)[:, :, None].transpose(1, 0, 2)  # type: ignore[arg-type]
    inside = (x > boxes[:, 0]) & (x < boxes[:, 2]) & (y > boxes[:, 1]) & (y < boxes[:, 3])
    return int(inside.sum())


def test_a_wire_back_to_the_next_row_runs_between_the_rows() -> None:
    start, end = QPointF(520, 100), QPointF(0, 380)
    path = routes.around(start, end, ROWS[1:5], ROWS[[5, 0]])
    assert behind(path, ROWS) == 0
    assert path.currentPosition() == end
    assert 200 < path.pointAtPercent(0.5).y() < 280


def test_a_wire_forward_to_the_next_row_does_too() -> None:
    start, end = QPointF(120, 100), QPointF(400, 380)
    path = routes.around(start, end, np.delete(ROWS, [0, 5], 0), ROWS[[0, 5]])
    assert behind(path, ROWS) == 0


def test_the_labels_run_between_the_rows_too() -> None:
    start, end = QPointF(120, 150), QPointF(400, 380)
    path, plate = routes.below(start, end, ROWS)
    assert behind(path, ROWS) == 0
    assert 200 < plate.y() < 280


def test_without_room_between_them_a_wire_back_is_a_curve() -> None:
    start, end = QPointF(520, 100), QPointF(0, 380)
    close = ROWS - np.array([0, 70, 0, 70]) * (ROWS[:, 1:2] > 0)
    path = routes.around(start, end, close[1:5], close[[5, 0]])
    assert path == routes.cubic(start, end)
