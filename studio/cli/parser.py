"""What may be written on the command line."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from studio import __version__
from studio.cli.bench import add_bench

Command = Callable[[argparse.Namespace], int]

COMMANDS = (
    "train", "evaluate", "write", "templates", "new", "inspect", "doctor", "screenshot", "export", "brick", "race", "bench",
)  # fmt: skip

_SOURCE = "a template's name (see `studio templates`) or a .studio file"
_DATA = "digits, iris, spirals, ...; or csv:FILE?target=COLUMN, images:FOLDER, npz:FILE, npy:FOLDER, idx:FOLDER, text:FILE"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; `{self.prog} --help` shows what it takes.\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each result has the function ``run``."""
    parser = _Parser(
        prog="studio",
        description="See how a neural network learns, while it learns. Without a command, the window opens.",
        epilog="studio [FILE] opens the window, with that file if one is given.",
    )
    parser.add_argument("--version", action="version", version=f"Layer Studio {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)
    _add_train(commands)
    _add_evaluate(commands)
    _add_write(commands)
    _add_lists(commands)
    _add_screenshot(commands)
    _add_export(commands)
    _add_brick(commands)
    _add_race(commands)
    help = "Measure how fast training is on this machine."
    add_bench(_command(commands, "bench", help, "bench", "bench"))
    return parser


def _later(module: str, function: str) -> Command:
    """A command whose module is imported when it is run, so that help comes at once."""

    def run(options: argparse.Namespace) -> int:
        command: Command = getattr(importlib.import_module(f"studio.cli.{module}"), function)
        return command(options)

    return run


def _command(commands: Any, name: str, help: str, module: str, function: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help, description=help)
    parser.set_defaults(run=_later(module, function))
    if name != "screenshot":
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    return parser


def _add_train(commands: Any) -> None:
    parser = _command(commands, "train", "Train a network and say how well it does.", "train", "train")
    parser.add_argument("source", metavar="SOURCE", help=_SOURCE)
    parser.add_argument("--data", metavar="D", help=f"train on other data: {_DATA}")
    parser.add_argument(
        "--epochs", metavar="N", type=_positive, help="how many passes through the training part"
    )
    parser.add_argument(
        "--batch-size", metavar="N", type=int, help="samples before each correction of the weights"
    )
    parser.add_argument("--learning-rate", metavar="R", type=float, help="how big each correction is")
    parser.add_argument(
        "--mode", choices=("joint", "greedy"), help="train all layers together, or one after the other"
    )
    parser.add_argument(
        "--device", metavar="cpu|cuda|cuda:N", type=_device,
        help="where to compute: the processor, an NVIDIA card, or the one with this number (`studio doctor` lists them)",
    )  # fmt: skip
    parser.add_argument(
        "--threads", metavar="N", type=int, help="processor cores to use; 0 lets the program choose"
    )
    parser.add_argument(
        "--seed", metavar="S", type=int, help="start afresh; the number all chance follows from"
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=Path, help="save the trained network to this .studio file"
    )


def _add_evaluate(commands: Any) -> None:
    parser = _command(commands, "evaluate", "Say how well a trained network does.", "evaluate", "evaluate")
    parser.add_argument("source", metavar="FILE", help="a trained .studio file")
    parser.add_argument("--data", metavar="D", help=f"look at other data: {_DATA}")


def _add_write(commands: Any) -> None:
    parser = _command(commands, "write", "Let a trained network write a text, or translate.", "write", "write")
    parser.add_argument("source", metavar="FILE", help="a trained .studio file")
    parser.add_argument("--prompt", metavar="P", help="what the text begins with")
    parser.add_argument(
        "--length", metavar="N", type=_positive, default=200, help="how many characters (or words) to write"
    )
    parser.add_argument(
        "--temperature", metavar="T", type=float, default=0.7, help="how daring: 0 is the likeliest each time, 1 as learned"
    )
    parser.add_argument("--seed", metavar="S", type=_seed, default=1, help="another number gives another text")
    parser.add_argument(
        "--input", metavar="SENTENCE", action="append",
        help="a sentence to translate; may be given several times; without it, held-out samples are translated",
    )  # fmt: skip


def _add_lists(commands: Any) -> None:
    help = "List what there is to start from, or train it and say how well it does."
    parser = _command(commands, "templates", help, "listing", "list_templates")
    parser.add_argument("names", metavar="NAME", nargs="*", help="only these")
    parser.add_argument(
        "--scores", action="store_true", help="train them (minutes) and compare their scores with what they state"
    )
    parser.add_argument("--markdown", action="store_true", help="print the scores as a Markdown table")
    parser.add_argument("--seed", metavar="S", type=int, help="train with another seed than the stored ones")
    parser = _command(commands, "new", "Write a new .studio file from a template.", "listing", "new")
    parser.add_argument("template", metavar="TEMPLATE", help="a name that `studio templates` lists")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="the file to write")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser = _command(
        commands,
        "inspect",
        "Show a network's nodes, shapes, parameters, memory and problems.",
        "inspection",
        "inspect",
    )
    parser.add_argument("source", metavar="SOURCE", help=f"{_SOURCE}, or a .brick file")
    parser.add_argument("--data", metavar="D", help=f"as if it read other data: {_DATA}")
    _command(
        commands,
        "doctor",
        "Say what this machine has, what is missing, and how to get it.",
        "doctor",
        "doctor",
    )


