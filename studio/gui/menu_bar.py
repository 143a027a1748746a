"""What the menu bar offers, and what its own actions do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu, QMessageBox, QWhatsThis

from studio import __version__, data
from studio.core.graph import GraphError
from studio.data import DataError
from studio.data.wiring import with_source
from studio.gui.exports import Exports
from studio.gui.in_clicks import in_clicks
from studio.gui.inspector.source_editor import ASKED
from studio.gui.menus import TitledMenuBar, add_theme_actions, add_training_actions, fill, tr
from studio.gui.pace import PACES, add_pace_actions
from studio.gui.type_size import TypeSize
from studio.gui.welcome_cards import template_tip
from studio.gui.widgets.fixed import fix
from studio.layers.data import Data
from studio.storage import StorageError, templates

if TYPE_CHECKING:
    from studio.gui.main_window import MainWindow

_KEY = QKeySequence.StandardKey


def add_actions(window: MainWindow) -> None:
    """Make the window's actions; those of the canvas join when it is there."""
    actions, files, session = window.actions_by_key, window.files, window.session
    add_pace_actions(actions, window.live)
    actions.add("new", tr("&New graph"), files.new_blank, _KEY.New, tr("Start with an empty canvas."))
    actions.add("welcome", tr("&Welcome page"), window.show_welcome, "Ctrl+Shift+N", tr("Show templates and recent files."))
    actions.add("open", tr("&Open…"), files.ask_and_open, _KEY.Open, tr("Open a file."))
    actions.add("save", tr("&Save"), files.save, _KEY.Save, tr("Save graph, weights and curves."))
    actions.add("save_as", tr("Save &as…"), files.ask_and_save, "Ctrl+Shift+S", tr("Save under another name."))
    actions.add("quit", tr("&Quit"), window.close, "Ctrl+Q", tr("Close the window."))
    undo, redo = session.undo_stack.createUndoAction(window, tr("&Undo")), session.undo_stack.createRedoAction(window, tr("&Redo"))
    undo.setShortcut(QKeySequence("Ctrl+Z"))
    redo.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
    for key, action in (("undo", undo), ("redo", redo)):
        window.addAction(action)
        actions.put(key, action)
    window.exports = Exports(window)
    add_training_actions(actions, window.link)
    add_theme_actions(actions, window, window.choose_theme)
    window.type_size = TypeSize(window)
    actions.add("find_layer", tr("&Find a layer"), lambda: window.workspace.find_layer(), "Ctrl+K", tr("Search the palette."))
    actions.add("next_part", tr("&Next panel"), lambda: window.workspace.next_part(), "F6", tr("Move the keyboard to the next panel."))
    actions.add("previous_part", tr("Pre&vious panel"), lambda: window.workspace.next_part(-1), "Shift+F6", tr("Move the keyboard to the panel before."))
    actions.add("commands", tr("All &commands…"), lambda: window.commands.open(), "Ctrl+Shift+P", tr("Search all commands."))
    actions.add("reset_layout", tr("&Restore the panels"), lambda: window.workspace.reset_layout(), tip=tr("Put all panels back where they were at first."))
    actions.add("full_screen", tr("F&ull screen"), lambda: toggle_full_screen(window), "F11", tr("Use all of the screen."))
    actions.add("whats_this", tr("&What is this?"), QWhatsThis.enterWhatsThisMode, "Shift+F1", tr("Click on something to learn what it is."))
    actions.add("keys", tr("&Keyboard and mouse"), lambda: show_keys(window), "F1", tr("The most useful keys."))
    actions.add("about", tr("&About Layer Studio"), lambda: show_about(window))


#: By name: the menus in the bar.
Menus = Mapping[str, QMenu]


