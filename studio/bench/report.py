"""Measurements as a table for people and as JSON for programs."""

from __future__ import annotations

import math
from typing import Any

from studio.bench.comparison import Measurement, PeerTiming
from studio.bench.peer_process import PEERS


def _rounded(value: float, digits: int = 4) -> float:
    """A number with so many digits that count."""
    if value == 0 or not math.isfinite(value):
        return value
    return round(value, digits - 1 - math.floor(math.log10(abs(value))))


def microseconds(value: float) -> str:
    """A time for the table: ``0.54 µs``, ``17.2 µs``, ``28960 µs``."""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f} µs"


def times(value: float) -> str:
    """A ratio for the table: ``2.40x``, ``297x``."""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f}x"


def per_second(value: float) -> str:
    """A rate for the table: ``18.5 M/s``, ``152 k/s``."""
    for factor, unit in ((1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.{0 if value >= 100 * factor else 1}f} {unit}/s"
    return f"{value:.0f} /s"


def gate(measurement: Measurement) -> dict[str, Any] | None:
    """What the workload must reach against PyTorch's eager mode, and whether it does.

    None where there is no gate or PyTorch was not measured. Channels-last memory is eager mode
    too: the faster of both counts. A busy machine slows a library with many waiting threads more
    than it slows us, so that the ratio of the fastest rounds counts where it is the smaller one.
    """
    wanted = measurement.workload.torch_gate
    eager = [p for p in measurement.peers if p.peer == "torch" and p.variant in ("eager", "channels_last")]
    if wanted is None or not eager:
        return None
    found = min(min(measurement.ratio(p), measurement.ratio_of_fastest(p)) for p in eager)
    return {"peer": "torch eager", "wanted": wanted, "found": _rounded(found), "met": found >= wanted}


def goal(measurement: Measurement) -> dict[str, Any]:
    """What the workload should reach, and how far it is."""
    wanted = measurement.workload.goal
    best, torch = measurement.fastest(), measurement.fastest("torch")
    found: dict[str, Any] = {
        "step_us": {"wanted": wanted.step_us, "met": measurement.step_us <= wanted.step_us},
    }
    if torch is not None:
        found["torch"] = {"wanted": wanted.times_torch, "met": measurement.ratio(torch) >= wanted.times_torch}
    if best is not None:
        found["best_peer"] = {
            "wanted": wanted.times_best_peer,
            "met": measurement.ratio(best) >= wanted.times_best_peer,
        }
    return found


def workload_json(measurement: Measurement) -> dict[str, Any]:
    """A workload's measurement as JSON values."""
    peers: dict[str, Any] = {}
    for name in dict.fromkeys(p.peer for p in measurement.peers):
        fastest = measurement.fastest(name)
        assert fastest is not None
        variants = {p.variant: _peer_json(measurement, p) for p in measurement.peers if p.peer == name}
        peers[name] = {**_peer_json(measurement, fastest), "variant": fastest.variant, "variants": variants}
    best = measurement.fastest()
    return {
        "title": measurement.workload.title,
        "step_us": {str(count): _rounded(timing.median) for count, timing in measurement.ours.items()},
        "samples_per_second": _rounded(measurement.samples_per_second),
        "threads": measurement.best_threads,
        "rounds": len(measurement.ours[measurement.best_threads].rounds),
        "peers": peers,
        "best_peer_ratio": _rounded(measurement.ratio(best)) if best is not None else None,
        "gate": gate(measurement),
        "goal": goal(measurement),
        "losses_agree": all(p.losses_agree for p in measurement.peers) if measurement.peers else None,
        "steady": measurement.is_steady,
        "notes": list(measurement.notes),
    }


def _peer_json(measurement: Measurement, peer: PeerTiming) -> dict[str, Any]:
    return {
        "step_us": _rounded(peer.timing.median),
        "ratio": _rounded(measurement.ratio(peer)),
        "ratio_of_fastest": _rounded(measurement.ratio_of_fastest(peer)),
        "ratio_spread": [_rounded(r) for r in measurement.ratio_spread(peer)],
        "loss_difference": _rounded(peer.loss_difference, 2),
        "losses_agree": peer.losses_agree,
    }


def table(measurement: Measurement) -> str:
    """A workload's measurement as lines of text."""
    workload = measurement.workload
    ours = ", ".join(
        f"{microseconds(timing.median)} with {count} thread{'s' if count > 1 else ''}"
        for count, timing in measurement.ours.items()
    )
    lines = [
        f"{workload.key}  {workload.title}",
        f"   ours: {ours}; {per_second(measurement.samples_per_second)} samples (goal {microseconds(workload.goal.step_us)})",
    ]
    if measurement.peers:
        lines.append(f"   {'peer':<26}{'step':>11}{'ours is':>10}   {'between':<17}{'losses'}")
    for peer in measurement.peers:
        low, high = measurement.ratio_spread(peer)
        title = f"{PEERS[peer.peer][2]} {peer.variant}"
        losses = ("agree" if peer.losses_agree else "DIFFER") + f" to {peer.loss_difference:.0e}"
        lines.append(
            f"   {title:<26}{microseconds(peer.timing.median):>11}{times(measurement.ratio(peer)):>10}   "
            f"{times(low) + ' and ' + times(high):<17}{losses}"
        )
    found = gate(measurement)
    if found is not None:
        verdict = "met" if found["met"] else "MISSED"
        lines.append(f"   gate: {times(found['wanted'])} {found['peer']}, {verdict} with {times(found['found'])}")
    if not measurement.is_steady:
        lines.append("   The machine had other things to do meanwhile: measure again when it is quiet.")
    return "\n".join([*lines, *(f"   {note}" for note in measurement.notes)])


def heading(about: dict[str, Any]) -> str:
    """The machine in two lines."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    plural = "s" if about["cores"] != 1 else ""
    return f"{about['cpu']}, {about['cores']} core{plural}, {about['lanes']} lanes, {about['system']}\n{versions}"
