"""Every registered component keeps the contract that `studio.testing` states."""

from __future__ import annotations

import json

import pytest

from studio.core import registry
from studio.core.assets import assets_folder
from studio.core.graph import Graph
from studio.core.layer import Loss
from studio.core.schedule import Schedule
from studio.storage.document_json import graph_from_json, graph_to_json
from studio.testing import (
    check_initializer,
    check_layer,
    check_loss,
    check_metric,
    check_optimizer,
    check_schedule,
)

LOSSES = sorted(n for n, c in registry.layers().items() if issubclass(c, Loss))
LAYERS = sorted(n for n, c in registry.layers().items() if not issubclass(c, Loss) and c.family != "Data")
#: Cold, a layer's kernels are compiled first.
pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str) -> None:
    check_layer(registry.layer(name))


@pytest.mark.parametrize("name", LOSSES)
def test_loss(name: str) -> None:
    loss = registry.layer(name)
    assert issubclass(loss, Loss)
    check_loss(loss)


@pytest.mark.parametrize("name", sorted(registry.layers()))
def test_files_and_icons(name: str) -> None:
    """Each example survives a file; each layer has its icon among the assets."""
    component = registry.layer(name)
    graph = Graph()
    for example in [component(), *(layer for layer, _ in component.examples())]:
        graph, _ = graph.add(example)
    assert graph_from_json(json.loads(json.dumps(graph_to_json(graph)))) == graph
    assert (assets_folder() / "icons" / f"{component.icon}.svg").is_file()


@pytest.mark.parametrize("name", sorted(registry.optimizers()))
def test_optimizer(name: str) -> None:
    check_optimizer(registry.optimizer(name))


@pytest.mark.parametrize("name", sorted(registry.schedules()))
def test_schedule(name: str) -> None:
    schedule = registry.schedules()[name]
    assert issubclass(schedule, Schedule)
    check_schedule(schedule)


@pytest.mark.parametrize("name", sorted(registry.metrics()))
def test_metric(name: str) -> None:
    check_metric(registry.metric(name))


@pytest.mark.parametrize("name", registry.initializer_names())
def test_initializer(name: str) -> None:
    check_initializer(name)
