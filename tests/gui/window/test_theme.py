"""Themes: colours, maps, fonts and icons."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PySide6.QtGui import QFontInfo
from PySide6.QtWidgets import QApplication

from studio.core import registry
from studio.core.assets import assets_folder
from studio.gui import tokens
from studio.gui.theme import Theme


@pytest.fixture
def theme(qapp):
    theme = Theme.instance()
    theme.set_mode("light")
    yield theme
    theme.set_mode("light")


def _luminance(color: str) -> float:
    parts = [c / 255 for c in tokens.channels(color)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("text", ["text", "text-2", "text-3", "accent", "error"])
@pytest.mark.parametrize("surface", ["window", "dock", "node", "field"])
def test_text_can_be_read_on_every_surface(side, text, surface):
    assert _contrast(tokens.COLORS[text][side], tokens.COLORS[surface][side]) >= 4.5


#: Machado et al. (2009), A physiologically-based model for simulation of color vision deficiency, severity 1.
SIGHTS = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def _oklab(colors: tuple[str, ...], sight: str) -> np.ndarray:
    """Places of colours in OKLab (Ottosson 2020), as a person with this sight sees them."""
    parts = np.array([tokens.channels(c) for c in colors]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ np.transpose(SIGHTS[sight])
    cones = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
             [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
    opponents = [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099],
                 [0.0259040371, 0.7827717662, -0.808675766]]  # fmt: skip
    return np.cbrt(np.clip(linear, 0, 1) @ np.transpose(cones)) @ np.transpose(opponents)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(("sight", "least"), [("normal", 0.13), ("protan", 0.075), ("deutan", 0.075), ("tritan", 0.075)])
def test_ten_classes_can_be_told_apart(side, sight, least):
    colors = tokens.TEN_CLASSES[side]
    places = _oklab(colors, sight)
    gaps = np.linalg.norm(places[:, None] - places[None], axis=-1)[np.triu_indices(10, 1)]
    assert gaps.min() >= least
    assert all(_contrast(c, tokens.COLORS["field"][side]) >= 3.2 for c in colors)


def test_modes_change_colours_and_palette(theme):
    seen = []
    theme.changed.connect(lambda: seen.append(theme.dark))
    theme.set_mode("dark")
    assert theme.color("window").name().upper() == tokens.COLORS["window"][0]
    assert QApplication.palette().window().color() == theme.color("dock")
    theme.set_mode("light")
    assert theme.color("window").name().upper() == tokens.COLORS["window"][1]
    assert seen == [True, False]


def test_an_unknown_mode_is_refused(theme):
    with pytest.raises(ValueError, match="choose light, dark or system"):
        theme.set_mode("pink")


@pytest.mark.parametrize("name", ["diverging", "sequential", "boundary"])
@pytest.mark.parametrize("dark", [True, False])
def test_maps_have_256_colours(name, dark):
    table = tokens.bake(name, dark)
    assert table.shape == (256, 3)
    assert table.dtype == np.uint8


def test_the_bundled_fonts_are_used(theme):
    assert QFontInfo(theme.font("body")).family() == "Inter"
    assert QFontInfo(theme.font("mono")).family() == "JetBrains Mono"
    assert QFontInfo(theme.font("formula")).family() == "Noto Serif"


def test_a_font_is_the_callers_to_change(theme):
    font = theme.font("body")
    font.setPointSizeF(99)
    assert theme.font("body").pointSizeF() != 99


def test_every_layer_has_an_icon_of_one_colour(theme):
    for layer in registry.layers().values():
        file = assets_folder() / "icons" / f"{layer.icon}.svg"
        assert file.is_file(), layer.type_name()
        text = file.read_text()
        assert "currentColor" in text
        assert not re.search(r"#[0-9A-Fa-f]{3,6}\b", text)


def test_the_stylesheet_has_no_token_left(theme):
    assert "@" not in QApplication.instance().styleSheet()


def test_fonts_come_with_their_licence():
    folder = assets_folder() / "fonts"
    text = (folder / "OFL.txt").read_text()
    for file in tokens.FONT_FILES:
        assert (folder / file).is_file()
        assert file.split("-")[0].replace("JetBrainsMono", "JetBrains Mono").replace("NotoSerif", "Noto Serif") in text
