"""The process of a peer: a small one of our own stands in for a library."""

from __future__ import annotations

import numpy as np
import pytest

from studio.bench import comparison, peer_process
from studio.bench.chain import Task
from studio.bench.peer import minibatches
from studio.bench.peer_process import PEERS, PeerFailure, PeerProcess, clean_environment, why_missing
from studio.bench.workloads import WORKLOADS
from studio.cli import bench as options

STAND_IN = '''
import time

class Peer:
    variants = ("slow", "broken")
    notes = ("Slow is slow.",)

    def __init__(self, task):
        self.task, self.variant = task, ""

    def versions(self):
        return {"stand-in": "1"}

    def start(self, variant):
        print("libraries may talk")
        self.variant = variant

    def losses(self, steps):
        return [float(len(self.task.x))] * steps

    def train(self, steps):
        if self.variant == "broken":
            raise ValueError("no such luck")
        time.sleep(0.001)
        return steps + 1

def create(task, threads, with_compile):
    return Peer(task)
'''


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A peer called ``stand-in``."""
    (tmp_path / "stand_in_peer.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(PEERS, "stand-in", ("stand_in_peer", "json", "Stand-in"))
    x = np.zeros((6, 2), np.float32)
    Task((), "", "", {}, 2, x, np.zeros(6, np.int64), np.arange(6), {}).save(tmp_path)
    return tmp_path


def test_a_peer_answers_and_may_print(stand_in):
    with PeerProcess("stand-in", stand_in, 1) as process:
        assert process.variants == ("slow", "broken")
        assert process.versions == {"stand-in": "1"}
        assert process.notes == ("Slow is slow.",)
        assert process.losses("slow", 3) == [6.0, 6.0, 6.0]
        steps, seconds = process.train("slow", 4)
        assert steps == 5
        assert seconds > 0


def test_a_peer_that_fails_says_why(stand_in):
    with PeerProcess("stand-in", stand_in, 1) as process, pytest.raises(PeerFailure, match="no such luck"):
        process.train("broken", 1)


def test_a_peer_that_cannot_start_says_why(stand_in):
    (stand_in / "stand_in_peer.py").write_text("raise OSError('libfast is not there')")
    with pytest.raises(PeerFailure, match="Stand-in could not take part: OSError: libfast is not there"):
        PeerProcess("stand-in", stand_in, 1)


def test_a_broken_peer_does_not_end_the_comparison(stand_in):
    found = comparison.compare(WORKLOADS["a"], ["stand-in"], 1, rounds=2, seconds=0.01)
    assert len(found.ours[1].rounds) == 2
    assert [p.variant for p in found.peers] == ["slow"]
    assert not found.peers[0].losses_agree
    assert found.notes[0] == "Slow is slow."
    assert "no such luck" in found.notes[1]


def test_settings_that_slow_a_library_do_not_reach_it():
    given = {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_L2_SIZE": "512", "OMP_NUM_THREADS": "9", "PATH": "/bin"}
    seen = clean_environment(given, 2)
    assert "OPENBLAS_CORETYPE" not in seen
    assert "OPENBLAS_L2_SIZE" not in seen
    assert seen["OMP_NUM_THREADS"] == "2"
    assert seen["PATH"] == "/bin"


def test_a_missing_library_is_one_sentence(monkeypatch):
    monkeypatch.setitem(PEERS, "nothing", ("nothing", "no_such_package_here", "Nothing"))
    assert why_missing("nothing").startswith("Nothing is not installed")
    monkeypatch.setitem(PEERS, "something", ("something", "json", "Something"))
    assert why_missing("something") == ""


def test_the_command_line_offers_all_peers():
    assert tuple(peer_process.PEERS) == options.PEERS


def test_minibatches_follow_the_order_and_then_new_ones():
    order = np.array([3, 1, 2, 0, 5, 4])
    batches = minibatches(order, 2)
    first = [next(batches) for _ in range(3)]
    assert np.array_equal(np.concatenate(first), order)
    second = [next(batches) for _ in range(3)]
    assert sorted(np.concatenate(second)) == list(range(6))
