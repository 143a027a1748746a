"""Where the weights of layers come from, if it is from a brick, and the way out of that."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from studio.gui.session import Session
from studio.gui.widgets.label import Label


class OriginBox(QWidget):
    """A line and a button; not there for layers that start from random weights."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._nodes: tuple[str, ...] = ()
        self.words = Label("", "body", "text-2", wrap=True)
        self.button = QPushButton(self.tr("Start from random weights instead"))
        self.button.setToolTip(self.tr("Forget what the brick has learned; the layer learns anew."))
        self.button.clicked.connect(self._start_from_random)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 2)
        column.setSpacing(6)
        column.addWidget(self.words)
        column.addWidget(self.button)

    def show_nodes(self, nodes: Iterable[str]) -> None:
        """Show nodes of the document; those that come from no brick do not matter."""
        graph = self._session.document.graph
        found = [graph.node(n) for n in nodes if graph.node(n).pretrained]
        self._nodes = tuple(n.id for n in found)
        bricks = list(dict.fromkeys(n.pretrained.brick for n in found if n.pretrained))
        self.setVisible(bool(found))
        text = self.tr("Weights come from brick {names}.") if len(bricks) < 2 else self.tr("Weights come from bricks {names}.")
        self.words.show_text(text.format(names=", ".join(bricks)))
        self.words.setToolTip(self.tr("Training starts from what was learned there; Reset goes back to it."))

    def _start_from_random(self) -> None:
        document = self._session.document
        graph = document.graph.start_from_random(self._nodes)
        self._session.edit(document.with_graph(graph), self.tr("start from random weights"))
