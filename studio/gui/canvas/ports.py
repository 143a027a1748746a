"""Where wires can end on a node."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.core.graph import Edge, Graph
from studio.core.layer import Loss
from studio.gui.canvas.layout import GRID

if TYPE_CHECKING:
    from studio.gui.canvas.faces import Face

#: Side of a neuron's cell, and height of the row that says how many more there are.
CELL, MORE_ROW = 38.0, 18.0


@dataclass(frozen=True)
class Port:
    """Where a wire can end.

    Parameters
    ----------
    name : str
        The layer's name for it, such as ``X`` or ``target``.
    x, y : float
        Its centre.
    spots : tuple of float
        Heights of the small ports, one a neuron; empty where there is only the one port.
    plain : bool
        Whether the one port is drawn (beside spots, if a wire without strands needs it).
    """

    name: str
    x: float
    y: float
    spots: tuple[float, ...] = ()
    plain: bool = True


def ports_of(face: Face, graph: Graph, strands: Set[Edge]) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Input and output ports of a node with this face, in the layer's order.

    Parameters
    ----------
    strands : set of Edge
        Wires that are drawn as one strand a weight.
    """
    node = face.node
    incoming, outgoing = graph.incoming(node.id), graph.outgoing(node.id)
    middle = _on_grid(face.height / 2)
    spots: tuple[float, ...] = ()
    if face.kind == "neurons":
        spots = tuple(face.cell(i)[1] + CELL / 2 for i in range(face.shown))
        middle = _on_grid((spots[0] + spots[-1]) / 2)
        if face.hidden:
            spots = (*spots, face.more_top + MORE_ROW / 2)
    fine_in = spots if any(e in strands for e in incoming) else ()
    fine_out = spots if any(e in strands for e in outgoing) else ()
    names = node.layer.input_names()
    if node.layer.is_variadic():
        count = max(node.layer.minimum_inputs, len(incoming))
        names = tuple(f"{names[-1]} {i + 1}" for i in range(count))
    if isinstance(node.layer, Loss) and face.kind == "loss":
        heights: tuple[float, ...] = (64.0, 104.0, 144.0)
    else:
        heights = _heights(middle, len(names), face.height)
    inputs = tuple(
        Port(n, 0.0, y, fine_in if len(names) == 1 else (), not fine_in) for n, y in zip(names, heights, strict=True)
    )
    if face.node.layer.family == "Data" and len(node.layer.outputs) >= 2:
        step = 40 if face.height > 100 else 24
        heights = tuple(middle - 8 + step * i for i in range(len(node.layer.outputs)))
    else:
        heights = _heights(middle, len(node.layer.outputs), face.height)
    plain_out = not fine_out or any(e not in strands for e in outgoing)
    outputs = tuple(
        Port(n, face.width, y, fine_out if i == 0 else (), plain_out or i > 0)
        for i, (n, y) in enumerate(zip(node.layer.outputs, heights, strict=True))
    )
    return inputs, outputs


def _on_grid(y: float) -> float:
    """Ports lie on the grid that nodes snap to, so that wires between them can be straight."""
    return float(round(y / GRID) * GRID)


def _heights(middle: float, count: int, height: float) -> tuple[float, ...]:
    if count < 2:
        return (middle,) * count
    step = max(GRID, min(5 * GRID, (height - 28) // (count - 1) // GRID * GRID))
    first = _on_grid(middle - (count - 1) / 2 * step)
    return tuple(first + i * step for i in range(count))
