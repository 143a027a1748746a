"""``studio bench --scale``: sizes, figures, plots."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from studio.bench import scale_points
from studio.bench.plot import Line, Plot, svg
from studio.bench.scale import Point
from studio.bench.scale_points import AXES, Axis
from studio.bench.scale_report import drawing, table, verdict
from studio.cli import bench as options
from studio.cli import main
from studio.engine.network import Network


def point(size: int, ours: float, torch: float, growth: int = 900_000) -> Point:
    return Point(size, {1: ours * 1.5, 2: ours}, {"eager": torch, "channels_last": torch * 2}, 0.0, 1_000_000, growth)


def test_the_command_knows_the_axes():
    assert tuple(AXES) == options.AXES


@pytest.mark.parametrize("axis", AXES.values(), ids=lambda a: a.key)
def test_sizes_rise_and_the_smallest_one_trains(axis: Axis):
    assert list(axis.sizes) == sorted(set(axis.sizes))
    workload = axis.workload(axis.sizes[0])
    document, dataset = workload.document(), workload.dataset()
    assert len(dataset.train) % workload.batch_size == 0
    (source,) = (n.id for n in document.graph.nodes if n.layer.family == "Data")
    network = Network(document.graph, document.training, {source: dataset}, 1)
    assert network.train(2) == 2
    network.close()


def test_the_axes_cover_what_was_asked_for():
    ranges = {key: (axis.sizes[0], axis.sizes[-1]) for key, axis in AXES.items()}
    assert ranges["batch"] == (1, 1024)
    assert ranges["width"] == (8, 2048)
    assert ranges["depth"] == (1, 64)
    assert ranges["picture"] == (8, 224)


def test_slower_means_by_more_than_a_tenth():
    assert point(8, 112.0, 100.0).is_slower
    assert not point(8, 109.0, 100.0).is_slower
    assert point(8, 50.0, 100.0).ratio == 2.0
    alone = Point(8, {1: 1.0}, {}, 0.0, 1, 1)
    assert alone.ratio is None
    assert not alone.is_slower


def test_more_memory_than_estimated_is_said():
    assert point(8, 1.0, 1.0, growth=2_000_000).memory_fits
    assert not point(8, 1.0, 1.0, growth=2_300_000).memory_fits
    assert "MORE MEMORY" in table(AXES["width"], [point(8, 1.0, 1.0, growth=9_000_000)])


def test_the_verdict_names_the_sizes():
    found = {"width": [point(8, 10.0, 100.0), point(16, 200.0, 100.0)]}
    assert verdict(found) == "More than 10 % slower than PyTorch at 1 of 2 sizes: width 16 (0.50x)."
    assert verdict({"width": found["width"][:1]}) == "At none of 1 sizes more than 10 % slower than PyTorch."
    assert verdict({"width": [Point(8, {1: 1.0}, {}, 0.0, 1, 1)]}) == "PyTorch was not measured."


def test_a_drawing_is_sound_and_marks_what_is_slower():
    text = drawing(AXES["width"], [point(8, 10.0, 100.0), point(16, 200.0, 100.0), point(2048, 1e5, 1e6)])
    root = ElementTree.fromstring(text)
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words.count("slower") == 1
    assert {"ours, 1 thread", "ours, 2 threads", "PyTorch eager", "growth of the process"} <= set(words)
    lines = list(root.iter("{http://www.w3.org/2000/svg}polyline"))
    assert len(lines) == 5


def test_a_plot_keeps_its_points_in_order_and_inside():
    values = [(float(x), 3.0 * x) for x in (1, 10, 100, 1000)]
    root = ElementTree.fromstring(svg([Plot("A & B", "x", "y", [Line("<l>", values, "#000")])]))
    (line,) = root.iter("{http://www.w3.org/2000/svg}polyline")
    spots = np.array([[float(v) for v in pair.split(",")] for pair in line.get("points").split()])
    assert (np.diff(spots[:, 0]) > 0).all()
    assert (np.diff(spots[:, 1]) < 0).all()
    # Both axes are logarithmic, so that the same factor is the same distance.
    assert np.ptp(np.diff(spots[:, 0])) < 0.3
    assert np.ptp(np.diff(spots[:, 1])) < 0.3
    assert spots.min() >= 0
    assert spots[:, 0].max() <= 560
    assert spots[:, 1].max() <= 360


def test_the_command_writes_plots_and_figures(capsys, monkeypatch, tmp_path):
    small = {**AXES, "width": Axis("width", "A title", "units", (8, 16), AXES["width"].workload)}
    monkeypatch.setattr(scale_points, "AXES", small)
    for module in ("scale", "scale_report"):
        monkeypatch.setattr(f"studio.bench.{module}.AXES", small)
    arguments = ["bench", "--scale", str(tmp_path / "new"), "--axes", "width", "--peers", "none", "--rounds", "1"]
    assert main([*arguments, "--seconds", "0.005", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["slower"] == "PyTorch was not measured."
    points = values["scale"]["width"]["points"]
    assert [p["size"] for p in points] == [8, 16]
    assert all(p["memory_estimate"] > 10_000 and p["step_us"]["1"] > 0 and p["ratio"] is None for p in points)
    assert json.loads((tmp_path / "new" / "scale.json").read_text()) == values
    ElementTree.fromstring((tmp_path / "new" / "width.svg").read_text())


def test_a_folder_that_cannot_be_written_is_one_sentence(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("studio.bench.scale.measure", lambda *_: ({}, [], {}))
    (tmp_path / "file").write_text("")
    assert main(["bench", "--scale", str(tmp_path / "file"), "--peers", "none"]) == 1
    error = capsys.readouterr().err.strip().splitlines()
    assert error[-1].startswith("studio: The sizes could not be measured:")
