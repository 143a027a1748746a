"""Show the kernel: a layer's formula, the programs that do its work, and whether its gradient is right."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from studio.core.graph import Node
from studio.engine.gradient_check import GradientCheck
from studio.engine.step_times import CallTime, StepTimes
from studio.gui.inspector.identity import formula_of
from studio.gui.panels.empty import Switch
from studio.gui.panels.speed.kernel_text import text_of
from studio.gui.panels.speed.source_view import SourceView
from studio.gui.theme import Theme
from studio.gui.widgets import numbers
from studio.gui.widgets.label import ElidedLabel
from studio.gui.widgets.still_combo_box import StillComboBox


class Badge(QWidget):
    """Whether a gradient is right: a mark in a colour, and words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text, self._token = "", "text-3"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(22)

    def say(self, text: str, token: str, tip: str) -> None:
        """Show other words in the colour of a token."""
        if (text, token) != (self.text, self._token):
            self.text, self._token = text, token
            self.setAccessibleName(text)
            self.update()
        self.setToolTip(tip)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.text:
            return
        theme, painter = Theme.instance(), QPainter(self)
        icon = {"ok": "check", "error": "warning"}.get(self._token, "info")
        painter.drawPixmap(0, (self.height() - 14) // 2, theme.pixmap(icon, theme.color(self._token), 14))
        painter.setFont(theme.font("small"))
        painter.setPen(theme.color(self._token if self._token != "text-3" else "text-2"))
        room = self.rect().adjusted(20, 0, 0, 0)
        words = painter.fontMetrics().elidedText(self.text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, words)


class KernelPage(QWidget):
    """See the module; it is told everything and asks for nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        content = QWidget(self)
        self.formula = ElidedLabel("", "formula", "text", parent=content)
        self.choice = StillComboBox(content)
        self.choice.setAccessibleName(self.tr("Which kernel to show"))
        self.choice.setToolTip(
            self.tr("The small programs (kernels) that compute this layer, in the order in which they run.")
        )
        self.choice.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.choice.setMinimumContentsLength(12)
        self.badge = Badge(content)
        self.source = SourceView(content)
        self.source.setAccessibleName(self.tr("Source text of the kernel"))
        self._calls: tuple[CallTime, ...] = ()
        self._node = ""
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(self.formula, 2)
        top.addWidget(self.choice, 3)
        column = QVBoxLayout(content)
        column.setContentsMargins(12, 0, 12, 4)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.badge)
        column.addWidget(self.source, 1)
        self._switch = Switch(content)
        self.setLayout(self._switch)
        self.choice.currentIndexChanged.connect(self._show_source)

    def show_node(self, node: Node | None, times: StepTimes | None) -> None:
        """Show a node's formula and kernels; None where not exactly one is selected."""
        sentence = ""
        calls: tuple[CallTime, ...] = ()
        if node is None:
            sentence = self.tr("Select one layer on the canvas: its formula and the programs that compute it show here.")
        elif times is not None:
            calls = tuple(call for call in times.calls if call.node == node.id and call.program is not None)
            if not calls:
                sentence = self.tr("{0} needs no program: it only looks at the same numbers in another way.").format(node.name)
        else:
            sentence = self.tr("The programs of {0} show here as soon as the network is ready to train.").format(node.name)
        self._switch.say(sentence)
        if node is None or sentence:
            self._node, self._calls = "", ()
            return
        formula = formula_of(node.layer) or node.layer.type_name()
        self.formula.show_text(formula)
        names = [(call.phase, call.kernel) for call in calls]
        if self._node != node.id or names != [(call.phase, call.kernel) for call in self._calls]:
            self._calls = calls
            self._offer(node, calls)
        self._calls = calls

    def _offer(self, node: Node, calls: tuple[CallTime, ...]) -> None:
        """Fill the list; the same kernel stays chosen where there is one."""
        kept = self.choice.currentData() if self._node == node.id else None
        self._node = node.id
        phases = {"forward": self.tr("forward"), "backward": self.tr("backward"), "update": self.tr("update")}
        with QSignalBlocker(self.choice):
            self.choice.clear()
            for call in calls:
                words = f"{phases.get(call.phase, call.phase)}: {call.kernel}"
                self.choice.addItem(words, f"{call.phase} {call.kernel}")
            costliest = max(range(len(calls)), key=lambda i: (calls[i].phase == "forward", calls[i].microseconds))
            place = self.choice.findData(kept)
            self.choice.setCurrentIndex(place if place >= 0 else costliest)
        self._show_source()

    def show_kernel(self, phase: str, name: str) -> None:
        """Choose one of the node's kernels."""
        place = self.choice.findData(f"{phase} {name}")
        if place >= 0:
            self.choice.setCurrentIndex(place)

    def _show_source(self) -> None:
        index = self.choice.currentIndex()
        if 0 <= index < len(self._calls):
            program = self._calls[index].program
            if program is not None:
                self.source.show_text(text_of(program))

    def show_check(self, check: GradientCheck | None) -> None:
        """Say what came of the latest check; None while there is none yet."""
        if check is None:
            tip = self.tr("The layer's gradient is being compared with measured slopes of the loss.")
            self.badge.say(self.tr("checking the gradient…"), "text-3", tip)
            return
        if check.problem:
            self.badge.say(self.tr("no gradient to check"), "text-3", check.problem)
            return
        whose = self.tr("weights") if check.subject == "weights" else self.tr("inputs")
        found = numbers.short(check.difference, 1)
        how = self.tr(
            "The gradient of the {0}, as these programs compute it for {1} samples, is compared with the loss's slope, "
            "measured by moving the {0} a little to both sides and computing the loss anew with 64 bits. "
            "Relative difference: {2}, at step {3}."
        ).format(whose, check.samples, found, numbers.grouped(check.step))
        if check.quiet:
            how += " " + self.tr("Chance, such as dropout, is switched off for this.")
        if check.agrees:
            self.badge.say(self.tr("gradient of the {0} matches, to {1}").format(whose, found), "ok", how)
        else:
            self.badge.say(self.tr("gradient of the {0} differs, by {1}").format(whose, found), "error", how)

    def restyle(self) -> None:
        """Take colours and fonts from the theme again."""
        self.source.restyle()
        self.badge.update()
