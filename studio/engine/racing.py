"""The trainer's race: begun, driven chunk by chunk, and ended by whatever a person does next."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from studio.engine.commands import Command, SetPace, StartRace, Watch
from studio.engine.loaded_data import Outdated
from studio.engine.publishing import Standing
from studio.engine.race import Race, failed
from studio.engine.race_messages import RaceView
from studio.engine.run import TrainingRun
from studio.kernels.ahead import Wanted

#: What snapshots say while it is on.
MESSAGE = "Processor and card race; training waits"
#: What a person may do without ending a race.
_HARMLESS = (StartRace, Watch, SetPace)


def ends_race(command: object) -> bool:
    """Whether a race makes way for a command: all that touches the network or its training."""
    return isinstance(command, Command) and not isinstance(command, _HARMLESS)


class Racing:
    """One race at most; none of what happens in it reaches training.

    Its networks belong to the trainer's thread, which calls all but `note`.

    Parameters
    ----------
    standing : Standing
        Where the latest race is shown.
    """

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._race: Race | None = None
        #: The race that was asked for last, unless another command has ended it, which may still be in the queue.
        self._wanted: StartRace | None = None

    def note(self, command: Command) -> None:
        """Hear of a command as it is sent, from any thread: a race that is being prepared may be off."""
        if isinstance(command, StartRace):
            self._wanted = command
        elif ends_race(command):
            self._wanted = None

    @property
    def view(self) -> RaceView:
        """What people see of the latest race."""
        return self._standing.race

    @view.setter
    def view(self, view: RaceView) -> None:
        self._standing.race = view

    @property
    def is_on(self) -> bool:
        """Whether it has something to do in `advance`."""
        return self._race is not None

    @property
    def is_off(self) -> bool:
        """Whether a race that is being prepared is not wanted any more."""
        wanted = self._wanted
        return self.view.stage == "preparing" and (wanted is None or wanted.number != self.view.number)

    def start(
        self,
        command: StartRace,
        run: TrainingRun | None,
        tell: Callable[[], None],
        compile_kernels: Callable[[Iterable[Wanted]], None],
    ) -> None:
        """Make both copies of the network, which may take a while; `view` says what came of it.

        Parameters
        ----------
        command : StartRace
        run : TrainingRun or None
            None where there is no network that could train.
        tell : callable
            Called before anything that takes long: copies are about to be made.
        compile_kernels : callable
            Called with the kernels that are needed; may raise `Outdated`.
        """
        self.end()
        standing = self._standing
        before = standing.status, standing.message
        self.view = RaceView(command.number, "preparing")
        if run is None or self.is_off:
            self.view = replace(self.view, stage="stopped")
            return
        try:
            tell()
            self._race = Race(run, compile_kernels)
        except Outdated:
            self.view = replace(self.view, stage="stopped")
        except Exception as error:  # no race is worth the training
            self.view = failed(self.view, error)
        else:
            self.view = self._race.view(command.number)
        finally:
            # Training stands where it stood.
            standing.status, standing.message = before

    def advance(self) -> None:
        """Let one side train a little."""
        assert self._race is not None
        try:
            goes_on = self._race.advance()
            self.view = self._race.view(self.view.number)
        except Exception as error:  # no race is worth the training
            self.view = failed(self.view, error)
            goes_on = False
        if not goes_on:
            self._leave()

    def end(self) -> None:
        """Stop it, if it is on."""
        if self._race is not None:
            self._leave()
            self.view = replace(self.view, stage="stopped")

    def forget(self) -> None:
        """The network is another one: what was found says nothing of it."""
        self.end()
        self.view = RaceView(self.view.number)

    def _leave(self) -> None:
        race, self._race = self._race, None
        if race is not None:
            race.close()
