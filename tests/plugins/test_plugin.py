"""A plug-in outside the package: one file adds a layer to everything that knows layers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from studio.core.unknown import UnknownLayer
from studio.project import Project
from studio.storage import templates
from studio.storage.document_json import document_from_json, document_to_json
from tests.plugins.processes import SWIRL, install, studio, with_plugin


def network() -> dict:
    """The XOR network with the plug-in's layer in place of the hidden one, and its activation."""
    values = document_to_json(templates.load("xor"))
    hidden = next(n for n in values["graph"]["nodes"] if n["type"] == "Dense")
    hidden.update(type="RadialBasis", parameters={"units": 8, "sharpness": 0.5}, name="Bumps")
    values["graph"]["nodes"].append({"id": "n90", "name": "Curve", "type": "Dense", "parameters": {"activation": "squareplus"}})
    for edge in values["graph"]["edges"]:
        if edge["source"] == hidden["id"]:
            edge["source"] = "n90"
    values["graph"]["edges"].append({"source": hidden["id"], "source_port": 0, "target": "n90", "target_port": 0})
    return values


@pytest.fixture(scope="module")
def trained(plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network, saved here without the plug-in and trained by a process that has it."""
    folder = tmp_path_factory.mktemp("trained")
    Project(document_from_json(network())).save(folder / "new.studio")
    values = studio(plugin, "train", folder / "new.studio", "--epochs", 40, "-o", folder / "trained.studio")
    assert values["parameters"] == 2 * 8 + 9 * 32 + 33
    assert values["validation"]["accuracy"] > 0.95
    return folder / "trained.studio"


@pytest.mark.timeout(600)
def test_its_layers_keep_the_contract(plugin: Path) -> None:
    program = (
        "from studio.core import registry\n"
        "from studio.testing import check_layer\n"
        "for name in ('RadialBasis', 'Squareplus'): check_layer(registry.layer(name))\n"
    )
    done = with_plugin(plugin, "-c", program, timeout=500)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_doctor_and_inspect_know_it(plugin: Path, trained: Path) -> None:
    (found,) = (f for f in studio(plugin, "doctor")["findings"] if f["area"] == "plug-ins")
    assert (found["name"], found["ok"]) == ("radial", True)
    assert found["value"] == "layer-studio-radial 0.1.0: RadialBasis, Squareplus"
    values = studio(plugin, "inspect", trained)
    assert values["problems"] == []
    (bumps,) = (n for n in values["nodes"] if n["name"] == "Bumps")
    assert (bumps["type"], bumps["shape"], bumps["parameters"]) == ("RadialBasis", [8], 16)


def test_it_leaves_as_a_keras_program_that_computes_the_same(plugin: Path, trained: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    assert studio(plugin, "export", trained, "-o", program)["files"] == [str(program), str(tmp_path / "program.npz")]
    module: dict = {"__name__": "program"}
    exec(compile(program.read_text(), str(program), "exec"), module)
    model = module["build"]()
    module["load_weights"](model, tmp_path / "program.npz")
    x = np.random.default_rng(1).normal(size=(5, 2)).astype(np.float32)
    with np.load(tmp_path / "program.npz") as file:
        weights = {name.rsplit("/", 1)[-1] + name.split("/")[0]: file[name] for name in file.files}
    bumps = np.exp(-0.5 * ((x[:, :, None] - weights["centersbumps"]) ** 2).sum(1))
    curve = bumps @ weights["kernelcurve"] + weights["biascurve"]
    curve = (curve + np.sqrt(curve**2 + 4.0)) / 2
    score = curve @ weights["kerneloutput"] + weights["biasoutput"]
    np.testing.assert_allclose(np.asarray(model(x)), 1 / (1 + np.exp(-score)), rtol=1e-4)


def test_without_it_nothing_of_the_file_is_lost(plugin: Path, trained: Path, tmp_path: Path) -> None:
    project = Project.load(trained)
    graph = project.document.graph
    absent = {n.name: n.layer for n in graph.nodes if isinstance(n.layer, UnknownLayer)}
    assert {name: layer.unknown_type for name, layer in absent.items()} == {"Bumps": "RadialBasis", "Curve": "Dense"}
    (sentence,) = [p.message for p in project.infer().errors]
    assert sentence == "Bumps is of the type 'RadialBasis', which is not installed: install its plug-in, or replace the layer."
    node = next(n.id for n in graph.nodes if n.name == "Bumps")
    dense = graph.set_layer(node, templates.load("xor").graph.node(node).layer)
    (sentence,) = [p.message for p in Project(project.document.with_graph(dense)).infer().errors]
    assert sentence.startswith("Curve has 'squareplus' as its activation, which is not installed: install its plug-in")
    assert absent["Bumps"].to_json() == {"units": 8, "sharpness": 0.5, "centers_initializer": "lecun_normal"}
    assert absent["Curve"].to_json()["activation"] == "squareplus"
    project.save(tmp_path / "again.studio")
    before = studio(plugin, "evaluate", trained)
    assert studio(plugin, "evaluate", tmp_path / "again.studio") == {**before, "source": str(tmp_path / "again.studio")}


def test_a_parameter_of_another_version_of_a_plug_in_keeps_the_file(plugin: Path, tmp_path: Path) -> None:
    values = network()
    values["graph"]["nodes"][1]["parameters"]["wings"] = 2
    Project(document_from_json(values)).save(tmp_path / "newer.studio")
    (sentence,) = studio(plugin, "inspect", tmp_path / "newer.studio")["problems"][:1]
    assert sentence == (
        "Bumps is from another version of its plug-in (RadialBasis has no parameter 'wings'): "
        "install that one, or replace the layer."
    )


MISTAKES = {
    "gone": ("import nothing_there\n", "gone does not load (ModuleNotFoundError: No module named 'nothing_there')"),
    "quits": ("print('hello')\nimport sys\nsys.exit(3)\n", "quits does not load (SystemExit: 3)"),
    "nothing": ("", "nothing defines no layer in nothing_layers"),
    "thief": (SWIRL.replace("Swirl", "Dense"), "the layer Dense, which Layer Studio itself has already"),
    "relu": (SWIRL.replace('"swirl"', '"relu"'), "the activation relu, which Layer Studio itself has already"),
    "twin": (SWIRL, ""),
    "twin_b": (SWIRL, "the layer Swirl, which the plug-in twin has already"),
    "mute": (SWIRL.replace("Bends twice as fast as tanh.", "").replace("wirl", "hade"), "Shade of the plug-in mute has no help"),
    "odd": (SWIRL.replace("wirl", "pin") + "\n    def summary(self) -> str:\n        return self.nothing\n", "cannot be made (AttributeError"),
}  # fmt: skip


def test_a_broken_plug_in_is_one_sentence_and_harms_nobody(tmp_path: Path) -> None:
    for name, (text, _) in MISTAKES.items():
        install(tmp_path, name, text)
    install(tmp_path, "function", "", "os.path:join")
    sentences = {n: s for n, (_, s) in MISTAKES.items()} | {"function": "names os.path:join, which is no module"}
    doctor = json.loads(with_plugin(tmp_path, "-m", "studio", "doctor", "--json").stdout)
    found = {f["name"]: f for f in doctor["findings"] if f["area"] == "plug-ins"}
    assert set(found) == set(sentences)
    for name, sentence in sentences.items():
        assert found[name]["ok"] is (not sentence)
        assert sentence in found[name]["remedy"]
        assert found[name]["remedy"].endswith("." if sentence else "")
        assert found[name]["remedy"].count(". ") == 0
    done = with_plugin(tmp_path, "-m", "studio", "inspect", "xor", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["problems"] == []
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith("studio: ")] == [
        f"studio: {found[n]['remedy']}" for n in sorted(found) if sentences[n]
    ]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        ("(shape,) = shapes\n        if", "shape = shapes[3]\n        if", "Bumps cannot say its shape (IndexError: "),
        ("lowering.output((", "lowering.outputt((", "Bumps cannot be computed (AttributeError: "),
        ("exp(squares * -sharpness)", "expp(squares * -sharpness)", "kernel radial_forward of radial_layers cannot be compiled ("),
    ],
)
def test_a_mistake_in_a_layer_is_one_sentence(plugin: Path, tmp_path: Path, right: str, wrong: str, sentence: str) -> None:
    text = (plugin / "radial_layers.py").read_text()
    assert right in text
    install(tmp_path, "radial", text.replace(right, wrong))
    (tmp_path / "radial_layers.py").write_text(text.replace(right, wrong))
    Project(document_from_json(network())).save(tmp_path / "net.studio")
    done = with_plugin(tmp_path, "-m", "studio", "train", tmp_path / "net.studio", "--epochs", 1)
    assert done.returncode == 1
    (line,) = [x for x in done.stderr.splitlines() if x.startswith("studio: ")]
    assert sentence in line
    assert line.endswith(("replace the layer.", "replace its layer."))
