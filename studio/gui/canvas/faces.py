"""What a node shows and where: its face, worked out from graph and shapes without Qt.

All lengths are in scene pixels, from the node's top left corner. The face depends on the
document alone, never on a snapshot, so that nodes do not change their size while training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from studio.core.dataset import DatasetInfo
from studio.core.document import Document
from studio.core.graph import Edge, Graph, Node
from studio.core.inference import Inference
from studio.core.layer import Loss
from studio.core.problems import Problem
from studio.core.shapes import Shape, describe, size
from studio.core.vocabulary import has_characters
from studio.gui.canvas.ports import CELL, MORE_ROW, Port, ports_of

#: Width of a text in a type role, in pixels.
Measure = Callable[[str, str], float]

PADDING = 8.0
HEADER = 42.0
FOOTER = 25.0
BODY_TOP = 50.0
TEXT_LEFT = 38.0
CELL_GAP = 4.0
MAP, MAP_GAP = 44.0, 6.0
SCORE_ROW = 17.0
MOST_CELLS = 8
LINE = 15.0
WIDEST = 208.0
#: Layers up to this many units a side have one strand a weight between them.
MOST_STRANDS = 16
#: Vectors up to this length are drawn as bars, longer ones as a picture strip.
MOST_BARS = 12
_PICTURE, _POINTS, _STRIP = 98.0, 134.0, 96.0
#: Most lines of words that a node shows, and the height of the map above them.
TEXT_LINES, STEPS_MAP = 4, 44.0
#: About so many characters are in a line of a node.
_LINE_CHARACTERS = 22
_WIDTHS = {"points": 150.0, "picture": 114.0, "table": 150.0, "neurons": 120.0, "maps": 112.0, "scores": 132.0,
           "bars": 132.0, "strip": 112.0, "text": 150.0, "steps": 150.0, "loss": 172.0, "none": 112.0}  # fmt: skip


@dataclass(frozen=True)
class Face:
    """What one node looks like; two equal faces look alike.

    Parameters
    ----------
    node : Node
        The node itself.
    kind : str
        What the body shows: ``none``, ``points``, ``picture``, ``table``, ``neurons``, ``maps``,
        ``scores``, ``bars``, ``strip``, ``text`` (words), ``steps`` (scores of each step, and the
        words they choose) or ``loss``.
    width, height : float
        Outer size.
    inputs, outputs : tuple of Port
        In the layer's order.
    shape : Shape or None
        Of the first output; None where it is not known.
    shown, hidden : int
        How many units, maps or lines of words the body shows, and how many more there are.
    labels : tuple of str
        Names of the rows of ``scores``, ``bars`` and ``table``.
    left, right : str
        Footer texts.
    problems : tuple of Problem
        Of this node.
    message : tuple of str
        The first problem, wrapped to the node's width.
    extra : tuple of str and Shape
        Name and shape of what the maps are in place of the output; an empty name for the output.
    words : tuple of str
        What the numbers of ``text``, or the scores of ``steps``, stand for.
    """

    node: Node
    kind: str = "none"
    width: float = 112.0
    height: float = 75.0
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    shape: Shape | None = None
    shown: int = 0
    hidden: int = 0
    labels: tuple[str, ...] = ()
    left: str = ""
    right: str = ""
    problems: tuple[Problem, ...] = ()
    message: tuple[str, ...] = ()
    extra: tuple[str, Shape] = ("", ())
    words: tuple[str, ...] = ()
    plane: bool = False
    info: DatasetInfo | None = field(default=None, compare=False)

    @property
    def subtitle(self) -> str:
        """The second line: the layer's summary, or its family where that only repeats the name."""
        summary = self.node.layer.summary()
        return self.node.layer.family if summary == self.node.name else summary

    @property
    def frozen(self) -> bool:
        """Whether its weights stay as they are."""
        return not self.node.trainable

    @property
    def errors(self) -> int:
        """How many problems stop training."""
        return sum(p.severity == "error" for p in self.problems)

    @property
    def body_height(self) -> float:
        """Room between header and footer."""
        return self.height - FOOTER - BODY_TOP

    @property
    def cells_left(self) -> float:
        """Left edge of the column of neurons or of the grid of maps."""
        return round((self.width - (CELL if self.kind == "neurons" else 2 * MAP + MAP_GAP)) / 2)

    def cell(self, index: int) -> tuple[float, float]:
        """Top left corner of a neuron's heatmap."""
        return self.cells_left, BODY_TOP + 4 + index * (CELL + CELL_GAP)

    @property
    def more_top(self) -> float:
        """Top of the row that says how many more there are."""
        if self.kind == "neurons":
            return self.cell(self.shown)[1]
        rows = (self.shown + 1) // 2
        return BODY_TOP + rows * (MAP + MAP_GAP) - 2


