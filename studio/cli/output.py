"""Results on stdout: one JSON object, or text in columns."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from studio.core import registry
from studio.engine.messages import Evaluation


def print_json(values: dict[str, Any]) -> None:
    """Print one JSON object; what is not a finite number becomes null."""
    print(json.dumps(_finite(values), allow_nan=False, ensure_ascii=True))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return [_finite(v) for v in value] if isinstance(value, (list, tuple)) else value


def print_table(rows: Sequence[Sequence[str]], numbers: frozenset[int] = frozenset()) -> None:
    """Print rows in columns; those whose index is in `numbers` are aligned to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [
            c.rjust(w) if i in numbers else c.ljust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def print_evaluations(evaluations: Mapping[str, Evaluation]) -> None:
    """Print a row for each part of the data: loss, accuracy and the other metrics that there are."""
    known = registry.metrics()
    names = list(dict.fromkeys(name for e in evaluations.values() for name in e.metrics if name != "accuracy"))
    rows = [["part", "loss", "accuracy", *(known[name].title for name in names)]]
    for part, found in evaluations.items():
        row = [part, f"{found.loss:.4f}", percent(found.accuracy)]
        for name in names:
            value = found.metrics.get(name)
            written = percent(value) if known[name].percent else "" if value is None else f"{value:.4g}"
            row.append(written)
        rows.append(row)
    if not any(row[2] for row in rows[1:]) and names:
        rows = [row[:2] + row[3:] for row in rows]
    print_table(rows, frozenset(range(1, len(rows[0]))))


def percent(share: float | None) -> str:
    """``97.2 %``; empty for None."""
    return "" if share is None else f"{100 * share:.1f} %"
