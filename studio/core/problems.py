"""Problems of a graph: sentences bound to a node, with one-click remedies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Remedy:
    """A repair the window offers as a button.

    Parameters
    ----------
    action : str
        ``insert`` (a layer of type `type` on the wire into port `port` of the node),
        ``set`` (the node's parameters to `values`), ``set_source`` (those of the node wired to
        port `port`), ``replace`` (the node by type `type`), ``random_weights`` (in place of those
        from a brick), ``add_data``, ``add_loss`` or ``connect_target``.
    text : str
        The button's words, such as ``Add Flatten before it``.
    """

    action: str
    text: str
    type: str = ""
    port: int = 0
    values: tuple[tuple[str, Any], ...] = ()


class ShapeProblem(ValueError):
    """Raised by a layer that cannot take its inputs.

    The message goes on after the node's name: ``needs a flat input: add Flatten before it.``
    """

    def __init__(self, message: str, remedy: Remedy | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True)
class Problem:
    """One plain sentence that says what is wrong at a node and what to do.

    Parameters
    ----------
    node : str
        The node's id; empty for a problem of the whole graph.
    message : str
        A full sentence that starts with the node's name.
    remedy : Remedy or None
        A one-click repair, where there is one.
    severity : {"error", "hint"}
        An error stops training; a hint does not.
    """

    node: str
    message: str
    remedy: Remedy | None = None
    severity: str = "error"
