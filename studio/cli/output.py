"""Results on stdout: one JSON object, or text in columns."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any


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


def percent(share: float | None) -> str:
    """``97.2 %``; empty for None."""
    return "" if share is None else f"{100 * share:.1f} %"
