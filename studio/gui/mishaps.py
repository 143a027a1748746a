"""What happens when a defect of ours raises in the window: one sentence, a report, no loss."""

from __future__ import annotations

import sys
import traceback
from datetime import datetime
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject

from studio.core.stored import FileChanged
from studio.gui.session import Session

#: A report longer than this is begun anew.
_LONG = 1 << 20


class Mishaps(QObject):
    """Takes exceptions that nobody caught, writes them to a file and says so in a sentence.

    Parameters
    ----------
    session : Session
        Shows the sentence.
    report : Path
        File the tracebacks go to.
    """

    def __init__(self, session: Session, report: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._report = session, report
        self._telling = False

    def start(self) -> None:
        """From now on."""
        sys.excepthook = self._happened

    def stop(self) -> None:
        """Back to Python's own way."""
        sys.excepthook = sys.__excepthook__

    def _happened(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        if isinstance(error, FileChanged):  # no defect of ours
            self._session.say(str(error), True)
            return
        written = self._write("".join(traceback.format_exception(kind, error, trace)))
        if self._telling:
            return  # telling went wrong too: the report has both
        self._telling = True
        try:
            where = self.tr("The report is in {file}.").format(file=self._report) if written else ""
            sentence = self.tr("Something went wrong in the window ({error}); save your work under another name.")
            self._session.say(f"{sentence.format(error=kind.__name__)} {where}".strip(), True)
        finally:
            self._telling = False

    def _write(self, text: str) -> bool:
        try:
            self._report.parent.mkdir(parents=True, exist_ok=True)
            mode = "w" if self._report.is_file() and self._report.stat().st_size > _LONG else "a"
            with open(self._report, mode, encoding="utf-8") as file:
                file.write(f"{datetime.now():%Y-%m-%d %H:%M:%S}\n{text}\n")
        except OSError:
            return False
        return True
