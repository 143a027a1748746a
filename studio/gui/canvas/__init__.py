"""The canvas: the graph as nodes and wires, with what each layer sees.

`layout`, `arrange`, `placement`, `layer_search` and `remedies` know no Qt; `Canvas` is the
widget, loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studio.gui.canvas.canvas import Canvas

__all__ = ["Canvas"]


def __getattr__(name: str) -> Any:
    if name == "Canvas":
        from studio.gui.canvas.canvas import Canvas

        return Canvas
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
