"""``studio race``: whether the processor or a graphics card trains a network faster."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from studio.cli.card_choice import choose_card
from studio.cli.interrupting import interruptible
from studio.cli.output import print_json
from studio.cli.progress_bar import ProgressBar
from studio.cli.source import open_source
from studio.cuda.probe import why_not
from studio.project import Progress, ProjectError

if TYPE_CHECKING:
    from studio.engine.race_messages import Racer, RaceView


def race(options: argparse.Namespace) -> int:
    """Let both train copies of a source's network in turns, and print how fast each was."""
    from studio.cuda.card import CardProblem
    from studio.engine.compiling import compile_kernels
    from studio.engine.race import Race

    project = open_source(options.source)
    # No more of the training is on the card than the race's copy.
    training = project.document.training
    project.document = project.document.with_training(device="cpu")
    if reason := why_not():
        raise ProjectError(reason)
    choose_card(replace(training, device="cuda"), options.device)
    bar = ProgressBar()
    with interruptible() as interrupted:
        run = project.start(bar, interrupted)
        try:

            def compile_them(kernels: Any) -> None:
                compile_kernels(kernels, lambda done, total: bar(Progress(f"Preparing kernels: {done} of {total}", done / total)), interrupted)
                if interrupted():
                    raise ProjectError("Stopped before the race began.")

            contest = Race(run, compile_them, options.seconds)
            try:
                while contest.advance():
                    if interrupted():
                        raise ProjectError("Stopped before the end of the race.")
                    view = contest.view()
                    bar(Progress(f"Turn {view.turn} of {view.turns}" if view.turn else "Warming up", view.progress))
                view = contest.view()
            finally:
                contest.close()
        except CardProblem as problem:
            raise ProjectError(str(problem)) from problem
        finally:
            run.close()
            bar.finish()
    if options.json:
        print_json({"source": options.source, **_values(view)})
    else:
        threads = "1 thread" if view.processor.threads == 1 else f"{view.processor.threads} threads"
        _print_side(f"Processor, {threads}", view.processor)
        _print_side(view.card.title, view.card)
        print(verdict(view))
    sys.stdout.flush()
    return 0


def verdict(view: RaceView) -> str:
    """Which side is faster, in a sentence."""
    if view.faster == "cuda":
        return f"The card is {view.factor_words} times as fast on this graph."
    if view.faster == "cpu":
        return f"The processor is {view.factor_words} times as fast on this graph, which gives the card too little to do at once."
    return "Both are about as fast on this graph."


def _print_side(name: str, racer: Racer) -> None:
    least, most = min(racer.rates), max(racer.rates)
    print(f"{name}: {racer.samples_per_second:,.0f} samples/s (turns from {least:,.0f} to {most:,.0f})")


def _values(view: RaceView) -> dict[str, Any]:
    def side(racer: Racer) -> dict[str, Any]:
        return {"samples_per_second": racer.samples_per_second, "turns": list(racer.rates)}

    return {
        "cpu": {"threads": view.processor.threads, **side(view.processor)},
        "cuda": {"card": view.card.title, **side(view.card)},
        "faster": view.faster or None,
        "factor": view.factor,
        "sentence": verdict(view),
    }