def add_menus(window: MainWindow) -> Menus:
    """The menu bar with its menus, which are empty."""
    bar = TitledMenuBar(window)
    fix(bar, height=28)
    window.titled_menu_bar = bar
    window.setMenuBar(bar)
    titles = {
        "file": tr("&File"), "edit": tr("&Edit"), "view": tr("&View"), "graph": tr("&Graph"), "train": tr("&Train"), "help": tr("&Help"),
    }  # fmt: skip
    return {name: bar.addMenu(title) for name, title in titles.items()}


def fill_menus(window: MainWindow, menus: Menus) -> None:
    """Put the actions into the menus."""
    actions, file, view, graph, train = window.actions_by_key, menus["file"], menus["view"], menus["graph"], menus["train"]
    fill(file, actions, "new")
    _add_templates(window, file.addMenu(tr("New from &template")))
    fill(file, actions, "welcome", "", "open")
    recent = file.addMenu(tr("Open &recent"))
    recent.aboutToShow.connect(lambda: _fill_recent(window, recent))
    fill(file, actions, "", "save", "save_as", "")
    window.exports.fill(file.addMenu(tr("E&xport")))
    fill(file, actions, "", "quit")
    fill(
        menus["edit"], actions, "undo", "redo", "", "canvas_cut", "canvas_copy", "canvas_paste",
        "canvas_duplicate", "canvas_delete", "", "canvas_select_all", "canvas_rename", "", "canvas_brick", "open_brick", "", "find_layer", "commands",
    )  # fmt: skip
    for action in window.workspace.dock_actions():
        view.addAction(action)
        actions.put(f"show_{action.text()}", action)
    fill(view, actions, "reset_layout", "", "next_part", "previous_part", "")
    fill(view, actions, "canvas_fit", "canvas_frame", "canvas_zoom_in", "canvas_zoom_out", "canvas_zoom_reset", "", "canvas_kernel", "")
    fill(view.addMenu(tr("&Theme")), actions, "theme_light", "theme_dark", "theme_system")
    fill(view.addMenu(tr("T&ype")), actions, "type_larger", "type_smaller", "type_usual")
    fill(view, actions, "full_screen", "present")
    fill(graph, actions, "canvas_add", "canvas_open", "canvas_take_out", "canvas_connect", "canvas_disconnect", "", "canvas_tidy")
    fill(
        graph.addMenu(tr("&Align")), actions, "canvas_align_left", "canvas_align_centre", "canvas_align_right",
        "canvas_align_top", "canvas_align_middle", "canvas_align_bottom", "", "canvas_distribute_horizontal",
        "canvas_distribute_vertical",
    )  # fmt: skip
    train.setToolTipsVisible(True)
    fill(train, actions, "run", "", "one_step", "one_epoch", "", "reset_same", "reset_fresh", "")
    speed = train.addMenu(tr("S&peed"))
    speed.setToolTipsVisible(True)
    fill(speed, actions, *PACES)
    fill(menus["help"], actions, "keys", "whats_this", "", "about")


def enable_work(window: MainWindow, working: bool) -> None:
    """Allow what acts on the workspace only while it is seen."""
    window.workspace.setEnabled(working)
    for key in (
        "run", "one_step", "one_epoch", "reset_same", "reset_fresh", "find_layer", "next_part", "previous_part",
        "reset_layout", "export_keras", "export_png", "export_svg",
    ):  # fmt: skip
        window.actions_by_key[key].setEnabled(working)


def _add_templates(window: MainWindow, menu: QMenu) -> None:
    menu.setToolTipsVisible(True)
    try:
        listed = templates.templates()
    except StorageError:
        return  # the welcome page says why there are none
    for template in listed:
        action = menu.addAction(template.title)
        action.setToolTip(template_tip(template))
        action.triggered.connect(lambda _=False, name=template.name: window.files.new_from_template(name))
        window.actions_by_key.put(f"template_{template.name}", action)


