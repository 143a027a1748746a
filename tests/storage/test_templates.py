"""The templates: what the welcome page lists opens laid out, without problems, and trains well."""

from __future__ import annotations

import itertools
import json
import struct
from pathlib import Path

import numpy as np
import pytest

import studio
from studio.core import registry
from studio.core.assets import assets_folder
from studio.core.inference import infer
from studio.core.unknown import UnknownLayer
from studio.data import describe_all, load
from studio.gui.canvas.faces import make_faces
from studio.storage import StorageError, document_from_json, document_to_json, readable_json, templates

NAMES = (
    "perceptron",
    "logistic-regression",
    "xor",
    "spirals",
    "regression",
    "iris",
    "digits-mlp",
    "digits-convnet",
    "digits-residual",
    "lenet",
    "alexnet",
    "resnet",
    "resnet-plain",
    "inception",
    "inception-plain",
    "xception",
    "xception-plain",
    "forecast",
    "spoken-tones",
    "segmentation",
    "table-classes",
    "table-values",
    "text-classifier",
    "masked-words",
    "next-character",
    "translation",
)
#: These take minutes: they are trained to the end by `studio templates --scores` only.
LARGE = ("segmentation", "masked-words", "next-character", "translation")
#: Passes after which the large ones must be on their way, and by then their accuracy in validation.
ON_THE_WAY = {
    "segmentation": (2, 0.86), "masked-words": (2, 0.45), "next-character": (2, 0.55), "translation": (2, 0.95),
}  # fmt: skip


def test_all_are_listed_the_simplest_first() -> None:
    assert templates.names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_opens_without_problems(name: str) -> None:
    document = templates.load(name)
    inference = infer(document.graph, describe_all(document.graph))
    assert inference.problems == ()
    assert not any(isinstance(n.layer, UnknownLayer) for n in document.graph.nodes)
    assert document.title
    assert document.training.optimizer is not None
    assert document_from_json(document_to_json(document)) == document


@pytest.mark.parametrize("name", NAMES)
def test_it_is_laid_out_from_left_to_right_in_rows(name: str) -> None:
    document = templates.load(name)
    sets = describe_all(document.graph)
    faces = make_faces(document, infer(document.graph, sets), sets, lambda text, role: 6.5 * len(text))
    boxes = {}
    for node, (x, y) in document.positions.items():
        boxes[node] = x, y, x + faces[node].width, y + faces[node].height
        assert x % 8 == y % 8 == 0
    assert boxes.keys() == document.graph.by_id.keys()
    for (a, b), (c, d) in itertools.combinations([((x, r), (y, s)) for x, y, r, s in boxes.values()], 2):
        assert a[1] + 16 <= c[0] or c[1] + 16 <= a[0] or b[1] + 16 <= d[0] or d[1] + 16 <= b[0]
    for edge in document.graph.edges:
        source, target = boxes[edge.source], boxes[edge.target]
        assert source[2] + 24 <= target[0] or source[3] + 40 <= target[1]  # to the right, or into a row further down


@pytest.mark.parametrize("name", NAMES)
def test_it_states_a_score(name: str) -> None:
    score = templates.template(name).score
    assert score.metric in registry.metric_names()
    assert score.value > 0
    assert score.value < 1 or not score.kind.percent
    better, worse = (0.01, -0.01) if score.kind.higher_is_better else (-0.01, 0.01)
    assert score.met_by(score.value)
    assert score.met_by(score.value + better)
    assert not score.met_by(score.value + worse)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in LARGE])
def test_it_reaches_the_score_it_states(name: str) -> None:
    score = templates.template(name).score
    value = studio.new(name).train().evaluations["test"].metrics[score.metric]
    assert score.met_by(value), value


@pytest.mark.parametrize("name", ON_THE_WAY)
def test_the_large_ones_are_soon_on_their_way(name: str) -> None:
    epochs, goal = ON_THE_WAY[name]
    project = studio.new(name)
    if name == "segmentation":
        project.document = project.document.with_graph(project.document.graph.set_parameters("n1", samples=1200))
    accuracy = project.train(epochs=epochs).evaluations["validation"].accuracy
    assert accuracy is not None
    assert accuracy >= goal


def test_the_series_is_forecast_better_than_by_its_last_number() -> None:
    project = studio.new("forecast")
    data = load(project.document.graph.node("n1").layer).test
    naive = float(np.mean((data.x[:, -1] - data.y) ** 2))
    assert project.train().evaluations["test"].loss < 0.25 * naive


def test_values_of_a_table_are_predicted_better_than_by_their_mean() -> None:
    assert studio.new("table-values").train().evaluations["test"].loss < 0.65


def test_the_regression_finds_the_hills() -> None:
    """Values are standardised, so that always answering the mean has a loss of 1."""
    assert studio.new("regression").train().evaluations["test"].loss < 0.02


def test_xor_needs_its_hidden_layer() -> None:
    """What the template is there to show."""
    project = studio.new("xor")
    graph = project.document.graph.dissolve("n2")
    project.document = project.document.with_graph(graph)
    accuracy = project.train().evaluations["test"].accuracy
    assert accuracy is not None
    assert accuracy < 0.75


def test_lenet_takes_mnist_files(tmp_path: Path) -> None:
    """Pictures of 28 x 28 pixels in the format of MNIST, made from the built-in digits."""
    document = templates.load("lenet")
    data = load(document.graph.node("n1").layer.replace(standardize=False, validation=0.0, test=0.0)).train
    pixels = np.clip(data.x * 255, 0, 255).astype(np.uint8)
    header = struct.pack(">IIII", 0x803, len(pixels), 28, 28)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
    labels = data.y.astype(np.uint8)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(
        struct.pack(">II", 0x801, len(labels)) + labels.tobytes()
    )
    project = studio.new("lenet")
    project.set_data(f"idx:{tmp_path}")
    result = project.train(epochs=6)
    assert result.evaluations["test"].accuracy is not None
    assert result.evaluations["test"].accuracy > 0.93


def test_names_are_forgiving() -> None:
    assert templates.template(" Digits_MLP ").name == "digits-mlp"
    with pytest.raises(StorageError, match=r"did you mean digits-convnet\?|did you mean digits-convnet or"):
        templates.template("digits-covnet")
    with pytest.raises(StorageError, match="`studio templates` lists them all"):
        templates.template("qqqq")


@pytest.mark.parametrize("name", NAMES)
def test_files_are_written_as_our_own(name: str) -> None:
    """So that saving one from the app gives a small difference."""
    text = (assets_folder() / "templates" / f"{name}.json").read_text(encoding="utf-8")
    assert readable_json.dumps(json.loads(text)) == text
