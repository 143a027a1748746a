"""Brick files, and weights from bricks in project files and journals."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.core import registry
from studio.core.brick import Brick
from studio.core.document import Document
from studio.core.graph import Graph
from studio.core.pretrained import Pretrained
from studio.storage import (
    Journal,
    StorageError,
    archive,
    brick_path,
    document_to_json,
    glance_at_brick,
    open_brick,
    open_project,
    readable_json,
    save,
    save_brick,
    templates,
)
from studio.storage.pretrained import stored_to_bytes, stored_weights
from tests.storage.documents import assert_one_sentence, documents, pretrained

SHARED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def brick(size: int = 4) -> Brick:
    graph, first = Graph().add(registry.layer("Dense")(units=size))
    graph, second = graph.add(registry.layer("Dropout")())
    graph = graph.connect(first, 0, second, 0)
    kernel = np.arange(3 * size, dtype=np.float32).reshape(3, size)
    graph = graph.set_pretrained({first: Pretrained("Corners", {"kernel": kernel, "bias": kernel[0]})})
    return Brick("Corners", "iris, trained for 3 epochs", Document(graph, {first: (0, 0), second: (200, 8)}))


def strip(value: Brick) -> Brick:
    """The brick as a glance shows it."""
    graph = value.graph
    bare = {n.id: n.pretrained and Pretrained(n.pretrained.brick, {}, n.pretrained.key) for n in graph.nodes}
    return dataclasses.replace(value, document=dataclasses.replace(value.document, graph=graph.set_pretrained(bare)))


@SHARED
@given(st.dictionaries(st.integers(1, 3), pretrained()), st.text("abc ü*/", max_size=20), st.text("ab ,.", max_size=30))
def test_any_brick_survives(tmp_path: Path, starts: dict[int, Pretrained], name: str, origin: str) -> None:
    graph = Graph()
    for _ in range(3):
        graph, _node = graph.add(registry.layer("Dense")())
    graph = graph.set_pretrained({f"n{number}": start for number, start in starts.items()})
    whole = Brick(name.strip() or "x", " ".join(origin.split()), Document(graph, {"n1": (1.0, 2.0)}))
    path = brick_path(tmp_path, whole.name)
    assert path.parent == tmp_path
    save_brick(path, whole)
    assert open_brick(path) == whole
    assert glance_at_brick(path) == strip(whole)


def test_the_same_brick_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("a.brick", "b.brick"):
        save_brick(tmp_path / name, brick())
    assert (tmp_path / "a.brick").read_bytes() == (tmp_path / "b.brick").read_bytes()


def test_names_become_files_that_every_system_takes(tmp_path: Path) -> None:
    names = [brick_path(tmp_path, name).name for name in ("Edges", "edges ", "a/b: c?", "..", "CON", "Größe 2")]
    assert names == ["edges.brick", "edges.brick", "a_b_ c_.brick", "_.brick", "con_.brick", "grösse 2.brick"]


@SHARED
@given(st.data())
def test_damaged_bricks_give_one_sentence(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "x.brick"
    save_brick(path, brick())
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    for _ in range(data.draw(st.integers(0, 4))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    for read in (open_brick, glance_at_brick):
        try:
            found = read(path)
        except StorageError as error:
            assert_one_sentence(error)
        else:
            assert found.graph.nodes


def rewritten(path: Path, change: object = None, weights: bytes | None = None) -> Path:
    """A brick file with another text or other weights."""
    with zipfile.ZipFile(path) as old:
        text, kept = old.read("brick.json"), old.read("pretrained.safetensors")
    values = readable_json.loads(text, "It")
    if callable(change):
        change(values)
    with zipfile.ZipFile(path, "w") as new:
        archive.add(new, "brick.json", readable_json.encode(values), compressed=True)
        if weights is None or weights:
            archive.add(new, "pretrained.safetensors", kept if weights is None else weights, compressed=False)
    return path


def _with_data(values: dict) -> None:  # type: ignore[type-arg]
    values["document"] = document_to_json(templates.load("xor"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v.update(format=2), "newer Layer Studio"),
        (lambda v: v.pop("format"), "which format"),
        (lambda v: v.update(name="  "), "needs a name"),
        (lambda v: v.update(origin=7), "not a line of text"),
        (lambda v: v["document"]["graph"]["nodes"][0].update(pretrained={"brick": "x", "key": "../x"}), "which weights"),
        (lambda v: v["document"]["graph"]["nodes"][0].update(pretrained="x"), "which brick"),
        (lambda v: v["document"]["graph"].update(nodes=[], edges=[]), "no layers"),
        (_with_data, "data or a loss"),
    ],
)
def test_what_is_wrong_with_a_brick_is_said(tmp_path: Path, change: object, words: str) -> None:
    path = tmp_path / "x.brick"
    save_brick(path, brick())
    with pytest.raises(StorageError, match=words) as caught:
        open_brick(rewritten(path, change))
    assert_one_sentence(caught.value)


def test_weights_are_those_that_they_say_they_are(tmp_path: Path) -> None:
    path = tmp_path / "x.brick"
    save_brick(path, brick())
    ((key, arrays),) = stored_weights(brick().graph).items()
    other = stored_to_bytes({key: {**arrays, "bias": arrays["bias"] + 1}})
    with pytest.raises(StorageError, match="weights of Dense from the brick Corners are damaged"):
        open_brick(rewritten(path, weights=other))
    with pytest.raises(StorageError, match="lacks the weights of Dense"):
        open_brick(rewritten(path, weights=stored_to_bytes({})))
    with pytest.raises(StorageError, match="lacks pretrained"):
        open_brick(rewritten(path, weights=b""))


def test_other_files_are_no_bricks(tmp_path: Path) -> None:
    save(tmp_path / "x.studio", templates.load("xor"))
    with pytest.raises(StorageError, match="whole project") as caught:
        open_brick(tmp_path / "x.studio")
    assert_one_sentence(caught.value)
    with pytest.raises(StorageError, match="There is no file"):
        open_brick(tmp_path / "none.brick")


# Projects and journals -----------------------------------------------------------------


def with_copies(size: int = 4) -> Document:
    """A document whose two nodes start from the same weights."""
    graph, _ = brick(size).graph.paste(brick(size).graph)
    return Document(graph)


def test_a_project_holds_what_its_nodes_start_from_once(tmp_path: Path) -> None:
    document = with_copies(30_000)
    save(tmp_path / "x.studio", document)
    assert open_project(tmp_path / "x.studio").document == document
    assert (tmp_path / "x.studio").stat().st_size < 5 * 30_000 * 4
    plain = tmp_path / "plain.studio"
    save(plain, templates.load("xor"))
    with zipfile.ZipFile(plain) as file:
        assert file.namelist() == ["document.json"]
        assert "pretrained" not in file.read("document.json").decode()


def test_a_project_that_lost_its_weights_keeps_all_else(tmp_path: Path) -> None:
    path, document = tmp_path / "x.studio", with_copies()
    with zipfile.ZipFile(path, "w") as file:
        archive.add(file, "document.json", readable_json.encode(document_to_json(document)), compressed=True)
    found = open_project(path).document
    assert [n.name for n in found.graph.nodes] == [n.name for n in document.graph.nodes]
    start = found.graph.nodes[0].pretrained
    assert start is not None
    assert start.missing
    assert "lacks its weights from the brick Corners" in start.misfit(())
    save(path, found)
    assert open_project(path).document == found


def _die(journal: Journal) -> None:
    """Let go of the lock as the end of a process does."""
    assert journal._file is not None
    journal._file.close()


CRASH = """
import os, sys
from studio.storage import Journal, open_project
journal = Journal(sys.argv[1])
document = open_project(sys.argv[2]).document
journal.record(document)
journal.record(document.moved({"n1": (5.0, 5.0)}))
os.kill(os.getpid(), 9)
"""


def test_a_crash_loses_no_weights(tmp_path: Path) -> None:
    document = with_copies()
    save(tmp_path / "x.studio", document)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    arguments = [sys.executable, "-c", CRASH, str(tmp_path / "journals"), str(tmp_path / "x.studio")]
    assert subprocess.run(arguments, check=False, timeout=60, env=environment).returncode == -9
    journal = Journal(tmp_path / "journals")
    assert journal.recover() == document.moved({"n1": (5.0, 5.0)})
    journal.close()
    assert not list((tmp_path / "journals").iterdir())


def test_an_edit_does_not_write_the_weights_again(tmp_path: Path) -> None:
    document = with_copies(50_000)
    journal = Journal(tmp_path)
    journal.record(document)
    (weights,) = tmp_path.glob("*.weights/*")
    assert weights.stat().st_size > 50_000 * 16
    os.utime(weights, (1, 1))
    for number in range(5):
        journal.record(document.moved({"n1": (float(number), 0.0)}))
    journal.forget()
    journal.record(document)
    assert weights.stat().st_mtime == 1
    assert journal._path.stat().st_size < 5_000
    journal.close()
    assert not list(tmp_path.iterdir())


@settings(SHARED, max_examples=12)
@given(st.lists(documents(), min_size=1, max_size=3), st.booleans())
def test_damaged_weights_cost_only_themselves(tmp_path: Path, edits: list[Document], damaged: bool) -> None:
    journal = Journal(tmp_path)
    for document in edits:
        journal.record(document)
    _die(journal)
    for file in tmp_path.glob("*.weights/*") if damaged else ():
        file.write_bytes(b"nothing")
    after = Journal(tmp_path)
    found = after.recover()
    expected = edits[-1]
    if damaged:
        expected = strip(Brick("x", "", expected)).document
    assert found == expected
    after.close()
    _die(journal)
