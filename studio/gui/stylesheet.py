"""The application's one stylesheet, built from the design tokens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from studio.core.assets import assets_folder

if TYPE_CHECKING:
    from studio.gui.theme import Theme

_TEMPLATE = """
* { outline: 0; }
QMainWindow, QMainWindow > QWidget#centre { background: @window; }
QMainWindow::separator { background: @border; width: 1px; height: 1px; }
QMainWindow::separator:hover { background: @accent; }
QDialog { background: @dock; }
QSplitter::handle { background: @border; }
QSplitter::handle:hover { background: @accent; }
QLabel { background: transparent; }

QMenuBar { background: @window; color: @text-2; padding: 0 8px; spacing: 0; border-bottom: 1px solid @border; }
QMenuBar::item { background: transparent; padding: 6px 10px; border-radius: 5px; }
QMenuBar::item:selected, QMenuBar::item:pressed { background: @hover; color: @text; }
QMenu { background: @node; color: @text; border: 1px solid @node-outline; padding: 4px; }
QMenu::item { padding: 6px 28px 6px 12px; border-radius: 5px; }
QMenu::icon { padding-left: 8px; }
QMenu::item:selected { background: @hover; }
QMenu::item:disabled { color: @text-3; }
QMenu::separator { height: 1px; background: @border; margin: 4px 8px; }
QMenu::indicator { width: 14px; height: 14px; left: 6px; }
QMenu::indicator:checked { image: url(@controls/check-accent.svg); }
QToolTip { background: @node; color: @text; border: 1px solid @node-outline; padding: 5px 7px; }

QPushButton { background: @node; color: @text; border: 1px solid @border; border-radius: 6px;
  padding: 0 12px; min-height: 30px; font-weight: 500; }
QPushButton:hover { background: @hover; border-color: @border-strong; }
QPushButton:pressed { background: @border; }
QPushButton:focus { border: 2px solid @accent; padding: 0 11px; min-height: 28px; }
QPushButton:disabled { color: @text-3; background: @dock; border-color: @border; }
QPushButton::menu-indicator { image: none; width: 0; }
QPushButton[kind="primary"] { background: @accent; color: @on-accent; border: 1px solid @accent; font-weight: 600; }
QPushButton[kind="primary"]:hover { background: @accent-hover; border-color: @accent-hover; }
QPushButton[kind="primary"]:pressed { background: @accent; }
QPushButton[kind="primary"]:focus { border: 2px solid @text; }
QPushButton[kind="primary"]:disabled { background: @border; border-color: @border; color: @text-3; }
QPushButton[kind="compact"] { min-height: 24px; padding: 0 9px; }
QPushButton[kind="compact"]:focus { min-height: 22px; padding: 0 8px; }
QPushButton[kind="pill"] { min-height: 24px; border-radius: 13px; padding: 0 12px; background: @dock;
  color: @text-2; font-weight: 400; }
QPushButton[kind="pill"]:hover { background: @hover; color: @text; }
QPushButton[kind="pill"]:focus { min-height: 22px; padding: 0 11px; }
QPushButton[kind="link"] { background: transparent; border: 1px solid transparent; color: @accent; padding: 0 2px;
  min-height: 18px; font-weight: 400; text-align: left; }
QPushButton[kind="link"]:hover { color: @accent-hover; }
QPushButton[kind="link"]:focus { border: 1px solid @accent; padding: 0 2px; min-height: 18px; border-radius: 3px; }
QToolButton { background: transparent; color: @text-2; border: 1px solid transparent; border-radius: 6px; padding: 3px; }
QToolButton:hover { background: @hover; color: @text; }
QToolButton:pressed, QToolButton:checked { background: @accent-bg; color: @accent; }
QToolButton:focus { border: 2px solid @accent; padding: 2px; }
QToolButton:disabled { color: @text-3; }
QToolButton::menu-indicator { image: none; width: 0; }

QLineEdit, QAbstractSpinBox, QComboBox, QPlainTextEdit, QTextEdit {
  background: @field; color: @text; border: 1px solid @border; border-radius: 5px; padding: 0 8px;
  min-height: 26px; selection-background-color: @accent; selection-color: @on-accent; }
QPlainTextEdit, QTextEdit { padding: 4px 6px; }
QLineEdit:hover, QAbstractSpinBox:hover, QComboBox:hover { border-color: @border-strong; }
QLineEdit:focus, QComboBox:focus, QPlainTextEdit:focus, QTextEdit:focus {
  border: 2px solid @accent; padding: 0 7px; min-height: 24px; }
QAbstractSpinBox:focus { border: 2px solid @accent; padding: 0 2px 0 6px; min-height: 24px; }
QLineEdit:disabled, QAbstractSpinBox:disabled, QComboBox:disabled { color: @text-3; background: @dock; }
QLineEdit[wrong="true"], QAbstractSpinBox[wrong="true"], QComboBox[wrong="true"] {
  border-color: @error; }
