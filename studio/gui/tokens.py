"""The design tokens: every colour and type size of the window, as plain values.

No Qt here, so that exports and tests can read them. Colours are ``(dark, light)`` pairs.
"""

from __future__ import annotations

import numpy as np

#: Surfaces, text, lines and meaning.
COLORS: dict[str, tuple[str, str]] = {
    "window": ("#14171C", "#E9ECF0"),
    "dock": ("#1A1E25", "#FAFBFC"),
    "canvas": ("#0F1216", "#F1F3F6"),
    "canvas-dots": ("#232932", "#D3D9E1"),
    "node": ("#20252E", "#FFFFFF"),
    "field": ("#12151A", "#FFFFFF"),
    "hover": ("#262C36", "#EDF0F4"),
    "border": ("#2C333E", "#D6DBE2"),
    "border-strong": ("#657080", "#848F9E"),
    "node-outline": ("#464E5B", "#B9C1CC"),
    "text": ("#E8ECF1", "#161B22"),
    "text-2": ("#B4BDCA", "#434D5B"),
    "text-3": ("#8E98A7", "#5C6675"),
    "accent": ("#3CC8B4", "#0B766A"),
    "accent-hover": ("#62D9C8", "#095F56"),
    "on-accent": ("#05201C", "#FFFFFF"),
    "accent-bg": ("#17332F", "#DDF1EE"),
    "error": ("#FF8077", "#B3261E"),
    "error-bg": ("#38201F", "#FCE9E7"),
    "warning": ("#F2B84B", "#8A5700"),
    "ok": ("#63CE8F", "#1A7A43"),
    "train": ("#3CC8B4", "#0B766A"),
    "validation": ("#BBA6FF", "#6A3EC2"),
    "wire": ("#75808F", "#7A8594"),
}

#: Layer families: icon and 16 % tint of its tile, never a fill behind text.
FAMILIES: dict[str, tuple[str, str]] = {
    "Data": ("#A9B4C2", "#505C6B"),
    # Stands between the data and the first layer, and looks like it.
    "Augmentation": ("#A9B4C2", "#505C6B"),
    "Core": ("#9AA5FF", "#4450C4"),
    "Convolution": ("#62B0F5", "#1767AE"),
    "Pooling": ("#4CC3DA", "#0B7186"),
    "Normalisation": ("#7BCB7F", "#2C7632"),
    "Recurrent": ("#C39BF5", "#7A3FBF"),
    "Attention": ("#EE8FC6", "#AD2E79"),
    "Activation": ("#E9BE54", "#85600A"),
    "Merge": ("#B3C75A", "#5B6C0A"),
    "Loss": ("#FF8A7D", "#B8352A"),
}

TWO_CLASSES: tuple[tuple[str, str], ...] = (("#5AA9F0", "#1F6FC4"), ("#F5994A", "#BF5206"))

#: Dark and light; of colours with different names, those with the largest smallest gap (OKLab) under
#: normal sight and simulated protan, deutan and tritan sight.
TEN_CLASSES: tuple[tuple[str, ...], tuple[str, ...]] = (
    ("#5AA9F0", "#F5994A", "#00E196", "#C31EB4", "#4B5AFF", "#D2E100", "#B4E1FF", "#E10F00", "#FFFFC3", "#876969"),
    ("#1F6FC4", "#BF5206", "#2D695A", "#A54B87", "#4B00A5", "#4B1E2D", "#5A96B4", "#87965A", "#000F2D", "#960000"),
)

#: Stops at 0, .25, .5, .75 and 1, linear in sRGB; dark and light.
MAPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "diverging": (
        ("#4FA3F7", "#2F6BAA", "#1B2027", "#9C5C29", "#F5994A"),
        ("#1B63B5", "#8FB8E0", "#F7F7F5", "#EDB183", "#B04807"),
    ),
    "sequential": (
        ("#10141A", "#15394A", "#1E757D", "#66BFA0", "#F3F0B5"),
        ("#FFFFFF", "#CBE5E3", "#62AFB6", "#1F6B89", "#122D4C"),
    ),
}

#: Role: (size in px at 100 %, weight, family key).
TYPE: dict[str, tuple[float, int, str]] = {
    "page-title": (25, 600, "sans"),
    "lesson-title": (22, 600, "sans"),
    "section": (18, 600, "sans"),
    "lesson-text": (15, 400, "sans"),
    "inspector-title": (15, 600, "sans"),
    "node-name": (12.5, 600, "sans"),
    "body": (13, 400, "sans"),
    "button": (13, 500, "sans"),
    "heading": (13, 600, "sans"),
    "tab": (12.5, 400, "sans"),
    "small-tab": (11.5, 400, "sans"),
    "small": (11, 400, "sans"),
    "value": (13.5, 600, "sans"),
    "label": (11, 400, "sans"),
    "mono": (12, 500, "mono"),
    "formula": (14.5, 400, "serif"),
}

FONT_FAMILIES = {"sans": "Inter", "mono": "JetBrains Mono", "serif": "Noto Serif"}

#: Font files, in ``assets/fonts``.
FONT_FILES = (
    "Inter-Regular.otf",
    "Inter-Medium.otf",
    "Inter-SemiBold.otf",
    "JetBrainsMono-Medium.ttf",
    "NotoSerif-Italic.ttf",
)


def channels(color: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of ``#RRGGBB``."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def bake(name: str, dark: bool) -> np.ndarray:
    """Colour map as a lookup table.

    Parameters
    ----------
    name : {"diverging", "sequential", "boundary"}
        ``boundary`` is the diverging map with its ends held back, so that points drawn in
        the class colours stand out on it.
    dark : bool
        Which theme's.

    Returns
    -------
    numpy.ndarray
        uint8 ``(256, 3)``.
    """
    stops = MAPS["diverging" if name == "boundary" else name][0 if dark else 1]
    at = np.linspace(0.0, 1.0, 256)
    if name == "boundary":
        at = 0.5 + 0.52 * (at - 0.5)
    table = np.array([channels(stop) for stop in stops], float)
    return np.stack(
        [np.interp(at, np.linspace(0.0, 1.0, len(stops)), table[:, c]) for c in range(3)], axis=1
    ).round().astype(np.uint8)
