"""``studio templates`` and ``studio new``."""

from __future__ import annotations

import argparse

from studio.cli.output import print_json, print_table
from studio.cli.source import require_writable
from studio.project import Project
from studio.storage import StorageError, templates


def list_templates(options: argparse.Namespace) -> int:
    """Print names and descriptions of all templates."""
    found = templates.templates()
    if options.json:
        entries = [
            {"name": t.name, "title": t.title, "kind": t.kind, "description": t.description} for t in found
        ]
        print_json({"templates": entries})
    else:
        print_table([(t.name, t.kind, t.description) for t in found])
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
