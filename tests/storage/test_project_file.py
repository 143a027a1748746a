"""Project files: round trips, durability, and files made to do harm."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.core.document import Document
from studio.engine.history import History
from studio.engine.messages import TrainingState
from studio.storage import StorageError, arrays, open_project, save, templates
from tests.storage.documents import assert_one_sentence, documents, histories, same_state, states

FOLDER_IS_SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def trained() -> tuple[Document, TrainingState, History]:
    generator = np.random.default_rng(5)
    kernel = generator.standard_normal((2, 1), np.float32)
    weights = {("n2", "kernel"): kernel, ("n2", "bias"): np.float32([0.25])}
    slots = {("n2", "kernel", "m"): kernel / 3, ("n2", "kernel", "v"): kernel * kernel}
    history = History()
    for epoch in range(2000):
        history.append("loss", epoch / 7, 1 / (1 + epoch))
    return (
        templates.load("perceptron"),
        TrainingState(
            weights,
            slots,
            step=2000,
            epoch=2000 / 7,
            position=5,
            seed=9,
            optimizer="Adam",
            memory={"EarlyStopping.best": 0.25},
            best={("n2", "kernel"): kernel * 2},
        ),
        history,
    )


@FOLDER_IS_SHARED
@given(documents(), st.none() | states(), st.none() | histories())
def test_any_project_survives(
    tmp_path: Path, document: Document, state: TrainingState | None, history: History | None
) -> None:
    path = tmp_path / "any.studio"
    save(path, document, state, history)
    opened = open_project(path)
    assert opened.document == document
    assert (opened.state is None) == (state is None)
    if state is not None and opened.state is not None:
        assert same_state(opened.state, state)
    expected = (history or History()).to_arrays()
    found = opened.history.to_arrays()
    assert found.keys() == expected.keys()
    for name, points in expected.items():
        np.testing.assert_array_equal(found[name], points)


def test_equal_projects_are_equal_files(tmp_path: Path) -> None:
    for name in "ab":
        save(tmp_path / name, *trained())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_others_can_read_it(tmp_path: Path) -> None:
    """Nothing but a zip, a JSON file, safetensors and npz: no program of ours is needed."""
    from safetensors.numpy import load

    save(tmp_path / "x.studio", *trained())
    with zipfile.ZipFile(tmp_path / "x.studio") as file:
        assert file.testzip() is None
        assert json.loads(file.read("document.json"))["state"]["step"] == 2000
        assert load(file.read("weights.safetensors"))["weights/n2/bias"].tolist() == [0.25]
        curves = np.load(io.BytesIO(file.read("history.npz")), allow_pickle=False)
        assert curves["loss"].shape == (2000, 2)


def test_no_part_of_the_state_is_forgotten(tmp_path: Path) -> None:
    """A field that is added to the state of training must get a place in the file."""
    document, state, _ = trained()
    save(tmp_path / "x.studio", document, state)
    opened = open_project(tmp_path / "x.studio").state
    assert opened is not None
    for field in dataclasses.fields(TrainingState):
        assert getattr(state, field.name), f"{field.name} should differ from its default here"
    assert same_state(opened, state)
    compared = {"weights", "slots", "step", "epoch", "position", "seed", "optimizer", "memory", "best"}
    assert {f.name for f in dataclasses.fields(TrainingState)} == compared


def test_weights_that_can_be_written_to(tmp_path: Path) -> None:
    save(tmp_path / "x.studio", *trained())
    history = open_project(tmp_path / "x.studio").history
    history.append("loss", 286.0, 0.0)
    assert history.count("loss") == 2001


# Durability ----------------------------------------------------------------------------


def test_a_full_disk_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.studio"
    save(path, *trained())
    before = path.read_bytes()

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"was not saved, because the disk is full: free some space"):
        save(path, templates.load("xor"))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.studio"]


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("nowhere/x.studio", "the folder does not exist"),
        ("", "a folder of that name"),
        ("file/x", "a file, not a folder"),
    ],
)
def test_places_that_cannot_be_written(tmp_path: Path, place: str, sentence: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=sentence):
        save(tmp_path / place, Document())


def test_a_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: object, **_named: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.mkstemp", refused)
    with pytest.raises(StorageError, match="that disk is read-only: choose another folder"):
        save(tmp_path / "x.studio", Document())


def test_links_and_permissions_stay(tmp_path: Path) -> None:
    target, link = tmp_path / "target.studio", tmp_path / "link.studio"
    save(target, Document(title="old"))
    target.chmod(0o640)
    link.symlink_to(target)
    save(link, Document(title="new"))
    assert link.is_symlink()
    assert open_project(target).document.title == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_what_could_not_be_opened_is_not_saved(tmp_path: Path) -> None:
    path = tmp_path / "x.studio"
    save(path, Document(title="good"))
    with pytest.raises(StorageError, match="not finite"):
        save(path, Document(positions={"n1": (float("inf"), 0.0)}))
    assert open_project(path).document.title == "good"


# Files of strangers --------------------------------------------------------------------


def _zip(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def _members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


@FOLDER_IS_SHARED
@given(st.binary(max_size=200))
def test_any_bytes_give_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bytes.studio"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"\.$"):
        open_project(path)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_damaged_files_give_one_sentence(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "damaged.studio"
    document, state, history = trained()
    save(path, document, state, history)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(
            st.integers(0, len(content) - 1) | st.integers(len(content) - 400, len(content) - 1)
        )
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.just(len(content)) | st.integers(0, len(content)))])
    try:
        opened = open_project(path)
    except StorageError as error:
        assert_one_sentence(error)
    else:
        assert opened.document == document


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_arrays_give_one_sentence(data: st.DataObject) -> None:
    """Damage that the zip's checksum would not show."""
    _, state, history = trained()
    for read, content in (
        (arrays.weights_from_bytes, bytearray(arrays.weights_to_bytes(state.weights))),
        (arrays.history_from_bytes, bytearray(arrays.history_to_bytes(history))),
    ):
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(st.integers(0, min(len(content) - 1, 200)))] = data.draw(st.integers(0, 255))
        try:
            read(bytes(content))
        except StorageError as error:
            assert_one_sentence(error)


