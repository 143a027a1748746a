"""Somebody wants to know where the time goes, by mouse and keys."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication
from test_text import open_tab


def test_see_where_the_time_goes_and_what_computes_a_layer(make_studio, person):
    window = make_studio("digits-convnet", size=(1280, 800))
    me = person(window)
    panel = window.workspace.bottom.speed
    watch = lambda: window.trainer._publisher.watch  # noqa: E731
    open_tab(me, window, "Speed")
    me.wait(lambda: panel.empty.isVisible() and panel.empty.label.text().startswith("Press Run"))

    # The programs of a layer are there before it is trained, and so is the check; its menu leads there.
    open_tab(me, window, "Problems")
    me.click_node("n3")
    view, item = me.canvas.view, me.canvas.graph_scene.nodes["n3"]
    place = view.mapFromScene(item.pos() + QPointF(20, 12))
    asked = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, view.viewport().mapToGlobal(place))
    QApplication.sendEvent(view.viewport(), asked)
    me.pick("Show the kernel")
    assert window.workspace.bottom.right.current is panel
    me.wait(lambda: "def " in panel.kernel.source.toPlainText())
    me.wait(lambda: "weights matches" in panel.kernel.badge.text)
    assert "relu" in panel.kernel.formula.text()

    # Run: the table fills, and its numbers add up to a step.
    me.click(panel.pages_choice, panel.pages_choice.segment(0).center().toPoint())
    me.click(me.bar.run_button)
    rows = panel.table.rows
    me.wait(lambda: panel.table.isVisible() and len(rows.lines) >= 7)
    assert abs(sum(line.share for line in rows.lines) - 1.0) < 1e-6
    convolution = next(i for i, line in enumerate(rows.lines) if line.key == "n3")
    assert rows.lines[convolution].microseconds > 0.0
    other = next(i for i, line in enumerate(rows.lines) if line.key == "n2")
    me.click(panel.table.viewport(), panel.table.visualRect(rows.index(other, 0)).center())
    assert window.session.selection == {"n2"}
    me.wait(lambda: "window" in panel.costs.text())

    # Below the roofline a dot tells, and selects.
    me.click(panel.pages_choice, panel.pages_choice.segment(1).center().toPoint())
    me.wait(lambda: panel.roofline.isVisible() and panel.roofline.roof is not None and len(panel.roofline.dots) > 4)
    me.click(panel.roofline, panel.roofline.dot_place("n3").toPoint())
    assert window.session.selection == {"n3"}
    assert all(dot.gflops < 1.2 * panel.roofline.roof.gflops for dot in panel.roofline.dots)

    # Times on the nodes, which stay when another tab is in front, until they are switched off.
    me.click(panel.bars)
    item = me.canvas.graph_scene.nodes["n3"]
    me.wait(lambda: item.time[0].endswith("µs"))
    open_tab(me, window, "Problems")
    me.wait(lambda: not panel.isVisible() and watch().speed)
    open_tab(me, window, "Speed")
    me.click(panel.bars)
    assert item.time[0] == ""

    # Samples a second.
    me.click(panel.pages_choice, panel.pages_choice.segment(2).center().toPoint())
    me.wait(lambda: len(panel.rates) > 1 and panel.rate_plot.isVisible())

    # Somewhere else, nothing is timed and nothing checked.
    me.click(panel.pages_choice, panel.pages_choice.segment(3).center().toPoint())
    me.wait(lambda: panel.gradients._asked is not None)
    open_tab(me, window, "Problems")
    me.wait(lambda: not watch().speed)
    assert panel.gradients._asked is None
