"""Representation: each view asks for what it draws, and shows it truly."""

import numpy as np
import panel_scenes
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from studio.engine.commands import Watch
from studio.gui.panels.class_scores import class_scores


@pytest.fixture
def plane(make_bottom):
    scene = panel_scenes.spirals()
    return scene, make_bottom(scene).representation


@pytest.fixture
def pictures(make_bottom):
    scene = panel_scenes.digits()
    return scene, make_bottom(scene, 1216, 384).representation


def turn_to(scene, panel, key):
    """Choose a view with the keys, as a person would."""
    combo = panel.view_choice
    combo.setFocus()
    combo.setCurrentIndex(combo.findData(key))
    QTest.keyClick(combo, Qt.Key.Key_Down)
    QTest.keyClick(combo, Qt.Key.Key_Up)
    if panel.view_key != key:
        combo.activated.emit(combo.findData(key))
    draw(scene, panel)


def draw(scene, panel):
    scene.go_on()
    panel.refresh()


def click_row(panel, row):
    where = panel.layers.visualItemRect(panel.layers.item(row)).center()
    QTest.mouseClick(panel.layers.viewport(), Qt.MouseButton.LeftButton, pos=where)


def node_ids(scene):
    return [n.id for n in scene.session.document.graph.nodes]


# Layers ---------------------------------------------------------------------------------


def test_the_list_has_all_layers_with_their_sizes(plane, pictures):
    _, panel = plane
    rows = [(panel.layers.item(i).text(), panel.layers.item(i).data(Qt.ItemDataRole.UserRole + 1)) for i in range(4)]
    assert rows == [("Data", "2-D"), ("Hidden 1", "8-D"), ("Hidden 2", "8-D"), ("Output", "2-D")]
    assert panel.layers.count() == 4  # the loss has no output
    assert panel.layers.layer == panel.session.document.graph.named("Output").id
    _, panel = pictures
    assert panel.layers.item(3).data(Qt.ItemDataRole.UserRole + 1) == "8 x 8 x 16"


def test_projections_begin_with_the_last_hidden_layer(make_bottom, plane):
    scene, panel = plane
    graph = panel.session.document.graph
    turn_to(scene, panel, "pca2")
    assert panel.layers.layer == graph.named("Hidden 2").id
    turn_to(scene, panel, "boundary")
    assert panel.layers.layer == graph.named("Output").id
    click_row(panel, 1)
    turn_to(scene, panel, "pca2")
    assert panel.layers.layer == node_ids(scene)[1]  # what a person chose stays
    table = make_bottom(panel_scenes.iris()).representation
    assert table.view_key == "pca2"
    assert table.layers.layer == table.session.document.graph.named("Hidden").id


def test_one_number_has_one_direction(make_bottom):
    scene = panel_scenes.regression()
    panel = make_bottom(scene).representation
    turn_to(scene, panel, "pca2")
    canvas = panel.views["pca2"].canvas
    for row, expected in ((1, ["PC 1", "PC 2", "PC 3"]), (2, ["PC 1"])):  # the hidden layer, the output of one number
        click_row(panel, row)
        draw(scene, panel)
        assert [word.split("  ")[0] for word in canvas.axis_words()] == expected
        canvas.grab()


def test_choosing_a_layer_selects_its_node_and_back(plane):
    scene, panel = plane
    click_row(panel, 1)
    assert scene.session.selection == {node_ids(scene)[1]}
    QTest.keyClick(panel.layers, Qt.Key.Key_Down)
    assert scene.session.selection == {node_ids(scene)[2]}
    scene.session.select(frozenset({node_ids(scene)[0]}))
    assert panel.layers.layer == node_ids(scene)[0]
    scene.session.select(frozenset({node_ids(scene)[4]}))  # the loss is not in the list
    assert panel.layers.layer == node_ids(scene)[0]


def test_a_layer_that_goes_leaves_the_output_chosen(plane):
    scene, panel = plane
    click_row(panel, 1)
    graph = scene.session.document.graph
    scene.session.edit(scene.session.document.with_graph(graph.remove(frozenset({node_ids(scene)[1]}))), "Delete")
    assert panel.layers.layer in node_ids(scene)


