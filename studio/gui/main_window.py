"""The window: puts the parts together and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QCoreApplication, QEventLoop, QSize, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QPixmap
from PySide6.QtWidgets import QMainWindow, QPushButton, QStackedWidget, QStyle, QVBoxLayout, QWidget

from studio.engine.trainer import Trainer
from studio.gui import menu_bar
from studio.gui.brick_shelf import BrickShelf
from studio.gui.bricks import Bricks
from studio.gui.command_palette import CommandPalette
from studio.gui.data_reader import DataReader
from studio.gui.exports import Exports
from studio.gui.files import Files
from studio.gui.live import Live
from studio.gui.menus import Actions, TitledMenuBar
from studio.gui.places import Places
from studio.gui.plugin_problems import tell_of_plugins
from studio.gui.recent import RecentFiles
from studio.gui.session import Session
from studio.gui.status_bar import StatusBar
from studio.gui.theme import Theme
from studio.gui.training_link import TrainingLink
from studio.gui.type_size import TypeSize
from studio.gui.welcome import WelcomePage, wanted_at_start
from studio.gui.widgets.notice import Notice
from studio.storage import BRICK_SUFFIX, SUFFIX

if TYPE_CHECKING:
    from studio.gui.workspace import Workspace


class MainWindow(QMainWindow):
    """Welcome page and workspace over one session and one trainer.

    Parameters
    ----------
    trainer : Trainer
        Started by whoever made it; the window closes it when it closes.
    places : Places
        Where settings and journals are.
    show_early : bool
        Whether it is shown as soon as the welcome page is there, if that is wanted, and before the rest is.
    """

    #: Made with the menus; shows the title between them.
    titled_menu_bar: TitledMenuBar
    #: Made with the menus; writes programs and pictures.
    exports: Exports
    #: What one works in.
    workspace: Workspace
    #: Made with the menus; enlarges type, and presents.
    type_size: TypeSize

    def __init__(self, trainer: Trainer, places: Places, parent: QWidget | None = None, show_early: bool = False) -> None:
        super().__init__(parent)
        self.trainer = trainer
        self.settings = places.open_settings()
        self.reader = DataReader(self)
        self.session = Session(self.reader, self)
        self.reader.known.connect(self.session.refresh_data)
        self.live = Live(trainer, self)
        self.link = TrainingLink(self.session, self.live, trainer, self)
        recent = RecentFiles(self.settings, places.pictures, self)
        self.files = Files(self.session, self.live, self.link, trainer, recent, self)
        self.actions_by_key = Actions(self)
        menus = menu_bar.add_menus(self)
        self.welcome = WelcomePage(self.files, self.settings)
        self._arrange()
        self._show_title()
        if show_early and wanted_at_start(self.settings):
            # The page is there for people to read while the rest is made; what they click meanwhile waits.
            Theme.instance().dress(self.titled_menu_bar, self.welcome)
            self.show()
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
        self._make_workspace(places, menus)
        self.session.said.connect(self._say)
        self.session.document_changed.connect(self.notice.outdate)
        self.session.file_changed.connect(self._show_title)
        self.session.undo_stack.indexChanged.connect(self._show_title)
        self.files.opened.connect(self.show_workspace)
        self.session.open(self.session.document)
        if not wanted_at_start(self.settings):
            self.files.new_blank()
        self.live.start()
        tell_of_plugins(self.session)
        self._offer_recovered(self.files.start_journal(places.journals))

    def _arrange(self) -> None:
        """The welcome page, in a window of the size it had."""
        self.setAcceptDrops(True)
        self.setMinimumSize(940, 560)
        self.pages = QStackedWidget()
        self.pages.setObjectName("centre")
        self.pages.addWidget(self.welcome)
        self.setCentralWidget(self.pages)
        self.welcome.setFocus(Qt.FocusReason.OtherFocusReason)
        self._restore_geometry()

    def _make_workspace(self, places: Places, menus: menu_bar.Menus) -> None:
        """What one works in, and what acts on it."""
        # Half of the window's text, which the welcome page does without.
        from studio.gui.workspace import Workspace

        menu_bar.add_actions(self)
        shelf = BrickShelf(places.bricks, self)
        self.bricks = Bricks(self, shelf)
        self.workspace = Workspace(self.session, self.live, self.link, self.actions_by_key, self.settings, shelf)
        self.bricks.connect_workspace()
        self.status = StatusBar(self.session, self.live, self.link)
        self.status.problems_wanted.connect(self.workspace.show_problems)
        self._work = QWidget()
        column = QVBoxLayout(self._work)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.workspace, 1)
        column.addWidget(self.status)
        self.pages.addWidget(self._work)
        self.welcome.back_wanted.connect(self.show_workspace)
        self.welcome.theme_chosen.connect(self.choose_theme)
        self.welcome.keys_wanted.connect(lambda: menu_bar.show_keys(self))
        self.notice = Notice(self, self.workspace.canvas)
        self.commands = CommandPalette(self.actions_by_key, self)
        menu_bar.fill_menus(self, menus)
        # Shortcuts of the workspace must not act on what nobody sees.
        menu_bar.enable_work(self, False)

    # Pages -----------------------------------------------------------------------------

    def show_workspace(self) -> None:
        """Leave the welcome page."""
        if self.on_welcome_page:
            self.workspace.canvas.view.pause_double_clicks()
        menu_bar.enable_work(self, True)
        self.pages.setCurrentWidget(self._work)
        self.workspace.canvas.setFocus(Qt.FocusReason.OtherFocusReason)
        self._show_title()

    def show_welcome(self) -> None:
        """Show templates and recent files."""
        menu_bar.enable_work(self, False)
        self.welcome.refresh()
        self.welcome.offer_back(self.files.name if self.session.document.graph.nodes else "")
        self.pages.setCurrentWidget(self.welcome)
        self.welcome.setFocus(Qt.FocusReason.OtherFocusReason)
        self._show_title()

    @property
    def on_welcome_page(self) -> bool:
        """Whether the welcome page is shown."""
        return self.pages.currentWidget() is self.welcome

    def picture(self) -> QPixmap:
        """A small picture of the canvas, for the list of recent files."""
        scale = Qt.AspectRatioMode.KeepAspectRatioByExpanding, Qt.TransformationMode.SmoothTransformation
        canvas = self.workspace.canvas
        return canvas.view.viewport().grab().scaled(160, 112, *scale) if canvas.isVisible() else QPixmap()

    def choose_theme(self, mode: str) -> None:
        """Use a theme and remember it."""
        self.settings.setValue("theme", mode)
        Theme.instance().set_mode(mode)

    # What is said ----------------------------------------------------------------------

    def _say(self, sentence: str, error: bool) -> None:
        if error:
            self.notice.say(sentence)

    def _show_title(self) -> None:
        title = "Layer Studio" if self.on_welcome_page else self.files.title
        self.setWindowTitle(title)
        self.setWindowFilePath(str(self.session.path or ""))
        self.titled_menu_bar.set_title(title)

    def _offer_recovered(self, document) -> None:  # type: ignore[no-untyped-def]
        if document is None:
            return
        restore, discard = QPushButton(self.tr("Restore")), QPushButton(self.tr("Discard"))
        restore.clicked.connect(lambda: self.files.restore(document))
        discard.clicked.connect(self.files.discard_recovered)
        sentence = self.tr("Layer Studio ended unexpectedly last time; what you were working on is still there.")
        self.notice.ask(sentence, restore, discard)

    # Opening by dropping a file --------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.open_dropped(paths[0])

    def open_dropped(self, path: Path) -> None:
        """Open a project, add a brick, or take a data file as the source of the Data node."""
        if path.suffix.lower() == SUFFIX:
            self.files.open(path)
        elif path.suffix.lower() == BRICK_SUFFIX:
            self.bricks.add(str(path))
        else:
            menu_bar.use_as_data(self, path)

    # Start and end ---------------------------------------------------------------------

    def _restore_geometry(self) -> None:
        geometry = self.settings.value("window/geometry")
        if not (isinstance(geometry, QByteArray) and self.restoreGeometry(geometry)):
            self.resize(1440, 900)
        screen = self.screen().availableGeometry()
        frame = QSize(0, self.style().pixelMetric(QStyle.PixelMetric.PM_TitleBarHeight))
        self.resize(self.size().boundedTo(screen.size() - frame))

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.files.may_go():
            event.ignore()
            return
        self.settings.setValue("window/geometry", self.saveGeometry())
        self.workspace.save_layout()
        self.settings.sync()
        self.end()
        event.accept()

    def end(self) -> None:
        """Stop training and everything that runs, without a question."""
        self.live.stop()
        self.workspace.bottom.speed.end()
        self.reader.close()
        # First the thread ends, then Qt may go: the other way round aborts the process.
        self.trainer.close()
        self.files.close_journal()
