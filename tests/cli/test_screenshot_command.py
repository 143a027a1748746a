"""``studio screenshot`` draws the real window, in a process of its own."""

from __future__ import annotations

from pathlib import Path

from tests.cli.commands import run_alone


def test_a_picture_of_the_asked_size(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    outcome = run_alone(
        *(
            "screenshot",
            "xor",
            "-o",
            path,
            "--size",
            "1000x700",
            "--theme",
            "dark",
            "--train-seconds",
            "0.2",
            "--json",
        ),
        QT_QPA_PLATFORM=None,
    )
    assert outcome.err == ""
    assert outcome.code == 0
    assert outcome.values["size"] == [1000, 700]
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert int.from_bytes(content[16:20], "big") == 1000
    assert int.from_bytes(content[20:24], "big") == 700


def test_an_unknown_source_is_one_sentence(tmp_path: Path) -> None:
    outcome = run_alone("screenshot", "spirls", "-o", tmp_path / "x.png", QT_QPA_PLATFORM=None)
    assert outcome.code == 1
    assert "did you mean spirals" in outcome.sentence
    assert not (tmp_path / "x.png").exists()