def is_strand(graph: Graph, inference: Inference, edge: Edge, plane: frozenset[str]) -> bool:
    """Whether a wire is drawn as one strand a weight: Dense to Dense over the plane, both small."""
    if edge.source not in plane or edge.target not in plane or len(graph.incoming(edge.target)) != 1:
        return False
    if edge.source_port != 0 or len(inference.shapes.get(edge.target, ((),))[0]) != 1:
        return False
    kernel = next((w for w in inference.weights.get(edge.target, ()) if w.name == "kernel"), None)
    return kernel is not None and len(kernel.shape) == 2 and max(kernel.shape) <= MOST_STRANDS


def plane_nodes(graph: Graph, datasets: Mapping[str, DatasetInfo | str]) -> frozenset[str]:
    """Nodes whose values can be drawn over the input plane: 2-D data and what X feeds."""
    found: set[str] = set()
    for node in graph.order:
        info = datasets.get(node)
        if isinstance(info, DatasetInfo):
            if info.plane:
                found.add(node)
        elif any(e.source in found and e.source_port == 0 for e in graph.incoming(node)):
            found.add(node)
    return frozenset(found)


def thousands(number: int) -> str:
    """A whole number with thin spaces between groups of three digits."""
    return f"{number:,}".replace(",", "\u2009")


def make_faces(
    document: Document,
    inference: Inference,
    datasets: Mapping[str, DatasetInfo | str],
    measure: Measure,
) -> dict[str, Face]:
    """Faces of all nodes, by id."""
    graph = document.graph
    plane = plane_nodes(graph, datasets)
    problems: dict[str, list[Problem]] = {}
    for problem in inference.problems:
        problems.setdefault(problem.node, []).append(problem)
    strands = {e for e in graph.edges if is_strand(graph, inference, e, plane)}
    return {
        n.id: _Maker(graph, inference, datasets, measure, plane, strands).make(n, tuple(problems.get(n.id, ())))
        for n in graph.nodes
    }


