"""Wrong usage, help, and the lists of what there is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from studio.storage import open_project, templates
from tests.cli.commands import Studio


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["trian"], "There is no command or file called 'trian': did you mean `studio train`?"),
        (["qwxyz"], "`studio --help` lists the commands"),
        (["a.studio", "b.studio"], "one file at a time, but 2 were given"),
        (["train"], "the following arguments are required: SOURCE"),
        (["train", "xor", "--epochs", "0"], "'0' is not a whole number from 1"),
        (["train", "xor", "--epochs", "many"], "'many' is not a whole number"),
        (["train", "xor", "--device", "tpu"], "'tpu' is neither cpu nor cuda, nor cuda:N"),
        (["train", "xor", "--device", "cuda:"], "'cuda:' is neither cpu nor cuda, nor cuda:N"),
        (["train", "xor", "--device", "cuda:-1"], "'cuda:-1' is neither cpu nor cuda, nor cuda:N"),
        (["train", "xor", "--wings"], "unrecognized arguments: --wings"),
        (["train", "xor", "--batch-size", "0"], "--batch-size is 0, but must be at least 1"),
        (["train", "xor", "--learning-rate", "nan"], "--learning-rate must be a finite number"),
        (["train", "xor", "--seed", "-1"], "--seed is -1, but must be at least 0"),
        (["new", "xor"], "required: -o/--output"),
        (["screenshot", "xor", "-o", "x.png", "--size", "big"], "'big' is not a size such as 1600x1000"),
        (["screenshot", "xor", "-o", "x.png", "--train-seconds", "-1"], "'-1' is not a number of seconds"),
    ],
)
def test_wrong_usage_is_one_sentence_and_code_2(studio: Studio, arguments: list[str], sentence: str) -> None:
    outcome = studio(*arguments)
    assert outcome.code == 2
    assert sentence in outcome.sentence
    assert outcome.out == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "spirls"], "There is no template called 'spirls': did you mean spirals"),
        (["train", "none.studio"], "There is no file none.studio"),
        (["inspect", "somewhere/else"], "There is no file somewhere/else"),
        (["new", "lenett", "-o", "x.studio"], "did you mean lenet?"),
        (["train", "iris", "--data", "wyne"], "There is no data set 'wyne': did you mean wine?"),
        (["train", "iris", "--data", "csv:none.csv?target=a"], "none.csv"),
        (["train", "iris", "-o", "nowhere/x.studio"], "the folder does not exist"),
        (["train", "iris", "-o", "."], "a folder of that name"),
        (["evaluate", "iris"], "no weights yet: train it first"),
        (["train", "iris", "--device", "cuda"], "--device cpu"),
        (["train", "iris", "--device", "cuda:1"], "--device cpu"),
    ],
)
def test_work_that_fails_is_one_sentence_and_code_1(
    studio: Studio, arguments: list[str], sentence: str
) -> None:
    outcome = studio(*arguments)
    assert outcome.code == 1
    assert sentence in outcome.sentence
    assert outcome.out == ""


def test_a_file_that_is_none_of_ours(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "letter.studio"
    path.write_text("Dear reader")
    outcome = studio("inspect", path)
    assert outcome.code == 1
    assert outcome.sentence.endswith("letter.studio is not a Layer Studio file, or it is damaged.")


def test_a_defect_of_ours_is_one_sentence_too(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("studio.storage.templates.templates", broken)
    outcome = studio("templates")
    assert outcome.code == 1
    assert "an error of its own (ZeroDivisionError: by nothing, in test_usage.py line" in outcome.sentence


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["--version"]])
def test_help_goes_to_stdout(studio: Studio, arguments: list[str]) -> None:
    outcome = studio(*arguments)
    assert outcome.code == 0
    assert outcome.err == ""
    assert "tudio" in outcome.out


def test_templates(studio: Studio) -> None:
    names = list(templates.names())
    assert [line.split()[0] for line in studio("templates").out.splitlines()] == names
    listed = studio("templates", "--json").values["templates"]
    assert [t["name"] for t in listed] == names
    assert all(t["description"].endswith(".") and t["title"] and t["kind"] for t in listed)
    assert all(t["score"]["metric"] and t["score"]["value"] > 0 for t in listed)
    assert "  Accuracy ≥ " in studio("templates", "iris").out


def test_new_writes_a_file_but_over_none(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "mine.studio"
    assert studio("new", "iris", "-o", path, "--json").values == {"template": "iris", "output": str(path)}
    assert open_project(path).document == templates.load("iris")
    outcome = studio("new", "xor", "-o", path)
    assert outcome.code == 1
    assert "is there already: choose another name, or add --force" in outcome.sentence
    assert studio("new", "xor", "-o", path, "--force").code == 0
    assert open_project(path).document == templates.load("xor")


def test_inspect(studio: Studio) -> None:
    values = studio("inspect", "digits-mlp", "--json").values
    nodes = {n["name"]: n for n in values["nodes"]}
    assert nodes["Digits"]["shape"] == [8, 8, 1]
    hidden = nodes["Hidden"]["shape"][0]
    assert nodes["Hidden"]["parameters"] == 64 * hidden + hidden
    assert nodes["Loss"]["from"] == ["Digit", "Digits"]
    assert values["parameters"] == sum(n["parameters"] for n in values["nodes"])
    assert values["memory"] > 4 * values["parameters"]
    assert values["problems"] == []
    text = studio("inspect", "digits-mlp").out
    assert "8 x 8 x 1" in text
    assert "no problems" in text


def test_inspect_tells_problems(studio: Studio) -> None:
    outcome = studio("inspect", "xor", "--data", "iris", "--json")
    assert outcome.code == 0
    (sentence, *_) = outcome.values["problems"]
    assert sentence.startswith("Loss ")
    assert outcome.values["memory"] is None


def test_a_reader_that_has_seen_enough() -> None:
    """The pipe is closed before anything is written to it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "studio", "templates"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(60) == 0
