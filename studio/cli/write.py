"""``studio write``: text of a trained network, or its translations."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from studio.cli.card_choice import choose_card
from studio.cli.output import percent, print_json
from studio.cli.progress_bar import ProgressBar
from studio.cli.source import open_source
from studio.core.language import Language
from studio.project import Project
from studio.writing import Text, Translations

#: Translations that are shown where the network is given none.
_SHOWN = 10


def write(options: argparse.Namespace) -> int:
    """Print what the network writes."""
    project = open_source(options.source)
    choose_card(project.document.training)
    language = project.language()
    translates = isinstance(language, Language) and language.kind == "translate"
    bar = ProgressBar()
    try:
        if options.input is not None or (options.prompt is None and translates):
            found: Text | Translations = project.translate(options.input, bar)
        else:
            found = project.write(options.prompt or "", options.length, options.temperature, options.seed, bar)
    finally:
        bar.finish()
    if options.json:
        print_json({"source": options.source, **_facts(project, options, found)})
        return 0
    if isinstance(found, Text):
        print(found)
        if found.known_words is not None:
            print(f"{percent(found.known_words)} of the words are in the training text.", file=sys.stderr)
        return 0
    if options.input is not None:
        for answer in found.answers:
            print(answer.written)
        return 0
    for answer in found.answers[:_SHOWN]:
        verdict = "right" if answer.written == answer.right else f"wrong, should be {answer.right}"
        print(f"{answer.sentence} -> {answer.written} ({verdict})")
    right = sum(answer.written == answer.right for answer in found.answers)
    print(f"{right} of {len(found.answers)} held-out samples right: {100 * (found.exact_match or 0):.2f} %")
    return 0


def _facts(project: Project, options: argparse.Namespace, found: Text | Translations) -> dict[str, Any]:
    state = project.state
    at = {"step": state.step, "epochs": state.epoch} if state is not None else {}
    if isinstance(found, Text):
        asked = {"length": options.length, "temperature": options.temperature, "seed": options.seed}
        return {**at, **asked, "prompt": found.prompt, "text": found.text, "known_words": found.known_words}
    answers = [{"input": a.sentence, "output": a.written, "right": a.right} for a in found.answers]
    if options.input is None:
        return {**at, "samples": len(answers), "exact_match": found.exact_match, "answers": answers}
    return {**at, "answers": [{"input": a["input"], "output": a["output"]} for a in answers]}
