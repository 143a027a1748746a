"""The canvas's commands, as actions with shortcuts that menus can show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

from studio.core.graph import Edge
from studio.gui.canvas.bodies import tr

if TYPE_CHECKING:
    from studio.gui.canvas.canvas import Canvas


@dataclass(frozen=True)
class _Command:
    text: str
    tip: str
    keys: tuple[str, ...]
    run: Callable[[], object]


def make_actions(canvas: Canvas) -> dict[str, QAction]:
    """All actions by name; they work while the canvas, or something in it, has the focus."""
    commands = {
        "add": _Command(tr("Add layer…"), tr("Search for a layer and add it (Tab)"), (), canvas.open_search),
        "delete": _Command(tr("Delete"), tr("Delete what is selected"), ("Del", "Backspace"), canvas.delete_selection),
        "take_out": _Command(tr("Take out, keep wires"), tr("Remove the layer and join the wires it was on"), ("Ctrl+Del",), canvas.take_out),
        "open": _Command(tr("Open into its parts"), tr("Replace a brick by the layers it is made of (Ctrl+Return)"), ("Ctrl+Return",), canvas.open_brick),
        "brick": _Command(tr("Save as brick…"), tr("Keep what the selected layers have learned, to put it into other graphs"), (), canvas.brick_wanted.emit),
        "kernel": _Command(tr("Show the kernel"), tr("The program that computes the selected layer, and whether its gradient is right"), (), canvas.kernel_wanted.emit),
        "cut": _Command(tr("Cut"), tr("Put the selection on the clipboard and remove it"), ("Ctrl+X",), canvas.cut),
        "copy": _Command(tr("Copy"), tr("Put the selection on the clipboard"), ("Ctrl+C",), canvas.copy),
        "paste": _Command(tr("Paste"), tr("Add the layers on the clipboard"), ("Ctrl+V",), canvas.paste),
        "duplicate": _Command(tr("Duplicate"), tr("Add a copy of the selection"), ("Ctrl+D",), canvas.duplicate),
        "select_all": _Command(tr("Select all"), tr("Select every layer"), ("Ctrl+A",), canvas.select_all),
        "rename": _Command(tr("Rename…"), tr("Give the layer another name"), ("F2",), canvas.rename_selection),
        "connect": _Command(tr("Connect"), tr("Wire the selected layers one to the next, from left to right (C)"), ("C",), canvas.connect_selection),
        "disconnect": _Command(tr("Disconnect"), tr("Remove all wires of the selected layers"), (), canvas.disconnect_selection),
        "fit": _Command(tr("Fit all"), tr("Show the whole graph (Home)"), ("Home",), canvas.fit),
        "frame": _Command(tr("Frame selection"), tr("Show the selected layers large (F)"), ("F",), canvas.frame_selection),
        "zoom_in": _Command(tr("Zoom in"), tr("Zoom in (Ctrl++)"), ("Ctrl++", "Ctrl+="), canvas.zoom_in),
        "zoom_out": _Command(tr("Zoom out"), tr("Zoom out (Ctrl+-)"), ("Ctrl+-",), canvas.zoom_out),
        "zoom_reset": _Command(tr("Zoom to 100 %"), tr("Zoom to 100 % (Ctrl+0)"), ("Ctrl+0",), canvas.zoom_reset),
        "tidy": _Command(tr("Tidy up"), tr("Lay out the graph, or the selected layers, from left to right (L)"), ("L",), canvas.tidy_up),
    }  # fmt: skip
    for edge, text in (
        ("left", tr("Align left edges")), ("right", tr("Align right edges")), ("top", tr("Align top edges")),
        ("bottom", tr("Align bottom edges")), ("centre", tr("Align centres, one above the other")),
        ("middle", tr("Align middles, side by side")),
    ):  # fmt: skip
        commands[f"align_{edge}"] = _Command(text, text, (), partial(canvas.align, edge))
    for axis, text in (("horizontal", tr("Space evenly across")), ("vertical", tr("Space evenly down"))):
        commands[f"distribute_{axis}"] = _Command(text, text, (), partial(canvas.distribute, axis))
    actions = {}
    for name, command in commands.items():
        action = QAction(command.text, canvas)
        action.setObjectName(f"canvas-{name}")
        action.setToolTip(command.tip)
        action.setShortcuts([QKeySequence(k) for k in command.keys])
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(lambda _checked=False, run=command.run: run())
        canvas.addAction(action)
        actions[name] = action
    return actions


def context_menu(canvas: Canvas, node: str, wire: Edge | None) -> QMenu:
    """The menu of a node, a wire, or the empty canvas."""
    menu = QMenu(canvas)
    actions = canvas.actions()
    if wire is not None:
        menu.addAction(tr("Insert layer…")).triggered.connect(lambda: canvas.open_search(wire=wire))
        menu.addAction(tr("Delete wire")).triggered.connect(lambda: canvas.editor.disconnect(wire))
        return menu
    names: tuple[str, ...]
    if not node:
        names = ("add", "paste", "", "select_all", "fit", "tidy")
    elif len(canvas.session.selection) > 1:
        names = ("cut", "copy", "duplicate", "delete", "", "brick", "", "connect", "disconnect", "tidy", "frame")
    else:
        brick = ("open",) if canvas.editor.is_brick(node) else ()
        names = ("rename", *brick, "", "cut", "copy", "duplicate", "delete", "take_out", "", "brick", "", "disconnect", "frame", "kernel")
    for name in names:
        if name:
            menu.addAction(actions[name])
        else:
            menu.addSeparator()
    if node and len(canvas.session.selection) > 1:
        align = menu.addMenu(tr("Align"))
        for edge in ("left", "centre", "right", "top", "middle", "bottom"):
            align.addAction(actions[f"align_{edge}"])
        align.addSeparator()
        for axis in ("horizontal", "vertical"):
            align.addAction(actions[f"distribute_{axis}"])
    if node and len(canvas.session.selection) == 1:
        for problem in canvas.graph_scene.faces[node].problems:
            if problem.remedy is not None:
                first = menu.actions()[0]
                action = QAction(problem.remedy.text, menu)
                action.triggered.connect(lambda _checked=False, p=problem: canvas.editor.repair(p))
                menu.insertAction(first, action)
    return menu


def show_menu(canvas: Canvas, place: QPoint, node: str, wire: Edge | None) -> None:
    """Show the menu of what is at a place of the screen."""
    menu = context_menu(canvas, node, wire)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.popup(place)