# Boundary ---------------------------------------------------------------------------------


def test_the_boundary_asks_for_layer_and_answers(plane):
    scene, panel = plane
    ids = node_ids(scene)
    assert panel.view_key == "boundary"
    assert panel.wish() == Watch(nodes=frozenset({ids[3]}), answers=True, plane=64)
    click_row(panel, 1)
    assert panel.wish().nodes == {ids[1], ids[3]}


def test_pointing_reads_the_class_shares(plane, qtbot):
    scene, panel = plane
    view = panel.views["boundary"]
    where = QPoint(view.plane.width() // 2 + 30, view.plane.height() // 2 - 40)
    QTest.mouseMove(view.plane, where)
    qtbot.waitUntil(lambda: view.plane.place is not None)
    area = view.plane.square()
    x = -1.15 + 2.3 * (where.x() - area.left()) / area.width()
    y = -1.15 + 2.3 * (area.bottom() - where.y()) / area.height()
    assert view.scores.title == f"At ({x:.2f}, {y:.2f})".replace("-", "−")
    expected = scene.trainer.forward(np.array([[x, y]], np.float32))[node_ids(scene)[3]][0]
    np.testing.assert_allclose(view.scores.shares, expected, atol=0.05)
    QTest.mouseMove(panel.layers, QPoint(3, 3))
    qtbot.waitUntil(lambda: view.scores.title == "Classes")


def test_arrow_keys_move_the_cross(plane):
    _, panel = plane
    view = panel.views["boundary"]
    view.plane.setFocus()
    QTest.keyClick(view.plane, Qt.Key.Key_Up)
    assert view.plane.place == pytest.approx((0.5, 0.52))
    QTest.keyClick(view.plane, Qt.Key.Key_Left)
    assert view.plane.place == pytest.approx((0.48, 0.52))


def test_misclassified_points_are_ringed(plane):
    scene, panel = plane
    view, dataset = panel.views["boundary"], next(iter(scene.trainer.datasets.values()))
    output = node_ids(scene)[3]
    x = np.concatenate([dataset.train.x, dataset.validation.x])
    y = np.concatenate([dataset.train.y, dataset.validation.y])
    wrong = np.flatnonzero(scene.trainer.forward(x)[output].argmax(-1) != y)
    assert len(wrong) > 3
    first = len(dataset.train)
    assert set(view.plane.rings[view.plane.rings >= first]) == set(wrong[wrong >= first])  # exact
    assert abs(len(view.plane.rings) - len(wrong)) <= 1  # training points are read off the grid
    assert view.legend.words() == f"{len(view.plane.rings)} misclassified"


def test_the_picture_has_the_class_colours(plane):
    scene, panel = plane
    view = panel.views["boundary"]
    image = view.plane._image
    lut = panel.theme.lut("boundary")
    for x, y in ((0.1, 0.1), (0.9, 0.9), (0.3, 0.6)):
        place = np.array([[-1.15 + 2.3 * x, -1.15 + 2.3 * y]], np.float32)
        share = scene.trainer.forward(place)[node_ids(scene)[3]][0, 1]
        if abs(share - 0.5) < 0.45:
            continue  # near the boundary a pixel more or less changes the colour
        colour = QColor(image.pixel(round(x * (image.width() - 1)), round((1 - y) * (image.height() - 1))))
        expected = lut[round(255 * float(share))].astype(int)
        assert np.abs(np.array(colour.getRgb()[:3]) - expected).max() <= 12


def test_a_hidden_layer_shows_one_neuron_at_a_time(plane, qtbot):
    scene, panel = plane
    click_row(panel, 1)
    draw(scene, panel)
    view = panel.views["boundary"]
    assert view.neuron.isVisible()
    assert view.neuron.count() == 8
    first = view._picture.values.copy()
    view.neuron.setFocus()
    QTest.keyClick(view.neuron, Qt.Key.Key_Down)
    assert view.neuron.currentText() == "Neuron 2"
    assert not np.array_equal(view._picture.values, first)
    np.testing.assert_allclose(
        view._picture.values[..., 0], scene.trainer.snapshot.nodes[node_ids(scene)[1]].plane[..., 1]
    )


def test_three_classes_and_a_single_one(make_bottom):
    scene = panel_scenes.spirals(classes=3)
    panel = make_bottom(scene).representation
    view = panel.views["boundary"]
    assert [view.neuron.itemText(i) for i in range(4)] == ["All classes", "a", "b", "c"]
    assert view._picture.values.shape == (64, 64, 3)
    view.neuron.setFocus()
    QTest.keyClick(view.neuron, Qt.Key.Key_Down)
    assert view._picture.values.shape == (64, 64, 1)


def test_regression_shows_a_surface(make_bottom, qtbot):
    scene = panel_scenes.regression()
    panel = make_bottom(scene).representation
    view = panel.views["boundary"]
    assert panel.view_choice.currentText() == "Surface"
    assert view.legend.wrong is None
    QTest.mouseMove(view.plane, view.plane.pixel(0.5, 0.25).toPoint())
    qtbot.waitUntil(lambda: view.scores.title.startswith("At"))
    assert float(view.scores.lines[0]) == pytest.approx(np.sin(1.5) + 0.2, abs=0.05)


def test_pictures_offer_no_boundary(pictures):
    _, panel = pictures
    assert panel.view_choice.findData("boundary") == -1
    assert panel.view_key == "strip"


# Strip and maps -----------------------------------------------------------------------------


def test_the_strip_shows_the_picked_sample_everywhere(pictures):
    scene, panel = pictures
    strip = panel.views["strip"]
    dataset = next(iter(scene.trainer.datasets.values()))
    panel.picker.setFocus()
    panel.picker.selectAll()
    QTest.keyClicks(panel.picker, "7")
    QTest.keyClick(panel.picker, Qt.Key.Key_Return)
    assert panel.samples.index == 7
    assert panel.wish().sample == 7
    draw(scene, panel)
    made = scene.trainer.forward(dataset.validation.x[7:8])
    shown = strip.canvas.pictures
    assert len(shown) >= 4
    for node, picture in shown.items():
        if node == node_ids(scene)[0]:
            made[node] = made[node] * 0.4 + 0.3  # the data as they came
            assert picture.lut == "sequential"
        np.testing.assert_allclose(picture.values, made[node][0], atol=1e-5)
    answer = made[strip.canvas.output][0].argmax()
    assert strip.canvas.verdict.startswith(f"says {answer}")
    assert strip.canvas.wrong == (answer != dataset.validation.y[7])
    QTest.keyClick(panel.picker, Qt.Key.Key_Up)
    assert panel.samples.index == 8


def test_a_click_in_the_strip_selects_the_layer(pictures):
    scene, panel = pictures
    canvas = panel.views["strip"].canvas
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.column(2).center().toPoint())
    assert scene.session.selection == {node_ids(scene)[2]}
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_Left)
    assert scene.session.selection == {node_ids(scene)[1]}


