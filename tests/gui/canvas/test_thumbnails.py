"""Thumbnails by themselves: sheets of pictures, and what looks the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from tests_canvas_scenes import snapshot, spirals

from studio.engine.history import History
from studio.gui.canvas.style import Style, current_style
from studio.gui.canvas.thumbnails import Thumbnail, series, sheet_of


@pytest.fixture
def style(qtbot: QtBot) -> Style:
    return current_style()


def test_a_sheet_holds_its_pictures_one_below_the_other(style: Style) -> None:
    stack = np.arange(3 * 2 * 5, dtype=np.uint8).reshape(3, 2, 5)
    thumbnail = sheet_of(stack, style.packed["sequential"])
    assert thumbnail.count == 3
    assert thumbnail.aspect == 2.5
    for i in range(3):
        image = thumbnail.picture(i).toImage()
        assert (image.width(), image.height()) == (5, 2)
        assert image.pixelColor(4, 1).rgb() == int(style.packed["sequential"][stack[i, 1, 4]])


def test_pictures_look_alike_only_if_all_bytes_and_colours_are_the_same(style: Style) -> None:
    stack = np.zeros((2, 4, 4), np.uint8)
    first = sheet_of(stack, style.packed["sequential"])
    assert sheet_of(stack.copy(), style.packed["sequential"]).looks_like(first)
    assert not sheet_of(stack, style.packed["diverging"]).looks_like(first)
    stack[1, 3, 3] = 1
    assert not sheet_of(stack, style.packed["sequential"]).looks_like(first)
    assert not first.looks_like(None)


def test_shares_look_alike_as_long_as_bars_and_texts_do() -> None:
    first = Thumbnail(numbers=[0.001, 0.999], percent=True, predicted=1)
    assert Thumbnail(numbers=[0.0011, 0.9989], percent=True, predicted=1).looks_like(first)
    assert not Thumbnail(numbers=[0.02, 0.98], percent=True, predicted=1).looks_like(first)
    assert not Thumbnail(numbers=[0.001, 0.999], percent=True, predicted=0).looks_like(first)
    assert not Thumbnail(numbers=[0.001, 0.999]).looks_like(first)


def test_a_series_is_a_curve(qapp):
    steps = np.linspace(0, 2 * np.pi, 40)
    sample = np.stack([np.sin(steps), np.cos(steps)], 1).astype(np.float32)
    style = current_style()
    image = series(sample, style).toImage()
    background = style.color("canvas").rgb()
    inked = np.array([[image.pixel(x, y) != background for x in range(image.width())] for y in range(image.height())])
    # A curve is thin, and goes from the left to the right.
    assert 0.01 < inked.mean() < 0.2
    assert inked[:, image.width() // 20 : -image.width() // 20].any(0).mean() > 0.95
    # The sine starts in the middle and the cosine at the top.
    first = np.flatnonzero(inked[:, image.width() // 18])
    assert first.min() < image.height() // 4
    assert abs(first.max() - image.height() // 2) < image.height() // 4


def test_a_reset_takes_the_curve_off_the_loss(bench: Any) -> None:
    bench.open(spirals())
    loss = next(n.id for n in bench.graph.nodes if n.layer.family == "Loss")
    shot = snapshot(bench.session.document)
    bench.show(shot)
    assert bench.scene.nodes[loss].thumbnail.value
    bench.show(replace(shot, serial=shot.serial + 1, history=History(), validation=None, status="ready"))
    assert bench.scene.nodes[loss].thumbnail is None
