"""``studio templates`` and ``studio new``."""

from __future__ import annotations

import argparse

from studio.cli.output import print_json, print_table
from studio.cli.source import require_writable
from studio.project import Project
from studio.storage import StorageError, templates


def list_templates(options: argparse.Namespace) -> int:
    """Print names and descriptions of the templates, or train them and print their scores."""
    if options.scores or options.markdown or options.seed is not None:
        from studio.cli.scores import print_scores

        return print_scores(options)
    found = [templates.template(name) for name in options.names] or templates.templates()
    if options.json:
        entries = [
            {
                "name": t.name,
                "title": t.title,
                "kind": t.kind,
                "description": t.description,
                "score": {"metric": t.score.metric, "value": t.score.value},
            }
            for t in found
        ]
        print_json({"templates": entries})
    else:
        print_table(
            [
                (t.name, t.kind, f"{t.score.kind.title} {t.score.sign()} {t.score.written()}", t.description)
                for t in found
            ]
        )
    return 0


def new(options: argparse.Namespace) -> int:
    """Write a file from a template."""
    project = Project.new(options.template)
    require_writable(options.output)
    if options.output.exists() and not options.force:
        raise StorageError(
            f"{options.output} is there already: choose another name, or add --force to replace it."
        )
    project.save(options.output)
    if options.json:
        print_json({"template": templates.template(options.template).name, "output": str(options.output)})
    else:
        print(f"Wrote {options.output}: open it with `studio {options.output}`.")
    return 0
