"""Problems: the list, the badge on the tab, selecting and repairing."""

import dataclasses

import panel_scenes
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from studio.core.problems import Problem


@pytest.fixture
def broken(make_bottom):
    """Digits without their Flatten: Dense gets pictures."""
    scene = panel_scenes.digits()
    bottom = make_bottom(scene)
    graph = scene.session.document.graph
    flatten = graph.named("Flatten").id
    graph = graph.remove(frozenset({flatten})).connect(graph.named("Conv 3").id, 0, graph.named("Dense 32").id, 0)
    scene.session.edit(scene.session.document.with_graph(graph), "Delete Flatten")
    tabs = bottom.right.tabs
    QTest.mouseClick(tabs, Qt.MouseButton.LeftButton, pos=tabs.tabRect(tabs.count() - 1).center())
    return scene, bottom


def test_the_badge_counts_and_the_rows_say_it(broken, qtbot):
    scene, bottom = broken
    expected = scene.session.inference.problems
    assert len(expected) >= 1
    last = bottom.right.tabs.count() - 1
    assert bottom.right.tabs.count_of(last) == len(expected)
    assert [r.problem.message for r in bottom.problems.rows] == [p.message for p in expected]
    assert bottom.right.current is bottom.problems
    tabs = bottom.right.tabs
    qtbot.waitUntil(lambda: tabs.tabRect(last).width() >= tabs.tabSizeHint(last).width())  # not cut short


def test_a_click_or_enter_selects_the_node(broken):
    scene, bottom = broken
    row = bottom.problems.rows[0]
    QTest.mouseClick(row, Qt.MouseButton.LeftButton, pos=row.rect().center())
    assert scene.session.selection == {row.problem.node}
    scene.session.select(frozenset())
    row.setFocus()
    QTest.keyClick(row, Qt.Key.Key_Return)
    assert scene.session.selection == {row.problem.node}


def test_the_button_repairs_and_undo_takes_it_back(broken):
    scene, bottom = broken
    row = next(r for r in bottom.problems.rows if r.button is not None)
    before = scene.session.document
    QTest.mouseClick(row.button, Qt.MouseButton.LeftButton)
    assert scene.session.document != before
    assert row.problem not in scene.session.inference.problems
    assert bottom.right.tabs.count_of(bottom.right.tabs.count() - 1) == len(scene.session.inference.problems)
    scene.session.undo_stack.undo()
    assert scene.session.document == before
    assert bottom.right.tabs.count_of(bottom.right.tabs.count() - 1) == len(scene.session.inference.problems)


def test_what_stopped_training_stands_first(make_bottom):
    scene = panel_scenes.spirals()
    bottom = make_bottom(scene)
    assert bottom.problems.problems == ()
    node = scene.session.document.graph.nodes[1].id
    scene.trainer.problem = Problem(node, "Hidden 1 gave numbers that are not finite at step 12: lower the learning rate.")
    scene.go_on()
    assert bottom.problems.problems == (scene.trainer.problem,)
    assert bottom.right.tabs.count_of(bottom.right.tabs.count() - 1) == 1
    scene.trainer.problem = dataclasses.replace(scene.trainer.problem, node="gone")
    scene.go_on()
    assert bottom.problems.problems == ()
    assert "No problems" in bottom.problems._switch.empty.label.text()


def test_a_repair_that_no_longer_fits_gets_a_sentence(broken, qtbot):
    scene, bottom = broken
    problem = next(p for p in scene.session.inference.problems if p.remedy is not None)
    with qtbot.waitSignal(scene.session.said) as said:
        bottom.problems._repair(dataclasses.replace(problem, node="gone"))
    assert said.args[1] is True
