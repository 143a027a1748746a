"""Shapes, weights and problems of a graph: each problem is one sentence at its node."""

from __future__ import annotations

import re

import pytest

from studio.core import registry
from studio.core.dataset import DatasetInfo, TargetKind
from studio.core.graph import Graph
from studio.core.inference import Inference, infer
from studio.core.layer import Layer
from studio.core.problems import Problem
from studio.core.shapes import Shape
from studio.core.unknown import UnknownLayer


def info(x: Shape = (4,), y: Shape = (), target: TargetKind = "labels", classes: int = 3) -> DatasetInfo:
    return DatasetInfo("A set", x, y, target, tuple(f"class {i}" for i in range(classes)), samples=90)


def layer(name: str, **values: object) -> Layer:
    return registry.layer(name)(**values)  # type: ignore[arg-type]


class Sketch:
    """Data, layers in a row, and a loss."""

    def __init__(self, *layers: Layer, data: DatasetInfo | str | None = None, loss: str = "") -> None:
        self.graph, self.data = Graph().add(layer("Data"))
        self.nodes = []
        before = self.data
        for one in layers:
            self.graph, node = self.graph.add(one)
            if one.inputs:
                self.graph = self.graph.connect(before, 0, node, 0)
            self.nodes.append(node)
            before = node
        if loss:
            self.graph, self.loss = self.graph.add(layer(loss))
            self.graph = self.graph.connect(before, 0, self.loss, 0).connect(self.data, 1, self.loss, 1)
        self.datasets: dict[str, DatasetInfo | str] = {self.data: data if data is not None else info()}

    def infer(self) -> Inference:
        return infer(self.graph, self.datasets)

    def errors(self) -> tuple[Problem, ...]:
        return self.infer().errors


def require_sentences(problems: tuple[Problem, ...], graph: Graph) -> None:
    for problem in problems:
        assert problem.message.endswith(".")
        assert "\n" not in problem.message
        assert problem.message[0].isupper()
        if problem.node:
            assert problem.message.startswith(graph.node(problem.node).name)


def only(sketch: Sketch) -> Problem:
    problems = sketch.errors()
    require_sentences(problems, sketch.graph)
    assert len(problems) == 1, [p.message for p in problems]
    return problems[0]


def test_a_whole_network_has_shapes_weights_and_no_problems() -> None:
    last = layer("Dense", units=3, activation="softmax")
    sketch = Sketch(layer("Dense", units=5), last, loss="SparseCategoricalCrossentropy")
    found = sketch.infer()
    one, two = sketch.nodes
    assert found.problems == ()
    assert found.shapes[sketch.data] == ((4,), ())
    assert found.shapes[one] == ((5,),)
    assert found.input_shapes[two] == ((5,),)
    assert [w.shape for w in found.weights[one]] == [(4, 5), (5,)]
    assert found.parameters(one) == 25
    assert found.total_parameters == 25 + 18


def test_a_picture_before_dense_offers_flatten() -> None:
    problem = only(Sketch(layer("Dense"), data=info((8, 8, 1)), loss="SparseCategoricalCrossentropy"))
    assert problem.message == "Dense gets 8 x 8 x 1, needs a flat input: add Flatten before it."
    assert problem.remedy is not None
    assert (problem.remedy.action, problem.remedy.type) == ("insert", "Flatten")


def test_a_problem_further_up_is_told_once() -> None:
    sketch = Sketch(
        layer("Dense"), layer("Dense"), layer("Dense"), data=info((8, 8, 1)), loss="SparseCategoricalCrossentropy"
    )
    assert only(sketch).node == sketch.nodes[0]


def test_no_input() -> None:
    sketch = Sketch(layer("Dense", units=3), loss="SparseCategoricalCrossentropy")
    sketch.graph = sketch.graph.disconnect(sketch.graph.incoming(sketch.nodes[0])[0])
    assert only(sketch).message == "Dense has no input: drop it on a wire, or drag a wire to it."


def test_too_few_inputs_of_a_sum() -> None:
    sketch = Sketch(layer("Add"), loss="MeanSquaredError", data=info(y=(4,), target="values", classes=0))
    assert only(sketch).message == "Add needs at least 2 inputs: drag more wires to it."


