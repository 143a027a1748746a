"""JSON that a person can read, and reading JSON from people one does not know."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from studio.storage.errors import StorageError

_WIDTH = 100
_DEEPEST = 64


def dumps(value: Any) -> str:
    """Indented JSON with sorted keys; what has no nesting and fits goes on one line.

    Raises
    ------
    ValueError
        When a number is not finite.
    """
    return _dump(value, "") + "\n"


def _dump(value: Any, indent: str) -> str:
    flat = json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)
    if not isinstance(value, (dict, list)) or not value:
        return flat
    members = list(value.values()) if isinstance(value, dict) else value
    nested = any(isinstance(m, (dict, list)) and m for m in members)
    if len(flat) + len(indent) <= _WIDTH and not (nested and isinstance(value, dict)):
        return flat
    deeper = indent + "  "
    if isinstance(value, dict):
        lines = [
            f"{json.dumps(str(k), ensure_ascii=False)}: {_dump(value[k], deeper)}"
            for k in sorted(value, key=str)
        ]
        first, last = "{", "}"
    else:
        lines = [_dump(m, deeper) for m in value]
        first, last = "[", "]"
    inner = ",\n".join(deeper + line for line in lines)
    return f"{first}\n{inner}\n{indent}{last}"


def encode(value: Any) -> bytes:
    """`dumps` as UTF-8; text that UTF-8 cannot hold (halves of characters) is escaped."""
    try:
        return dumps(value).encode()
    except UnicodeEncodeError:
        return json.dumps(value, sort_keys=True, allow_nan=False, indent=1).encode()


def loads(content: bytes | str, where: str) -> Any:
    """Parse JSON of unknown origin.

    Parameters
    ----------
    content : bytes or str
    where : str
        What it is a part of, for the sentence.

    Raises
    ------
    StorageError
        When it is not JSON, has NaN or infinite numbers, or is nested too deeply.
    """
    try:
        value = json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"{where} is damaged: it is not readable as JSON.") from error
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            m
            for v in level
            if isinstance(v, (dict, list))
            for m in (v.values() if isinstance(v, dict) else v)
        ]
        if not level:
            return value
    raise StorageError(f"{where} is damaged: it is nested more than {_DEEPEST} deep.")


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number.")
