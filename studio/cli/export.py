"""``studio export``: a network for other tools."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from studio.cli.libraries import missing_sentence
from studio.cli.output import print_json
from studio.cli.source import open_source, require_writable
from studio.storage import StorageError

#: What each ending of a file means.
_FORMATS = {".py": "keras", ".png": "png", ".svg": "svg"}


def export(options: argparse.Namespace) -> int:
    """Write the network in the form that is asked for."""
    form = options.to or _FORMATS.get(options.output.suffix.lower())
    if form is None:
        raise StorageError(f"{options.output} has no ending that says what to write: add --to keras, --to png or --to svg.")
    project = open_source(options.source)
    output = options.output if options.output.suffix else options.output.with_suffix(_ending(form))
    require_writable(output)
    written = [output, *([output.with_suffix(".npz")] if form == "keras" and project.state is not None else [])]
    there = [path for path in written if path.exists()]
    if there and not options.force:
        raise StorageError(f"{there[0]} is there already: choose another name, or add --force to replace it.")
    if form == "keras":
        files = project.export_keras(output, Path(options.source).stem)
    else:
        code = _draw(options.source, output, form, options.theme)
        if code:
            return code
        files = (output,)
    if options.json:
        print_json({"source": options.source, "format": form, "files": [str(f) for f in files]})
    else:
        print(f"Wrote {' and '.join(str(f) for f in files)}")
    return 0


def _ending(form: str) -> str:
    return next(ending for ending, name in _FORMATS.items() if name == form)


def _draw(source: str, output: Path, form: str, theme: str) -> int:
    """Draw the canvas off screen; returns the exit code."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")
    sentence = missing_sentence(window=False)
    if sentence:
        print(f"studio: {sentence}", file=sys.stderr)
        return 1
    from studio.gui.screenshot import draw_graph

    draw_graph(source, output, form, theme)
    return 0
