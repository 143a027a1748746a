"""``studio brick``: a trained part of a network, to be put into others."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from studio.cli.output import print_json, print_table
from studio.cli.source import open_source, require_writable
from studio.core.brick import Brick
from studio.core.shapes import describe
from studio.storage import BRICK_SUFFIX, StorageError, save_brick


def brick(options: argparse.Namespace) -> int:
    """Write a brick of some of a network's layers."""
    project = open_source(options.source)
    output: Path = options.output if options.output.suffix else options.output.with_suffix(BRICK_SUFFIX)
    names = [name.strip() for name in options.nodes.split(",") if name.strip()]
    made = project.brick(names, options.name or output.stem)
    source = Path(options.source).name
    if source not in made.origin:
        made = dataclasses.replace(made, origin=", ".join(part for part in (source, made.origin) if part))
    require_writable(output)
    if output.exists() and not options.force:
        raise StorageError(f"{output} is there already: choose another name, or add --force to replace it.")
    save_brick(output, made)
    if options.json:
        print_json({"source": options.source, "output": str(output), **survey_brick(made)})
    else:
        print(f"Wrote {output}: {made.parameters:,} learned numbers in {len(made.graph.nodes)} layer(s).")
    return 0


def survey_brick(made: Brick) -> dict[str, Any]:
    """What ``studio inspect`` prints of a brick, as JSON types."""
    graph = made.graph
    nodes = []
    for identity in graph.order:
        node = graph.node(identity)
        weights = node.pretrained.arrays if node.pretrained is not None else {}
        nodes.append(
            {
                "name": node.name,
                "type": getattr(node.layer, "unknown_type", "") or node.layer.type_name(),
                "summary": node.layer.summary(),
                "weights": {name: list(array.shape) for name, array in weights.items()},
                "parameters": sum(array.size for array in weights.values()),
                "from": [graph.node(e.source).name for e in graph.incoming(identity)],
            }
        )
    return {"name": made.name, "origin": made.origin, "nodes": nodes, "parameters": made.parameters}


def print_brick(made: Brick) -> None:
    """Print a brick for people."""
    values = survey_brick(made)
    print(f"{values['name']}: a brick from {values['origin']}" if made.origin else f"{made.name}: a brick")
    rows = [("node", "layer", "weights", "parameters", "from")]
    for node in values["nodes"]:
        shapes = ", ".join(f"{name} {describe(tuple(shape))}" for name, shape in node["weights"].items())
        rows.append((node["name"], node["summary"], shapes, f"{node['parameters']:,}", ", ".join(node["from"])))
    print_table(rows, frozenset((3,)))
    print(f"{values['parameters']:,} parameters")
