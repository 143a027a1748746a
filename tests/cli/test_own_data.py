"""Training on files of one's own: text, series, pictures, masks, weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import studio as package
from studio.project import Project
from tests.cli.commands import Studio


@pytest.fixture
def chance() -> np.random.Generator:
    return np.random.default_rng(7)


def test_text_of_ones_own(studio: Studio, tmp_path: Path, chance: np.random.Generator) -> None:
    words = {"pos": ["good", "fine"], "neg": ["bad", "dull"]}
    rows = [f'it was {chance.choice(words[k])} {i},{k}' for i, k in enumerate(["pos", "neg"] * 60)]
    (tmp_path / "reviews.csv").write_text("review,label\n" + "\n".join(rows) + "\n")
    source = f"csv:{tmp_path / 'reviews.csv'}"
    outcome = studio("train", "text-classifier", "--data", source, "--epochs", 8, "--json")
    # The template knows fewer words than these reviews have: training makes room and says so.
    assert "input_dim = 130, to fit the data" in outcome.err
    values = outcome.values
    assert values["test"]["accuracy"] > 0.9


def test_a_series_of_ones_own(studio: Studio, tmp_path: Path) -> None:
    rows = [f"{i},{10 + 5 * np.sin(i / 4):.3f},{i % 7}" for i in range(400)]
    (tmp_path / "weather.csv").write_text("hour,temperature,wind\n" + "\n".join(rows) + "\n")
    source = f"csv:{tmp_path / 'weather.csv'}?series=temperature&steps=16&horizon=2"
    values = studio("train", "forecast", "--data", source, "--epochs", 6, "--json").values
    assert values["test"]["r2"] > 0.95


def test_pictures_of_ones_own(studio: Studio, tmp_path: Path, chance: np.random.Generator) -> None:
    for label in range(10):
        (tmp_path / "shades" / f"shade {label}").mkdir(parents=True)
        for i in range(12):
            picture = np.full((8, 8), 25 * label, np.uint8) + chance.integers(0, 6, (8, 8)).astype(np.uint8)
            Image.fromarray(picture).save(tmp_path / "shades" / f"shade {label}" / f"{i}.png")
    source, path = f"images:{tmp_path / 'shades'}", tmp_path / "x.studio"
    values = studio("train", "digits-convnet", "--data", source, "--epochs", 3, "-o", path, "--json").values
    assert values["epochs"] == 3
    assert sum(map(sum, studio("evaluate", path, "--json").values["test"]["confusion"])) == 24
    (tmp_path / "shades" / "shade 3" / "1.png").write_bytes(b"not a picture any more")
    outcome = studio("evaluate", path)
    assert outcome.code == 1
    assert "changed since the project was saved" in outcome.err
    assert "shade 3/1.png is not a picture that can be read" in outcome.err


def test_masks_of_ones_own(studio: Studio, tmp_path: Path, chance: np.random.Generator) -> None:
    for part in ("images", "masks"):
        (tmp_path / "seg" / part).mkdir(parents=True)
    for i in range(24):
        mask = np.zeros((8, 8), np.uint8)
        row, column = chance.integers(0, 5, 2)
        mask[row : row + 3, column : column + 3] = 1 + i % 2
        Image.fromarray(np.dstack([mask * 100, mask * 50, mask * 20])).save(tmp_path / "seg" / "images" / f"{i}.png")
        Image.fromarray(mask).save(tmp_path / "seg" / "masks" / f"{i}.png")
    project = package.new("segmentation")
    project.set_data(f"images:{tmp_path / 'seg'}")
    assert project.infer().errors == ()
    project.document = project.document.with_training(batch_size=8)
    result = project.train(epochs=8)
    assert result.evaluations["train"].metrics["mean_iou"] > 0.5


def test_weights_of_ones_own_reach_the_loss(studio: Studio, tmp_path: Path, chance: np.random.Generator) -> None:
    """Answers are wrong in half of the lines, which do not count."""
    rows = []
    for i, (a, b) in enumerate(chance.normal(size=(400, 2))):
        lies = i % 2 == 0
        rows.append(f"{a:.3f},{b:.3f},{0 if lies else 1},{'yes' if (a > b) != lies else 'no'}")
    (tmp_path / "trust.csv").write_text("a,b,trust,answer\n" + "\n".join(rows) + "\n")
    path, base = tmp_path / "x.studio", f"csv:{tmp_path / 'trust.csv'}?target=answer"
    plain = studio("train", "xor", "--data", f"{base}&drop=trust", "--epochs", 30, "--json").values
    assert studio("train", "xor", "--data", f"{base}&weight=trust", "--epochs", 30, "-o", path, "--json").code == 0
    assert plain["train"]["loss"] > 0.6
    kept = Project.load(path)
    (loss,) = (n for n in kept.document.graph.nodes if n.layer.type_name() == "BinaryCrossentropy")
    assert [w.source_port for w in kept.document.graph.incoming(loss.id)] == [0, 1, 2]
    assert kept.evaluate()["test"].loss < 0.1


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("images:nowhere", "There is no folder nowhere: check its name."),
        ("images:.", "has no sub-folders with pictures"),
        ("image:.", "did you mean images:FOLDER?"),
        (".", "To read the folder ., write idx: before its name."),
    ],
)
def test_what_is_wrong_is_one_sentence(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = studio("train", "digits-convnet", "--data", source)
    assert outcome.code == 1
    assert sentence in outcome.sentence
