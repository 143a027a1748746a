"""``studio screenshot``: the real window as a picture, drawn without a display."""

from __future__ import annotations

import argparse
import os
import sys

from studio.cli.libraries import missing_sentence
from studio.cli.output import print_json
from studio.cli.source import require_writable


def screenshot(options: argparse.Namespace) -> int:
    """Open the window off screen, train for a while, and save what it shows."""
    require_writable(options.output)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    # The offscreen platform warns of size hints with each window; stderr is for what matters.
    os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")
    sentence = missing_sentence(window=False)
    if sentence:
        print(f"studio: {sentence}", file=sys.stderr)
        return 1
    from studio.gui.screenshot import take

    take(options.source, options.output, options.train_seconds, options.size, options.theme)
    if options.json:
        print_json(
            {
                "source": options.source,
                "output": str(options.output),
                "size": list(options.size),
                "theme": options.theme,
            }
        )
    else:
        print(f"Wrote {options.output}")
    return 0
