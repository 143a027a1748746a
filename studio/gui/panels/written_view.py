"""The text that a network wrote last, and below it what it wrote before."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QTextEdit, QWidget

from studio.engine.messages import Written
from studio.gui.theme import Theme
from studio.gui.widgets import numbers

#: Earlier texts that are kept at most, and characters of each that are shown.
_MOST_KEPT, _SHOWN = 12, 160


@dataclass(frozen=True)
class _Entry:
    step: int
    epoch: int
    text: str


class WrittenView(QTextEdit):
    """Shows a text with its beginning in another colour and unknown words dotted.

    Of each epoch the first text stays below, shortened, so that one sees how writing gets better.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._diary: list[_Entry] = []
        self._shown: tuple[object, ...] = ()
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setAcceptRichText(False)
        self.setAccessibleName(self.tr("Text that the network writes"))
        self.setToolTip(self.tr("Dotted words are not in the training text. Below is what it wrote before."))

    @property
    def earlier(self) -> list[tuple[int, str]]:
        """Epoch and beginning of the earlier texts, the oldest first."""
        return [(entry.epoch, entry.text) for entry in self._diary]

    def forget(self) -> None:
        """Another network: earlier texts are not its own."""
        self._diary.clear()
        self._shown = ()
        self.clear()

    def show_written(self, written: Written, begun: str) -> None:
        """Show a text after the words that it goes on with.

        While somebody has marked words, to copy them, everything stays as it is.
        """
        self._note(written, begun)
        width, dark = self.viewport().width(), Theme.instance().dark
        shown = (written.text, begun, written.complete, written.unknown, len(self._diary), width, dark)
        if shown == self._shown or self.textCursor().hasSelection():
            return
        self._shown = shown
        bar = self.verticalScrollBar()
        place = bar.value()
        self.clear()
        cursor = self.textCursor()
        cursor.insertText(begun, _style("accent"))
        self._insert(cursor, written)
        now = math.floor(written.epoch + 1e-9)
        metrics = QFontMetrics(Theme.instance().font("small"))
        for entry in reversed([e for e in self._diary if e.epoch != now]):
            cursor.insertText("\n\n" if entry.epoch == self._newest_before(now) else "\n", _style("text-3", "small"))
            when = self.tr("epoch {0}").format(numbers.grouped(entry.epoch))
            line = metrics.elidedText(f"{when}:  {entry.text}", Qt.TextElideMode.ElideRight, width - 16)
            cursor.insertText(line, _style("text-3", "small"))
        bar.setValue(place)

    def _newest_before(self, epoch: int) -> int:
        return max((e.epoch for e in self._diary if e.epoch != epoch), default=-1)

    def _insert(self, cursor: QTextCursor, written: Written) -> None:
        """The text, with dots under words that the training text lacks."""
        plain, dotted = _style("text"), _style("text")
        dotted.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DotLine)
        dotted.setUnderlineColor(Theme.instance().color("warning"))
        text, place = written.text, 0
        for word in written.unknown:
            found = _find_word(text, word, place)
            if found < 0:
                continue  # it begins in the person's own words
            cursor.insertText(text[place:found], plain)
            cursor.insertText(word, dotted)
            place = found + len(word)
        cursor.insertText(text[place:] + ("" if written.complete else "…"), plain)

    def _note(self, written: Written, begun: str) -> None:
        """Keep the first text of each epoch; after a reset, none from later on."""
        self._diary = [e for e in self._diary if e.step <= written.step]
        epoch = math.floor(written.epoch + 1e-9)
        if not written.complete or not written.text or any(e.epoch == epoch for e in self._diary):
            return
        line = " ".join((begun + written.text).split())[:_SHOWN]
        self._diary.append(_Entry(written.step, epoch, line))
        if len(self._diary) > _MOST_KEPT:
            del self._diary[1::2]


def _style(token: str, role: str = "lesson-text") -> QTextCharFormat:
    theme = Theme.instance()
    style = QTextCharFormat()
    style.setFont(theme.font(role))
    style.setForeground(theme.color(token))
    return style


def _find_word(text: str, word: str, start: int) -> int:
    """Where a word stands by itself; -1 where it does not."""
    place = text.find(word, start)
    while place >= 0:
        end = place + len(word)
        free = (place == 0 or not text[place - 1].isalnum()) and (end == len(text) or not text[end].isalnum())
        if free:
            return place
        place = text.find(word, place + 1)
    return -1