def test_maps_read_single_values(pictures, qtbot):
    scene, panel = pictures
    turn_to(scene, panel, "maps")
    scene.session.select(frozenset({node_ids(scene)[1]}))
    draw(scene, panel)
    view = panel.views["maps"]
    tile = view.canvas.tiles()[4]
    QTest.mouseMove(view.canvas, QPointF(tile.left() + tile.width() * 2.5 / 8, tile.top() + tile.height() * 5.5 / 8).toPoint())
    qtbot.waitUntil(lambda: view.canvas.hovered is not None)
    assert view.canvas.hovered == (4, 5, 2)
    value = scene.trainer.snapshot.nodes[node_ids(scene)[1]].activations[0, 5, 2, 4]
    assert view.value.title == "Map 5"
    assert float(view.value.lines[0].rpartition(": ")[2]) == pytest.approx(value, abs=6e-4)


def test_maps_of_a_plane_are_read_upside_up(plane, qtbot):
    scene, panel = plane
    turn_to(scene, panel, "maps")
    view = panel.views["maps"]
    tile = view.canvas.tiles()[1]
    QTest.mouseMove(view.canvas, QPoint(round(tile.left() + 3), round(tile.bottom() - 3)))  # low left
    qtbot.waitUntil(lambda: view.canvas.hovered is not None)
    index, row, column = view.canvas.hovered
    assert (index, row, column) == (1, 0, 0)


