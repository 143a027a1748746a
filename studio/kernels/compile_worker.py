"""A process of its own that compiles the kernels listed on its standard input."""

from __future__ import annotations

import json
import sys

from studio.kernels.jit import requested


def main() -> None:
    """Compile each requested kernel into the cache."""
    for request in json.load(sys.stdin):
        _ = requested(request).address


if __name__ == "__main__":
    main()
