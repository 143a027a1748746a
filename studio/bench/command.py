"""Runs what ``studio bench`` asks for (its options are in `studio.cli.bench`)."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from studio.bench import report
from studio.bench.comparison import Measurement, compare
from studio.bench.machine import machine
from studio.bench.peer_process import why_missing
from studio.bench.workloads import WORKLOADS
from studio.core.registry import UnknownName
from studio.engine.processor import cores


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
    if options.soak is not None:
        return _soak(options, threads, progress)
    if options.scale is not None:
        return _scale(options, threads, progress)
    if options.kernels:
        return _kernels(options, progress)
    if options.start:
        return _start(options, progress)
    notes = [sentence for sentence in map(why_missing, options.peers) if sentence]
    peers = [name for name in options.peers if not why_missing(name)]
    for note in notes:
        print(note, file=sys.stderr)
    progress.tell("measuring what the machine can do")
    about = machine({}, sorted({1, threads}), again=True)
    progress.tell("")
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
    about["versions"] |= versions
    result: dict[str, Any] = {"machine": about, "workloads": found, "notes": notes}
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
        print(f"{report.heading(about)}\n\n{report.markdown(measurements)}")
    elif versions:
        print("\n" + ", ".join(f"{name} {version}" for name, version in versions.items()))
    return 0


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
