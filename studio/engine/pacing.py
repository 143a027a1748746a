"""How fast training may go: a run that takes milliseconds shows nobody anything."""

from __future__ import annotations

import time

from studio.engine.network import Network
from studio.engine.run import CHUNK_SECONDS

#: A run that nobody paces lasts about so long at the least, at so many epochs a second at most.
WATCH_SECONDS = 10.0
MOST_EPOCHS_PER_SECOND = 30.0
_FEWEST_EPOCHS_PER_SECOND = 0.03


class Pacing:
    """Says how many minibatches may be trained by now.

    `epochs_per_second` is as in `studio.engine.commands.SetPace`.
    """

    def __init__(self) -> None:
        self.epochs_per_second: float | None = None
        self._start = (0.0, 0.0)

    def start(self, epoch: float) -> None:
        """Count from now and from this epoch on."""
        self._start = (time.perf_counter(), epoch)

    def _pace(self, epochs: int) -> float:
        if self.epochs_per_second is not None:
            return self.epochs_per_second
        return max(_FEWEST_EPOCHS_PER_SECOND, min(MOST_EPOCHS_PER_SECOND, epochs / WATCH_SECONDS))

    def steps_allowed(self, network: Network, epochs: int) -> int | None:
        """How many minibatches the pace allows now; None for any number.

        Parameters
        ----------
        network : Network
            What is trained.
        epochs : int
            How many the whole run has.
        """
        pace = self._pace(epochs)
        if not pace:
            return None
        start, epoch = self._start
        per_epoch = network.steps_to(int(network.epoch) + 2) - network.steps_to(int(network.epoch) + 1)
        behind = epoch + (time.perf_counter() - start) * pace - network.epoch
        if behind > 2 * CHUNK_SECONDS * pace + 1 / per_epoch:
            # Training cannot keep up: what was missed must not be raced through later.
            self.start(network.epoch)
            return max(1, round(CHUNK_SECONDS * pace * per_epoch))
        return int(behind * per_epoch + 1e-6)
