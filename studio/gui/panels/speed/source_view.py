"""Program text in light colours, to read and to copy."""

from __future__ import annotations

import re

from PySide6.QtGui import QColor, QFont, QSyntaxHighlighter, QTextCharFormat, QTextDocument
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from studio.gui.theme import Theme

_WORDS = (
    "and as assert break class continue def elif else False for from if import in is lambda None not or pass return True while with"
)
#: In this order: where several fit, the first does.
_RULES = re.compile(
    r"(?P<comment>\#.*)"
    r"|(?P<string>'[^'\n]*'|\"[^\"\n]*\")"
    r"|(?P<decorator>@\w[\w.]*)"
    r"|(?P<word>\b(?:" + _WORDS.replace(" ", "|") + r")\b)"
    r"|(?P<number>\b\d[\w.]*)"
    r"|(?P<name>(?<=def )\w+)"
)
_QUOTES = '"""'


class Colours(QSyntaxHighlighter):
    """Colours keywords, names that are defined, numbers, strings and comments of Python."""

    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        self._formats: dict[str, QTextCharFormat] = {}
        self.restyle()

    def restyle(self) -> None:
        """Take the colours from the theme again."""
        theme = Theme.instance()
        self._formats = {
            "word": _format(theme.family("Recurrent")),
            "name": _format(theme.family("Convolution")),
            "decorator": _format(theme.family("Activation")),
            "number": _format(theme.family("Pooling")),
            "string": _format(theme.family("Normalisation")),
            "comment": _format(theme.color("text-3")),
        }
        self.rehighlight()

    def highlightBlock(self, text: str) -> None:
        inside = self.previousBlockState() == 1
        start = 0
        while True:
            if inside:
                end = text.find(_QUOTES, start)
                stop = len(text) if end < 0 else end + len(_QUOTES)
                self.setFormat(start, stop - start, self._formats["comment"])
                if end < 0:
                    break
                start, inside = stop, False
            begin = text.find(_QUOTES, start)
            self._colour(text, start, len(text) if begin < 0 else begin)
            if begin < 0:
                break
            self.setFormat(begin, len(_QUOTES), self._formats["comment"])
            start, inside = begin + len(_QUOTES), True
        self.setCurrentBlockState(1 if inside else 0)

    def _colour(self, text: str, start: int, stop: int) -> None:
        for found in _RULES.finditer(text, start, stop):
            kind = found.lastgroup or "word"
            self.setFormat(found.start(), found.end() - found.start(), self._formats[kind])


def _format(colour: QColor) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setForeground(colour)
    return made


class SourceView(QPlainTextEdit):
    """Read-only program text; long lines scroll sideways."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTabChangesFocus(True)
        self._colours = Colours(self.document())
        self.restyle()

    def show_text(self, text: str) -> None:
        """Show a text from its beginning, unless it is the one that is shown."""
        if text != self.toPlainText():
            self.setPlainText(text)

    def restyle(self) -> None:
        """Take colours and fonts from the theme again."""
        font = QFont(Theme.instance().font("mono"))
        font.setPointSizeF(font.pointSizeF() * 11.0 / 12.0)
        self.document().setDefaultFont(font)
        self._colours.restyle()