# Projections ----------------------------------------------------------------------------------


def test_pca_asks_for_one_scatter_and_hover_names_the_sample(pictures, qtbot):
    scene, panel = pictures
    turn_to(scene, panel, "pca2")
    assert panel.view_key == "pca2"
    assert panel.wish() == Watch(scatter=node_ids(scene)[-3])  # the last hidden layer
    canvas = panel.views["pca2"].canvas
    places, _ = canvas.places()
    number = int(np.abs(places - places.mean(0)).sum(1).argmax())  # far out, nothing on top of it
    QTest.mouseMove(canvas, QPointF(*places[number]).toPoint())
    qtbot.waitUntil(lambda: canvas.hovered >= 0)
    distance = np.hypot(*(places[canvas.hovered] - places[number]))
    assert distance < 2
    label = panel.samples.label(canvas.hovered)
    assert canvas._words[canvas.hovered] == f"{label}  ·  #{canvas.hovered}"
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPointF(*places[number]).toPoint())
    assert panel.samples.index == canvas.hovered


def test_pca_is_that_of_the_layer(pictures):
    scene, panel = pictures
    turn_to(scene, panel, "pca2")
    scene.session.select(frozenset({node_ids(scene)[5]}))
    draw(scene, panel)
    projection = panel.views["pca2"].canvas.projection
    values = scene.trainer.snapshot.scatter.activations
    left, sizes, _ = np.linalg.svd(values - values.mean(0), full_matrices=False)
    np.testing.assert_allclose(np.abs(projection.points), np.abs(left[:, :3] * sizes[:3]), atol=1e-3)


def test_dragging_and_keys_turn_the_space(pictures):
    scene, panel = pictures
    turn_to(scene, panel, "pca3")
    canvas = panel.views["pca3"].canvas
    before, _ = canvas.places()
    middle = QPoint(canvas.width() // 2, canvas.height() // 2)
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=middle)
    QTest.mouseMove(canvas, middle + QPoint(40, 10))
    # QTest moves without the button held, so the drag itself is sent as people's mice do.
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent

    where = QPointF(middle + QPoint(60, 20))
    left = Qt.MouseButton.LeftButton
    move = QMouseEvent(
        QEvent.Type.MouseMove, where, canvas.mapToGlobal(where), Qt.MouseButton.NoButton, left, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(canvas, move)
    QTest.mouseRelease(canvas, left, pos=where.toPoint())
    after, _ = canvas.places()
    assert np.abs(after - before).max() > 2
    yaw = canvas.yaw
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.yaw == pytest.approx(yaw + 0.1)
    turn = canvas._turn()
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    QTest.mouseDClick(canvas, left, pos=middle)
    np.testing.assert_allclose(canvas.places()[0], before)


def test_the_wheel_zooms(pictures):
    scene, panel = pictures
    turn_to(scene, panel, "pca3")
    canvas = panel.views["pca3"].canvas
    where = QPointF(50, 50)
    wheel = QWheelEvent(
        where, canvas.mapToGlobal(where), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )
    QApplication.sendEvent(canvas, wheel)
    assert canvas.zoom > 1


def test_numbers_that_are_not_finite_get_a_sentence(pictures):
    import dataclasses

    scene, panel = pictures
    turn_to(scene, panel, "pca2")
    scatter = scene.live.latest.scatter
    broken = dataclasses.replace(scatter, activations=np.full_like(scatter.activations, np.nan))
    scene.live.latest = dataclasses.replace(scene.live.latest, scatter=broken)
    panel.refresh()
    assert "not finite" in panel._switch.empty.label.text()


# Everything ---------------------------------------------------------------------------------------


def test_an_empty_canvas_says_what_will_show(make_bottom):
    panel = make_bottom(panel_scenes.empty()).representation
    assert panel.wish() is None
    assert "Add Data" in panel._switch.empty.label.text()


def test_shares_of_the_made_up_output_are_what_the_view_reads(plane):
    scene, panel = plane
    view = panel.views["boundary"]
    grid = scene.trainer.snapshot.nodes[node_ids(scene)[3]].plane
    np.testing.assert_allclose(view._picture.values, class_scores(grid, 2))
