"""Where the time of a training step goes, node by node: plain values, no widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from studio.core.graph import Graph
from studio.engine.step_times import CallTime, StepTimes

#: Order of the phases within a node.
_PHASES = ("forward", "backward", "update", "")
#: What is not a node's: the row's key and how its calls are told.
OPTIMIZER, WAITING, OTHER = "optimizer", "waiting", "other"


@dataclass(frozen=True)
class Roof:
    """What the processor, or the card, can do at best.

    Parameters
    ----------
    gflops : float
        10**9 operations a second, all training threads together.
    gigabytes : float
        10**9 bytes a second, from and to where as much data as a step goes through is kept.
    device : str
        Whose it is, as in `studio.core.document.Training.device`.
    """

    gflops: float
    gigabytes: float
    device: str = "cpu"

    def at(self, intensity: float) -> float:
        """Most 10**9 operations a second where each byte brings so many operations."""
        return min(self.gflops, intensity * self.gigabytes)

    @property
    def ridge(self) -> float:
        """Operations a byte from which on calculating, not memory, is the limit."""
        return self.gflops / self.gigabytes


@dataclass(frozen=True)
class Line:
    """One line of the table: a node, or one of its kernels.

    Parameters
    ----------
    key : str
        Id of the node, or `OPTIMIZER`, `WAITING` or `OTHER`; of a kernel its phase and name.
    name : str
        For people.
    microseconds : float
        A step.
    share : float
        Of the whole step, 0 to 1.
    operations, traffic : float
        Additions and multiplications, and bytes read and written, a step; 0 where there are none.
    phase : str
        Of a kernel; empty for a node.
    calls : int
        Kernel calls a step.
    parts : tuple of Line
        A node's kernels, by phase, the costliest of each first.
    """

    key: str
    name: str
    microseconds: float
    share: float
    operations: float = 0.0
    traffic: float = 0.0
    phase: str = ""
    calls: int = 0
    parts: tuple[Line, ...] = ()

    @property
    def gflops(self) -> float:
        """10**9 operations a second."""
        return self.operations / self.microseconds / 1e3 if self.microseconds > 0 else 0.0

    @property
    def gigabytes(self) -> float:
        """10**9 bytes a second."""
        return self.traffic / self.microseconds / 1e3 if self.microseconds > 0 else 0.0

    @property
    def intensity(self) -> float:
        """Operations for each byte; 0 where that makes no sense."""
        return self.operations / self.traffic if self.traffic > 0 else 0.0

    def share_of(self, roof: Roof | None) -> float | None:
        """How near to what the machine can do at best, 1 being there; None where nobody knows.

        By whichever limits it: calculating, or moving numbers from and to memory.
        """
        if roof is None or self.microseconds <= 0 or not (self.operations or self.traffic):
            return None
        least = max(self.operations / roof.gflops, self.traffic / roof.gigabytes) / 1e3
        return least / self.microseconds

    @property
    def is_node(self) -> bool:
        """Whether it stands for a node of the graph."""
        return not self.phase and self.key not in (OPTIMIZER, WAITING, OTHER)


def roof_of(times: StepTimes) -> Roof | None:
    """What the device that trains can do at best; None while it is not known."""
    known = times.peak_gflops > 0 and times.peak_gigabytes > 0
    return Roof(times.peak_gflops, times.peak_gigabytes, times.device) if known else None


def tr(text: str) -> str:
    """Translate a text of this panel."""
    return QCoreApplication.translate("SpeedPanel", text)


def lines_of(times: StepTimes, graph: Graph) -> tuple[Line, ...]:
    """The table's lines: nodes in the order of the graph, then what belongs to none.

    Parameters
    ----------
    times : StepTimes
    graph : Graph
        What is on the canvas now, which may be younger than the times.
    """
    groups: dict[str, list[CallTime]] = {}
    for call in times.calls:
        owner = _owner(call, graph)
        # A thread by itself waits for nobody.
        groups.setdefault(OTHER if owner == WAITING and times.threads == 1 else owner, []).append(call)
    total = times.microseconds or 1.0
    order = [*(node for node in graph.order if node in groups), OPTIMIZER, OTHER, WAITING]
    names = {OPTIMIZER: tr("Weight update"), OTHER: tr("Everything else"), WAITING: tr("Waiting for threads")}
    return tuple(
        _line(key, names.get(key) or graph.node(key).name, groups[key], total) for key in order if key in groups
    )


def _owner(call: CallTime, graph: Graph) -> str:
    if call.is_waiting:
        return WAITING
    if call.node in graph:
        return call.node
    return OPTIMIZER if call.phase == "update" and not call.node else OTHER


def _line(key: str, name: str, calls: Sequence[CallTime], total: float) -> Line:
    parts = [
        Line(
            f"{call.phase} {call.kernel}",
            call.kernel,
            call.microseconds,
            call.microseconds / total,
            call.operations,
            call.traffic,
            call.phase or "waiting",
            call.calls,
        )
        for call in sorted(calls, key=lambda call: (_PHASES.index(call.phase), -call.microseconds))
    ]
    return Line(
        key,
        name,
        sum(p.microseconds for p in parts),
        sum(p.share for p in parts),
        sum(p.operations for p in parts),
        sum(p.traffic for p in parts),
        "",
        sum(p.calls for p in parts),
        tuple(parts),
    )