def _safetensors(header: object, content: bytes = b"\0" * 64) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        (1 << 62).to_bytes(8, "little") + b"{}",
        _safetensors([]),
        _safetensors({"weights/n1/k": 5}),
        _safetensors({"weights/n1/k": {"dtype": "F64", "shape": [8], "data_offsets": [0, 64]}}),
        _safetensors({"weights/n1/k": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 64]}}),
        _safetensors({"weights/n1/k": {"dtype": "F32", "shape": [-1, -16], "data_offsets": [0, 64]}}),
        _safetensors({"weights/n1/k": {"dtype": "F32", "shape": [16], "data_offsets": [0, 640]}}),
        _safetensors(
            {str(i): {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(200_001)}, b""
        ),
        _safetensors({"elsewhere": {"dtype": "F32", "shape": [16], "data_offsets": [0, 64]}}),
    ],
    ids=[
        "empty",
        "huge header",
        "list",
        "no entry",
        "doubles",
        "huge shape",
        "negative",
        "beyond",
        "many",
        "foreign",
    ],
)
def test_hostile_weights(tmp_path: Path, content: bytes) -> None:
    save(tmp_path / "x.studio", *trained())
    members = {**_members(tmp_path / "x.studio"), "weights.safetensors": content}
    with pytest.raises(StorageError, match="weights"):
        open_project(_zip(tmp_path / "y.studio", members))


def test_a_pickle_in_the_curves_is_not_run(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, loss=np.array([Path("x")], dtype=object))
    with pytest.raises(StorageError, match="curves"):
        arrays.history_from_bytes(buffer.getvalue())


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    save(tmp_path / "x.studio", *trained())
    good = _members(tmp_path / "x.studio")
    text = good["document.json"].rstrip() + b" " * (65 << 20)
    bomb = _zip(tmp_path / "text.studio", {"document.json": text}, zipfile.ZIP_DEFLATED)
    with pytest.raises(StorageError, match="would take"):
        open_project(bomb)
    packed = _zip(tmp_path / "packed.studio", good, zipfile.ZIP_DEFLATED)
    with pytest.raises(StorageError, match="packed in a way it should not be"):
        open_project(packed)


