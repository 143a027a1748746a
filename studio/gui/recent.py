"""The list of files a person worked with last."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtGui import QPixmap

_KEY = "files/recent"
_MOST = 10


@dataclass(frozen=True)
class RecentFile:
    """One entry.

    Parameters
    ----------
    path : str
        Absolute.
    when : float
        Seconds since 1970 when it was opened or saved.
    note : str
        How well the network did, such as ``val 97.5 %``.
    """

    path: str
    when: float
    note: str = ""

    @property
    def title(self) -> str:
        """The file's name without ending."""
        return Path(self.path).stem


class RecentFiles(QObject):
    """Kept in the settings, the latest first; files that are gone are not listed."""

    changed = Signal()

    def __init__(self, settings: QSettings, pictures: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings, self._pictures = settings, pictures

    def listed(self) -> list[RecentFile]:
        """Entries whose files are there."""
        return [entry for entry in self._entries() if Path(entry.path).is_file()]

    def add(self, path: Path, note: str = "", picture: QPixmap | None = None) -> None:
        """Put a file first; a picture of it is kept for the welcome page."""
        absolute = str(path.absolute())
        old = {entry.path: entry for entry in self._entries()}
        before = old.pop(absolute, None)
        entry = RecentFile(absolute, time.time(), note or (before.note if before else ""))
        self._write([entry, *old.values()])
        if picture is not None and not picture.isNull():
            try:
                self._pictures.mkdir(parents=True, exist_ok=True)
            except OSError:
                return  # without a picture the entry is as good
            picture.save(str(self._picture_path(absolute)))
        self.changed.emit()

    def remove(self, path: str) -> None:
        """Take a file off the list; the file itself stays."""
        self._write([entry for entry in self._entries() if entry.path != path])
        self._picture_path(path).unlink(missing_ok=True)
        self.changed.emit()

    def clear(self) -> None:
        """Empty the list; the files themselves stay."""
        for entry in self._entries():
            self.remove(entry.path)

    def picture(self, path: str) -> QPixmap:
        """The picture of a file; a null one if there is none."""
        return QPixmap(str(self._picture_path(path)))

    def _picture_path(self, path: str) -> Path:
        return self._pictures / f"{hashlib.sha256(path.encode()).hexdigest()[:24]}.png"

    def _entries(self) -> list[RecentFile]:
        try:
            values = json.loads(str(self._settings.value(_KEY, "[]")))
            return [RecentFile(str(v["path"]), float(v["when"]), str(v["note"])) for v in values]
        except (ValueError, TypeError, KeyError):
            return []  # somebody edited the settings by hand

    def _write(self, entries: list[RecentFile]) -> None:
        self._settings.setValue(_KEY, json.dumps([asdict(e) for e in entries[:_MOST]]))
