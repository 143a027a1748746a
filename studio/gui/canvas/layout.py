"""Auto-layout: a graph drawn in columns from left to right, with few crossings.

The classic layered method: columns by longest path, order within a column by barycentres,
heights by least squares. A long chain is broken into rows, as text is, because it would
otherwise only be seen whole where nothing in it can be read. Pure: it knows only sizes and
wires, no window.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Position = tuple[float, float]
Size = tuple[float, float]

#: Positions are multiples of this many pixels.
GRID = 8
COLUMN_GAP = 48.0
ROW_GAP = 40.0
_LANE_HEIGHT = 16.0
_ORDER_SWEEPS = 12
_HEIGHT_SWEEPS = 16
#: Rows that a long chain may be broken into.
_MOST_ROWS = 5
#: Wires that may lead from one row to the next at a break.
_MOST_WIRES = 3
#: How much larger the drawing must be for one row more.
_WORTH_A_ROW = 1.2
#: Drawings of more columns than this are broken by nobody: they are looked at in parts.
_MOST_COLUMNS = 200


@dataclass(frozen=True)
class Link:
    """A wire, as the layout sees it.

    Parameters
    ----------
    source, target : str
        Node ids.
    source_y, target_y : float
        Height of the two ports, in pixels from the tops of their nodes.
    lane : bool
        Whether the wire runs among the nodes and wants a lane of its own past them; label
        wires run below everything and do not.
    room : float
        Least distance between columns that the wire wants where it leaves and arrives.
    """

    source: str
    target: str
    source_y: float = 0.0
    target_y: float = 0.0
    lane: bool = True
    room: float = 0.0


def snapped(value: float) -> float:
    """The nearest position on the grid."""
    return float(round(value / GRID) * GRID)


def arrange_in_columns(
    sizes: Mapping[str, Size],
    links: Iterable[Link],
    origin: Position = (0.0, 0.0),
    column_gap: float = COLUMN_GAP,
    row_gap: float = ROW_GAP,
    aspect: float | None = None,
) -> dict[str, Position]:
    """Place nodes in columns, so that wires run from left to right.

    Parameters
    ----------
    sizes : mapping of str to (float, float)
        Width and height by node id, in pixels; the order settles ties.
    links : iterable of Link
        Wires; those with an end outside `sizes` are ignored. They must not close a loop.
    origin : (float, float)
        Top left corner of the drawing.
    column_gap, row_gap : float
        Least distance between columns and between nodes of a column, at least two grid steps.
    aspect : float, optional
        Width by height of the window the drawing is for: it is broken into rows, where few wires
        lead on, if it can then be drawn clearly larger. Without, all is in one row.

    Returns
    -------
    dict of str to (float, float)
        Top left corner by node id, on the grid; no two nodes overlap.

    Notes
    -----
    Parts that no wire connects are drawn one below the other, the largest first; nodes
    without any wire come last, in a row.
    """
    gap_x, gap_y = max(column_gap, 2 * GRID), max(row_gap, 2 * GRID)
    known = [k for k in links if k.source in sizes and k.target in sizes and k.source != k.target]
    placed: dict[str, Position] = {}
    left, top = snapped(origin[0]), snapped(origin[1])
    lonely: list[str] = []
    for part in _parts(list(sizes), known):
        if len(part) == 1:
            lonely += part
            continue
        inside = set(part)
        drawing = _place_part(part, sizes, [k for k in known if k.source in inside], gap_x, gap_y, aspect)
        highest = min(y for _, y in drawing.values())
        for node, (x, y) in drawing.items():
            placed[node] = (snapped(left + x), snapped(top + y - highest))
        top = snapped(max(placed[n][1] + sizes[n][1] for n in part) + 2 * gap_y)
    x = left
    for node in lonely:
        placed[node] = (x, top)
        x = snapped(x + sizes[node][0] + gap_x)
    return placed


def _parts(nodes: Sequence[str], links: Sequence[Link]) -> list[list[str]]:
    """Connected parts, the largest first."""
    leader = {n: n for n in nodes}

    def find(node: str) -> str:
        while leader[node] != node:
            leader[node] = leader[leader[node]]
            node = leader[node]
        return node

    for link in links:
        leader[find(link.source)] = find(link.target)
    groups: dict[str, list[str]] = {}
    for node in nodes:
        groups.setdefault(find(node), []).append(node)
    return sorted(groups.values(), key=len, reverse=True)


def _columns(nodes: Sequence[str], links: Sequence[Link]) -> dict[str, int]:
    """Column by node: longest path from the left, then pulled right towards what it feeds."""
    feeds: dict[str, list[str]] = {n: [] for n in nodes}
    fed_by: dict[str, list[str]] = {n: [] for n in nodes}
    for link in links:
        feeds[link.source].append(link.target)
        fed_by[link.target].append(link.source)
    waiting = {n: len(fed_by[n]) for n in nodes}
    ready = [n for n in nodes if not waiting[n]]
    column = dict.fromkeys(nodes, 0)
    order: list[str] = []
    while ready:
        node = ready.pop(0)
        order.append(node)
        for target in feeds[node]:
            column[target] = max(column[target], column[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    if len(order) < len(nodes):
        raise ValueError("The wires close a loop, so there is no left-to-right order.")
    for node in reversed(order):
        # A second source joins next to what it feeds, not far away in the first column.
        if feeds[node] and not fed_by[node] and column[node] == 0:
            nearest = min(column[t] for t in feeds[node]) - 1
            column[node] = max(0, nearest)
    return column


@dataclass
class _Slot:
    """A node, or the lane of a long wire, in one column."""

    key: str
    height: float
    y: float = 0.0
    is_lane: bool = False


def _place_part(
    nodes: Sequence[str],
    sizes: Mapping[str, Size],
    links: Sequence[Link],
    gap_x: float,
    gap_y: float,
    aspect: float | None,
) -> dict[str, Position]:
    column = _columns(nodes, links)
    drawing = _place_row(nodes, column, sizes, links, gap_x, gap_y)
    last = max(column.values())
    if aspect is None or last > _MOST_COLUMNS:
        return drawing
    widths = [gap_x] * (last + 1)
    for node in nodes:
        widths[column[node]] = max(widths[column[node]], sizes[node][0] + gap_x)
    scale = _scale(drawing, sizes, aspect)
    breaks = _breaks(column, links)
    for rows in range(2, _MOST_ROWS + 1):
        starts = _row_starts(widths, breaks, rows)
        if starts is None:
            break
        broken: dict[str, Position] = {}
        top = 0.0
        for first, end in itertools.pairwise([*starts, last + 1]):
            here = [n for n in nodes if first <= column[n] < end]
            row = _place_row(here, column, sizes, links, gap_x, gap_y)
            highest = min(y for _, y in row.values())
            broken |= {n: (x, y - highest + top) for n, (x, y) in row.items()}
            # Room for the wires that lead from row to row.
            top = max(broken[n][1] + sizes[n][1] for n in here) + 2 * gap_y
        larger = _scale(broken, sizes, aspect)
        if larger < _WORTH_A_ROW * scale:
            continue
        drawing, scale = broken, larger
    return drawing


def _scale(drawing: Mapping[str, Position], sizes: Mapping[str, Size], aspect: float) -> float:
    """How large a drawing can be in a window of this shape and height 1."""
    left, top = min(x for x, _ in drawing.values()), min(y for _, y in drawing.values())
    width = max(x + sizes[n][0] for n, (x, _) in drawing.items()) - left
    height = max(y + sizes[n][1] for n, (_, y) in drawing.items()) - top
    return min(aspect / width, 1 / height)


def _breaks(column: Mapping[str, int], links: Sequence[Link]) -> dict[int, int]:
    """Columns that a row may begin with, and how many wires lead there from the row before."""
    found = {}
    for first in range(1, max(column.values()) + 1):
        across = [k for k in links if k.lane and column[k.source] < first <= column[k.target]]
        # Wires that are drawn as a strand for each weight are read from side to side only.
        if any(k.room for k in across):
            continue
        count = len({(k.source, k.source_y) for k in across})
        if count <= _MOST_WIRES:
            found[first] = count
    return found


def _row_starts(widths: Sequence[float], breaks: Mapping[int, int], rows: int) -> list[int] | None:
    """The columns that each of so many rows begins with, so that the widest is as narrow as can be."""
    end = len(widths)
    places = [0, *sorted(breaks)]
    before = [0.0, *itertools.accumulate(widths)]
    # Of the drawing from a column on, in so many rows: width, wires between rows, begins of rows.
    best = {start: (before[end] - before[start], 0, [start]) for start in places}
    for _ in range(rows - 1):
        more = {}
        for i, start in enumerate(places):
            choices = [
                (max(before[then] - before[start], best[then][0]), breaks[then] + best[then][1], [start, *best[then][2]])
                for then in places[i + 1 :]
                if then in best
            ]
            if choices:
                more[start] = min(choices)
        best = more
    return best[0][2] if 0 in best else None


def _place_row(
    nodes: Sequence[str],
    column_of: Mapping[str, int],
    sizes: Mapping[str, Size],
    all_links: Sequence[Link],
    gap_x: float,
    gap_y: float,
) -> dict[str, Position]:
    """Place the nodes of one row, from x = 0 on."""
    start = min(column_of[n] for n in nodes)
    column = {n: column_of[n] - start for n in nodes}
    links = [k for k in all_links if k.source in column and k.target in column]
    columns: list[list[_Slot]] = [[] for _ in range(max(column.values()) + 1)]
    slots: dict[str, _Slot] = {}

    def add(key: str, where: int, height: float, is_lane: bool) -> None:
        slots[key] = _Slot(key, height, is_lane=is_lane)
        columns[where].append(slots[key])

    for node in nodes:
        add(node, column[node], sizes[node][1], False)
    hops: list[tuple[str, str, float, float]] = []
    for number, link in enumerate(links):
        if not link.lane:
            continue
        here, here_y = link.source, link.source_y
        for where in range(column[link.source] + 1, column[link.target]):
            lane = f"{number}\0{where}"
            add(lane, where, _LANE_HEIGHT, True)
            hops.append((here, lane, here_y, _LANE_HEIGHT / 2))
            here, here_y = lane, _LANE_HEIGHT / 2
        hops.append((here, link.target, here_y, link.target_y))
    before: dict[str, list[tuple[str, float]]] = {k: [] for k in slots}
    after: dict[str, list[tuple[str, float]]] = {k: [] for k in slots}
    for source, target, source_y, target_y in hops:
        before[target].append((source, source_y - target_y))
        after[source].append((target, target_y - source_y))
    _reduce_crossings(columns, before, after)
    _settle_heights(columns, slots, before, after, gap_y)
    gaps = [gap_x] * len(columns)
    for link in all_links:
        for where in (column.get(link.source, -1), column.get(link.target, 0) - 1):
            if where >= 0:
                gaps[where] = max(gaps[where], link.room)
    placed: dict[str, Position] = {}
    x = 0.0
    for slots_here, gap in zip(columns, gaps, strict=True):
        real = [s for s in slots_here if not s.is_lane]
        width = max((sizes[s.key][0] for s in real), default=0.0)
        for slot in real:
            placed[slot.key] = (x + (width - sizes[slot.key][0]) / 2, slot.y)
        x += width + gap
    return placed


_Neighbours = Mapping[str, Sequence[tuple[str, float]]]


def _reduce_crossings(columns: list[list[_Slot]], before: _Neighbours, after: _Neighbours) -> None:
    best = [list(c) for c in columns]
    fewest = _crossings(columns, after)
    for sweep in range(_ORDER_SWEEPS):
        if not fewest:
            break
        forward = sweep % 2 == 0
        neighbours = before if forward else after
        for slots_here in columns if forward else reversed(columns):
            rank = {s.key: i for c in columns for i, s in enumerate(c)}
            middle = {
                s.key: sum(rank[k] for k, _ in neighbours[s.key]) / len(neighbours[s.key])
                if neighbours[s.key]
                else float(rank[s.key])
                for s in slots_here
            }
            slots_here.sort(key=lambda s, middle=middle: middle[s.key])  # type: ignore[misc]
        count = _crossings(columns, after)
        if count < fewest:
            fewest, best = count, [list(c) for c in columns]
    columns[:] = best


def _crossings(columns: list[list[_Slot]], after: _Neighbours) -> int:
    """How many pairs of wires cross between neighbouring columns."""
    total = 0
    for left, right in itertools.pairwise(columns):
        rank = {s.key: i for i, s in enumerate(right)}
        ends = [sorted(rank[k] for k, _ in after[s.key] if k in rank) for s in left]
        flat = [e for group in ends for e in group]
        counts = [0] * (len(right) + 1)  # a Fenwick tree over the ends seen so far
        for seen, end in enumerate(flat):
            at, below = end + 1, 0
            while at:
                below += counts[at]
                at &= at - 1
            total += seen - below
            at = end + 1
            while at <= len(right):
                counts[at] += 1
                at += at & -at
    return total


def _settle_heights(
    columns: list[list[_Slot]],
    slots: Mapping[str, _Slot],
    before: _Neighbours,
    after: _Neighbours,
    gap: float,
) -> None:
    for slots_here in columns:
        total = sum(s.height for s in slots_here) + gap * (len(slots_here) - 1)
        y = -total / 2
        for slot in slots_here:
            slot.y = y
            y += slot.height + gap
    for sweep in range(_HEIGHT_SWEEPS):
        forward = sweep % 2 == 0
        for slots_here in columns if forward else reversed(columns):
            wanted = []
            for slot in slots_here:
                near = before[slot.key] if forward else after[slot.key]
                near = near or (after[slot.key] if forward else before[slot.key])
                hopes = [slots[k].y + offset for k, offset in near]
                wanted.append(sum(hopes) / len(hopes) if hopes else slot.y)
            # Lanes keep straight more stubbornly than nodes, as bends of a wire show most.
            weights = [4.0 if s.is_lane else 1.0 for s in slots_here]
            for slot, y in zip(slots_here, _spread(slots_here, wanted, weights, gap), strict=True):
                slot.y = y


def _spread(slots: Sequence[_Slot], wanted: Sequence[float], weights: Sequence[float], gap: float) -> list[float]:
    """Heights nearest to `wanted` in the least-squares sense that keep order and distance."""
    shift, shifts = 0.0, []
    for slot in slots:
        shifts.append(shift)
        shift += slot.height + gap
    # Without the shifts the constraint is "never decreasing": pool adjacent violators.
    blocks: list[tuple[float, float, int]] = []
    for hope, weight, moved in zip(wanted, weights, shifts, strict=True):
        total, mass, count = (hope - moved) * weight, weight, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / mass:
            other_total, other_mass, other_count = blocks.pop()
            total, mass, count = total + other_total, mass + other_mass, count + other_count
        blocks.append((total, mass, count))
    level = [total / mass for total, mass, count in blocks for _ in range(count)]
    return [y + moved for y, moved in zip(level, shifts, strict=True)]
