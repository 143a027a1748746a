"""Measurements as a table for people and as JSON for programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from studio.bench.comparison import Measurement, PeerTiming
from studio.bench.machine import peaks_line
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
    """What the workload must reach against the fastest peer that was measured, and whether it does.

    None without peers; on a card it is PyTorch that counts, or one way of using it. A busy machine slows
    a library with many waiting threads more than it slows us, so that the ratio of the fastest rounds
    counts where it is the smaller one.
    """
    peers, wanted = measurement.peers, measurement.workload.gate
    if measurement.card:
        held = measurement.workload.card_gate
        peers, wanted = tuple(p for p in peers if p.peer == "torch" and held.variant in ("", p.variant)), held.times
    if not peers:
        return None

    def lead(peer: PeerTiming) -> float:
        return min(measurement.ratio(peer), measurement.ratio_of_fastest(peer))

    best = min(peers, key=lead)
    found = lead(best)
    return {"peer": title(best), "wanted": wanted, "found": _rounded(found), "met": found >= wanted}


def title(peer: PeerTiming) -> str:
    """A library and the way it was used: ``PyTorch eager``, ``PyTorch channels last``."""
    return f"{PEERS[peer.peer][2]} {peer.variant.replace('_', ' ').replace('cuda', 'CUDA')}"


def goal(measurement: Measurement) -> dict[str, Any]:
    """What the workload should reach, and whether it does, as far as it was measured.

    There are no goals for cards beside the gates.
    """
    if measurement.card:
        return {}
    wanted = measurement.workload.goal
    found: dict[str, Any] = {
        "step_us": {"wanted": wanted.step_us, "met": measurement.step_us <= wanted.step_us},
    }
    for name, times_faster in (("torch", wanted.torch), ("jax", wanted.jax), ("keras", wanted.keras)):
        fastest = measurement.fastest(name)
        if times_faster is not None and fastest is not None:
            found[name] = {"wanted": times_faster, "met": measurement.ratio(fastest) >= times_faster}
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
        "step_us": _rounded(measurement.step_us),
        "samples_per_second": _rounded(measurement.samples_per_second),
        "threads": measurement.best_threads,
        "step_us_by_threads": {str(n): _rounded(timing.median) for n, timing in measurement.ours.items()},
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
    if measurement.card:
        ours, aim = f"{microseconds(measurement.step_us)} on {measurement.card}", ""
    else:
        aim = f" (goal {microseconds(workload.goal.step_us)})"
        ours = ", ".join(
            f"{microseconds(timing.median)} with {count} thread{'s' if count > 1 else ''}"
            for count, timing in measurement.ours.items()
        )
    wide = max([26, *(len(title(peer)) + 2 for peer in measurement.peers)])
    lines = [
        f"{workload.key}  {workload.title}",
        f"   ours: {ours}; {per_second(measurement.samples_per_second)} samples{aim}",
    ]
    if measurement.peers:
        lines.append(f"   {'peer':<{wide}}{'step':>11}{'ours is':>10}   {'between':<17}{'losses'}")
    for peer in measurement.peers:
        low, high = measurement.ratio_spread(peer)
        losses = ("agree" if peer.losses_agree else "DIFFER") + f" to {peer.loss_difference:.0e}"
        lines.append(
            f"   {title(peer):<{wide}}{microseconds(peer.timing.median):>11}{times(measurement.ratio(peer)):>10}   "
            f"{times(low) + ' and ' + times(high):<17}{losses}"
        )
    found = gate(measurement)
    if found is not None:
        verdict = "met" if found["met"] else "MISSED"
        lines.append(f"   gate: {times(found['wanted'])} {_opponent(measurement)}, {verdict} with {times(found['found'])} of {found['peer']}")
    lines += _distances(measurement)
    if not measurement.is_steady:
        lines.append("   The machine had other things to do meanwhile: measure again when it is quiet.")
    return "\n".join([*lines, *(f"   {note}" for note in measurement.notes)])


def _opponent(measurement: Measurement) -> str:
    """Whom the gate is held against."""
    if not measurement.card:
        return "the fastest peer"
    variant = measurement.workload.card_gate.variant
    return f"PyTorch {variant}" if variant else "the fastest way of PyTorch's"


def _distances(measurement: Measurement) -> list[str]:
    """Which goals are not met yet; nothing if all are that were measured."""
    names = {"step_us": "step time", **{name: PEERS[name][2] for name in ("torch", "jax", "keras")}}
    missed = []
    for name, found in goal(measurement).items():
        if not found["met"]:
            wanted = microseconds(found["wanted"]) if name == "step_us" else times(found["wanted"])
            missed.append(f"{names[name]} {wanted}")
    return [f"   goals not met: {', '.join(missed)}"] if missed else []


#: Columns of the table for a README: peer, variant, heading.
_COLUMNS = (
    ("torch", "eager", "PyTorch eager"),
    ("torch", "channels_last", "channels last"),
    ("torch", "compile", "compile"),
    ("torch", "cuda_graph", "CUDA graph"),
    ("torch", "cuda_graph_channels_last", "CUDA graph, channels last"),
    ("jax", "jit", "JAX jit"),
    ("jax", "scan", "JAX scan"),
    ("keras", "fit", "Keras fit"),
    ("sklearn", "fit", "scikit-learn"),
)


def markdown(measurements: Sequence[Measurement]) -> str:
    """All workloads' measurements as a table in Markdown: our step, and how many times longer a peer's takes.

    All were measured in the same place, processor or card.
    """
    on_card = any(m.card for m in measurements)
    timed = {(p.peer, p.variant) for m in measurements for p in m.peers}
    columns = [c for c in _COLUMNS if c[:2] in timed]
    heads = ["workload", "step", *([] if on_card else ["threads"]), "samples/s", *(head for *_, head in columns), *(["gate"] if timed else [])]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for m in measurements:
        ratios = {(p.peer, p.variant): times(m.ratio(p)) for p in m.peers}
        cells = [m.workload.title, microseconds(m.step_us), *([] if on_card else [str(m.best_threads)])]
        cells.append(per_second(m.samples_per_second).removesuffix("/s"))
        cells += [ratios.get((peer, variant), "") for peer, variant, _ in columns]
        held = gate(m)
        if timed:
            cells.append(f"{times(held['wanted'])} {'met' if held['met'] else 'missed'}" if held else "")
        lines.append(f"| {' | '.join(cell.strip() for cell in cells)} |")
    return "\n".join(lines)


def heading(about: dict[str, Any]) -> str:
    """The machine: card if one trained, processor, versions, and what it was measured to reach."""
    card = f"{about['device']}\n" if about["device"] != about["cpu"] else ""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    plural = "s" if about["cores"] != 1 else ""
    return f"{card}{about['cpu']}, {about['cores']} core{plural}, {about['lanes']} lanes, {about['system']}\n{versions}" + "".join(
        f"\n{peaks_line(known)}" for known in about["peaks"].values()
    )
