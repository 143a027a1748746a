"""``studio templates --scores``: the table, what it is held against, and stopping it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys

import pytest

import studio as package
from studio.storage import templates
from studio.storage.templates import Score
from tests.cli.commands import Studio


def _state(monkeypatch: pytest.MonkeyPatch, name: str, score: Score) -> None:
    """Let a template state another score."""
    entry = templates.template(name)
    changed = {**entry.__dict__, "score": score}
    listed = tuple(templates.Template(**changed) if t is entry else t for t in templates.templates())
    monkeypatch.setattr(templates, "templates", lambda: listed)


def test_the_json_is_what_training_gives(studio: Studio) -> None:
    outcome = studio("templates", "--scores", "xor", "regression", "--json")
    assert outcome.code == 0
    xor, regression = outcome.values["templates"]
    result = package.new("xor").train()
    assert (xor["template"], xor["kind"], xor["metric"]) == ("xor", "2-D points", "accuracy")
    assert xor["score"] == result.evaluations["test"].accuracy
    assert (xor["steps"], xor["parameters"]) == (result.steps, result.parameters)
    assert xor["stated"] == templates.template("xor").score.value
    assert xor["met"] is True
    assert xor["seconds"] > 0
    assert regression["metric"] == "r2"
    assert outcome.values["machine"]["cores"] >= 1
    assert "xor (1 of 2)" in outcome.err


def test_text_and_markdown(studio: Studio) -> None:
    text = studio("templates", "--scores", "iris")
    head, row, where = text.out.splitlines()
    assert head.split() == ["template", "kind", "parameters", "steps", "seconds", "metric", "score", "stated"]
    assert row.split()[:2] == ["iris", "Table"]
    assert where.startswith("Trained on ")
    lines = studio("templates", "--markdown", "iris").out.splitlines()
    assert lines[0].startswith("| template | kind |")
    assert [line.count("|") for line in lines[:3]] == [9, 9, 9]
    assert lines[2].startswith("| iris | Table | 67 |")


def test_another_seed_gives_another_training(studio: Studio) -> None:
    one, other = (
        studio("templates", "--scores", "regression", "--seed", s, "--json").values["templates"][0]["score"]
        for s in (1, 2)
    )
    assert one != other


def test_falling_short_is_a_sentence_and_exit_1(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    _state(monkeypatch, "regression", Score("rmse", 1e-6))
    outcome = studio("templates", "--scores", "regression")
    assert outcome.code == 1
    assert "The template regression reached RMSE 0.0" in outcome.err
    assert "but states ≤ 1e-06." in outcome.err
    assert outcome.out.splitlines()[1].startswith("regression")


def test_a_score_that_is_not_measured_is_a_sentence(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    _state(monkeypatch, "xor", Score("r2", 0.5))
    outcome = studio("templates", "--scores", "xor")
    assert outcome.code == 1
    assert "xor states its R², but its training does not measure it: tick that metric" in outcome.err


def test_an_unknown_name_is_a_sentence(studio: Studio) -> None:
    outcome = studio("templates", "--scores", "spirls")
    assert outcome.code == 1
    assert "did you mean spirals" in outcome.sentence


def test_ctrl_c_prints_what_there_is_and_a_sentence() -> None:
    """A real signal while the second of two trains."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "studio", "templates", "--scores", "xor", "alexnet"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    seen = b""
    while b"alexnet (2 of 2)" not in seen:
        seen += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    while True:
        try:
            more = os.read(ours, 4096)
        except OSError:  # the other end is gone
            break
        seen += more
    os.close(ours)
    assert process.returncode == 1
    assert out.splitlines()[1].startswith("xor")
    assert b"studio: Stopped after 1 of 2 templates." in seen
    assert b"Traceback" not in seen