def test_a_loss_without_prediction_or_target() -> None:
    sketch = Sketch(layer("Dense", units=3), loss="SparseCategoricalCrossentropy")
    prediction, target = sketch.graph.incoming(sketch.loss)
    whole = sketch.graph
    sketch.graph = whole.disconnect(prediction)
    assert only(sketch).message.endswith("needs a prediction: drag a wire from the last layer to it.")
    sketch.graph = whole.disconnect(target)
    problem = only(sketch)
    assert problem.message.endswith("needs a target: drag a wire from Data's Y to it.")
    assert problem.remedy is not None
    assert problem.remedy.action == "connect_target"


def test_no_data_and_no_loss() -> None:
    sentences = [p.message for p in infer(Graph(), {}).errors]
    assert sentences == [
        "The graph has no Data: add one to say what to learn from.",
        "The graph has no Loss: add one to say what good answers are.",
    ]
    assert [p.remedy.action for p in infer(Graph(), {}).errors if p.remedy] == ["add_data", "add_loss"]


def test_data_that_could_not_be_had() -> None:
    sketch = Sketch(layer("Dense", units=3), loss="SparseCategoricalCrossentropy", data="There is no file a.csv.")
    assert only(sketch).message == "Data has no data: There is no file a.csv."


def test_data_that_nobody_described() -> None:
    sketch = Sketch(layer("Dense", units=3), loss="SparseCategoricalCrossentropy")
    sketch.datasets = {}
    assert only(sketch).message == "Data has no data yet: choose a source."


@pytest.mark.parametrize(
    ("loss", "data", "better"),
    [
        ("CategoricalCrossentropy", info(), "SparseCategoricalCrossentropy"),
        ("SparseCategoricalCrossentropy", info(y=(3,), target="one_hot"), "CategoricalCrossentropy"),
        ("SparseCategoricalCrossentropy", info(y=(1,), target="values", classes=0), "MeanSquaredError"),
        ("CategoricalCrossentropy", info(y=(3,), target="values", classes=0), "MeanSquaredError"),
        ("BinaryCrossentropy", info(), "SparseCategoricalCrossentropy"),
    ],
)
def test_a_loss_for_other_targets_offers_the_right_one(loss: str, data: DatasetInfo, better: str) -> None:
    problem = only(Sketch(layer("Dense", units=3), data=data, loss=loss))
    assert f"use {better} instead." in problem.message
    assert problem.remedy is not None
    assert (problem.remedy.action, problem.remedy.type) == ("replace", better)


def test_too_few_scores_for_the_classes() -> None:
    sketch = Sketch(layer("Dense", units=2), loss="SparseCategoricalCrossentropy")
    assert only(sketch).message == (
        "SparseCategoricalCrossentropy gets 2 scores, but the data have 3 classes: give the last layer 3 units."
    )


@pytest.mark.parametrize(
    ("units", "loss", "data", "words"),
    [
        (1, "SparseCategoricalCrossentropy", info(), "needs one score a class"),
        (5, "CategoricalCrossentropy", info(y=(3,), target="one_hot"), "end with Dense, 3 units, and softmax."),
        (5, "MeanSquaredError", info(y=(2,), target="values"), "make the last layer's size match the target."),
        (5, "MeanAbsoluteError", info(target="values"), "end with Dense of 1 unit"),
        (5, "BinaryCrossentropy", info(classes=2), "end with Dense of 1 unit"),
        (4, "MeanSquaredError", info(y=(2, 2, 1), target="values"), "add Reshape before it."),
    ],
)
def test_a_prediction_of_the_wrong_size_says_what_to_change(
    units: int, loss: str, data: DatasetInfo, words: str
) -> None:
    assert words in only(Sketch(layer("Dense", units=units), data=data, loss=loss)).message


@pytest.mark.parametrize(
    ("units", "loss", "data"),
    [
        (1, "MeanSquaredError", info()),
        (1, "MeanAbsoluteError", info(target="values")),
        (1, "BinaryCrossentropy", info(classes=2)),
        (3, "BinaryCrossentropy", info(y=(3,), target="one_hot")),
        (3, "CategoricalCrossentropy", info(y=(3,), target="one_hot")),
        (3, "MeanSquaredError", info(y=(3,), target="one_hot")),
        (7, "SparseCategoricalCrossentropy", info()),
    ],
)
def test_what_keras_users_expect_is_legal(units: int, loss: str, data: DatasetInfo) -> None:
    assert Sketch(layer("Dense", units=units), data=data, loss=loss).errors() == ()