def _add_screenshot(commands: Any) -> None:
    parser = _command(
        commands, "screenshot", "Draw the real window into a picture.", "screenshot", "screenshot"
    )
    parser.add_argument("source", metavar="SOURCE", help=_SOURCE)
    parser.add_argument(
        "-o", "--output", metavar="PNG", type=Path, required=True, help="the picture to write"
    )
    parser.add_argument(
        "--train-seconds", metavar="S", type=_seconds, default=0.0, help="train so long before"
    )
    parser.add_argument(
        "--size", metavar="WxH", type=_size, default=(1600, 1000), help="of the window, in pixels"
    )
    parser.add_argument("--theme", choices=("light", "dark"), default="light", help="colours")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def _add_export(commands: Any) -> None:
    help = "Write a network for another tool: a Keras program, or a picture of the graph."
    parser = _command(commands, "export", help, "export", "export")
    parser.add_argument("source", metavar="SOURCE", help=_SOURCE)
    parser.add_argument(
        "--to", choices=("keras", "png", "svg"), help="what to write; without it, what the file's ending says"
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=Path, required=True, help="the file to write: .py, .png or .svg"
    )
    parser.add_argument("--theme", choices=("light", "dark"), default="light", help="colours of a picture")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")


def _add_brick(commands: Any) -> None:
    help = "Keep a trained part of a network, to be put into others."
    parser = _command(commands, "brick", help, "brick", "brick")
    parser.add_argument("source", metavar="FILE", help="a trained .studio file")
    parser.add_argument(
        "--nodes", metavar="NAMES", required=True, help='names of its layers, with commas between: "Conv 1,Conv 2"'
    )
    parser.add_argument("--name", metavar="NAME", help="what to call it; without it, what the file is called")
    parser.add_argument(
        "-o", "--output", metavar="BRICK", type=Path, required=True, help="the .brick file to write"
    )
    parser.add_argument("--force", action="store_true", help="write over a file that is there")


def _add_race(commands: Any) -> None:
    help = "Say whether the processor or an NVIDIA card trains a network faster."
    parser = _command(commands, "race", help, "race", "race")
    parser.add_argument("source", metavar="SOURCE", help=_SOURCE)
    parser.add_argument(
        "--device", metavar="cuda|cuda:N", type=_card, default="cuda",
        help="the card: the one that was chosen in the window, or the one with this number (`studio doctor` lists them)",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", metavar="S", type=_turn, default=0.3,
        help="about how long a turn takes, of which each side has six; 0.3 by default",
    )  # fmt: skip


def _positive(text: str) -> int:
    """A whole number from 1 on."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 1000000")
    return number


def _device(text: str) -> str:
    """``cpu``, ``cuda``, or ``cuda:`` and the number of a card from 0 on."""
    if not re.fullmatch(r"cpu|cuda(:\d{1,3})?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is neither cpu nor cuda, nor cuda:N with the number of a card from 0 on")
    return text


def _card(text: str) -> str:
    """``cuda``, or ``cuda:`` and the number of a card from 0 on."""
    if _device(text) == "cpu":
        raise argparse.ArgumentTypeError("cpu is no card: say cuda, or cuda:N with the number of a card from 0 on")
    return text


def _turn(text: str) -> float:
    """The length of a turn that a person is willing to wait for."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds <= 60.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to 60")
    return seconds


def _seed(text: str) -> int:
    """A whole number from 0 on."""
    if not (text.isascii() and text.isdigit() and int(text) < 2**31):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {2**31 - 1}")
    return int(text)


def _seconds(text: str) -> float:
    """A time from 0 to one hour."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.0 <= seconds <= 3600.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to 3600")
    return seconds


def _size(text: str) -> tuple[int, int]:
    """Width and height of a window, such as ``1600x1000``."""
    match = re.fullmatch(r"(\d{3,5})x(\d{3,5})", text.strip().lower().replace("×", "x"))
    if not match or max(map(int, match.groups())) > 16_384:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 1600x1000")
    return int(match[1]), int(match[2])
