"""Operations and bytes of kernel calls, and what the machine can do."""

from __future__ import annotations

import json

import pytest
from networks import classifier, clouds, layer, network, optimizer, pictures

from studio.core.inference import infer
from studio.data import describe
from studio.engine import peaks
from studio.engine.costs import cost_of
from studio.engine.network import make_plans
from studio.engine.timing import StepCalls, StepTimer
from studio.kernels.jit import compile_ahead
from studio.kernels.simd import LANES
from studio.storage import templates

#: Kernels that cost nothing, or of which a live number says whether they do anything.
FREE = {"barrier", "penalize", "scale_gradient"}


def costs_of(ready, node: str, phase: str):
    """Operations and bytes of a node's calls."""
    plan = ready.train_plan.plan
    found = [cost_of(c, plan, ready.threads) for c in plan.calls if (c.node, c.phase) == (node, phase)]
    return sum(c.operations for c in found), sum(c.traffic for c in found)


def test_a_dense_layers_products_are_counted_exactly():
    graph, data, nodes = classifier(layer("Dense", units=24))
    ready = network(graph, {data: clouds(200, features=10)}, 1, 2 * LANES)
    batch = 2 * LANES
    operations, traffic = costs_of(ready, nodes[0], "forward")
    assert operations == 2 * batch * 10 * 24
    assert traffic == 4 * (batch * 10 + 10 * 24 + 24 + batch * 24)
    products = [c for c in ready.train_plan.plan.calls if (c.node, c.phase) == (nodes[0], "backward")]
    most = max(cost_of(c, ready.train_plan.plan, 1).operations for c in products)
    assert 0 < most <= 2 * batch * 24 * (10 + LANES)
    ready.close()


def test_a_convolution_reads_each_pixel_once():
    graph, data, nodes = classifier(layer("Conv2D", filters=7, kernel_size=3), layer("Flatten"))
    ready = network(graph, {data: pictures()}, 1, LANES)
    operations, _ = costs_of(ready, nodes[0], "forward")
    plan = ready.train_plan.plan
    products = [c for c in plan.calls if (c.node, c.phase) == (nodes[0], "forward") and c.kernel.name.startswith("multiply")]
    assert operations == 2 * LANES * (4 * 3) * 7 * (3 * 3 * 2)
    # Pictures of 6 x 5 with 2 channels, seen through windows of 3 x 3: all of them, once for each run of filters.
    weights, outputs = 7 * (18 + 1), 4 * 3 * 7 * LANES
    traffic = sum(cost_of(c, plan, 1).traffic for c in products)
    assert traffic == 4 * (len(products) * 6 * 5 * 2 * LANES + weights + outputs)
    ready.close()


def test_all_threads_work_is_counted_but_weights_are_shared():
    graph, data, nodes = classifier(layer("Dense", units=32))
    one, two = (network(graph, {data: clouds(200)}, threads, LANES * threads) for threads in (1, 2))
    assert costs_of(two, nodes[0], "forward")[0] == 2 * costs_of(one, nodes[0], "forward")[0]
    updates = []
    for ready in (one, two):
        plan = ready.train_plan.plan
        (update,) = (c for c in plan.calls if c.kernel.name == "sgd")
        updates.append(cost_of(update, plan, ready.threads))
        ready.close()
    floats = two.space.trainable_floats
    # w is read and written, and the gradient of each thread is read.
    assert [u.traffic for u in updates] == [4 * floats * 3, 4 * floats * 4]


@pytest.mark.parametrize("name", ["Adam", "RMSprop", "SGD"])
def test_every_optimizer_has_a_cost(name):
    graph, data, _ = classifier(layer("Dense", units=32))
    ready = network(graph, {data: clouds(200)}, 1, LANES, using=optimizer(name))
    plan = ready.train_plan.plan
    update = [cost_of(c, plan, 1) for c in plan.calls if c.phase == "update" and c.kernel.name not in FREE]
    assert update
    assert all(c.operations > 0 and c.traffic > 0 for c in update)
    ready.close()


@pytest.mark.parametrize("name", templates.names())
def test_the_kernels_of_all_templates_are_known(name):
    document = templates.load(name)
    infos = {n.id: describe(n.layer) for n in document.graph.nodes if n.layer.family == "Data"}
    _, plans = make_plans(document.graph, infer(document.graph, infos), infos, document.training, 2)
    plan = plans[0][0]
    unknown = {c.kernel.name for c in plan.calls if not cost_of(c, plan, 2).traffic}
    assert unknown <= FREE
    products = [c for c in plan.calls if c.kernel.name.split("_")[0] in ("multiply", "correlate", "outer", "collect", "weigh")]
    products = [c for c in products if any(ch.isdigit() for ch in c.kernel.name)]
    assert all(cost_of(c, plan, 2).operations > 0 for c in products)


def test_a_steps_calls_have_their_costs_and_the_machines_peaks():
    graph, data, _ = classifier(layer("Dense", units=16))
    ready = network(graph, {data: clouds(200)}, 1, LANES)
    calls = StepCalls(ready)
    plan = ready.train_plan.plan
    found = calls.with_times([1.0] * len(calls.keys), 1)
    assert sum(c.operations for c in found.calls) == sum(cost_of(c, plan, 1).operations for c in plan.calls)
    assert found.peak_gflops == 0.0
    timer = StepTimer(ready, peaks=peaks.Peaks(100.0, 10.0, ((1 << 30, 40.0),)))
    timer.train(3)
    assert (timer.times().peak_gflops, timer.times().peak_gigabytes) == (100.0, 40.0)
    ready.close()


