"""The command ``studio``: the window, and the same engine without one.

Exit codes: 0 done; 1 the work failed, with a sentence on stderr; 2 wrong usage.
"""

from __future__ import annotations

import difflib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from studio.cli.parser import COMMANDS, build_parser

DONE, FAILED, WRONG_USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process by default.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given and (given[0] in COMMANDS or given[0].startswith("-")):
            return _run_command(given)
        return _open_window(given)
    except SystemExit as end:  # argparse's way to say that it printed help, or wrong usage
        return end.code if isinstance(end.code, int) else WRONG_USAGE
    except KeyboardInterrupt:
        return _failed("Stopped.")
    except BrokenPipeError:
        # Whoever read our output has seen enough (`studio templates | head -1`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        return _explained(error)


def _run_command(given: list[str]) -> int:
    options = build_parser().parse_args(given)
    if not hasattr(options, "run"):
        return _open_window([])
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    finally:
        if given[0] != "doctor":  # which says it itself
            _tell_of_plugins()
            _tell_of_the_cache()
    return code


def _tell_of_plugins() -> None:
    """Say what is wrong with plug-ins, if any were looked for: a layer may be missing because of it."""
    registry = sys.modules.get("studio.core.registry")
    for plugin in registry.plugins() if registry is not None else ():
        for sentence in plugin.problems:
            print(f"studio: {sentence}", file=sys.stderr)


def _tell_of_the_cache() -> None:
    """Say what is wrong with the kept kernels, if any were used: preparing them took time."""
    cache = sys.modules.get("studio.kernels.cache")
    if cache is not None and cache.problem():
        print(f"studio: {cache.problem()}", file=sys.stderr)


def _open_window(given: list[str]) -> int:
    if len(given) > 1:
        return _wrong(f"The window opens one file at a time, but {len(given)} were given.")
    path = Path(given[0]) if given else None
    if path is not None and not path.exists() and path.suffix != ".studio":
        close = difflib.get_close_matches(given[0], COMMANDS, 1, 0.6)
        hint = f"did you mean `studio {close[0]}`?" if close else "`studio --help` lists the commands."
        return _wrong(f"There is no command or file called {given[0]!r}: {hint}")
    from studio.cli.window import open_window

    return open_window(path)


def _explained(error: Exception) -> int:
    """Say what went wrong; only a defect of ours gives more than the error's own sentence."""
    from studio.core.fields import FieldError
    from studio.data import DataError
    from studio.project import ProjectError
    from studio.storage import StorageError

    if os.environ.get("STUDIO_TRACEBACK"):
        traceback.print_exception(error)
    if isinstance(error, FieldError):
        return _wrong(str(error))
    if isinstance(error, (StorageError, DataError, ProjectError)):
        return _failed(str(error))
    if isinstance(error, MemoryError):
        return _failed(
            "There is not enough memory: use fewer samples, a smaller batch size or a smaller network."
        )
    if type(error).__name__ == "EngineProblem":  # importing its module would load the compiler
        return _failed(str(error))
    where = traceback.extract_tb(error.__traceback__)[-1]
    return _failed(
        f"Layer Studio met an error of its own ({type(error).__name__}: {error}, in {Path(where.filename).name} "
        f"line {where.lineno}): set STUDIO_TRACEBACK=1 to see more, and please report it."
    )


def _failed(sentence: str) -> int:
    print(f"studio: {sentence}", file=sys.stderr)
    return FAILED


def _wrong(sentence: str) -> int:
    print(f"studio: {sentence}", file=sys.stderr)
    return WRONG_USAGE
