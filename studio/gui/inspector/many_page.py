"""The inspector's page for several selected nodes."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from studio.gui.inspector.facts import Facts
from studio.gui.inspector.origin_box import OriginBox
from studio.gui.session import Session
from studio.gui.widgets import numbers
from studio.gui.widgets.label import Label


class ManyPage(QWidget):
    """What several selected nodes are together, and whether their weights learn."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._able: tuple[str, ...] = ()
        self._title = Label("", "inspector-title")
        self._facts = Facts()
        self.freeze = QCheckBox(self.tr("Freeze weights"))
        self.freeze.setToolTip(self.tr("Keep the weights of all selected layers as they are while the others learn."))
        # A click on a mixture freezes all; only the page itself makes one.
        self.freeze.clicked.connect(self._set_frozen)
        self.origin = OriginBox(session)
        hint = self.tr("Align and arrange them in the Graph menu, or select one to see what is inside it.")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 14, 12, 12)
        column.setSpacing(10)
        column.addWidget(self._title)
        column.addWidget(self._facts)
        column.addWidget(self.freeze)
        column.addWidget(self.origin)
        column.addWidget(Label(hint, "body", "text-3", wrap=True))
        column.addStretch(1)
        column.setAlignment(Qt.AlignmentFlag.AlignTop)

    def show_nodes(self, nodes: frozenset[str]) -> None:
        """Show nodes of the document."""
        graph, inference = self._session.document.graph, self._session.inference
        self._title.show_text(self.tr("{count} layers selected").format(count=len(nodes)))
        chosen = [n for n in graph.nodes if n.id in nodes]
        rows = []
        for node in chosen:
            count = inference.parameters(node.id)
            rows.append((node.name, numbers.grouped(count) if count else "–"))
        total = sum(inference.parameters(n) for n in nodes)
        self._facts.show_rows(*rows[:20], (self.tr("Parameters together"), numbers.grouped(total)))
        learning = [n for n in chosen if any(w.trainable for w in inference.weights.get(n.id, ())) or n.pretrained]
        self._able = tuple(n.id for n in learning)
        frozen = sum(not n.trainable for n in learning)
        state = Qt.CheckState.Checked if frozen else Qt.CheckState.Unchecked
        mixed = 0 < frozen < len(learning)
        self.freeze.setTristate(mixed)
        self.freeze.setCheckState(Qt.CheckState.PartiallyChecked if mixed else state)
        self.freeze.setVisible(bool(learning))
        self.origin.show_nodes(n.id for n in chosen)

    def _set_frozen(self) -> None:
        document = self._session.document
        freeze = any(document.graph.node(n).trainable for n in self._able)
        words = self.tr("freeze {count} layers") if freeze else self.tr("unfreeze {count} layers")
        graph = document.graph.set_trainable(self._able, not freeze)
        self._session.edit(document.with_graph(graph), words.format(count=len(self._able)))