def test_nearer_data_moves_faster():
    known = peaks.Peaks(100.0, 10.0, ((1000, 50.0), (100_000, 30.0)))
    assert [known.moving(size) for size in (10, 1000, 1001, 200_000)] == [50.0, 50.0, 30.0, 10.0]


def test_peaks_are_measured_once_and_kept(tmp_path, monkeypatch):
    compile_ahead(peaks.KERNELS)
    monkeypatch.setattr(peaks, "_SIZES", (16 << 10, 1 << 20))
    monkeypatch.setattr(peaks, "_MEMORY", 4 << 20)
    monkeypatch.setattr(peaks, "_ROUNDS", 3)
    monkeypatch.setattr(peaks, "_known", {})
    monkeypatch.setattr(peaks, "cache_folder", lambda: tmp_path)
    found = peaks.measured_peaks(2)
    assert found.gflops > 0.1
    assert found.gigabytes_per_second > 0.1
    assert found.threads == 2
    assert [size for size, _ in found.nearer] == [16 << 10, 1 << 20]
    assert [size for size, _ in found.reading] == [size for size, _ in found.changing] == [16 << 10, 1 << 20, 2 << 20]
    monkeypatch.setattr(peaks, "_known", {})
    monkeypatch.setattr(peaks, "measure", lambda threads: pytest.fail("measured again"))
    assert peaks.measured_peaks(2) == found
    assert list(tmp_path.glob("*")) == [tmp_path / "peaks-2.json"]


@pytest.mark.parametrize("other", ["processor", "LANES"])
def test_peaks_of_another_processor_do_not_count(tmp_path, monkeypatch, other):
    monkeypatch.setattr(peaks, "_known", {})
    monkeypatch.setattr(peaks, "cache_folder", lambda: tmp_path)
    rates = iter([7.0, 8.0, 9.0])
    monkeypatch.setattr(peaks, "measure", lambda threads: peaks.Peaks(next(rates), 3.0, (), threads))
    assert peaks.measured_peaks(1).gflops == peaks.measured_peaks(1).gflops == 7.0
    peaks._known.clear()
    assert peaks.measured_peaks(1).gflops == 7.0  # from the file
    peaks._known.clear()
    monkeypatch.setattr(peaks, other, (lambda: "another") if other == "processor" else 1)
    assert peaks.measured_peaks(1).gflops == 8.0
    assert peaks.measured_peaks(1, again=True).gflops == peaks.measured_peaks(1).gflops == 9.0


def test_measuring_again_keeps_the_better_rates(tmp_path, monkeypatch):
    monkeypatch.setattr(peaks, "_known", {})
    monkeypatch.setattr(peaks, "cache_folder", lambda: tmp_path)
    found = iter([
        peaks.Peaks(7.0, 3.0, ((9, 5.0),), 1, ((9, 6.0),), ((9, 7.0),)),
        peaks.Peaks(6.0, 4.0, ((9, 4.0),), 1, ((9, 8.0),), ((9, 6.0),)),
        peaks.Peaks(1.0, 1.0, ((8, 1.0),), 1, ((9, 1.0),), ((9, 1.0),)),
    ])  # fmt: skip
    monkeypatch.setattr(peaks, "measure", lambda threads: next(found))
    peaks.measured_peaks(1)
    best = peaks.Peaks(7.0, 4.0, ((9, 5.0),), 1, ((9, 8.0),), ((9, 7.0),))
    assert peaks.measured_peaks(1, again=True) == peaks.measured_peaks(1) == best
    peaks._known.clear()
    assert peaks.measured_peaks(1) == best  # from the file
    # Of other sizes nothing can be said.
    assert peaks.measured_peaks(1, again=True).gflops == 1.0


def test_what_is_read_written_and_changed_takes_its_time():
    """Reading at 50 and copying at 40 GB/s leave 33 GB/s for writing."""
    known = peaks.Peaks(100.0, 10.0, ((1000, 40.0),), 1, ((1000, 50.0), (9000, 20.0)), ((1000, 80.0), (9000, 25.0)))
    assert known.seconds(50e9, 0.0, 0.0, 1000) == pytest.approx(1.0)
    assert known.seconds(20e9, 20e9, 0.0, 1000) == pytest.approx(1.0)
    assert known.seconds(0.0, 0.0, 40e9, 1000) == pytest.approx(1.0)
    # Beyond the caches the last rates count.
    assert known.seconds(20e9, 0.0, 0.0, 5000) == known.seconds(20e9, 0.0, 0.0, 1e9) == pytest.approx(1.0)
    # Who knows of copying only takes it for all.
    assert peaks.Peaks(100.0, 10.0).seconds(5e9, 3e9, 1e9, 1e6) == pytest.approx(1.0)


@pytest.mark.parametrize("text", ["", "{}", '{"gflops": -1, "gigabytes_per_second": 1, "nearer": []}', "[1]"])
def test_a_broken_file_is_measured_anew(tmp_path, monkeypatch, text):
    (tmp_path / "peaks-1.json").write_text(text)
    monkeypatch.setattr(peaks, "_known", {})
    monkeypatch.setattr(peaks, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(peaks, "measure", lambda threads: peaks.Peaks(7.0, 3.0, (), threads))
    assert peaks.measured_peaks(1).gflops == 7.0
    assert json.loads((tmp_path / "peaks-1.json").read_text())["gflops"] == 7.0


def test_a_folder_that_cannot_be_written_does_not_matter(tmp_path, monkeypatch):
    monkeypatch.setattr(peaks, "_known", {})
    monkeypatch.setattr(peaks, "cache_folder", lambda: tmp_path / "absent")
    monkeypatch.setattr(peaks, "measure", lambda threads: peaks.Peaks(7.0, 3.0, (), threads))
    assert peaks.measured_peaks(1).gflops == 7.0
