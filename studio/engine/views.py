"""Copies of what the watched nodes hold, for the window."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import numpy as np

from studio.core.dataset import Dataset, Split
from studio.engine.commands import Watch
from studio.engine.messages import NodeView, OwnSample, Scatter
from studio.engine.network import Network
from studio.engine.observed import SCATTER_SAMPLES

#: Samples that are looked through together.
_PIECE = 1 << 16
#: How much of the plane beyond the points is shown.
PLANE_MARGIN = 0.15


@dataclass(frozen=True, eq=False)
class Views:
    """See the fields of the same names of `studio.engine.messages.Snapshot`."""

    nodes: Mapping[str, NodeView] = field(default_factory=dict)
    probe_x: np.ndarray | None = None
    probe_y: np.ndarray | None = None
    own: OwnSample | None = None
    plane_extent: tuple[float, float, float, float] = (-1.0, 1.0, -1.0, 1.0)
    scatter: Scatter | None = None
    answers: Scatter | None = None


def take_views(network: Network, watch: Watch) -> Views:
    """Compute and copy what is watched, from the weights as they are now."""
    wanted = [n for n in network.graph.by_id if n in watch.nodes]
    arrays, own = _probe(network, watch)
    seen = network.look(arrays, wanted) if wanted else {}
    extras = {node: network.read_extras(node, len(arrays[0])) for node in wanted}
    plane: dict[str, np.ndarray] = {}
    extent = (-1.0, 1.0, -1.0, 1.0)
    source = _plane_source(network)
    if source is not None:
        extent = plane_extent(network, source)
        if wanted:
            plane = _look_at_plane(network, wanted, watch.plane, extent)
    nodes = {}
    for node in wanted:
        detailed = node in watch.details
        nodes[node] = NodeView(
            seen.get(node),
            plane.get(node),
            network.node_weights(node) if detailed else {},
            network.node_gradients(node) if detailed else {},
            extras[node],
        )
    targets = arrays[1] if own is None else None
    output = network.output if watch.answers else ""
    scatters = _scatters(network, {watch.scatter, output} & network.graph.by_id.keys())
    return Views(nodes, arrays[0], targets, own, extent, scatters.get(watch.scatter), scatters.get(output))


def _probe(network: Network, watch: Watch) -> tuple[list[np.ndarray], OwnSample | None]:
    """The probe batch, and the person's own sample if that is its first."""
    arrays, own, place = network.probe_arrays(watch.sample), watch.own, 0
    for node in network.graph.nodes:
        if node.id not in network.datasets:
            continue
        dataset = network.datasets[node.id]
        # Just after an edit it may still be of other data.
        if own is not None and node.id == own.node and own.x.shape == dataset.info.x_shape and len(arrays[place]):
            arrays[place][0] = own.x
            # The loss is worked out too, and must find a class that there is.
            arrays[place + 1][0] = 0.0
            return arrays, own
        place += dataset.info.ports
    return arrays, None


def _plane_source(network: Network) -> str | None:
    """The only Data node, if its samples are points of a plane."""
    if len(network.infos) != 1:
        return None
    node, info = next(iter(network.infos.items()))
    return node if info.plane and info.x_shape == (2,) else None


def plane_extent(network: Network, source: str) -> tuple[float, float, float, float]:
    """A square around all points of the data set."""
    dataset = network.datasets[source]
    pieces = [s.x[i : i + _PIECE] for s in (dataset.train, dataset.validation, dataset.test) for i in range(0, len(s), _PIECE)]
    low, high = np.min([p.min(0) for p in pieces], 0), np.max([p.max(0) for p in pieces], 0)
    centre = (low + high) / 2
    half = float((high - low).max()) / 2 * (1 + PLANE_MARGIN) or 1.0
    x, y = float(centre[0]), float(centre[1])
    return (x - half, x + half, y - half, y + half)


def _look_at_plane(
    network: Network, nodes: list[str], pixels: int, extent: tuple[float, float, float, float]
) -> dict[str, np.ndarray]:
    x = np.linspace(extent[0], extent[1], pixels, dtype=np.float32)
    y = np.linspace(extent[2], extent[3], pixels, dtype=np.float32)
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    info = next(iter(network.infos.values()))
    target = np.zeros((len(grid), *info.y_shape), np.float32)
    weights = [np.zeros(len(grid), np.float32)] * (info.ports - 2)
    seen = network.look([grid, target, *weights], nodes)
    return {node: values.reshape(pixels, pixels, -1) for node, values in seen.items()}


def _scatters(network: Network, nodes: Set[str]) -> dict[str, Scatter]:
    """Activations of nodes for many validation samples."""
    if not nodes:
        return {}

    def part(dataset: Dataset) -> Split:
        split = dataset.validation if len(dataset.validation) else dataset.train
        return split.take(slice(SCATTER_SAMPLES))

    ordered = [network.datasets[n.id] for n in network.graph.nodes if n.id in network.datasets]
    arrays = [np.asarray(array) for dataset in ordered for array in part(dataset).arrays]
    seen = network.look(arrays, nodes)
    return {node: Scatter(node, values.reshape(len(values), -1), arrays[1]) for node, values in seen.items()}
