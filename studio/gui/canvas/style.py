"""Colours, pens and fonts of the canvas, looked up once per theme."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPen, QPixmap

from studio.gui.theme import Theme

#: So many widths of texts are remembered; numbers that change would fill the memory otherwise.
_MOST_TEXTS = 4096
_ROLES = ("node-name", "small", "inspector-title", "label", "body", "tab")


def mixed(under: QColor, over: QColor, share: float) -> QColor:
    """`over` laid on `under` with an opacity of `share`, as one opaque colour."""
    return QColor(
        round(under.red() + (over.red() - under.red()) * share),
        round(under.green() + (over.green() - under.green()) * share),
        round(under.blue() + (over.blue() - under.blue()) * share),
    )


class Style:
    """What the painters of the canvas need of the current theme.

    Parameters
    ----------
    theme : Theme
        The application's theme, in the mode it is in now.
    """

    def __init__(self, theme: Theme) -> None:
        self._theme = theme
        self._pixmaps: dict[tuple[str, int, int], QPixmap] = {}
        self.dark = theme.dark
        self._colors: dict[str, QColor] = {}
        self._families: dict[str, QColor] = {}
        self._tiles: dict[str, QColor] = {}
        self._far_pens: dict[str, QPen] = {}
        # Nodes have fixed sizes: for a projector the view is enlarged, not their type.
        self.fonts: dict[str, QFont] = {role: _unscaled(theme.font(role), theme.scale) for role in _ROLES}
        self.fonts["strong"] = QFont(self.fonts["small"])
        self.fonts["strong"].setWeight(QFont.Weight.DemiBold)
        self.metrics = {role: QFontMetricsF(font) for role, font in self.fonts.items()}
        self.diverging = theme.lut("diverging")
        self.sequential = theme.lut("sequential")
        self.tables = {"diverging": _color_table(self.diverging), "sequential": _color_table(self.sequential)}
        #: The same as numbers of 32 bits, for looking up whole pictures.
        self.packed = {name: theme.packed_lut(name) for name in self.tables}
        self._texts: dict[tuple[str, str], float] = {}
        self.ring = QColor(self.color("accent"))
        self.ring.setAlphaF(0.28)

    def color(self, token: str) -> QColor:
        """The colour of a token of the design."""
        if token not in self._colors:
            self._colors[token] = self._theme.color(token)
        return self._colors[token]

    def family(self, name: str) -> QColor:
        """The colour of a layer family."""
        if name not in self._families:
            self._families[name] = self._theme.family(name)
        return self._families[name]

    def tile(self, family: str) -> QColor:
        """The 16 % tint behind a family's icon, on a node."""
        if family not in self._tiles:
            self._tiles[family] = mixed(self.color("node"), self.family(family), 0.16)
        return self._tiles[family]

    def class_color(self, index: int, count: int) -> QColor:
        """The colour of one of `count` classes."""
        return self._theme.class_color(index, count)

    def icon(self, stem: str, color: QColor, size: int = 48) -> QPixmap:
        """An icon of the product in one colour, larger than drawn so that it stays sharp."""
        key = (stem, color.rgb(), size)
        if key not in self._pixmaps:
            self._pixmaps[key] = self._theme.pixmap(stem, color, size)
        return self._pixmaps[key]

    def pen(self, token: str, width: float = 1.0, dashes: tuple[float, ...] = ()) -> QPen:
        """A pen in the colour of a token."""
        pen = QPen(self.color(token), width)
        if dashes:
            pen.setDashPattern([d / width for d in dashes])
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        return pen

    def far_pen(self, token: str) -> QPen:
        """A pen that stays as thin on the screen however far one zooms out."""
        if token not in self._far_pens:
            self._far_pens[token] = QPen(self.color(token), 2 if token == "accent" else 1)
            self._far_pens[token].setCosmetic(True)
        return self._far_pens[token]

    def width(self, text: str, role: str) -> float:
        """Width of a text in a type role, in pixels."""
        key = text, role
        if key not in self._texts:
            if len(self._texts) > _MOST_TEXTS:
                self._texts.clear()
            self._texts[key] = self.metrics[role].horizontalAdvance(text)
        return self._texts[key]

    def elided(self, text: str, role: str, width: float) -> str:
        """The text, cut with an ellipsis to fit."""
        if self.width(text, role) <= width:
            return text
        return self.metrics[role].elidedText(text, Qt.TextElideMode.ElideRight, width)


def _unscaled(font: QFont, scale: float) -> QFont:
    font.setPointSizeF(font.pointSizeF() / scale)
    return font


def _color_table(lut: np.ndarray) -> list[int]:
    return [0xFF000000 | int(r) << 16 | int(g) << 8 | int(b) for r, g, b in lut]


_STYLES: dict[bool, Style] = {}


def current_style() -> Style:
    """The style of the application's theme as it is now."""
    theme = Theme.instance()
    if theme.dark not in _STYLES:
        _STYLES[theme.dark] = Style(theme)
    return _STYLES[theme.dark]


def forget_styles() -> None:
    """Look everything up again, after the theme changed (its fonts may have another size)."""
    _STYLES.clear()
