"""How often the window renews its pictures, so that it never takes more of a core than it should."""

from __future__ import annotations

#: Share of a core that the window's thread may take while training runs: with a core to itself, and
#: where training uses all cores. There each per cent costs training 1.6 (its threads wait for each
#: other), and it should keep 88 %.
WITH_A_CORE, WITHOUT = 0.09, 0.062
#: Refresh intervals become at most so many times as long.
MOST = 2.4
#: Seconds over which the share is measured.
_PERIOD = 1.0
#: How far the intervals may grow or shrink from one measurement to the next, and how near to the goal
#: the share need not be better: pictures should not come in jerks.
_GROW, _SHRINK, _NEAR = 1.4, 0.85, 0.06


class Governor:
    """Measures the window's processor time and says how far to stretch refresh intervals.

    Pure arithmetic: it is told both clocks. While training pauses everything is at full rate.
    """

    def __init__(self) -> None:
        #: Refresh intervals are this many times as long as they would be; 1 at least.
        self.stretch = 1.0
        #: Share of a core that the window's thread took when it was measured last.
        self.share = 0.0
        self._began: tuple[float, float] | None = None

    def look(self, now: float, busy: float, running: bool, crowded: bool) -> float:
        """Take note of the time; call it often.

        Parameters
        ----------
        now : float
            Seconds of the clock on the wall.
        busy : float
            Seconds of processor time that the window's thread has taken so far.
        running : bool
            Whether training runs.
        crowded : bool
            Whether training uses all cores.

        Returns
        -------
        float
            `stretch` from now on.
        """
        if not running:
            self.stretch, self._began, self.share = 1.0, None, 0.0
        elif self._began is None:
            self._began = now, busy
        elif now - self._began[0] >= _PERIOD:
            self.share = (busy - self._began[1]) / (now - self._began[0])
            self._began = now, busy
            self._adapt(self.share / (WITHOUT if crowded else WITH_A_CORE))
        return self.stretch

    def _adapt(self, excess: float) -> None:
        """Stretch by as much as the share is above the goal, or relax where it is below."""
        if excess > 1.0:
            factor = min(excess, _GROW)
        elif excess < 1.0 - _NEAR:
            # Slower back than forth, so that it settles: the share is an average of jumps.
            factor = max((1.0 + excess) / 2, _SHRINK)
        else:
            return
        self.stretch = min(max(self.stretch * factor, 1.0), MOST)
