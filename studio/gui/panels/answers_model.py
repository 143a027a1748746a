"""Translations as rows: what was read, what the network wrote, and what is right."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from studio.core.language import Language
from studio.core.vocabulary import joined, shown_word
from studio.engine.messages import Answer, Snapshot
from studio.gui.theme import Theme

Index = QModelIndex | QPersistentModelIndex
_MARK, _SENTENCE, _WRITTEN, _RIGHT = range(4)


def found_words(snapshot: Snapshot, language: Language, names: tuple[str, ...]) -> tuple[Answer, ...]:
    """Sentences with hidden words, the words that a network finds for these, and the right ones.

    Parameters
    ----------
    names : tuple of str
        What the numbers of the sentences stand for; the last is a hidden word.
    """
    views = [snapshot.nodes.get(node) for node in (language.hiding, language.output)]
    if any(view is None or view.activations is None for view in views) or snapshot.probe_x is None:
        return ()
    hidden, scores = (view.activations for view in views)  # type: ignore[union-attr]
    answers = []
    for read, said, true in zip(hidden, scores, snapshot.probe_x, strict=False):  # type: ignore[arg-type]
        places = np.flatnonzero(read == len(names) - 1)
        if read.shape != true.shape or not len(places):
            continue
        words = [names[int(n)] for n in read if n]
        guesses = said[places, : len(language.writes)].argmax(-1)
        answers.append(
            Answer(
                joined(words, language.characters),
                " ".join(shown_word(language.writes[n]) for n in guesses),
                " ".join(shown_word(language.writes[int(n)]) for n in true[places]),
            )
        )
    return tuple(answers)


class AnswersModel(QAbstractTableModel):
    """One row a sentence; a mark, a word and a colour say whether the answer is right."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        #: What the network does, above the column of its answers.
        self.verb = self.tr("writes")
        self.answers: tuple[Answer, ...] = ()

    def show(self, answers: tuple[Answer, ...]) -> None:
        """Show other answers; rows stay where they are while there are as many."""
        if answers == self.answers:
            return
        if len(answers) == len(self.answers):
            self.answers = answers
            self.dataChanged.emit(self.index(0, 0), self.index(len(answers) - 1, self.columnCount() - 1))
            return
        self.beginResetModel()
        self.answers = answers
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.answers)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else 4

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return ("", self.tr("reads"), self.verb, self.tr("right"))[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        answer, column = self.answers[index.row()], index.column()
        wrong = answer.right is not None and answer.written != answer.right
        if role == Qt.ItemDataRole.DisplayRole:
            mark = "" if answer.right is None else "✗" if wrong else "✓"
            return (mark, answer.sentence, answer.written or "–", answer.right or "")[column]
        if role == Qt.ItemDataRole.ForegroundRole:
            if column in (_MARK, _WRITTEN) and answer.right is not None:
                return Theme.instance().color("error" if wrong else "ok")
            own = column == _WRITTEN and answer.right is None
            return Theme.instance().color("accent" if own else "text-2" if column == _RIGHT else "text")
        if role == Qt.ItemDataRole.AccessibleTextRole and column == _MARK and answer.right is not None:
            return self.tr("wrong") if wrong else self.tr("right")
        if role == Qt.ItemDataRole.ToolTipRole and answer.right is not None:
            verdict = self.tr("wrong: the right answer is {0}").format(answer.right) if wrong else self.tr("right")
            return f"{answer.sentence}\n{answer.written}: {verdict}"
        return None
