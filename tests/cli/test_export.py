"""``studio export``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.commands import Studio, run_alone


def test_a_trained_network_becomes_a_program_and_its_numbers(studio: Studio, tmp_path: Path) -> None:
    trained, program = tmp_path / "net.studio", tmp_path / "net.py"
    assert studio("train", "xor", "--epochs", 1, "-o", trained).code == 0
    outcome = studio("export", trained, "-o", program, "--json")
    assert outcome.code == 0
    assert outcome.values == {
        "source": str(trained), "format": "keras", "files": [str(program), str(program.with_suffix(".npz"))],
    }  # fmt: skip
    compile(program.read_text(), str(program), "exec")
    with np.load(program.with_suffix(".npz")) as arrays:
        assert any(name.endswith("/kernel") for name in arrays.files)
    again = studio("export", trained, "-o", program)
    assert again.code == 1
    assert "there already" in again.sentence
    assert studio("export", trained, "-o", program, "--force").code == 0


def test_an_ending_is_added_to_what_has_none(studio: Studio, tmp_path: Path) -> None:
    outcome = studio("export", "xor", "--to", "keras", "-o", tmp_path / "net")
    assert outcome.code == 0
    assert (tmp_path / "net.py").exists()
    assert not (tmp_path / "net.npz").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["export", "xor", "-o", "net.txt"], "add --to keras, --to png or --to svg"),
        (["export", "xor", "-o", "nowhere/net.py"], "the folder does not exist"),
        (["export", "xorr", "-o", "net.py"], "did you mean xor?"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    studio: Studio, arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = studio(*arguments)
    assert outcome.code == 1
    assert sentence in outcome.sentence
    assert not list(tmp_path.iterdir())


def test_the_graph_as_picture_and_drawing(tmp_path: Path) -> None:
    from PySide6.QtGui import QImage
    from PySide6.QtSvg import QSvgRenderer

    picture, drawing = tmp_path / "net.png", tmp_path / "net.svg"
    assert run_alone("export", "xor", "-o", picture, "--theme", "dark").code == 0
    outcome = run_alone("export", "xor", "-o", drawing)
    assert outcome.code == 0, outcome.err
    image = QImage(str(picture))
    assert image.width() > 1000
    assert image.pixelColor(2, 2).lightness() < 60
    renderer = QSvgRenderer(str(drawing))
    assert renderer.isValid()
    # The picture has twice the canvas's pixels.
    assert abs(2 * renderer.viewBoxF().width() - image.width()) <= 2
    assert b"Layer Studio" in drawing.read_bytes()
