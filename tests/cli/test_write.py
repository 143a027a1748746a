"""``studio write``: texts and translations of trained networks."""

from __future__ import annotations

from pathlib import Path

import pytest

import studio as package
from studio.core.document import Document, Training
from studio.core.vocabulary import vocabulary_of
from studio.project import Project, ProjectError
from tests.cli.commands import Studio
from tests.engine.languages import SENTENCE, decoder, translator_graph, writer_graph
from tests.engine.networks import layer, optimizer


def settings(batch_size: int = 16) -> Training:
    return Training(optimizer=optimizer("Adam", learning_rate=0.01), batch_size=batch_size, seed=1, threads=1)


@pytest.fixture(scope="module")
def text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short text, as somebody has it in a file."""
    path = tmp_path_factory.mktemp("texts") / "my text.txt"
    path.write_text(SENTENCE * 120, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def writing(text_file: Path) -> Path:
    """A network that has learned the text of a file."""
    path = text_file.with_suffix(".studio")
    characters = len(vocabulary_of(sorted(set(SENTENCE))))
    graph = writer_graph(
        layer("PositionEmbedding"), decoder(), ends=(layer("Dense", units=characters, activation="softmax"),)
    )
    graph = graph.set_parameters("n1", source=f"text:{text_file}?window=16").set_parameters("n2", input_dim=characters)
    project = Project(Document(graph, training=settings()))
    project.train(30)
    project.save(path)
    return path


@pytest.fixture(scope="module")
def translating(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has hardly learned to translate numbers."""
    path = tmp_path_factory.mktemp("numbers") / "numbers.studio"
    graph = translator_graph().set_parameters("n1", source="number-words", samples=400)
    for node in graph.nodes:
        if node.layer.type_name() == "Embedding":
            graph = graph.set_parameters(node.id, input_dim=34)
        if node.layer.type_name() == "Dense":
            graph = graph.set_parameters(node.id, units=14)
    project = Project(Document(graph, training=settings(32)))
    project.train(40)
    project.save(path)
    return path


def test_a_text_on_stdout_and_how_good_it_is_beside_it(studio: Studio, writing: Path) -> None:
    outcome = studio("write", writing, "--prompt", "abc", "--length", 60, "--temperature", 0.2)
    assert outcome.code == 0
    assert outcome.out.startswith("abc fed. bad face. ")
    assert len(outcome.out) == 3 + 60 + 1
    assert "100.0 % of the words are in the training text." in outcome.err


def test_the_json_says_all_that_the_text_follows_from(studio: Studio, writing: Path) -> None:
    asked = ("write", writing, "--length", 40, "--seed", 3, "--temperature", 1.5, "--json")
    values = studio(*asked).values
    assert set(values) == {
        "source", "step", "epochs", "length", "temperature", "seed", "prompt", "text", "known_words",
    }  # fmt: skip
    assert (values["epochs"], values["prompt"], len(values["text"])) == (30.0, "", 40)
    assert studio(*asked).values == values
    assert studio(*asked, "--seed", 4).values["text"] != values["text"]
    project = package.load(writing)
    text = project.write(length=40, seed=3, temperature=1.5)
    assert (text.text, text.known_words) == (values["text"], values["known_words"])
    assert str(project.write("bad", 20)).startswith("bad")


def test_sentences_are_translated(studio: Studio, translating: Path) -> None:
    outcome = studio("write", translating, "--input", "two hundred five", "--input", "Seven")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert len(lines) == 2
    assert all(line.isdigit() for line in lines)
    values = studio("write", translating, "--input", "seven", "--json").values
    assert values["answers"] == [{"input": "seven", "output": lines[1]}]


def test_without_a_sentence_held_out_samples_are_translated(studio: Studio, translating: Path) -> None:
    """As many are right as `evaluate`, which reads the right answers so far, counts."""
    outcome = studio("write", translating)
    values = studio("write", translating, "--json").values
    assert values["samples"] == 80
    right = sum(a["output"] == a["right"] for a in values["answers"])
    assert 0 < right < 80
    assert values["exact_match"] == pytest.approx(right / 80)
    assert f"{right} of 80 held-out samples right" in outcome.out
    assert outcome.out.count("->") == 10
    assert studio("evaluate", translating, "--json").values["test"]["exact_match"] == pytest.approx(right / 80)
    found = package.load(translating).translate()
    assert found.exact_match == values["exact_match"]
    assert found.answers[0].sentence == values["answers"][0]["input"]


@pytest.mark.parametrize(
    ("which", "options", "sentence"),
    [
        ("writing", ("--prompt", "abc?"), "does not know the character “?”"),
        ("writing", ("--length", 5000), "The length cannot be 5000: choose a number from 1 to 2048."),
        ("writing", ("--temperature", "nan"), "The temperature cannot be nan"),
        ("writing", ("--temperature", -1), "The temperature cannot be -1"),
        ("writing", ("--input", "abc"), "translates nothing: give it words to begin with (--prompt)"),
        ("translating", ("--prompt", "five"), "goes on with none: give it a sentence (--input)"),
        ("translating", ("--input", "five apples"), "does not know the word “apples”"),
        ("translating", ("--input", "one two three four five six seven eight"), "has 8 words, but the network reads only 7"),
        ("translating", ("--input", " "), "nothing to translate"),
        ("next-character", (), "has no weights yet: train it first"),
        ("digits-mlp", (), "reads no text"),
        ("text-classifier", (), "does not say at each step which word comes next"),
    ],
)
def test_what_cannot_be_written_is_said_in_a_sentence(
    studio: Studio, request: pytest.FixtureRequest, which: str, options: tuple[object, ...], sentence: str
) -> None:
    source = request.getfixturevalue(which) if which in ("writing", "translating") else which
    outcome = studio("write", source, *options)
    assert (outcome.code, outcome.out) == (1, "")
    assert sentence in outcome.sentence


def test_wrong_usage(studio: Studio) -> None:
    assert studio("write", "x.studio", "--seed", "-3").code == 2
    assert studio("write").code == 2


def test_python_hears_the_same_sentences(writing: Path) -> None:
    with pytest.raises(ProjectError, match="does not know the character"):
        package.load(writing).write("#")
