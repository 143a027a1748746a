"""Keras programs as text and arrays; tests/oracle runs them."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from studio.core import registry
from studio.core.composite import Composite
from studio.core.document import Document
from studio.core.graph import Graph
from studio.core.keras_code import NoTwin
from studio.core.layer import Loss
from studio.data import describe_all, load
from studio.storage import StorageError, templates
from studio.storage.exports import KerasProgram, keras_program, save_keras_program


def program(document: Document, **more: object) -> KerasProgram:
    """What is written of a document."""
    return keras_program(document, describe_all(document.graph), **more)  # type: ignore[arg-type]


def chain(*layers: tuple[str, dict[str, object]], source: str = "iris") -> Document:
    """Data, some layers one after the other, and a loss for class numbers."""
    graph, data = Graph().add(registry.layer("Data")(source=source))
    before = data
    for name, parameters in layers:
        graph, node = graph.add(registry.layer(name)(**parameters))
        graph = graph.connect(before, 0, node, 0)
        before = node
    graph, loss = graph.add(registry.layer("SparseCategoricalCrossentropy")())
    graph = graph.connect(before, 0, loss, 0).connect(data, 1, loss, 1)
    return Document(graph)


@pytest.mark.parametrize("name", templates.names())
def test_every_template_is_a_program(name: str) -> None:
    written = program(templates.load(name), title=name)
    tree = ast.parse(written.text)
    assert [f.name for f in tree.body if isinstance(f, ast.FunctionDef)] == ["build", "compile_model", "fit"]
    assert not written.weights


@pytest.mark.parametrize("name", registry.layers())
def test_every_layer_says_what_it_is_in_keras(name: str) -> None:
    kind = registry.layer(name)
    if kind.family == "Data" or issubclass(kind, (Loss, Composite)):
        return  # inputs, arguments of compile, and what is opened before
    for layer, shapes in kind.examples():
        tree = ast.parse(layer.keras_code(*shapes), mode="eval")
        assert isinstance(tree.body, ast.Call)
        if kind.keras_source:
            assert tree.body.func.id == name  # type: ignore[attr-defined]
            assert f"class {name}(keras.layers.Layer):" in kind.keras_source


def test_parameters_are_written_where_keras_would_take_others() -> None:
    dense = registry.layer("Dense")
    assert dense(units=3).keras_code((4,)) == "keras.layers.Dense(units=3)"
    regular = dense(units=3, activation="relu", use_bias=False, l2=0.01, kernel_initializer="he_normal")
    assert regular.keras_code((4,)) == (
        "keras.layers.Dense(units=3, activation='relu', use_bias=False, kernel_initializer='he_normal', "
        "kernel_regularizer=keras.regularizers.L1L2(l2=0.01))"
    )
    assert dense(kernel_initializer="too_large").keras_code((4,)) == "keras.layers.Dense(units=32)"


def test_weights_lie_beside_it_by_layer_and_name(tmp_path) -> None:
    document = chain(("Dense", {"units": 5}), ("Dense", {"units": 3, "activation": "softmax"}))
    first, second = (n.id for n in document.graph.nodes if n.layer.type_name() == "Dense")
    kernel = np.arange(20.0).reshape(4, 5)
    written = program(document, weights={(first, "kernel"): kernel, (second, "bias"): np.ones(3)})
    assert set(written.weights) == {"dense_1/kernel", "dense_2/bias"} or set(written.weights) == {"dense/kernel", "dense_2/bias"}
    files = save_keras_program(tmp_path / "net.py", written)
    assert [f.name for f in files] == ["net.py", "net.npz"]
    with np.load(files[1]) as arrays:
        assert (arrays[next(n for n in arrays.files if n.endswith("kernel"))] == kernel).all()
    ast.parse(files[0].read_text())
    assert "load_weights" in files[0].read_text()


def test_frozen_layers_stay_frozen() -> None:
    document = chain(("Dense", {"units": 5}), ("Dense", {"units": 3}))
    frozen = next(n for n in document.graph.nodes if n.layer.type_name() == "Dense")
    written = program(document.with_graph(document.graph.set_trainable([frozen.id], False)))
    assert written.text.count(".trainable = False") == 1


def test_names_become_names_of_a_program() -> None:
    document = chain(("Dense", {"units": 5}), ("Dense", {"units": 3}))
    graph = document.graph
    first, second = (n.id for n in graph.nodes if n.layer.type_name() == "Dense")
    graph = graph.rename(first, "class").rename(second, "2 × größer!")
    text = program(document.with_graph(graph), title='a "quoted" \\ title').text
    ast.parse(text)
    assert "class_ = keras.layers.Dense" in text
    assert "layer_2_gr_er" in text


def test_training_is_said_in_keras_s_words() -> None:
    document = chain(("Dense", {"units": 3, "activation": "softmax"}))
    loss = next(n for n in document.graph.nodes if isinstance(n.layer, Loss))
    graph = document.graph.set_parameters(loss.id, class_weight="given", class_weights=(1.0, 2.0, 3.0), weight=0.5)
    document = document.with_graph(graph).with_training(
        optimizer=registry.optimizer("SGD")(learning_rate=0.1, momentum=0.9, clipnorm=1.0),
        schedule=registry.schedules()["ExponentialDecay"](decay_steps=10),
        early_stopping=registry.stoppings()["EarlyStopping"](patience=3),
        batch_size=7, epochs=9,
    )  # fmt: skip
    text = program(document).text
    schedule = "keras.optimizers.schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.96, staircase=False)"
    assert f"keras.optimizers.SGD(learning_rate={schedule}, momentum=0.9, clipnorm=1.0)" in text
    assert "loss_weights=[0.5]" in text
    assert "class_weight={0: 1.0, 1: 2.0, 2: 3.0}" in text
    assert "callbacks=[keras.callbacks.EarlyStopping(patience=3)]" in text
    assert "batch_size=7, epochs=9" in text
    changed = document.with_training(schedule=registry.schedules()["OneCycle"]())
    assert "# Keras has no OneCycle" in program(changed).text


def test_what_is_watched_is_among_the_metrics_or_left_out() -> None:
    document = chain(("Dense", {"units": 3, "activation": "softmax"})).with_training(optimizer=registry.optimizer("SGD")())
    stopping, plateau = registry.stoppings()["EarlyStopping"], registry.schedules()["ReduceLROnPlateau"]
    watched = document.with_training(
        early_stopping=stopping(monitor="val_top_k_categorical_accuracy"), schedule=plateau(monitor="val_accuracy")
    )
    text = program(watched).text
    assert "metrics=['accuracy', keras.metrics.SparseTopKCategoricalAccuracy(k=5, name='top_k_categorical_accuracy')]" in text
    assert "keras.callbacks.EarlyStopping(monitor='val_top_k_categorical_accuracy')" in text
    assert "keras.callbacks.ReduceLROnPlateau(monitor='val_accuracy', factor=0.1)" in text
    text = program(document.with_training(early_stopping=stopping(monitor="val_mean_iou"))).text
    assert "# Keras does not know the validation Mean IoU: EarlyStopping is left out.\n" in text
    assert "callbacks" not in text


def test_what_cannot_be_exported_is_one_sentence() -> None:
    with pytest.raises(StorageError, match="The graph has no Data"):
        program(Document())
    broken = chain(("Conv2D", {}))
    with pytest.raises(StorageError, match=r"problem cannot be exported: .*\.$"):
        program(broken)


def test_a_layer_without_a_twin_is_named(monkeypatch) -> None:
    document = chain(("Tanh", {}), ("Dense", {"units": 3}))
    monkeypatch.setattr(registry.layer("Tanh"), "keras", "")
    with pytest.raises(StorageError, match=r"Tanh.* has no twin in Keras: replace it .*\.$"):
        program(document)
    with pytest.raises(NoTwin):
        registry.layer("Tanh")().keras_code((3,))


@pytest.mark.parametrize(("source", "functions"), [("iris", ["prepare"]), ("diabetes", ["prepare", "restore"]), ("reviews", [])])
def test_samples_are_prepared_as_they_were(source: str, functions: list[str]) -> None:
    document = chain(("Dense", {"units": 3}), source=source) if source == "iris" else None
    if document is None:
        graph, data = Graph().add(registry.layer("Data")(source=source))
        kind = ("Embedding", {}) if source == "reviews" else ("Dense", {"units": 1})
        graph, node = graph.add(registry.layer(kind[0])(**kind[1]))
        graph, loss = graph.add(registry.layer("MeanSquaredError" if source == "diabetes" else "SparseCategoricalCrossentropy")())
        graph = graph.connect(data, 0, node, 0)
        if source == "reviews":
            graph, last = graph.add(registry.layer("GlobalAveragePooling1D")())
            graph = graph.connect(node, 0, last, 0)
            node = last
        document = Document(graph.connect(node, 0, loss, 0).connect(data, 1, loss, 1))
    layer = next(n.layer for n in document.graph.nodes if n.layer.family == "Data")
    dataset = load(layer)
    text = program(document, datasets={"n1": dataset}).text
    module: dict[str, object] = {"numpy": np}
    tree = ast.parse(text)
    kept = [n for n in tree.body if isinstance(n, ast.Assign) or (isinstance(n, ast.FunctionDef) and n.name in ("prepare", "restore"))]
    exec(compile(ast.Module(kept, []), "program", "exec"), module)
    assert [name for name in ("prepare", "restore") if name in module] == functions
    if "prepare" in functions:
        original = dataset.train.x * dataset.x_scale + dataset.x_mean
        assert np.allclose(module["prepare"](original), dataset.train.x, atol=1e-4)  # type: ignore[operator]
    if "restore" in functions:
        assert np.allclose(module["restore"](dataset.train.y), dataset.train.y * dataset.y_scale + dataset.y_mean)  # type: ignore[operator]
    assert module.get("CLASSES", []) == list(dataset.info.classes)
    assert module.get("WORDS", []) == list(dataset.info.vocabulary)


def test_weights_of_samples_and_weights_made_in_the_network_are_told_apart(tmp_path) -> None:
    file = tmp_path / "weighted.csv"
    file.write_text("a,b,w,kind\n" + "".join(f"{i},{i % 3},{1 + i % 2},{'xy'[i % 2]}\n" for i in range(40)))
    graph, data = Graph().add(registry.layer("Data")(source=f"csv:{file}?target=kind&weight=w"))
    graph, dense = graph.add(registry.layer("Dense")(units=2, activation="softmax"))
    graph, loss = graph.add(registry.layer("SparseCategoricalCrossentropy")())
    graph = graph.connect(data, 0, dense, 0).connect(dense, 0, loss, 0).connect(data, 1, loss, 1)
    assert "def fit(model, x, y, **options)" in program(Document(graph)).text
    given = program(Document(graph.connect(data, 2, loss, 2))).text
    assert "def fit(model, x, y, weights, **options)" in given
    assert "sample_weight=weights" in given
    inner = program(templates.load("masked-words")).text
    assert "def fit(model, x, **options)" in inner
    assert "= RandomMask(vocabulary_size=81, name='hide_words')(reviews)" in inner
    assert "loss=" not in inner[inner.index("model.compile") :]
