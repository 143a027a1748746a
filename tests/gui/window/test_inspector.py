"""The inspector: forms that follow from fields, live views, data sources."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit

from studio.core import registry
from studio.core.document import Training
from studio.core.fields import fields_of
from studio.gui.inspector.csv_dialog import CsvDialog
from studio.gui.inspector.editors import make_editor
from studio.gui.inspector.form import Form
from studio.gui.inspector.identity import FormulaBox, formula_of
from studio.gui.widgets.label import Label
from studio.layers.dense import Dense


@pytest.fixture
def studio(make_studio, hands):
    window = make_studio("digits-convnet")
    return window, hands(window)


def _select(window, name: str) -> str:
    node = window.session.document.graph.named(name).id
    window.session.select(frozenset({node}))
    return node


def _pick(box: QComboBox, words: str) -> None:
    index = box.findText(words)
    assert index >= 0
    box.setCurrentIndex(index)
    box.activated.emit(index)


def test_every_component_gets_a_form_that_shows_its_values(qtbot):
    parts = [*registry.optimizers().values(), *registry.schedules().values(), *registry.stoppings().values()]
    for component in [*registry.layers().values(), *parts]:
        form = Form()
        qtbot.addWidget(form)
        form.show_component(component())
        assert set(form.editors) == set(fields_of(component))


def test_every_kind_of_field_can_be_shown(qtbot):
    for component in [*registry.layers().values(), *registry.schedules().values()]:
        for name, field in component.parameters().items():
            editor = make_editor(field, name)
            qtbot.addWidget(editor)
            editor.show_value(getattr(component(), name))


def test_each_choice_says_what_it_is(studio):
    window, _person = studio
    _select(window, "Conv 1")
    box = window.workspace.inspector.node.form.editors["kernel_initializer"].list
    tips = [box.itemData(i, Qt.ItemDataRole.ToolTipRole) for i in range(box.count())]
    assert all(tips)
    assert len(set(tips)) == len(tips)
    curves = window.workspace.inspector.node.form.editors["activation"].list
    assert curves.itemData(curves.findText("relu"), Qt.ItemDataRole.ToolTipRole) == registry.layer("ReLU").help
    _pick(box, "too_large")
    assert box.toolTip() == tips[box.findText("too_large")]


def test_a_number_typed_changes_the_layer_and_undo_takes_it_back(studio):
    window, person = studio
    node = _select(window, "Conv 1")
    form = window.workspace.inspector.node.form
    person.type_number(form.editors["filters"].number, "8")
    assert window.session.document.graph.node(node).layer.filters == 8
    person.focus_canvas()
    person.press_keys(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.session.document.graph.node(node).layer.filters == 16


def test_a_number_out_of_range_is_explained_below_the_field(studio):
    window, person = studio
    node = _select(window, "Conv 1")
    form = window.workspace.inspector.node.form
    person.type_number(form.editors["filters"].number, "0")
    assert "at least 1" in form.error("filters")
    assert window.session.document.graph.node(node).layer.filters == 16


def test_one_drag_of_a_slider_is_one_step_of_undo(studio):
    window, _person = studio
    node = _select(window, "Digit")
    form = window.workspace.inspector.node.form
    slider = form.editors["l2"].slider
    before = window.session.undo_stack.count()
    QTest.mousePress(slider, Qt.MouseButton.LeftButton)
    for _ in range(5):
        slider.setValue(slider.value() + 7)
    QTest.mouseRelease(slider, Qt.MouseButton.LeftButton)
    assert window.session.document.graph.node(node).layer.l2 > 0
    assert window.session.undo_stack.count() == before + 1


def test_a_name_typed_renames_the_node(studio):
    window, _person = studio
    node = _select(window, "Conv 1")
    name = window.workspace.inspector.node.name
    name.setFocus()
    name.selectAll()
    QTest.keyClicks(name, "Edges")
    QTest.keyClick(name, Qt.Key.Key_Return)
    assert window.session.document.graph.node(node).name == "Edges"


def test_weights_activations_and_gradients_are_shown_and_change(studio, qtbot):
    window, person = studio
    node = _select(window, "Conv 1")
    page = window.workspace.inspector.node
    assert page.identity.kind.text() == "Conv2D · 160 parameters"
    for index, tab in enumerate((page.weights, page.activations, page.gradients), start=1):
        person.click(page.tabs, page.tabs.tabRect(index).center())
        assert page.tabs.currentIndex() == index
        if tab is page.gradients:
            QTest.keyClick(window, Qt.Key.Key_F10)
        qtbot.waitUntil(lambda t=tab: t.view.isVisible() and t.view.picture.tiles is not None, timeout=20_000)
        shape = tab.view.facts.rows[0][1]
        before = tab.view.facts.rows
        assert ("8 × 8" if tab is page.activations else "3 × 3") in shape.replace("x", "×")
        QTest.keyClick(window, Qt.Key.Key_F10)
        qtbot.waitUntil(lambda t=tab, b=before: t.view.facts.rows != b, timeout=20_000)
    assert window.live._union().details == {node}
    QTest.mouseClick(page.gradients.view.toggle, Qt.MouseButton.LeftButton)
    assert page.gradients.view.table.model().rowCount() > 0


def test_layers_without_weights_have_no_tabs_for_them(studio):
    window, _ = studio
    tabs = window.workspace.inspector.node.tabs
    _select(window, "Max pool")
    assert [tabs.isTabVisible(i) for i in range(4)] == [True, False, True, False]
    _select(window, "Loss")
    assert [tabs.isTabVisible(i) for i in range(4)] == [True, False, False, False]
    _select(window, "Conv 1")
    assert all(tabs.tabRect(i).width() > 20 for i in range(4))


def test_nothing_selected_shows_the_training_settings(studio, qtbot):
    window, person = studio
    window.session.select(frozenset())
    page = window.workspace.inspector.training
    assert page.isVisible()
    qtbot.waitUntil(lambda: len(page.balance.bars._counts) == 10, timeout=20_000)
    person.type_number(page.training_form.editors["epochs"].number, "7")
    assert window.session.document.training.epochs == 7
    rate = window.session.document.training.optimizer.learning_rate
    page.optimizer.setFocus()
    QTest.keyClicks(page.optimizer, "SGD")
    page.optimizer.activated.emit(page.optimizer.currentIndex())
    chosen = window.session.document.training.optimizer
    assert (chosen.type_name(), chosen.learning_rate) == ("SGD", rate)


def test_metrics_are_ticked_with_the_keys(studio, qtbot):
    window, _person = studio
    window.session.select(frozenset())
    editor = window.workspace.inspector.training.measures.editors["metrics"]
    assert editor.button.text() == "automatic"
    for wanted in ("precision", "recall"):
        editor.button.setFocus()
        QTest.keyClick(editor.button, Qt.Key.Key_Space)
        qtbot.waitUntil(editor.menu.isVisible)
        while editor.menu.activeAction() is None or editor.menu.activeAction().data() != wanted:
            QTest.keyClick(editor.menu, Qt.Key.Key_Down)
        assert editor.menu.activeAction().toolTip() == registry.metric(wanted).help
        QTest.keyClick(editor.menu, Qt.Key.Key_Return)
    assert window.session.document.training.metrics == ("precision", "recall")
    assert editor.button.text() == "precision, recall"
    window.session.undo_stack.undo()
    # Ticks that follow each other quickly are one edit.
    assert window.session.document.training.metrics == ()
    assert editor.button.text() == "automatic"


def test_the_wheel_over_a_list_changes_nothing(studio):
    window, _person = studio
    window.session.select(frozenset())
    page = window.workspace.inspector.training
    before = window.session.document
    lists = (page.optimizer, page.schedule.list, page.stopping.list, page.training_form.editors["mode"].list)
    for box in lists:
        place = QPointF(box.rect().center())
        for _ in range(3):
            event = QWheelEvent(
                place, box.mapToGlobal(place), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
                Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
            )  # fmt: skip
            QApplication.sendEvent(box, event)
    assert window.session.document is before


def test_a_schedule_is_chosen_edited_and_taken_back(studio):
    window, _person = studio
    window.session.select(frozenset())
    page = window.workspace.inspector.training
    _pick(page.schedule.list, "Constant")
    assert not page.schedule.form.isVisible()
    _pick(page.schedule.list, "PiecewiseConstantDecay")
    assert page.schedule.form.isVisible()
    assert "one learning rate up to a step" in page.schedule.help.text()
    values = page.schedule.form.editors["values"]
    values.line.setFocus()
    values.line.setText("0.1, 0.02; 3e-3")
    values.line.setModified(True)
    values.line.editingFinished.emit()
    assert window.session.document.training.schedule.values == (0.1, 0.02, 0.003)
    boundaries = page.schedule.form.editors["boundaries"]
    boundaries.line.setText("9 x 5")
    boundaries.line.setModified(True)
    boundaries.line.editingFinished.emit()
    assert "must rise" in page.schedule.form.error("boundaries")
    _pick(page.schedule.list, "Constant")
    assert window.session.document.training.schedule is None
    window.session.undo_stack.undo()
    assert window.session.document.training.schedule.values == (0.1, 0.02, 0.003)


def test_early_stopping_limits_and_mode_are_set(studio):
    window, person = studio
    window.session.select(frozenset())
    page = window.workspace.inspector.training
    _pick(page.stopping.list, "EarlyStopping")
    person.type_number(page.stopping.form.editors["patience"].number, "4")
    assert window.session.document.training.early_stopping.patience == 4
    monitor = page.stopping.form.editors["monitor"].list
    _pick(monitor, "val_f1")
    assert window.session.document.training.early_stopping.monitor == "val_f1"
    assert "few false alarms" in monitor.toolTip()
    person.type_number(page.optimizer_form.editors["clipnorm"].number, "1")
    person.type_number(page.optimizer_form.editors["clipvalue"].number, "2")
    assert "cannot both limit" in page.optimizer_form.error("clipvalue")
    assert window.session.document.training.optimizer.clipping() == "clipnorm"
    _pick(page.training_form.editors["mode"].list, "greedy")
    assert window.session.document.training.mode == "greedy"


def test_a_layer_is_frozen_seen_on_the_canvas_and_taken_back(studio):
    window, _person = studio
    node = _select(window, "Conv 1")
    page = window.workspace.inspector.node
    assert page.learning.isVisible()
    box = page.learning.editors["freeze_weights"].box
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=box.rect().center() - QPoint(box.width() // 2 - 8, 0))
    assert not window.session.document.graph.node(node).trainable
    assert window.session.undo_stack.undoText() == "freeze Conv 1"
    item = window.workspace.canvas.graph_scene.nodes[node]
    assert item.face.frozen
    window.session.undo_stack.undo()
    assert window.session.document.graph.node(node).trainable
    assert not item.face.frozen
    _select(window, "Loss")
    assert not page.learning.isVisible()


def test_another_built_in_set_is_chosen(studio):
    window, _person = studio
    node = _select(window, "Digits")
    editor = window.workspace.inspector.node.form.editors["source"]
    names = [editor.list.itemData(i) for i in range(editor.list.count())]
    editor.list.setFocus()
    editor.list.setCurrentIndex(names.index("iris"))
    editor.list.activated.emit(names.index("iris"))
    assert window.session.document.graph.node(node).layer.source == "iris"
    assert window.session.inference.errors  # a convolution cannot take flowers: the graph says so


def test_a_csv_file_is_chosen_with_its_target(studio, tmp_path: Path):
    window, person = studio
    file = tmp_path / "flowers.csv"
    rows = "\n".join(f"{i},{i % 7},{'ab'[i % 2]}" for i in range(40))
    file.write_text(f"length,width,kind\n{rows}\n")
    node = _select(window, "Digits")
    editor = window.workspace.inspector.node.form.editors["source"]
    index = [editor.list.itemData(i) for i in range(editor.list.count())].index("?csv")

    def choose_target(dialog) -> None:
        assert isinstance(dialog, CsvDialog)
        box = dialog.findChild(QComboBox)
        QTest.keyClicks(box, "kind")
        QTest.keyClick(box, Qt.Key.Key_Return)
        if dialog.isVisible():
            dialog.accept()

    def choose_file(dialog) -> None:
        person.when_asked(choose_target, besides=dialog)
        line = dialog.findChild(QLineEdit, "fileNameEdit")
        line.clear()
        QTest.keyClicks(line, str(file))
        QTest.keyClick(line, Qt.Key.Key_Return)

    person.when_asked(choose_file)
    editor.list.activated.emit(index)
    assert window.session.document.graph.node(node).layer.source == f"csv:{file}?target=kind"
    assert editor.list.currentText() == "flowers.csv"


def test_a_broken_file_is_explained_and_nothing_changes(studio, tmp_path: Path):
    window, person = studio
    file = tmp_path / "broken.npz"
    file.write_bytes(b"no arrays at all")
    node = _select(window, "Digits")
    form = window.workspace.inspector.node.form
    editor = form.editors["source"]
    index = [editor.list.itemData(i) for i in range(editor.list.count())].index("?npz")
    person.when_asked(person.name_file(file))
    editor.list.activated.emit(index)
    layer = window.session.document.graph.node(node).layer
    balance = window.workspace.inspector.node.balance
    if layer.source != "digits":  # the source is taken, and the node says what is wrong with it
        assert balance.problem.isVisible()
        assert balance.problem.text().endswith(".")
        assert window.session.inference.errors
    else:
        assert form.error("source").endswith(".")


@pytest.mark.parametrize(
    ("activation", "formula"), [("tanh", "y = tanh(x W + b)"), ("linear", "y = x W + b")]
)
def test_the_formula_has_the_chosen_activation(activation, formula):
    assert formula_of(Dense(4, activation)) == formula


def test_no_two_rows_of_the_training_page_are_called_the_same(studio, hands):
    window, _person = studio
    window.session.select(frozenset())
    page = window.workspace.inspector.training
    document = window.session.document
    schedule, stopping = registry.schedules()["ReduceLROnPlateau"](), registry.stoppings()["EarlyStopping"]()
    window.session.edit(document.with_training(schedule=schedule, early_stopping=stopping), "both")
    forms = (*page._training_forms, page.schedule.form, page.stopping.form)
    titles = {form: [label.text() for label in form._labels.values()] for form in forms}
    assert "Layers learn" in titles[page.training_form]
    assert "Better is" in titles[page.schedule.form]
    run = [title for form in page._training_forms for title in titles[form]]
    for parts in (run + titles[page.schedule.form], run + titles[page.stopping.form]):
        assert len(set(parts)) == len(parts)


def test_the_training_page_is_in_groups(studio):
    window, _person = studio
    window.session.select(frozenset())
    page = window.workspace.inspector.training
    heads = [label for label in page.findChildren(Label) if label._role == "heading" and label.isVisibleTo(page)]
    tops = {label.text(): label.mapTo(page.widget(), QPoint()).y() for label in heads}
    groups = ["Run", "How weights are corrected", "Learning rate over time", "When to stop", "What is measured"]
    assert [name for name in sorted(tops, key=tops.__getitem__) if name in groups] == groups

    def top(form, name):
        return form.editors[name].mapTo(page.widget(), QPoint()).y()

    assert tops["Run"] < top(page.training_form, "epochs") < tops["How weights are corrected"]
    assert tops["When to stop"] < top(page.stopping_form, "keep_best_weights") < tops["What is measured"]
    assert tops["What is measured"] < top(page.measures, "metrics")
    # Each parameter of the run stands in exactly one place.
    names = [name for form in page._training_forms for name in form.editors]
    expected = set(Training.parameters()) - {"device", "threads"}
    assert sorted(names) == sorted(expected)


def test_only_fields_of_the_repeated_layer_are_shown(studio):
    window, _person = studio
    window.session.edit(window.session.document.with_graph(window.session.document.graph.add(registry.layer("TimeDistributed")(), "Each")[0]), "add")
    _select(window, "Each")
    form = window.workspace.inspector.node.form
    assert form.is_hidden("filters")
    assert not form.is_hidden("units")
    _pick(form.editors["layer"].list, "Conv2D")
    assert not form.is_hidden("filters")
    assert form.is_hidden("units")


@pytest.mark.parametrize("kind", ["BatchNormalization", "MultiHeadAttention", "LSTM", "GRU", "Conv2D"])
def test_nothing_of_a_formula_or_its_sizes_is_cut_off(qtbot, kind):
    layer = registry.layer(kind)
    box = FormulaBox()
    qtbot.addWidget(box)
    sizes = "gamma is 16, beta is 16, moving_mean is 16, moving_variance is 16"
    box.show_texts("32 x 32 x 16 + 32 x 32 x 16 + 8 x 8 x 4  →  32 x 32 x 16", formula_of(layer()) if kind != "MultiHeadAttention" else layer.formula, sizes)
    box.resize(312, 100)
    box.show()
    lines = box._lines()
    for line in lines:
        assert sum(box._advance(text, role) + 12 for text, role, _ in line) - 12 <= box.width() - 20
    assert box.height() >= 24 * len(lines)
    assert " ".join(text for line in lines for text, role, _ in line if role == "small") == sizes
