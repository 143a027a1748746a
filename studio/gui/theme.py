"""Colours, fonts, colour maps and icons of the window: light, dark or as the system has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
from PySide6.QtCore import QObject, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QGuiApplication,
    QIcon,
    QPainter,
    QPalette,
    QPixmap,
)
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QStyleFactory, QWidget

from studio.core.assets import assets_folder
from studio.gui import stylesheet, tokens

MODES = ("light", "dark", "system")


class Theme(QObject):
    """The one source of how things look; ask `Theme.instance`.

    Widgets that paint themselves read colours while painting and call ``update()`` on
    `changed`; standard widgets follow the application's palette and stylesheet.
    """

    #: Emitted after all colours changed.
    changed = Signal()

    _only: Theme | None = None

    def __init__(self) -> None:
        super().__init__()
        self._mode = "light"
        self._dark = False
        self._scale = 1.0
        self._postponed = False
        self._dressed: list[QWidget] = []
        self._colors: dict[str, QColor] = {}
        self._fonts: dict[str, QFont] = {}
        self._luts: dict[str, np.ndarray] = {}
        self._packed: dict[str, np.ndarray] = {}
        self._pixmaps: dict[tuple[str, str, int, float], QPixmap] = {}
        self._fonts_loaded = False
        self._following = False

    @classmethod
    def instance(cls) -> Theme:
        """The theme of this process."""
        if cls._only is None:
            cls._only = cls()
        return cls._only

    # Mode ------------------------------------------------------------------------------

    @property
    def mode(self) -> str:
        """``light``, ``dark`` or ``system``."""
        return self._mode

    @property
    def dark(self) -> bool:
        """Whether the dark colours are in use."""
        return self._dark

    def set_mode(self, mode: str) -> None:
        """Use the light or the dark colours, or follow the system.

        Raises
        ------
        ValueError
            When the mode is none of these.
        """
        if mode not in MODES:
            raise ValueError(f"There is no theme called {mode!r}: choose light, dark or system.")
        self._mode = mode
        if isinstance(QGuiApplication.instance(), QGuiApplication) and not self._following:
            self._following = True
            QGuiApplication.styleHints().colorSchemeChanged.connect(self._follow)
        self._set_dark(_system_is_dark() if mode == "system" else mode == "dark")

    def _follow(self) -> None:
        if self._mode == "system":
            self._set_dark(_system_is_dark())

    def _set_dark(self, dark: bool) -> None:
        self._dark = dark
        self._colors.clear()
        self._luts.clear()
        self._packed.clear()
        self._pixmaps.clear()
        self._apply()
        self.changed.emit()

    def set_scale(self, scale: float) -> None:
        """Enlarge all type, for a projector; 1 is the normal size."""
        self._scale = scale
        self._fonts.clear()
        self._apply()
        self.changed.emit()

    @property
    def scale(self) -> float:
        """How much type is enlarged."""
        return self._scale

    @contextmanager
    def postponed(self) -> Iterator[None]:
        """While a first window is built: its widgets are styled together at the end.

        Styling each when it gets its parent, and again with the next one, takes twice the time of
        all else that building a window does.
        """
        self._postponed = True
        try:
            yield
        finally:
            self._postponed = False
            self._apply()
            for widget in self._dressed:
                widget.setStyleSheet("")
            self._dressed.clear()

    def dress(self, *widgets: QWidget) -> None:
        """Style these already, since they are to be seen before all others are built."""
        if self._postponed:
            style = stylesheet.build(self)
            for widget in widgets:
                widget.setStyleSheet(style)
            self._dressed += widgets

    def _apply(self) -> None:
        app = QApplication.instance()
        if not isinstance(app, QApplication):
            return
        if app.style().objectName() != "fusion":
            app.setStyle(QStyleFactory.create("Fusion"))
        app.setPalette(self._palette())
        app.setFont(self.font("body"))
        app.setStyleSheet("" if self._postponed else stylesheet.build(self))

    def _palette(self) -> QPalette:
        palette = QPalette()
        role = QPalette.ColorRole
        for key, name in (
            (role.Window, "dock"),
            (role.WindowText, "text"),
            (role.Base, "field"),
            (role.AlternateBase, "hover"),
            (role.Text, "text"),
            (role.PlaceholderText, "text-3"),
            (role.Button, "node"),
            (role.ButtonText, "text"),
            (role.BrightText, "error"),
            (role.Highlight, "accent"),
            (role.HighlightedText, "on-accent"),
            (role.Link, "accent"),
            (role.LinkVisited, "accent"),
            (role.ToolTipBase, "node"),
            (role.ToolTipText, "text"),
            (role.Light, "hover"),
            (role.Midlight, "border"),
            (role.Mid, "node-outline"),
            (role.Dark, "border-strong"),
            (role.Shadow, "border"),
            (role.Accent, "accent"),
        ):
            palette.setColor(key, self.color(name))
        for key in (role.WindowText, role.Text, role.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, key, self.color("text-3"))
        return palette

    # Colours ---------------------------------------------------------------------------

    def color(self, name: str) -> QColor:
        """The colour of a token such as ``accent``.

        Raises
        ------
        KeyError
            When there is no such token.
        """
        if name not in self._colors:
            self._colors[name] = QColor(tokens.COLORS[name][0 if self._dark else 1])
        return QColor(self._colors[name])

    def family(self, name: str) -> QColor:
        """The colour of a layer family; that of Core for an unknown one."""
        pair = tokens.FAMILIES.get(name, tokens.FAMILIES["Core"])
        return QColor(pair[0 if self._dark else 1])

    def family_tint(self, name: str) -> QColor:
        """The background of a family's icon tile: its colour at 16 %."""
        color = self.family(name)
        color.setAlphaF(0.16)
        return color

    def class_color(self, index: int, count: int) -> QColor:
        """The colour of class `index` out of `count`; colours repeat after ten."""
        if count <= 2:
            return QColor(tokens.TWO_CLASSES[index % 2][0 if self._dark else 1])
        return QColor(tokens.TEN_CLASSES[0 if self._dark else 1][index % 10])

    def lut(self, name: str) -> np.ndarray:
        """A colour map: uint8 ``(256, 3)``; ``diverging``, ``sequential`` or ``boundary``."""
        if name not in self._luts:
            table = tokens.bake(name, self._dark)
            table.flags.writeable = False
            self._luts[name] = table
        return self._luts[name]

    def packed_lut(self, name: str) -> np.ndarray:
        """A colour map as pixels of 32 bits: uint32 ``(256,)``, so that one lookup makes a picture."""
        if name not in self._packed:
            red, green, blue = self.lut(name).astype(np.uint32).T
            packed = np.uint32(0xFF000000) | red << 16 | green << 8 | blue
            packed.flags.writeable = False
            self._packed[name] = packed
        return self._packed[name]

    # Type ------------------------------------------------------------------------------

    def font(self, role: str) -> QFont:
        """The font of a role such as ``node-name``; a copy that the caller may change."""
        if role not in self._fonts:
            self._load_fonts()
            size, weight, family = tokens.TYPE[role]
            font = QFont()
            font.setFamilies([tokens.FONT_FAMILIES[family]])
            # Points, since pixel sizes are whole numbers and the design has halves.
            font.setPointSizeF(size * self._scale * 72.0 / _dots_per_inch())
            font.setWeight(QFont.Weight(weight))
            font.setItalic(family == "serif")
            font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
            if family == "sans":
                font.setStyleHint(QFont.StyleHint.SansSerif)
                font.setFeature(QFont.Tag("tnum"), 1)
            elif family == "mono":
                font.setStyleHint(QFont.StyleHint.Monospace)
            else:
                font.setStyleHint(QFont.StyleHint.Serif)
            self._fonts[role] = font
        return QFont(self._fonts[role])

    def _load_fonts(self) -> None:
        if self._fonts_loaded or QGuiApplication.instance() is None:
            return
        self._fonts_loaded = True
        for file in tokens.FONT_FILES:
            QFontDatabase.addApplicationFont(str(assets_folder() / "fonts" / file))

    # Icons -----------------------------------------------------------------------------

    def pixmap(self, stem: str, color: QColor | str | None = None, size: int = 16) -> QPixmap:
        """An icon of ``assets/icons`` in one colour.

        Parameters
        ----------
        stem : str
            The file's name without ``.svg``; an unknown one gives the plain ``layer`` icon.
        color : QColor or str, optional
            A colour or a token's name; ``text-2`` if not given.
        size : int
            Logical pixels a side.
        """
        if not isinstance(color, QColor):
            color = self.color(color or "text-2")
        app = QGuiApplication.instance()
        ratio = app.devicePixelRatio() if isinstance(app, QGuiApplication) else 1.0
        key = (stem, color.name(QColor.NameFormat.HexArgb), size, ratio)
        if key not in self._pixmaps:
            pixmap = QPixmap(round(size * ratio), round(size * ratio))
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(Qt.GlobalColor.transparent)
            text = _svg(stem).replace("currentColor", color.name())
            painter = QPainter(pixmap)
            painter.setOpacity(color.alphaF())
            QSvgRenderer(text.encode()).render(painter, QRectF(0, 0, size, size))
            painter.end()
            self._pixmaps[key] = pixmap
        return self._pixmaps[key]

    def icon(self, stem: str, color: QColor | str | None = None, size: int = 16) -> QIcon:
        """As `pixmap`, as an icon that fades when its widget is disabled."""
        icon = QIcon(self.pixmap(stem, color, size))
        faded = self.color("text-3")
        faded.setAlphaF(0.6)
        icon.addPixmap(self.pixmap(stem, faded, size), QIcon.Mode.Disabled)
        return icon


def _system_is_dark() -> bool:
    if not isinstance(QGuiApplication.instance(), QGuiApplication):
        return False
    return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark


def _dots_per_inch() -> float:
    screen = QGuiApplication.primaryScreen() if QGuiApplication.instance() else None
    return screen.logicalDotsPerInchY() if screen else 96.0


@cache
def _svg(stem: str) -> str:
    folder = assets_folder() / "icons"
    file = folder / f"{stem}.svg"
    return (file if file.is_file() else folder / "layer.svg").read_text(encoding="utf-8")
