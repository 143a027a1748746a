"""Runs what ``studio bench`` asks for (its options are in `studio.cli.bench`)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.bench import report
from studio.bench.comparison import Measurement, compare
from studio.bench.machine import machine
from studio.bench.peer_process import why_missing, why_not_on_card
from studio.bench.workloads import WORKLOADS
from studio.core.registry import UnknownName
from studio.cuda.card import Card, CardProblem, open_card
from studio.engine.processor import cores

#: Options that measure what the processor does.
_OF_THE_PROCESSOR = ("soak", "scale", "start", "window")


class _Progress:
    """One line on stderr that says what is going on; nothing where stderr is not a terminal."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def tell(self, sentence: str) -> None:
        """Replace the line."""
        if self._shown:
            print(f"\r\033[K{sentence}", end="", file=sys.stderr, flush=True)


def run(options: argparse.Namespace) -> int:
    """Run the benchmark; returns the exit code.

    Parameters
    ----------
    options : argparse.Namespace
        As `studio.cli.bench.add_bench` declares them.
    """
    progress = _Progress()
    threads = options.threads or cores()
    card: Card | None = None
    if options.device == "cuda":
        beside = [name for name in _OF_THE_PROCESSOR if getattr(options, name) not in (None, False)]
        if beside:
            return _wrong(f"--{beside[0]} measures the processor: leave it out, or --device cuda.")
        try:
            card = open_card()
        except CardProblem as problem:
            return _wrong(str(problem))
    if options.soak is not None:
        return _soak(options, threads, progress)
    if options.scale is not None:
        return _scale(options, threads, progress)
    if options.kernels:
        return _kernels(options, progress) if card is None else _kernels_on_card(options, card, progress)
    if options.start:
        return _start(options, progress)
    peers, notes = _who_takes_part(options.peers, card is not None, progress)
    for note in notes:
        print(note, file=sys.stderr)
    if card is None:
        progress.tell("measuring what the machine can do")
        about = machine({}, sorted({1, threads}), again=True)
        progress.tell("")
    else:
        about = machine({}, card=card.title)
    quiet = options.json or options.markdown
    if not quiet:
        print(report.heading(about), flush=True)
    found: dict[str, Any] = {}
    measurements: list[Measurement] = []
    versions: dict[str, str] = {}
    for key in options.workloads:
        try:
            measured = compare(
                *(WORKLOADS[key], peers, threads),
                rounds=options.rounds,
                seconds=options.seconds,
                with_compile=options.compile,
                tell=progress.tell,
                card=card,
            )
        except (UnknownName, RuntimeError) as error:
            progress.tell("")
            print(f"studio: Workload {key} could not be measured: {error}", file=sys.stderr)
            return 1
        progress.tell("")
        versions.update(measured.versions)
        found[key] = report.workload_json(measured)
        measurements.append(measured)
        if not quiet:
            print(f"\n{report.table(measured)}", flush=True)
    of_product = None
    if card is not None and options.product:
        from studio.bench import product

        try:
            of_product = product.measure(card, "torch" in peers, threads, options.rounds, options.seconds, progress.tell)
        except RuntimeError as error:
            progress.tell("")
            print(f"studio: The product could not be measured: {error}", file=sys.stderr)
            return 1
        progress.tell("")
        versions.update(of_product.versions)
        if not quiet:
            print(f"\n{of_product.text()}", flush=True)
    about["versions"] |= versions
    result: dict[str, Any] = {"machine": about, "workloads": found, "notes": notes}
    if of_product is not None:
        result["product"] = of_product.to_json()
    if options.window:
        from studio.bench.window import WindowFailure, measure, window_table

        try:
            result["window"] = measure(sorted({1, threads}), options.rounds, tell=progress.tell)
        except WindowFailure as failure:
            progress.tell("")
            print(f"studio: {failure}", file=sys.stderr)
            return 1
        progress.tell("")
        if not quiet:
            print(f"\n{window_table(result['window'])}", flush=True)
    if options.json:
        print(json.dumps(result))
    elif options.markdown:
        below = f"\n\n{of_product.text()}" if of_product is not None else ""
        print(f"{report.heading(about)}\n\n{report.markdown(measurements)}{below}")
    elif versions:
        print("\n" + ", ".join(f"{name} {version}" for name, version in versions.items()))
    return 0


