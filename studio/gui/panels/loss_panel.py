"""Loss, accuracy and other metrics over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, QStandardPaths, Qt
from PySide6.QtGui import QAction, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from studio.core import registry
from studio.engine.history import History
from studio.engine.messages import Snapshot
from studio.gui.live import Live
from studio.gui.panels.choices import ChoiceButton, Segments
from studio.gui.panels.curve import Curve
from studio.gui.panels.curves_csv import save_curves
from studio.gui.panels.empty import Switch
from studio.gui.panels.labels import style_label
from studio.gui.panels.loss_plot import CurveStyle, LossPlot
from studio.gui.panels.panel import Panel
from studio.gui.session import Session


class LossPanel(Panel):
    """Curves of train and validation, with smoothing, a log scale and a file of the numbers."""

    def __init__(self, session: Session, live: Live, parent: QWidget | None = None) -> None:
        super().__init__(session, live, parent)
        self._history = History()
        self._curves: dict[str, Curve] = {}
        self._metrics: tuple[str, ...] = ()
        content = QWidget()
        self.measure = Segments(self.tr("Loss"), self.tr("Accuracy"), parent=content)
        self.measure.setAccessibleName(self.tr("Which curves to show"))
        self.measure.setTabToolTip(0, self.tr("How wrong the answers are: lower is better."))
        self.measure.setTabToolTip(1, self.tr("Share of right answers: higher is better."))
        self.scale = ChoiceButton({"log": self.tr("log scale"), "linear": self.tr("linear scale")})
        self.scale.setAccessibleName(self.tr("Scale of the loss"))
        self.scale.setToolTip(self.tr("A log scale keeps small losses apart; a linear one shows true sizes."))
        self.smoothing = QSlider(Qt.Orientation.Horizontal, content)
        self.smoothing.setRange(0, 99)
        self.smoothing.setPageStep(10)
        self.smoothing.setFixedWidth(96)
        self.smoothing.setAccessibleName(self.tr("Smoothing"))
        tip = self.tr("Averages out the jitter; the curve as it was measured stays behind, faintly.")
        self.smoothing.setToolTip(tip)
        self._smoothing_label = QLabel(self.tr("Smoothing"), content)
        self._smoothing_label.setToolTip(tip)
        self._smoothing_label.setBuddy(self.smoothing)
        self.smoothing_value = QLabel("0 %", content)
        self.save = QPushButton(self.tr("Save CSV"), content)
        self.save.setProperty("kind", "compact")
        self.save.setToolTip(self.tr("Save all curves as a table: epoch, name, value."))
        self.plot = LossPlot(content)
        self.plot.setAccessibleName(self.tr("Curves of loss and accuracy"))
        self._add_menu()
        measures, controls = QHBoxLayout(), QHBoxLayout()
        measures.addWidget(self.measure)
        measures.addStretch(1)
        for widget in (self._smoothing_label, self.smoothing, self.smoothing_value):
            controls.addWidget(widget)
        controls.addStretch(1)
        controls.addWidget(self.save)
        self._bar = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._bar.setContentsMargins(12, 8, 12, 0)
        for layout in (measures, controls, self._bar):
            layout.setSpacing(8)
        self._bar.addLayout(measures)
        self._bar.addLayout(controls, 1)
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 6)
        column.setSpacing(2)
        column.addLayout(self._bar)
        column.addWidget(self.plot, 1)
        self._switch = Switch(content)
        self.setLayout(self._switch)
        self.measure.currentChanged.connect(self.refresh)
        self.scale.chosen.connect(self.refresh)
        self.smoothing.valueChanged.connect(self._smooth)
        self.save.clicked.connect(self.save_csv)
        self.restyle()

    def _add_menu(self) -> None:
        self.plot.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        save = QAction(self.tr("Save curves as CSV..."), self.plot)
        save.triggered.connect(self.save_csv)
        everything = QAction(self.tr("Show all epochs"), self.plot)
        everything.triggered.connect(self.plot.show_all)
        self.plot.addActions([save, everything])

    # Drawing --------------------------------------------------------------------------------

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Draw the history's curves."""
        self._history = snapshot.history
        names = self._history.names
        self._offer_metrics(names)
        has_accuracy = any(n in names for n in ("accuracy", "val_accuracy"))
        if self.measure.isTabEnabled(1) != has_accuracy:  # to say it again would draw it again
            self.measure.setTabEnabled(1, has_accuracy)
        if not has_accuracy and self.measure.currentIndex() == 1:
            self.measure.setCurrentIndex(0)
        if not any(self._history.count(n) for n in names):
            self._switch.say(self.tr("Press Run: the curves of loss and accuracy will grow here while the network learns."))
            return
        self._switch.say("")
        turns = snapshot.turns
        self.plot.turns = tuple(zip(map(float, turns.starts), turns.names, strict=True)) if turns is not None else ()
        name, percent, can_be_log = self._measured()
        self.scale.setEnabled(can_be_log)
        weight = self.smoothing.value() / 100
        shown = []
        for style in (
            CurveStyle(name, self.tr("train"), "train"),
            CurveStyle(f"val_{name}", self.tr("val"), "validation", dashed=True),
        ):
            curve = self._curves.setdefault(style.name, Curve())
            curve.update(*self._history.series(style.name), weight)
            if len(curve):
                shown.append((style, curve))
        self.plot.show_curves(shown, log=can_be_log and self.scale.choice == "log", percent=percent)

    def _offer_metrics(self, names: Sequence[str]) -> None:
        """One more choice for each metric that the history has a curve of."""
        known = registry.metrics()
        stems = (name.removeprefix("val_") for name in names if name.startswith("val_"))
        found = tuple(stem for stem in stems if stem in known and stem != "accuracy")
        if found == self._metrics:
            return
        self._metrics = found
        chosen = self.measure.currentIndex()
        with QSignalBlocker(self.measure):
            while self.measure.count() > 2:
                self.measure.removeTab(2)
            for stem in found:
                index = self.measure.addTab(known[stem].title)
                self.measure.setTabToolTip(index, known[stem].help)
            self.measure.setCurrentIndex(chosen if chosen < self.measure.count() else 0)
        self._arrange()

    def _measured(self) -> tuple[str, bool, bool]:
        """Name of the curves to show, whether they are read in percent, and whether a log scale fits."""
        index = self.measure.currentIndex()
        if index < 2:
            return ("accuracy", True, False) if index == 1 else ("loss", False, True)
        metric = registry.metric(self._metrics[index - 2])
        return metric.metric, metric.percent, not metric.percent and not metric.higher_is_better

    def restyle(self) -> None:
        """Take colours and fonts from the theme again."""
        self.plot.restyle()
        for label in (self._smoothing_label, self.smoothing_value):
            style_label(label, "tab", "text-2")
        self.smoothing_value.setFixedWidth(QFontMetrics(self.theme.font("tab")).horizontalAdvance("99 %") + 6)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """In a narrow dock words give way before controls do; many measures get a line of their own."""
        room = (self.width() - self.measure.minimumWidth()) / self.theme.scale
        two = room < 220
        direction = QBoxLayout.Direction.TopToBottom if two else QBoxLayout.Direction.LeftToRight
        if self._bar.direction() != direction:
            self._bar.setDirection(direction)
        self._smoothing_label.setVisible(two or room >= 310)
        self.smoothing_value.setVisible(two or room >= 240)
        self.save.setText(self.tr("Save CSV") if self.width() >= 330 * self.theme.scale else self.tr("CSV"))

    def _smooth(self, value: int) -> None:
        self.smoothing_value.setText(f"{value} %")
        self.refresh()

    # File -----------------------------------------------------------------------------------

    def save_csv(self) -> None:
        """Ask for a file and write all curves to it."""
        if not any(self._history.count(n) for n in self._history.names):
            self.session.say(self.tr("There are no curves to save yet: press Run first."), True)
            return
        folder = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation))
        stem = "curves"
        if self.session.path is not None:
            folder, stem = self.session.path.parent, f"{self.session.path.stem}-curves"
        dialog = QFileDialog(self, self.tr("Save curves"), str(folder))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(self.tr("Tables (*.csv)"))
        dialog.setDefaultSuffix("csv")
        dialog.selectFile(f"{stem}.csv")
        dialog.fileSelected.connect(self._write)
        dialog.open()

    def _write(self, file: str) -> None:
        try:
            save_curves(self._history, Path(file))
        except OSError as error:
            reason = error.strerror or str(error)
            self.session.say(
                self.tr("{0} could not be written ({1}): choose another place.").format(Path(file).name, reason), True
            )
            return
        self.session.say(self.tr("Saved the curves as {0}.").format(Path(file).name))
