"""``studio brick``, ``studio inspect`` of a brick, and bricks from Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import studio as package
from studio.project import Project, ProjectError
from studio.storage import open_brick, save_brick
from tests.cli.commands import Studio


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained") / "net.studio"
    project = package.new("xor")
    project.train(epochs=1)
    project.save(path)
    return path


def layers_of(path: Path) -> list[str]:
    """Names of the layers that have weights."""
    project = Project.load(path)
    inference, graph = project.infer(), project.document.graph
    return [graph.node(n).name for n in graph.order if inference.parameters(n)]


def test_a_brick_is_written_and_looked_at(studio: Studio, trained: Path, tmp_path: Path) -> None:
    names, output = layers_of(trained), tmp_path / "hidden.brick"
    outcome = studio("brick", trained, "--nodes", f" {names[0]} , {names[1]}", "-o", tmp_path / "hidden", "--json")
    assert outcome.code == 0
    assert outcome.values["output"] == str(output)
    assert outcome.values["name"] == "hidden"
    assert outcome.values["origin"].startswith("net.studio, ")
    assert "1 epoch" in outcome.values["origin"]
    state = Project.load(trained).state
    assert state is not None
    for node in open_brick(output).graph.nodes:
        assert node.pretrained is not None
        assert all(np.array_equal(a, state.weights[node.id, w]) for w, a in node.pretrained.arrays.items())
    found = studio("inspect", output, "--json").values
    assert [n["name"] for n in found["nodes"]] == names[:2]
    assert found["nodes"][1]["from"] == [names[0]]
    assert found["parameters"] == sum(n["parameters"] for n in found["nodes"]) > 0
    text = studio("inspect", output).out
    assert text.startswith("hidden: a brick from net.studio, ")
    assert "kernel 2 x" in text
    again = studio("brick", trained, "--nodes", names[0], "-o", output)
    assert again.code == 1
    assert "add --force" in again.sentence
    done = studio("brick", trained, "--nodes", names[0], "-o", output, "--force", "--name", "First")
    assert done.code == 0
    assert "learned numbers in 1 layer" in done.out
    assert open_brick(output).name == "First"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["brick", "xor", "--nodes", "Nobody", "-o", "x.brick"], 1, "no node called 'Nobody': the nodes are XOR, Hidden"),
        (["brick", "xor", "--nodes", "XOR,Loss", "-o", "x.brick"], 1, "besides data and losses"),
        (["brick", "xor", "--nodes", "Hidden", "-o", "x.brick"], 1, "train the network first"),
        (["brick", "xor", "--nodes", " , ", "-o", "x.brick"], 1, "besides data and losses"),
        (["brick", "xor", "-o", "x.brick"], 2, "required: --nodes"),
        (["brick", "none.studio", "--nodes", "x", "-o", "x.brick"], 1, "There is no file none.studio"),
        (["inspect", "none.brick"], 1, "There is no file none.brick"),
        (["inspect", "none.brick", "--data", "iris"], 1, "reads no data"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    studio: Studio, arguments: list[str], code: int, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = studio(*arguments)
    assert outcome.code == code
    assert sentence in outcome.sentence
    assert not list(tmp_path.iterdir())


def test_from_python_it_goes_into_another_network(trained: Path, tmp_path: Path) -> None:
    names = layers_of(trained)
    whole = Project.load(trained)
    brick = whole.brick(names[:1], "First")
    save_brick(tmp_path / "first.brick", brick)
    project = package.new("xor")
    graph = project.document.graph
    data, old = graph.node(graph.order[0]).name, layers_of(trained)[0]
    (new,) = project.add_brick(tmp_path / "first.brick", between=(data, old))
    node = project.document.graph.named(new)
    assert node is not None
    assert not node.trainable
    assert [e.source for e in project.document.graph.incoming(node.id)] == [graph.order[0]]
    project.train(epochs=1)
    assert project.state is not None
    start = node.pretrained
    assert start is not None
    assert all(np.array_equal(project.state.weights[node.id, w], a) for w, a in start.arrays.items())
    project.save(tmp_path / "with.studio")
    again = package.load(tmp_path / "with.studio")
    assert again.document == project.document
    again.start_from_random([new])
    assert again.state is not None
    assert not any(key[0] == node.id for key in again.state.weights)
    fresh = again.document.graph.node(node.id)
    assert fresh.pretrained is None
    assert fresh.trainable
    for wrong in ((new, "Nobody"), (old, data)):
        with pytest.raises(ProjectError):
            again.add_brick(brick, between=wrong)