def _wrong(sentence: str) -> int:
    """What was asked for cannot be done here; the exit code says wrong usage, as `studio.cli` does."""
    print(f"studio: {sentence}", file=sys.stderr)
    return 2


def _who_takes_part(names: Sequence[str], on_card: bool, progress: _Progress) -> tuple[list[str], list[str]]:
    """Peers that can be measured, and a sentence on each of the others."""
    peers, notes = [], []
    for name in names:
        sentence = why_missing(name)
        if on_card and not sentence:
            progress.tell(f"asking {name} for its card")
            sentence = why_not_on_card(name)
            progress.tell("")
        if sentence:
            notes.append(sentence)
        else:
            peers.append(name)
    return peers, notes


def _start(options: argparse.Namespace, progress: _Progress) -> int:
    from studio.bench.startup import StartFailure, measure, start_table

    try:
        found = measure(options.rounds, progress.tell)
    except StartFailure as failure:
        progress.tell("")
        print(f"studio: {failure}", file=sys.stderr)
        return 1
    progress.tell("")
    print(json.dumps({"machine": machine({}), "start": found}) if options.json else start_table(found))
    return 0


def _kernels(options: argparse.Namespace, progress: _Progress) -> int:
    from studio.bench import kernels

    # A call is short: twice as many rounds take no time, and the shortest counts.
    found, peaks = kernels.measure(options.workloads, rounds=2 * options.rounds + 1, tell=progress.tell)
    progress.tell("")
    if options.json:
        print(json.dumps({"machine": machine({}, [1]), **kernels.kernels_json(found, peaks)}))
        return 0
    print(f"{report.heading(machine({}, [1]))}\n\n{kernels.table(found, peaks)}")
    return 0


def _kernels_on_card(options: argparse.Namespace, card: Card, progress: _Progress) -> int:
    from studio.bench import card_kernels

    try:
        peaks = card_kernels.peaks_of(card, progress.tell)
        found = [
            card_kernels.profile(WORKLOADS[key], card, peaks, options.rounds, options.seconds, progress.tell)
            for key in options.workloads
        ]
    except (UnknownName, RuntimeError) as error:
        progress.tell("")
        print(f"studio: The kernels could not be measured: {error}", file=sys.stderr)
        return 1
    progress.tell("")
    about = machine({}, card=card.title)
    if options.json:
        print(json.dumps({"machine": about, **card_kernels.to_json(found, peaks)}))
    else:
        tables = card_kernels.markdown(found) if options.markdown else card_kernels.text(found)
        print(f"{report.heading(about)}\n{card_kernels.peaks_words(peaks)}\n\n{tables}")
    return 0


def _soak(options: argparse.Namespace, threads: int, progress: _Progress) -> int:
    from studio.bench import soak
    from studio.bench.window import WindowFailure

    try:
        samples = soak.measure(60.0 * options.soak, not options.no_window, threads, progress.tell)
    except WindowFailure as failure:
        progress.tell("")
        print(f"studio: {failure}", file=sys.stderr)
        return 1
    progress.tell("")
    found = soak.summary(samples)
    found |= {"window": not options.no_window, "threads": threads}
    if options.json:
        print(json.dumps({"machine": machine({}), "soak": found}))
    else:
        print(soak.text(found))
    return 0


def _scale(options: argparse.Namespace, threads: int, progress: _Progress) -> int:
    from studio.bench import scale, scale_report
    from studio.bench.scale_points import AXES

    missing = why_missing("torch") if "torch" in options.peers else "PyTorch was left out."
    if missing:
        print(missing, file=sys.stderr)
    try:
        # Turns are short, since there are many points; the fastest of them counts.
        found, notes, versions = scale.measure(
            options.axes, not missing, threads, options.rounds, min(options.seconds, 0.05), progress.tell
        )
        progress.tell("")
        result = scale_report.write(Path(options.scale), found, machine(versions), notes)
    except (OSError, RuntimeError) as error:
        progress.tell("")
        print(f"studio: The sizes could not be measured: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(result))
        return 0
    print(report.heading(result["machine"]))
    for key, points in found.items():
        print(f"\n{scale_report.table(AXES[key], points)}")
    print(f"\n{result['slower']} Plots and figures are in {options.scale}.")
    return 0