@dataclass(frozen=True)
class _Maker:
    graph: Graph
    inference: Inference
    datasets: Mapping[str, DatasetInfo | str]
    measure: Measure
    plane: frozenset[str]
    strands: set[Edge]

    def make(self, node: Node, problems: tuple[Problem, ...]) -> Face:
        shapes = self.inference.shapes.get(node.id)
        shape = shapes[0] if shapes else None
        info = self.datasets.get(node.id)
        info = info if isinstance(info, DatasetInfo) else None
        kind = self._kind(node, shape, info, problems)
        words = self._words(node, kind)
        units = shape[-1] if shape and kind in ("neurons", "maps", "scores", "bars") else 0
        if kind == "maps" and shape and len(shape) == 2:
            units = 1
        extra = self._extra(node) if kind in ("maps", "bars", "strip") else ("", ())
        if extra[0]:
            kind, units = "maps", extra[1][-1]
        shown = min(units, MOST_CELLS) if kind in ("neurons", "maps") else units
        if words:
            shown = units = text_rows(words, self._steps(info, shape))
        labels = self._labels(node, kind, units, info)
        left, right = self._footer(node, shape, info)
        width = self._width(node, kind, labels, bool(problems), left + right.partition(" ")[0])
        message = _wrap(_short(problems[0], node), width - 2 * PADDING, self.measure) if problems else ()
        body = self._body_height(kind, shown, units - shown, len(labels), shape)
        if message:
            body += LINE * len(message) + (LINE + 4 if problems[0].remedy else 2)
        height = HEADER + FOOTER + (body + PADDING + 8 if body else PADDING)
        face = Face(node, kind, width, height, shape=shape, shown=shown, hidden=units - shown, labels=labels,
                    left=left, right=right, problems=problems, message=message,
                    plane=node.id in self.plane, info=info, extra=extra, words=words)  # fmt: skip
        inputs, outputs = ports_of(face, self.graph, self.strands)
        return Face(**{**face.__dict__, "inputs": inputs, "outputs": outputs})

    def _kind(self, node: Node, shape: Shape | None, info: DatasetInfo | None, problems: tuple[Problem, ...]) -> str:
        if (node.id, 0) in self.inference.words:
            return "text"
        if info is not None:
            return "points" if info.plane else "picture" if len(info.x_shape) in (2, 3) else "table"
        if isinstance(node.layer, Loss):
            return "none" if any(p.severity == "error" for p in problems) else "loss"
        if not shape or node.layer.family == "Data" or any(p.severity == "error" for p in problems):
            return "none"
        if self.inference.answer_words(self.graph, node.id):
            return "steps"
        if len(shape) in (2, 3):
            return "maps"
        if len(shape) > 1:
            return "none"
        if node.id in self.plane:
            return "neurons"
        if shape[0] > MOST_BARS:
            return "strip"
        return "scores" if self._classes(node) and self._gives_answer(node) else "bars"

    def _words(self, node: Node, kind: str) -> tuple[str, ...]:
        if kind == "steps":
            return self.inference.answer_words(self.graph, node.id)
        return self.inference.words[node.id, 0] if kind == "text" else ()

    @staticmethod
    def _steps(info: DatasetInfo | None, shape: Shape | None) -> int:
        return (info.x_shape if info is not None else shape or (1,))[0]

    def _extra(self, node: Node) -> tuple[str, Shape]:
        """Name and shape of what is shown in place of the output; an empty name where that is the output."""
        extras = node.layer.extras(*self.inference.input_shapes.get(node.id, ()))
        return next(iter(extras.items()), ("", ()))

    def _gives_answer(self, node: Node) -> bool:
        ends = any(isinstance(self.graph.node(e.target).layer, Loss) for e in self.graph.outgoing(node.id))
        return ends or node.layer.type_name() == "Softmax" or getattr(node.layer, "activation", "") == "softmax"

    def _classes(self, node: Node) -> tuple[str, ...]:
        for source in self.graph.ancestors(node.id):
            info = self.datasets.get(source)
            if isinstance(info, DatasetInfo) and info.classes:
                return info.classes
        return ()

    def _labels(self, node: Node, kind: str, units: int, info: DatasetInfo | None) -> tuple[str, ...]:
        if kind == "scores":
            classes = self._classes(node)
            if len(classes) == units:
                return classes
            if units == 1 and len(classes) == 2:
                return classes[1:]
        if kind == "table" and info is not None:
            names = info.features or tuple(f"column {i + 1}" for i in range(size(info.x_shape)))
            return names[:6]
        return tuple(str(i + 1) for i in range(units)) if kind in ("scores", "bars") else ()

    def _width(self, node: Node, kind: str, labels: tuple[str, ...], problem: bool, footer: str) -> float:
        titles = max(self.measure(node.name, "node-name"), self.measure(node.layer.summary(), "small"))
        width = max(_WIDTHS[kind], TEXT_LEFT + titles + PADDING, self.measure(footer, "small") + 2 * PADDING + 8)
        if kind in ("scores", "bars"):
            longest = max(self.measure(t, "small") for t in labels)
            width = max(width, min(longest, 60.0) + 116)
            if kind == "scores":
                width = max(width, 2 * longest + 110)  # "predicts ..., label ..."
        if problem:
            width = max(width, 190.0)
        return float(round(min(width, WIDEST) / 2) * 2)

    @staticmethod
    def _body_height(kind: str, shown: int, hidden: int, rows: int, shape: Shape | None) -> float:
        more = MORE_ROW if hidden else 0.0
        if kind == "neurons":
            return 4 + shown * (CELL + CELL_GAP) - CELL_GAP + (more + 2 if more else 0)
        if kind == "maps":
            if shown == 1:
                return 2 * MAP + MAP_GAP
            return (shown + 1) // 2 * (MAP + MAP_GAP) - MAP_GAP + more
        if kind == "scores":
            return rows * SCORE_ROW + 22
        if kind in ("bars", "table"):
            return rows * SCORE_ROW + 2
        if kind == "strip":
            return strip_grid(shape[0] if shape else 1)[1] + (LINE if shape and shape[0] > 1024 else 0)
        if kind in ("text", "steps"):
            return shown * LINE + (STEPS_MAP + 8 if kind == "steps" else 4)
        return {"points": _POINTS + 4, "picture": _PICTURE, "loss": 104.0, "none": 0.0}[kind]

    def _footer(self, node: Node, shape: Shape | None, info: DatasetInfo | None) -> tuple[str, str]:
        if info is not None:
            return describe(info.x_shape), f"{thousands(info.samples)} samples"
        if shape is None:
            wired = self.graph.incoming(node.id) or not node.layer.inputs
            return ("shape not known yet" if wired else "not wired"), ""
        return describe(shape), f"{thousands(self.inference.parameters(node.id))} par"

def text_rows(words: tuple[str, ...], steps: int) -> int:
    """Lines that a text of so many words takes, about."""
    single = has_characters(words)
    each = 1.0 if single else 1 + sum(map(len, words)) / len(words)
    return min(TEXT_LINES, max(1, math.ceil(steps * each / _LINE_CHARACTERS)))


def strip_grid(length: int) -> tuple[int, float]:
    """Columns and height in pixels of the picture strip of a long vector, 96 pixels wide."""
    shown = min(length, 1024)
    columns = 8 if shown <= 64 else 16 if shown <= 256 else 32
    rows = -(-shown // columns)
    return columns, rows * _STRIP / columns


def _short(problem: Problem, node: Node) -> str:
    """The problem's sentence without the name that already stands above it."""
    text = problem.message.removeprefix(node.name).strip().rstrip(".")
    return text[:1].upper() + text[1:]


def _wrap(text: str, width: float, measure: Measure) -> tuple[str, ...]:
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and measure(longer, "small") > width:
            lines.append(line)
            line = word
        else:
            line = longer
    lines.append(line)
    return tuple(lines)
