"""``studio templates --scores``: train the templates and hold their scores against what they state."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from studio.bench.machine import machine
from studio.cli.interrupting import interruptible
from studio.cli.output import print_json, print_table
from studio.cli.progress_bar import ProgressBar
from studio.engine.processor import cores, processor
from studio.project import Progress, Project, ProjectError
from studio.storage import templates
from studio.storage.templates import Template

_HEAD = ("template", "kind", "parameters", "steps", "seconds", "metric", "score", "stated")
_NUMBERS = frozenset(range(2, 5)) | {6, 7}


@dataclass(frozen=True)
class Row:
    """What training one template came to.

    Parameters
    ----------
    template : Template
    parameters, steps : int
    seconds : float
        Of training; loading data and preparing kernels come on top.
    value : float
        Of the metric the template states, on the test part.
    """

    template: Template
    parameters: int
    steps: int
    seconds: float
    value: float

    @property
    def met(self) -> bool:
        """Whether it is as good as stated."""
        return self.template.score.met_by(self.value)

    def to_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        score = self.template.score
        return {
            "template": self.template.name,
            "kind": self.template.kind,
            "parameters": self.parameters,
            "steps": self.steps,
            "seconds": round(self.seconds, 4),
            "metric": score.metric,
            "score": self.value,
            "stated": score.value,
            "met": self.met,
        }

    def cells(self) -> tuple[str, ...]:
        """As people read it."""
        score = self.template.score
        return (
            self.template.name,
            self.template.kind,
            f"{self.parameters:,}",
            f"{self.steps:,}",
            f"{self.seconds:.1g}" if self.seconds < 1 else f"{self.seconds:.1f}",
            score.kind.title,
            score.written(self.value),
            f"{score.sign()} {score.written()}",
        )

    def sentence(self) -> str:
        """Why it is not as good as stated."""
        score = self.template.score
        return (
            f"The template {self.template.name} reached {score.kind.title} {self.value:.5g}, "
            f"but states {score.sign()} {score.value:.5g}."
        )


def print_scores(options: argparse.Namespace) -> int:
    """Train templates and print their scores."""
    wanted = [templates.template(name) for name in options.names] or list(templates.templates())
    rows: list[Row] = []
    with interruptible() as interrupted:
        try:
            for number, entry in enumerate(wanted, 1):
                print(f"{entry.name} ({number} of {len(wanted)})", file=sys.stderr, flush=True)
                row = measure(entry, options.seed, interrupted)
                if row is None:
                    break
                rows.append(row)
        finally:
            if rows and not options.json:  # what took minutes is not lost with the rest
                _print(rows, options.markdown)
    if options.json:
        print_json({"templates": [row.to_json() for row in rows], "machine": machine({})})
    if len(rows) < len(wanted):
        print(f"studio: Stopped after {len(rows)} of {len(wanted)} templates.", file=sys.stderr)
        return 1
    short = [row.sentence() for row in rows if not row.met]
    for sentence in short:
        print(f"studio: {sentence}", file=sys.stderr)
    return 1 if short else 0


def measure(entry: Template, seed: int | None, stopped: Callable[[], bool]) -> Row | None:
    """Train one template as it is stored.

    Parameters
    ----------
    entry : Template
    seed : int, optional
        Another seed than the stored one.
    stopped : callable
        Asked all the time; true ends it.

    Returns
    -------
    Row or None
        None when it was stopped.

    Raises
    ------
    ProjectError
        When the score that the template states cannot be measured.
    """
    project = Project.new(entry.name)
    if seed is not None:
        project.document = project.document.with_training(seed=seed)
    bar = ProgressBar()
    latest: list[Progress] = []

    def show(progress: Progress) -> None:
        latest[:] = [progress]
        bar(progress)

    try:
        result = project.train(progress=show, stopped=stopped)
    except ProjectError:
        if stopped():
            return None  # while kernels were prepared
        raise
    finally:
        bar.finish(latest[0] if latest else None)
    if result.stopped:
        return None
    value = result.evaluations["test"].metrics.get(entry.score.metric)
    if value is None:
        raise ProjectError(
            f"The template {entry.name} states its {entry.score.kind.title}, but its training does not measure it: "
            "tick that metric in its training settings."
        )
    return Row(entry, result.parameters, result.steps, result.seconds, value)


def _print(rows: Sequence[Row], markdown: bool) -> None:
    table = [_HEAD, *(row.cells() for row in rows)]
    where = f"{processor()}, {cores()} cores, float32 vectors of {machine({})['lanes']}"
    if not markdown:
        print_table(table, _NUMBERS)
        print(f"Trained on {where}.")
        return
    for number, cells in enumerate(table):
        print(f"| {' | '.join(cells)} |")
        if not number:
            print(f"|{'|'.join(' ---: ' if i in _NUMBERS else ' --- ' for i in range(len(_HEAD)))}|")
    print(f"\nTrained on {where}.")
