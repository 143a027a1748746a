"""``studio inspect``: what a network is made of."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from studio.cli.brick import print_brick, survey_brick
from studio.cli.output import print_json, print_table
from studio.cli.source import open_source
from studio.core.shapes import describe
from studio.project import Project, ProjectError, problem_sentences
from studio.storage import BRICK_SUFFIX, StorageError, open_brick


def inspect(options: argparse.Namespace) -> int:
    """Print nodes, shapes, parameters, memory and problems."""
    if Path(options.source).suffix == BRICK_SUFFIX:
        return _inspect_brick(options)
    project = open_source(options.source)
    if options.data is not None:
        project.set_data(options.data)
    values = survey(project)
    if options.json:
        print_json({"source": options.source, **values})
    else:
        _print(values)
    return 0


def _inspect_brick(options: argparse.Namespace) -> int:
    if options.data is not None:
        raise StorageError("A brick reads no data: leave --data out.")
    found = open_brick(options.source)
    if options.json:
        print_json({"source": options.source, **survey_brick(found)})
    else:
        print_brick(found)
    return 0


def survey(project: Project) -> dict[str, Any]:
    """What `inspect` prints, as JSON types."""
    document = project.document
    inference = project.infer()
    nodes = []
    for identity in document.graph.order:
        node = document.graph.node(identity)
        shapes = inference.shapes.get(identity)
        nodes.append(
            {
                "id": identity,
                "name": node.name,
                # A layer that is not installed is still called what its plug-in calls it.
                "type": getattr(node.layer, "unknown_type", "") or node.layer.type_name(),
                "summary": node.layer.summary(),
                "shape": list(shapes[0]) if shapes else None,
                "parameters": inference.parameters(identity),
                **({"brick": node.pretrained.brick} if node.pretrained is not None else {}),
                "from": [document.graph.node(e.source).name for e in document.graph.incoming(identity)],
            }
        )
    memory: int | None = None
    threads: int | None = None
    if not inference.errors:
        try:
            memory, threads = project.memory(), project.threads()
        except ProjectError:
            memory = threads = None  # the sentence is among the problems
    state = project.state
    return {
        "title": document.title,
        "nodes": nodes,
        "parameters": inference.total_parameters,
        "memory": memory,
        "threads": threads,
        "training": document.training.to_json()
        | {
            "optimizer": None
            if document.training.optimizer is None
            else {"type": document.training.optimizer.type_name(), **document.training.optimizer.to_json()}
        },
        "trained": None if state is None else {"epochs": state.epoch, "steps": state.step},
        "problems": problem_sentences(inference.problems),
    }


def _print(values: dict[str, Any]) -> None:
    if values["title"]:
        print(values["title"])
    rows = [("node", "layer", "output", "parameters", "from")]
    for node in values["nodes"]:
        shape = "" if node["shape"] is None else describe(tuple(node["shape"]))
        layer = (
            node["type"]
            if node["summary"].startswith(node["type"])
            else f"{node['type']} · {node['summary']}"
        )
        layer = node["summary"] if node["summary"].startswith(node["type"]) else layer
        rows.append((node["name"], layer, shape, f"{node['parameters']:,}", ", ".join(node["from"])))
    print_table(rows, frozenset((3,)))
    print(f"{values['parameters']:,} parameters")
    if values["memory"] is not None:
        print(
            f"{values['memory'] / 1e6:.2f} MB while training with {values['threads']} thread(s), the data not counted"
        )
    optimizer = values["training"]["optimizer"]
    if optimizer is not None:
        print(
            f"{optimizer['type']}, learning rate {optimizer['learning_rate']:g}, "
            f"batch size {values['training']['batch_size']}, {values['training']['epochs']} epochs"
        )
    trained = values["trained"]
    print(
        "not trained yet"
        if trained is None
        else f"trained for {trained['epochs']:.6g} epochs, {trained['steps']:,} steps"
    )
    for sentence in values["problems"] or ["no problems"]:
        print(sentence)
