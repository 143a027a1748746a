"""What all convolutions share: which inputs they take and where their patterns lie."""

from __future__ import annotations

import math

from studio.core.pictures import require_picture, require_sequence
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe
from studio.core.windows import Pair, Window


def picture_window(shape: Shape, kernel_size: Pair, strides: Pair, padding: str, dilation_rate: Pair) -> Window:
    """Where patterns lie on a picture.

    Raises
    ------
    ShapeProblem
        When it is no picture, or smaller than the patterns.
    """
    require_picture(shape)
    return _fitting(Window((shape[0], shape[1]), kernel_size, strides, padding, dilation_rate), shape, "picture")


def sequence_window(shape: Shape, kernel_size: int, strides: int, padding: str, dilation_rate: int) -> Window:
    """Where patterns lie on a sequence: a picture of one row.

    Raises
    ------
    ShapeProblem
        When it is no sequence, or shorter than the patterns.
    """
    require_sequence(shape)
    window = Window((1, shape[0]), (1, kernel_size), (1, strides), padding, (1, dilation_rate))
    return _fitting(window, shape, "sequence")


def _fitting(window: Window, shape: Shape, what: str) -> Window:
    if min(window.output) < 1:
        raise ShapeProblem(
            f"has a pattern larger than its {describe(shape)} {what}: make kernel_size smaller or padding same.",
            Remedy("set", "Use padding same", values=(("padding", "same"),)),
        )
    return window


def check_groups(channels: int, filters: int, groups: int) -> None:
    """Check that channels and patterns can be split into so many groups.

    Raises
    ------
    ShapeProblem
        When they cannot; the remedy is the largest number below that divides both.
    """
    if channels % groups == 0 and filters % groups == 0:
        return
    common = math.gcd(channels, filters)
    fitting = next(n for n in range(min(groups, common), 0, -1) if common % n == 0)
    raise ShapeProblem(
        f"cannot split {channels} channels and {filters} filters into {groups} groups: "
        "choose groups that divide both.",
        Remedy("set", f"Use {fitting} group{'' if fitting == 1 else 's'}", values=(("groups", fitting),)),
    )
