"""``studio train``: train without a window."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from studio.cli.card_choice import choose_card
from studio.cli.interrupting import interruptible
from studio.cli.output import print_evaluations, print_json
from studio.cli.progress_bar import ProgressBar
from studio.cli.source import open_source, require_writable
from studio.core.fields import FieldError
from studio.project import SPLITS, Progress, Project, ProjectError, TrainingResult


def train(options: argparse.Namespace) -> int:
    """Train a source and print what came of it."""
    if options.output is not None:
        require_writable(options.output)
    project = open_source(options.source)
    _apply(project, options)
    choose_card(project.document.training, options.device or "")
    bar = ProgressBar()
    latest: list[Progress] = []

    def show(progress: Progress) -> None:
        latest[:] = [progress]
        bar(progress)

    with interruptible() as interrupted:
        try:
            result = project.train(options.epochs, show, interrupted)
        except RuntimeError:
            if options.output is not None and project.state is not None:
                project.save(options.output)  # the last good weights are worth keeping
            raise
        finally:
            bar.finish(latest[0] if latest else None)
    if options.output is not None:
        project.save(options.output)
    values: dict[str, Any] = {"source": options.source, **result.to_json()}
    if options.output is not None:
        values["output"] = str(options.output)
    if options.json:
        print_json(values)
    else:
        _print(result, options.output)
    if result.stopped:
        kept = f"; what was learned is in {options.output}" if options.output is not None else ""
        print(f"studio: Stopped at epoch {result.epochs:.6g}{kept}.", file=sys.stderr)
        return 1
    return 0


def _apply(project: Project, options: argparse.Namespace) -> None:
    """Put the options of the command line into the document."""
    training = project.document.training
    changes = {
        name: getattr(options, name)
        for name in ("batch_size", "threads", "seed", "mode")
        if getattr(options, name) is not None
    }
    if options.device is not None:
        changes["device"] = options.device.partition(":")[0]  # which card it is, is not the document's
    try:
        if options.learning_rate is not None:
            if training.optimizer is None:
                raise ProjectError(
                    "The training settings name no optimizer, so there is no learning rate to set."
                )
            changes["optimizer"] = training.optimizer.replace(learning_rate=options.learning_rate)
        if "greedy" in (options.mode, training.mode) and options.epochs is not None:
            # Each layer's share follows from the length of the run, which must be in the file to go on later.
            done = 0 if project.state is None or options.seed is not None else int(project.state.epoch)
            changes["epochs"] = done + options.epochs
        project.document = project.document.with_training(**changes)
    except FieldError as error:
        name, _, rest = str(error).partition(" ")
        raise FieldError(f"--{name.replace('_', '-')} {rest}") from error
    if options.seed is not None:
        project.restart()
    if options.data is not None:
        for change in project.set_data(options.data, fit=True):
            print(f"studio: {change}, to fit the data.", file=sys.stderr)


def _print(result: TrainingResult, output: object) -> None:
    threads = "1 thread" if result.threads == 1 else f"{result.threads} threads"
    print(
        f"{result.epochs:.6g} epochs, {result.steps:,} steps: {result.seconds:.2f} s of training, "
        f"{result.samples_per_second:,.0f} samples/s ({result.device}, {threads}, seed {result.seed})"
    )
    print_evaluations({name: result.evaluations[name] for name in SPLITS if name in result.evaluations})
    if result.message:
        print(result.message)
    if output is not None:
        print(f"Saved to {output}")
