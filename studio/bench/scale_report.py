"""What `studio bench --scale` writes: plots as SVG, and all figures as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.bench.comparison import LOSS_TOLERANCE
from studio.bench.plot import Line, Plot, svg
from studio.bench.scale import Point
from studio.bench.scale_points import AXES, Axis

_OURS_ONE, _OURS_ALL, _TORCH, _ESTIMATE = "#7aa5f7", "#2255c4", "#e0792b", "#8a8f9c"


def table(axis: Axis, points: Sequence[Point]) -> str:
    """An axis as lines of text."""
    lines = [
        f"{axis.key}  {axis.title}",
        f"   {axis.label:<34}{'1 thread':>12}{'all':>12}{'torch':>12}{'ours is':>10}{'estimate':>12}{'measured':>12}",
    ]
    for point in points:
        peer = f"{'':>12}{'':>10}"
        if point.ratio is not None:
            peer = f"{min(point.torch.values()):>9.1f} µs{point.ratio:>9.2f}x"
        marks = (
            (point.is_slower, "SLOWER"),
            (point.torch and point.loss_difference > LOSS_TOLERANCE, f"LOSSES DIFFER by {point.loss_difference:.0e}"),
            (not point.memory_fits, "MORE MEMORY"),
        )
        lines.append(
            f"   {point.size:<34}{point.ours[1]:>9.1f} µs{point.ours[max(point.ours)]:>9.1f} µs{peer}"
            f"{point.estimate / 1e6:>9.2f} MB{point.growth / 1e6:>9.2f} MB"
            + "".join(f"  {word}" for holds, word in marks if holds)
        )
    return "\n".join(lines)


def verdict(found: dict[str, list[Point]]) -> str:
    """One sentence on where we are slower than PyTorch."""
    measured = [p for points in found.values() for p in points if p.ratio is not None]
    slower = [f"{key} {p.size} ({p.ratio:.2f}x)" for key, points in found.items() for p in points if p.is_slower]
    if not measured:
        return "PyTorch was not measured."
    if not slower:
        return f"At none of {len(measured)} sizes more than 10 % slower than PyTorch."
    return f"More than 10 % slower than PyTorch at {len(slower)} of {len(measured)} sizes: {', '.join(slower)}."


def drawing(axis: Axis, points: Sequence[Point]) -> str:
    """Step time and memory of an axis as the text of an SVG file."""
    most = max(n for p in points for n in p.ours)
    lines = [
        Line("ours, 1 thread", [(p.size, p.ours[1]) for p in points], _OURS_ONE),
        Line(f"ours, {most} threads", [(p.size, p.ours[most]) for p in points if most in p.ours], _OURS_ALL),
        Line("PyTorch eager", [(p.size, min(p.torch.values())) for p in points if p.torch], _TORCH),
    ]
    marks = [(float(p.size), p.best, "slower") for p in points if p.is_slower]
    time = Plot(axis.title, axis.label, "microseconds a step", [line for line in lines if line.points], marks)
    megabytes = [
        Line("estimate", [(p.size, p.estimate / 1e6) for p in points], _ESTIMATE, dashed=True),
        Line("growth of the process", [(p.size, max(p.growth, 4096) / 1e6) for p in points], _OURS_ALL),
    ]
    over = [(float(p.size), p.growth / 1e6, "more") for p in points if not p.memory_fits]
    return svg([time, Plot("Memory", axis.label, "megabytes", megabytes, over)])


def write(
    folder: Path, found: dict[str, list[Point]], about: dict[str, Any], notes: Sequence[str]
) -> dict[str, Any]:
    """Write the plots and ``scale.json`` into a folder; returns what is in the latter.

    Raises
    ------
    OSError
        When the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plots = {}
    for key, points in found.items():
        plots[key] = str(folder / f"{key}.svg")
        Path(plots[key]).write_text(drawing(AXES[key], points), encoding="utf-8")
    result = {
        "machine": about,
        "scale": {
            key: {
                "title": AXES[key].title,
                "axis": AXES[key].label,
                "points": [p.to_json() for p in points],
                "plot": plots[key],
            }
            for key, points in found.items()
        },
        "slower": verdict(found),
        "notes": list(notes),
    }
    (folder / "scale.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    return result