def _fill_recent(window: MainWindow, menu: QMenu) -> None:
    menu.clear()
    listed = window.files.recent.listed()
    for entry in listed:
        action = menu.addAction(entry.title)
        action.setToolTip(entry.path)
        action.triggered.connect(lambda _=False, path=entry.path: window.files.open(Path(path)))
    if listed:
        menu.addSeparator()
        menu.addAction(tr("&Clear the list")).triggered.connect(window.files.recent.clear)
    else:
        menu.addAction(tr("No files yet")).setEnabled(False)


def toggle_full_screen(window: MainWindow) -> None:
    """Use all of the screen, or no longer."""
    if window.isFullScreen():
        window.showNormal()
    else:
        window.showFullScreen()


def use_as_data(window: MainWindow, path: Path) -> None:
    """Make a data file the source of the Data node; adds one if there is none."""
    session = window.session
    try:
        source = data.source_for(path)
        kind = source.partition(":")[0]
        if kind in ASKED:
            source = ASKED[kind](str(path), window)
            if not source:
                return
    except DataError as error:
        session.say(in_clicks(str(error)), True)
        return
    document = session.document
    chosen = [n for n in document.graph.nodes if isinstance(n.layer, Data)]
    chosen = [n for n in chosen if n.id in session.selection] or chosen
    try:
        if chosen:
            graph = with_source(document.graph, chosen[0].id, source)
            session.edit(document.with_graph(graph), tr("use {name} as data").format(name=path.name))
        else:
            graph, node = document.graph.add(Data(source=source))
            session.edit(document.with_graph(graph, **{node: (0.0, 0.0)}), tr("add {name}").format(name=path.name))
    except (ValueError, GraphError) as error:
        session.say(str(error), True)
        return
    window.show_workspace()


def show_keys(window: MainWindow) -> None:
    """The most useful keys, in one box."""
    rows = (
        ("F5", tr("Run or pause")),
        ("F10, Shift+F10", tr("One minibatch, one epoch")),
        ("Tab", tr("Search for a layer and add it to the canvas")),
        ("Ctrl+K", tr("Search the palette")),
        ("F6, Shift+F6", tr("Next panel, panel before")),
        ("Ctrl+Shift+P", tr("Search all commands")),
        ("Ctrl+Z, Ctrl+Shift+Z", tr("Undo, redo")),
        ("Ctrl+C, Ctrl+X, Ctrl+V, Ctrl+D", tr("Copy, cut, paste, duplicate")),
        ("Del", tr("Delete the selection")),
        ("Ctrl+Del", tr("Take a layer out and join the wires it was on")),
        ("C", tr("Wire the selected layers, from left to right")),
        ("Ctrl+Return", tr("Open a brick into its parts")),
        (tr("Arrows"), tr("Move the selection; without one, select a layer")),
        (tr("Alt and arrows"), tr("Go to the next layer in that direction")),
        ("L", tr("Tidy up")),
        (tr("Home, F"), tr("Show all, show the selection")),
        (tr("Wheel, middle button or Space"), tr("Zoom, move the view")),
        (tr("Drag from a port"), tr("Draw a wire; on empty canvas, add a layer at its end")),
        ("F2", tr("Rename a layer")),
    )
    body = "".join(f"<tr><td style='padding:2px 18px 2px 0'><b>{k}</b></td><td>{w}</td></tr>" for k, w in rows)
    box = QMessageBox(QMessageBox.Icon.NoIcon, tr("Keyboard and mouse"), f"<table>{body}</table>", parent=window)
    box.exec()
    box.deleteLater()


def show_about(window: MainWindow) -> None:
    """Name, version and purpose."""
    words = tr("See how a neural network learns, while it learns.")
    text = f"<h3>Layer Studio {__version__}</h3><p>{words}</p>"
    box = QMessageBox(QMessageBox.Icon.NoIcon, tr("About Layer Studio"), text, parent=window)
    box.setIconPixmap(window.windowIcon().pixmap(48, 48))
    box.exec()
