"""``studio evaluate``: how well a trained network does."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from studio.cli.card_choice import choose_card
from studio.cli.output import print_evaluations, print_json
from studio.cli.progress_bar import ProgressBar
from studio.cli.source import open_source
from studio.project import SPLITS, evaluation_to_json
from studio.storage import open_project, templates


def evaluate(options: argparse.Namespace) -> int:
    """Print loss and accuracy on the parts of the data."""
    project = open_source(options.source)
    if options.data is not None:
        project.set_data(options.data)
    elif options.source not in templates.names():
        for reference in open_project(options.source).data:
            if sentence := reference.change():
                print(f"studio: {sentence}", file=sys.stderr)
    choose_card(project.document.training)
    bar = ProgressBar()
    found = project.evaluate(bar)
    bar.finish()
    if options.json:
        values: dict[str, Any] = {"source": options.source}
        for name in SPLITS:
            entry: dict[str, Any] | None = evaluation_to_json(found.get(name))
            if entry is not None and found[name].confusion is not None:
                entry["confusion"] = found[name].confusion.tolist()  # type: ignore[union-attr]
            values[name] = entry
        print_json(values)
        return 0
    print_evaluations(found)
    return 0