def test_two_parts_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "x.studio"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("document.json", "{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("document.json", "{}")
    with pytest.raises(StorageError, match="two parts"):
        open_project(path)


def test_paths_in_the_zip_are_never_followed(tmp_path: Path) -> None:
    save(tmp_path / "x.studio", *trained())
    inside = tmp_path / "inside"
    inside.mkdir()
    path = _zip(inside / "y.studio", {**_members(tmp_path / "x.studio"), "../escaped.txt": b"out"})
    open_project(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["inside", "x.studio"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"step": -1}, "step of training"),
        ({"epoch": "two"}, "epoch of training"),
        ({"seed": True}, "seed of training"),
        ({"optimizer": 3}, "not a name"),
        (None, "where training stood"),
    ],
)
def test_hostile_state(tmp_path: Path, change: dict[str, object] | None, sentence: str) -> None:
    save(tmp_path / "x.studio", *trained())
    members = _members(tmp_path / "x.studio")
    document = json.loads(members["document.json"])
    document["state"] = None if change is None else {**document["state"], **change}
    members["document.json"] = json.dumps(document).encode()
    with pytest.raises(StorageError, match=sentence):
        open_project(_zip(tmp_path / "y.studio", members))


@pytest.mark.parametrize(
    ("name", "sentence"), [("none.studio", "There is no file"), (".", "is a folder"), ("a\0b", "not a legal")]
)
def test_what_is_not_there(tmp_path: Path, name: str, sentence: str) -> None:
    with pytest.raises(StorageError, match=sentence):
        open_project(tmp_path / name)


# Data files ----------------------------------------------------------------------------


def test_a_changed_data_file_is_noticed(tmp_path: Path) -> None:
    table = tmp_path / "flowers.csv"
    table.write_text("a,b\n1,2\n")
    document = templates.load("iris")
    graph = document.graph.set_parameters("n1", source=f"csv:{table}?target=b")
    path = tmp_path / "x.studio"
    save(path, document.with_graph(graph))
    (reference,) = open_project(path).data
    assert reference.node == "n1"
    assert reference.size == 8
    assert reference.change() == ""
    table.write_text("a,b\n1,2\n3,4\n")
    assert "changed since the project was saved" in reference.change()
    table.unlink()
    assert "cannot be found" in reference.change()

def test_a_changed_folder_of_pictures_is_noticed(tmp_path: Path) -> None:
    root = tmp_path / "pictures"
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        (root / name / "1.png").write_bytes(name.encode())
    document = templates.load("digits-convnet")
    (data,) = (n.id for n in document.graph.nodes if n.layer.type_name() == "Data")
    path = tmp_path / "x.studio"
    save(path, document.with_graph(document.graph.set_parameters(data, source=f"images:{root}?size=8")))
    (reference,) = open_project(path).data
    assert (reference.size, len(reference.sha256)) == (6, 64)
    assert reference.change() == ""
    (root / "cat" / "1.png").write_bytes(b"cow")
    assert "changed since the project was saved" in reference.change()
    (root / "cat" / "1.png").write_bytes(b"cat")
    assert reference.change() == ""
    (root / "cat").rename(root / "bat")
    assert "changed since the project was saved" in reference.change()
    (root / "bat" / "1.png").unlink()
    (root / "bat").rmdir()
    (root / "dog" / "1.png").unlink()
    (root / "dog").rmdir()
    root.rmdir()
    assert "cannot be found" in reference.change()


def test_built_in_data_need_no_reference(tmp_path: Path) -> None:
    save(tmp_path / "x.studio", templates.load("iris"))
    assert open_project(tmp_path / "x.studio").data == ()