def test_the_input_itself_can_be_the_target() -> None:
    sketch = Sketch(layer("Dense", units=4), loss="MeanSquaredError")
    sketch.graph = sketch.graph.connect(sketch.data, 0, sketch.loss, 1)
    assert sketch.infer().problems == ()


def test_an_unknown_layer_says_so() -> None:
    sketch = Sketch(UnknownLayer(unknown_type="Swirl"), loss="MeanSquaredError")
    assert "is of the type 'Swirl', which is not installed" in only(sketch).message


def test_a_layer_too_large_for_any_memory() -> None:
    sketch = Sketch(
        layer("Conv2D", filters=4096, padding="same"),
        layer("Flatten"),
        data=info((600, 600, 1)),
        loss="SparseCategoricalCrossentropy",
    )
    assert only(sketch).message == "Conv2D would give more numbers than fit into memory: make it smaller."


def test_a_layer_that_leads_nowhere_is_a_hint_not_an_error() -> None:
    sketch = Sketch(layer("Dense", units=3, activation="softmax"), loss="SparseCategoricalCrossentropy")
    graph, lonely = sketch.graph.add(layer("Dense"))
    sketch.graph = graph.connect(sketch.data, 0, lonely, 0)
    (hint,) = sketch.infer().problems
    assert hint.severity == "hint"
    assert hint.message == "Dense_2 leads to no Loss, so it learns nothing: wire its output on."
    assert sketch.errors() == ()


def test_problems_come_in_the_order_of_the_graph() -> None:
    graph = Graph()
    names = []
    for _ in range(4):
        graph, node = graph.add(layer("Dense"))
        names.append(node)
    graph, _data = graph.add(layer("Data"))
    found = [p.node for p in infer(graph, {}).errors if p.node]
    assert found[:4] == names


@pytest.mark.parametrize("name", sorted(n for n, c in registry.layers().items() if c.family != "Data"))
@pytest.mark.parametrize("shape", [(), (1,), (5,), (4, 6), (3, 4, 2), (2, 2, 2, 2)])
def test_any_layer_on_any_data_gives_shapes_or_sentences(name: str, shape: Shape) -> None:
    graph, data = Graph().add(layer("Data"))
    graph, node = graph.add(layer(name))
    port = 0
    while (port := graph.free_port(node)) is not None and port < 2:  # type: ignore[assignment]
        graph = graph.connect(data, 0, node, port)
    found = infer(graph, {data: info(shape, y=shape, target="values", classes=0)})
    require_sentences(found.problems, graph)
    assert (node in found.shapes) or any(p.node == node for p in found.errors)
    for problem in found.errors:
        assert not re.search(r"Traceback|None|\(\)", problem.message)


def test_a_shape_without_samples_cannot_be_trained_and_data_take_its_place() -> None:
    sketch = Sketch(layer("Input", shape=(4,)), layer("Dense", units=3), loss="SparseCategoricalCrossentropy")
    problem = only(sketch)
    assert problem.node == sketch.nodes[0]
    assert problem.remedy is not None
    assert (problem.remedy.action, problem.remedy.type) == ("replace", "Data")


def test_outputs_that_are_no_probabilities_get_hints_that_do_not_stop_training() -> None:
    sketch = Sketch(layer("Dense", units=32), loss="SparseCategoricalCrossentropy")
    found = sketch.infer()
    assert found.errors == ()
    require_sentences(found.problems, sketch.graph)
    remedies = [p.remedy.values for p in found.problems if p.remedy is not None]
    assert remedies == [(("activation", "softmax"),), (("units", 3),)]
    graph = sketch.graph.set_parameters(sketch.nodes[0], activation="softmax", units=3)
    assert infer(graph, sketch.datasets).problems == ()


def test_a_softmax_of_its_own_or_a_sigmoid_is_as_good() -> None:
    assert Sketch(layer("Dense", units=3), layer("Softmax"), loss="SparseCategoricalCrossentropy").infer().problems == ()
    two = info(classes=2)
    sketch = Sketch(layer("Dense", units=1), data=two, loss="BinaryCrossentropy")
    (hint,) = sketch.infer().problems
    assert hint.severity == "hint"
    assert hint.remedy is not None
    assert hint.remedy.values == (("activation", "sigmoid"),)
