"""Every template trains to the same bits in another process, with one thread and with two."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from test_repeating import fingerprint

from studio.data import load
from studio.engine.network import Network
from studio.kernels.jit import compile_ahead
from studio.layers.data import Data
from studio.storage import templates

#: Minibatches; templates of large pictures take long for each.
STEPS = 2


def fingerprints(threads: int) -> dict[str, str]:
    """What each template's weights and optimizer are like after a few steps."""
    found = {}
    for name in templates.names():
        document = templates.load(name)
        sets = {n.id: load(n.layer) for n in document.graph.nodes if isinstance(n.layer, Data)}
        with closing(Network(document.graph, document.training, sets, threads, compile_ahead)) as network:
            network.train(STEPS)
            found[name] = fingerprint(network.state())
    return found


@pytest.mark.timeout(600)
def test_templates_train_to_the_same_bits_in_another_process() -> None:
    program = "import json\nfrom test_templates_repeat import fingerprints\nprint(json.dumps([fingerprints(1), fingerprints(2)]))"
    other = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    mine = [fingerprints(1), fingerprints(2)]
    printed, errors = other.communicate()
    assert other.returncode == 0, errors
    assert len(mine[0]) > 20
    assert json.loads(printed) == mine
