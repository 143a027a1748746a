"""Bricks that are made of layers, on the canvas."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from tests_canvas_scenes import digits

from studio.core.document import Document
from studio.gui.canvas.actions import context_menu
from studio.layers.residual_block import ResidualBlock


def with_block(bench: Any) -> str:
    """Open the digits with a residual block before the first layer; its id."""
    document: Document = digits()
    graph = document.graph
    data = next(n.id for n in graph.nodes if n.layer.family == "Data")
    wire = next(e for e in graph.outgoing(data) if e.source_port == 0)
    graph, node = graph.add(ResidualBlock(filters=4), "Block")
    bench.open(document.with_graph(graph.insert(wire, node), **{node: (240.0, 600.0)}))
    bench.session.select(frozenset({node}))
    return str(node)


def test_a_key_opens_a_brick_and_one_undo_closes_it(bench: Any) -> None:
    node = with_block(bench)
    before = bench.session.document
    bench.key(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert node not in bench.graph
    parts = [n for n in bench.graph.nodes if n.id.startswith(f"{node}/")]
    assert {n.layer.type_name() for n in parts} == {"Conv2D", "BatchNormalization", "ReLU", "Add"}
    assert bench.session.selection == frozenset(n.id for n in parts)
    assert not bench.session.inference.errors
    boxes = [bench.scene.box(n.id) for n in bench.graph.nodes]
    for i, (x, y, width, height) in enumerate(boxes):
        for left, top, wide, high in boxes[i + 1 :]:
            assert x + width <= left or left + wide <= x or y + height <= top or top + high <= y
    bench.session.undo_stack.undo()
    assert bench.session.document == before
    bench.session.undo_stack.redo()
    assert f"{node}/add" in bench.graph


def test_only_bricks_offer_to_be_opened(bench: Any) -> None:
    node = with_block(bench)
    texts = [a.text() for a in context_menu(bench.canvas, node, None).actions()]
    assert "Open into its parts" in texts
    dense = next(n.id for n in bench.graph.nodes if n.layer.type_name() != "ResidualBlock" and n.layer.outputs)
    bench.session.select(frozenset({dense}))
    texts = [a.text() for a in context_menu(bench.canvas, dense, None).actions()]
    assert "Open into its parts" not in texts
    graph = bench.graph
    bench.key(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert bench.graph == graph
    assert "made of layers" in bench.said[-1][0]
