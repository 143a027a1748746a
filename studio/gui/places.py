"""Where the window keeps its settings, its journals and a person's bricks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtCore import QSettings

#: A folder to use instead of the usual ones, for tests and for running from a stick.
FOLDER_VARIABLE = "LAYER_STUDIO_FOLDER"
_NAME = "layer-studio"
#: In the settings, the number of the card to train on; none while nobody chose.
CARD_KEY = "device/card"


@dataclass(frozen=True)
class Places:
    """Folders of this person's own files.

    Parameters
    ----------
    settings : Path
        The file with settings.
    journals : Path
        Folder for what a crash must not lose.
    pictures : Path
        Folder for the pictures of recent files.
    report : Path
        The file with what went wrong.
    bricks : Path
        Folder with trained parts of networks, to be put into others.
    """

    settings: Path
    journals: Path
    pictures: Path
    report: Path
    bricks: Path

    @classmethod
    def usual(cls) -> Places:
        """The system's folders, or those below ``LAYER_STUDIO_FOLDER``."""
        folder = os.environ.get(FOLDER_VARIABLE)
        if folder:
            return cls.below(Path(folder))
        import platformdirs

        return cls(
            platformdirs.user_config_path(_NAME) / "settings.ini",
            platformdirs.user_state_path(_NAME) / "journals",
            platformdirs.user_cache_path(_NAME) / "pictures",
            platformdirs.user_state_path(_NAME) / "report.txt",
            platformdirs.user_data_path(_NAME) / "bricks",
        )

    @classmethod
    def below(cls, folder: Path) -> Places:
        """All in one folder."""
        names = ("settings.ini", "journals", "pictures", "report.txt", "bricks")
        return cls(*(folder / name for name in names))

    def open_settings(self) -> QSettings:
        """Settings that are written to the file as they change."""
        from PySide6.QtCore import QSettings  # commands look at places too, and need no Qt for that

        return QSettings(str(self.settings), QSettings.Format.IniFormat)
