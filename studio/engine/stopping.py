"""When to stop: training that no longer gets better ends by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from studio.core.component import Component
from studio.core.fields import choice, flag, integer, real
from studio.core.monitor import MODES, is_better, monitors


@dataclass(frozen=True)
class EarlyStopping(Component):
    """Ends training when a monitor has not improved for some epochs."""

    help: ClassVar[str] = (
        "Ends training when the validation loss has not improved for some epochs: "
        "from there on the network only learns its samples by heart. "
        "Where layers learn one after the other, it acts in the last one's turn."
    )
    formula: ClassVar[str] = "stop after `patience` epochs without  monitor < best − min_delta"
    source: ClassVar[str] = "L. Prechelt, Early stopping - but when?, 1998; Keras: callbacks.EarlyStopping"

    monitor: str = choice("val_loss", monitors, help="What should improve.", live=True)
    min_delta: float = real(0.0, 0.0, 1e9, help="A smaller change is no progress.", live=True, logarithmic=True)
    patience: int = integer(0, 0, 1_000_000_000, help="Epochs without progress before training ends.", live=True)
    mode: str = choice("auto", MODES, help="Whether less or more is better; auto follows from the monitor.", live=True)
    restore_best_weights: bool = flag(False, help="At the end, go back to the weights of the best epoch.", live=True)
    start_from_epoch: int = integer(0, 0, 1_000_000_000, help="Epochs to wait before watching.", live=True)

    def after_epoch(self, memory: Mapping[str, float], epoch: int, value: float) -> dict[str, float]:
        """What to remember after an epoch.

        Parameters
        ----------
        memory : mapping of str to float
            What was remembered before; empty at first.
        epoch : int
            The epoch that has ended, counted from 1.
        value : float
            Of the monitor.

        Returns
        -------
        dict of str to float
            ``best`` and ``best_epoch``; ``wait``, the epochs since; ``stopped`` if training is to end.
        """
        new = dict(memory)
        if epoch <= self.start_from_epoch:
            return new
        new["wait"] = new.get("wait", 0.0) + 1
        if is_better(self.monitor, self.mode, self.min_delta, value, new.get("best")):
            new.update(best=value, best_epoch=float(epoch), wait=0.0)
        elif new["wait"] >= self.patience and epoch > 1:
            new["stopped"] = 1.0
        return new
