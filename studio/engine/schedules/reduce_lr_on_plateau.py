"""A learning rate that falls whenever nothing improves any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from studio.core.fields import choice, integer, real
from studio.core.monitor import MODES, is_better, monitors
from studio.core.schedule import Schedule


@dataclass(frozen=True)
class ReduceLROnPlateau(Schedule):
    """Multiplies the rate by a factor when a monitor has not improved for some epochs."""

    stepwise: ClassVar[bool] = False
    help: ClassVar[str] = (
        "Watches the validation loss. When it has not improved for some epochs, the learning rate "
        "is made smaller, so that training can settle."
    )
    formula: ClassVar[str] = "rate ← max(rate · factor, min)  after `patience` epochs without progress"
    source: ClassVar[str] = "Keras: callbacks.ReduceLROnPlateau"

    monitor: str = choice("val_loss", monitors, help="What should improve.", live=True)
    factor: float = real(0.1, 0.0, 0.999999, help="What the rate is multiplied by.", live=True)
    patience: int = integer(10, 0, 1_000_000, help="Epochs without progress before the rate falls.", live=True)
    mode: str = choice("auto", MODES, help="Whether less or more is better; auto follows from the monitor.", live=True)
    min_delta: float = real(1e-4, 0.0, 1e9, help="A smaller change is no progress.", live=True, logarithmic=True)
    cooldown: int = integer(0, 0, 1_000_000, help="Epochs to wait after a fall before counting again.", live=True)
    min_lr: float = real(0.0, 0.0, 100.0, help="The rate never falls below this.", live=True, logarithmic=True)

    def watched(self) -> str:
        return self.monitor

    def current(self, initial: float, memory: Mapping[str, float]) -> float:
        if initial <= self.min_lr:
            return initial
        return max(initial * self.factor ** int(memory.get("falls", 0)), self.min_lr)

    def after_epoch(self, initial: float, memory: Mapping[str, float], value: float) -> dict[str, float]:
        new = {"wait": 0.0, "cooldown": 0.0, "falls": 0.0, **memory}
        if new["cooldown"] > 0:
            new["cooldown"] -= 1
            new["wait"] = 0.0
        if is_better(self.monitor, self.mode, self.min_delta, value, new.get("best")):
            new["best"], new["wait"] = value, 0.0
        elif new["cooldown"] <= 0:
            new["wait"] += 1
            if new["wait"] >= self.patience and self.current(initial, new) > self.min_lr:
                new.update(falls=new["falls"] + 1, cooldown=float(self.cooldown), wait=0.0)
        return new
