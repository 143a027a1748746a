"""The workloads are ordinary documents that train."""

from __future__ import annotations

import numpy as np
import pytest

from studio.bench.chain import Task, stages_of, task_of
from studio.bench.ours import Ours
from studio.bench.workloads import WORKLOADS
from studio.cli import bench as options
from studio.core import registry
from studio.core.document import Document
from studio.core.graph import Graph, GraphError
from studio.core.inference import infer
from studio.engine.shuffling import epoch_order

SMALL = ("a", "b", "d")


@pytest.mark.parametrize("key", list(WORKLOADS))
def test_its_document_has_no_problems(key):
    workload = WORKLOADS[key]
    document = workload.document()
    (source,) = (n.id for n in document.graph.nodes if n.layer.family == "Data")
    inference = infer(document.graph, {source: workload.dataset().info})
    assert inference.problems == ()
    assert set(document.positions) == {n.id for n in document.graph.nodes}


def test_sizes_are_those_of_the_design_notes():
    parameters = {}
    for key, workload in WORKLOADS.items():
        document = workload.document()
        parameters[key] = infer(document.graph, {"n1": workload.dataset().info}).total_parameters
    assert parameters["a"] == 3 * 8 + 9 * 8 + 9
    assert parameters["b"] == 65 * 128 + 129 * 64 + 65 * 10
    assert parameters["c"] == 785 * 512 + 513 * 512 + 513 * 10
    assert parameters["d"] == 26 * 6 + 151 * 16 + 257 * 120 + 121 * 84 + 85 * 10
    convolutions = sum((9 * i + 1) * o for i, o in ((3, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64)))
    normalizations = 4 * 2 * (16 + 32 + 64)
    assert parameters["e"] == convolutions + normalizations + 1025 * 10
    half = 4 * 65 * 64 + 2 * 64
    assert parameters["g"] == 2 * (half + 65 * 256 + 257 * 64 + 2 * 64) + 65 * 10
    assert parameters["f"] == 4 * 64 * (32 + 64 + 1) + 65 * 10


@pytest.mark.parametrize("key", list(WORKLOADS))
def test_samples_are_whole_minibatches_and_the_same_each_time(key):
    workload = WORKLOADS[key]
    one, other = workload.dataset().train, workload.dataset().train
    assert len(one) % workload.batch_size == 0
    assert one.x.dtype == one.y.dtype == np.float32
    assert np.array_equal(one.x, other.x)
    assert np.array_equal(one.y, other.y)
    assert set(np.unique(one.y)) == set(range(workload.classes))


def test_the_command_line_offers_all_workloads():
    assert tuple(WORKLOADS) == options.WORKLOADS


@pytest.mark.parametrize("key", SMALL)
def test_losses_of_single_steps_are_finite_and_fall_in_time(key):
    ours = Ours(WORKLOADS[key], 1)
    try:
        first = ours.losses(5)
        assert ours.train(600) > 0
        last = ours.losses(5)
    finally:
        ours.close()
    assert np.isfinite(first).all()
    assert np.mean(last) < np.mean(first)


def test_two_threads_train_the_same():
    one, two = Ours(WORKLOADS["b"], 1), Ours(WORKLOADS["b"], 2)
    try:
        assert np.allclose(one.losses(10), two.losses(10), rtol=1e-5)
    finally:
        one.close()
        two.close()


@pytest.mark.parametrize("key", SMALL)
def test_a_task_survives_its_files(key, tmp_path):
    workload = WORKLOADS[key]
    ours = Ours(workload, 1)
    try:
        train = ours.dataset.train
        order = epoch_order(len(train), 2, 0)
        task = task_of(ours.document, train.x, train.y, order, ours.weights())
    finally:
        ours.close()
    task.save(tmp_path)
    seen = Task.open(tmp_path)
    assert seen.stages == task.stages
    assert seen.optimizer_parameters == task.optimizer_parameters
    assert np.array_equal(seen.order, order)
    assert np.array_equal(seen.x, train.x)
    assert seen.y.dtype == np.int64
    assert {k: v.shape for k, v in seen.weights.items()} == {k: v.shape for k, v in task.weights.items()}
    dense = next(stage for stage in seen.stages if stage.type == "Dense")
    assert np.array_equal(seen.weight(dense, "kernel"), task.weight(dense, "kernel"))
    assert seen.steps_per_epoch == workload.samples // workload.batch_size


def test_only_chains_can_be_compared():
    graph, data = Graph().add(registry.layer("Data")())
    graph, one = graph.add(registry.layer("Dense")(units=3))
    graph, other = graph.add(registry.layer("Dense")(units=3))
    graph, both = graph.add(registry.layer("Add")())
    graph = graph.connect(data, 0, one, 0).connect(data, 0, other, 0).connect(one, 0, both, 0).connect(other, 0, both, 1)
    with pytest.raises(GraphError, match="chain"):
        stages_of(Document(graph))
