"""Small words of the panels in the theme's type and colours."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel

from studio.gui.theme import Theme


def style_label(label: QLabel, role: str, token: str) -> None:
    """Give a label the type of a role and the colour of a token.

    Both through its stylesheet: under an application's stylesheet a font that was set directly
    is lost as soon as the label gets a stylesheet for its colour.
    """
    theme = Theme.instance()
    font = theme.font(role)
    label.setStyleSheet(
        f"color: {theme.color(token).name()}; background: transparent; "
        f"font-size: {font.pointSizeF():g}pt; font-weight: {int(font.weight())};"
    )
