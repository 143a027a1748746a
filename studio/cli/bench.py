"""``studio bench``: how fast training is on this machine, beside other libraries."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

#: What may be measured, and what it may be compared with (see `studio.bench`).
WORKLOADS = ("a", "b", "c", "d", "e", "f", "g")
AXES = ("batch", "width", "depth", "picture", "picture_batch")
PEERS = ("torch", "jax", "keras", "sklearn")
#: What ``--peers`` without names means: all of them, in every way they can be used.
EVERYTHING = (*PEERS, *())


def add_bench(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``studio bench``."""
    parser.add_argument(
        "--workloads",
        type=_listed(WORKLOADS, all=WORKLOADS, none=()),
        default=WORKLOADS,
        metavar="a,b,...",
        help=f"which of {', '.join(WORKLOADS)} to measure, or none; all of them by default",
    )
    parser.add_argument(
        "--peers",
        type=_listed(PEERS, all=PEERS, none=()),
        nargs="?",
        const=EVERYTHING,
        default=("torch",),
        metavar="P,...",
        help=f"libraries to compare with: {', '.join(PEERS)}, all or none; torch by default; "
        "without names all of them and torch.compile",
    )
    parser.add_argument(
        "--rounds", type=_whole(1, 1000), default=7, metavar="N", help="turns of each side; 7 by default"
    )
    parser.add_argument(
        "--seconds", type=_short, default=0.3, metavar="S", help="about how long a turn takes; 0.3 by default"
    )
    parser.add_argument(
        "--threads", type=_whole(0, 256), default=0, metavar="N", help="processor cores to use; all by default"
    )
    parser.add_argument(
        "--device",
        choices=("cpu", "cuda"),
        default="cpu",
        help="where to train, and the libraries too: cpu by default; with cuda PyTorch as CUDA graphs too, "
        "and a product of two matrices of 4096 x 4096",
    )
    parser.add_argument(
        "--no-product", dest="product", action="store_false", help="with --device cuda: leave the product out"
    )
    parser.add_argument("--compile", action="store_true", help="torch.compile too, which takes long to start")
    parser.add_argument("--markdown", action="store_true", help="print one table in Markdown, such as README's")
    parser.add_argument(
        "--window", action="store_true", help="also measure what the window and training cost each other"
    )
    parser.add_argument(
        "--kernels",
        action="store_true",
        help="instead: how fast each kernel is, and its share of what this machine was measured to reach; "
        "with --device cuda where the time of a step of each workload goes on the card",
    )
    parser.add_argument(
        "--start", action="store_true", help="instead: how long the window and the first step take, cold and warm"
    )
    parser.add_argument(
        "--scale",
        metavar="FOLDER",
        help="instead: step time and memory against the size of networks, beside PyTorch's, as plots (SVG) and JSON",
    )
    parser.add_argument(
        "--axes",
        type=_listed(AXES, all=AXES),
        default=AXES,
        metavar="A,...",
        help=f"what grows with --scale: {', '.join(AXES)}; all by default",
    )
    parser.add_argument(
        "--soak",
        type=_whole(1, 24 * 60),
        metavar="MINUTES",
        help="instead: train for so long with the window open (off screen), and say how memory and speed change",
    )
    parser.add_argument("--no-window", action="store_true", help="with --soak: train without the window")


def bench(options: argparse.Namespace) -> int:
    """Measure and print; returns the exit code."""
    from studio.bench.command import run

    options.compile = options.compile or options.peers is EVERYTHING
    return run(options)


def _listed(names: Sequence[str], **groups: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """A parser of ``one,two`` that knows the legal names and groups of them."""

    def parse(text: str) -> tuple[str, ...]:
        if text in groups:
            return tuple(groups[text])
        wanted = [name.strip() for name in text.split(",") if name.strip()]
        for name in wanted or [text]:
            if name not in names:
                legal = ", ".join(dict.fromkeys([*names, *groups]))
                raise argparse.ArgumentTypeError(f"{name!r} is none of {legal}")
        return tuple(dict.fromkeys(wanted))

    return parse


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not lowest <= int(text) <= highest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def _short(text: str) -> float:
    """A time that a person is willing to wait for."""
    try:
        seconds: Any = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds <= 60.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to 60")
    return float(seconds)