QAbstractSpinBox { padding: 0 2px 0 7px; }
QComboBox QLineEdit, QComboBox QLineEdit:focus { border: 0; background: transparent; padding: 0; min-height: 0; }
QAbstractSpinBox[plain="true"]::up-button, QAbstractSpinBox[plain="true"]::down-button { width: 0; margin: 0; }
QAbstractSpinBox[plain="true"]::up-arrow, QAbstractSpinBox[plain="true"]::down-arrow { image: none; width: 0; }
QComboBox:editable { padding-left: 8px; padding-right: 20px; }
QAbstractSpinBox::up-button { subcontrol-origin: border; subcontrol-position: top right;
  width: 18px; border: 0; margin: 3px 2px 0 0; border-radius: 3px; }
QAbstractSpinBox::down-button { subcontrol-origin: border; subcontrol-position: bottom right;
  width: 18px; border: 0; margin: 0 2px 3px 0; border-radius: 3px; }
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover { background: @hover; }
QAbstractSpinBox::up-arrow { image: url(@controls/up.svg); width: 9px; height: 9px; }
QAbstractSpinBox::down-arrow { image: url(@controls/down-solid.svg); width: 9px; height: 9px; }
QComboBox { padding-right: 24px; }
QComboBox::drop-down { subcontrol-origin: border; subcontrol-position: center right; width: 24px; border: 0; }
QComboBox::down-arrow { image: url(@controls/down.svg); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: @node; color: @text; border: 1px solid @node-outline; padding: 4px;
  selection-background-color: @hover; selection-color: @text; }
QComboBox QAbstractItemView::item { min-height: 26px; padding: 0 8px; border-radius: 4px; }

QCheckBox { spacing: 8px; color: @text; background: transparent; }
QCheckBox::indicator { width: 15px; height: 15px; border: 1px solid @border-strong; border-radius: 4px; background: @field; }
QCheckBox::indicator:hover { border-color: @accent; }
QCheckBox::indicator:checked { background: @accent; border-color: @accent; image: url(@controls/check.svg); }
QCheckBox::indicator:focus { border: 2px solid @accent; width: 13px; height: 13px; }
QCheckBox::indicator:checked:focus { border: 2px solid @text; }
QCheckBox::indicator:disabled { border-color: @border; }

QSlider { background: transparent; min-height: 20px; }
QSlider::groove:horizontal { height: 4px; border-radius: 2px; background: @node-outline; }
QSlider::sub-page:horizontal { height: 4px; border-radius: 2px; background: @accent; }
QSlider::handle:horizontal { width: 10px; height: 10px; margin: -5px 0; border-radius: 7px; background: @dock;
  border: 2px solid @accent; }
QSlider::handle:horizontal:hover { background: @accent-bg; }
QSlider::handle:horizontal:focus { background: @accent; border: 2px solid @text; }
QSlider::sub-page:horizontal:disabled { background: @border-strong; }
QSlider::handle:horizontal:disabled { border-color: @border-strong; }

QScrollArea { background: transparent; border: 0; }
QScrollArea > QWidget > QWidget#page { background: @dock; }
QAbstractScrollArea::corner { background: transparent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: @node-outline; border-radius: 3px; margin: 2px; }
QScrollBar::handle:hover { background: @border-strong; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QTreeView, QListView, QTableView { background: @dock; color: @text; border: 0; alternate-background-color: @hover; }
QListView[floating="true"] { background: @node; }
QTreeView[lines="true"] { selection-background-color: @accent-bg; selection-color: @text; }
QTreeView[lines="true"]::item { min-height: 26px; }
QTreeView[lines="true"]::item:hover { background: @hover; }
QTreeView[lines="true"]::item:selected { background: @accent-bg; color: @text; }
QTableView { gridline-color: @border; selection-background-color: @accent-bg; selection-color: @text; }
QHeaderView::section { background: @dock; color: @text-3; border: 0; border-bottom: 1px solid @border; padding: 3px 6px; }
QTableCornerButton::section { background: @dock; border: 0; }

QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QProgressBar { background: @border; border: 0; border-radius: 1px; min-height: 3px; max-height: 3px; }
QProgressBar::chunk { background: @accent; border-radius: 1px; }
QStatusBar { background: @window; color: @text-2; border-top: 1px solid @border; }
QStatusBar::item { border: 0; }
"""


def build(theme: Theme) -> str:
    """The stylesheet in the theme's colours."""
    from studio.gui import tokens

    folder = assets_folder() / "icons" / ("controls-dark" if theme.dark else "controls-light")
    text = _TEMPLATE.replace("@controls", folder.as_posix())
    # Longest names first, so that "@text-2" is not read as "@text".
    for name in sorted(tokens.COLORS, key=len, reverse=True):
        text = text.replace(f"@{name}", theme.color(name).name())
    if theme.scale != 1.0:
        # Lines stay as thin as they are; all else grows with the type.
        # A radius above half a height is none at all, so corners and the sliders' knobs stay as well.
        text = re.sub(
            r"(QSlider[^}]*\}|border-radius: \d+px)|\b(\d+)px",
            lambda found: found[1] or _scaled(int(found[2]), theme.scale),
            text,
        )
    return text


def _scaled(pixels: int, scale: float) -> str:
    return f"{pixels if pixels <= 2 else round(pixels * scale)}px"
