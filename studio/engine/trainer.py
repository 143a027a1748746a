"""The trainer: a background thread that takes commands and replaces one `Snapshot`."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from studio.core.dataset import Dataset
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.inference import infer
from studio.core.problems import Problem
from studio.core.stored import FileChanged
from studio.cuda.card import CardProblem, choose
from studio.engine.changes import only_live, same_network, started_anew
from studio.engine.commands import (
    Command,
    Pause,
    Reset,
    Run,
    SetCard,
    SetGraph,
    SetPace,
    SetTraining,
    SetWeights,
    StartRace,
    Step,
    Stop,
    Watch,
)
from studio.engine.compiling import compile_kernels
from studio.engine.cpu_device import give_way
from studio.engine.failure import EngineProblem
from studio.engine.history import History
from studio.engine.loaded_data import Load, LoadedData, Outdated
from studio.engine.messages import Snapshot, Status, TrainingState
from studio.engine.pacing import Pacing
from studio.engine.processor import cores
from studio.engine.publishing import Publisher, Standing
from studio.engine.racing import MESSAGE, Racing, ends_race
from studio.engine.run import CHUNK_SECONDS, TrainingRun
from studio.engine.warm import start_warming
from studio.engine.writing.desk import Desk
from studio.kernels.ahead import Wanted, pool

#: Seconds to wait while training is ahead of its pace.
_NAP = 0.002


@dataclass
class _Export:
    """A request, from another thread, for the state of training."""

    state: TrainingState | None = None
    done: threading.Event = field(default_factory=threading.Event)


class Trainer:
    """Trains in the background.

    Parameters
    ----------
    load : callable
        Gives the data set of a Data layer; raises ValueError with one plain sentence. Called
        on the trainer's thread, with a function to tell how far it is, which may raise to end it.
    ahead : bool
        Compile kernels in other processes, so that a window in this one never stutters.
    """

    def __init__(self, load: Load, ahead: bool = True) -> None:
        self._data = LoadedData(load)
        self._ahead = ahead
        self._commands: queue.SimpleQueue[Command | _Export] = queue.SimpleQueue()
        self._stopping = threading.Event()
        #: The graph sent last, which may still be in the queue.
        self._newest: Graph | None = None
        #: The graph that a network is made for now.
        self._building: Graph | None = None
        self._thread: threading.Thread | None = None
        self._training = Training()
        self._run: TrainingRun | None = None
        self._datasets: dict[str, Dataset] = {}
        #: The data that weights were trained on last.
        self._trained_on: dict[str, Dataset] = {}
        self._weights: TrainingState | None = None
        self._history = History()
        self._publisher = Publisher()
        self._desk = Desk(self._compile)
        self._pacing = Pacing()
        self._standing = Standing()
        self._racing = Racing(self._standing)
        self._target = 0
        self._steps_left: int | None = None

    # For other threads -------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        if self._ahead:
            start_warming()
        self._thread = threading.Thread(target=self._loop, name="studio-trainer", daemon=True)
        self._thread.start()

    def send(self, command: Command) -> None:
        """Put a command into the queue; never waits."""
        if isinstance(command, Stop):
            self._stopping.set()
        elif isinstance(command, SetGraph):
            self._newest = command.graph
        self._racing.note(command)
        self._commands.put(command)

    def take(self) -> Snapshot:
        """The latest snapshot; marks it as taken, so that the next one may be made."""
        return self._publisher.take()

    @property
    def snapshot(self) -> Snapshot:
        """The latest snapshot."""
        return self._publisher.snapshot

    def export_state(self, timeout: float = 10.0) -> TrainingState | None:
        """Weights and optimizer state as they are now; None if there is no network (in time)."""
        if self._thread is None or not self._thread.is_alive():
            return self._run.state() if self._run is not None else self._weights
        request = _Export()
        self._commands.put(request)
        return request.state if request.done.wait(timeout) else None

    def close(self, timeout: float = 30.0) -> None:
        """Ask the thread to stop and wait for it."""
        if self._thread is not None:
            self.send(Stop())
            self._thread.join(timeout)
            self._thread = None
        if self._ahead:
            pool.close()

    # The thread --------------------------------------------------------------------------

    def _loop(self) -> None:
        give_way()
        try:
            while not self._stopping.is_set():
                self._take_commands()
                if self._stopping.is_set():
                    break
                try:
                    if self._racing.is_on:
                        self._racing.advance()
                        self._publisher.stale = True
                    else:
                        if self._standing.running:
                            self._advance()
                        self._write()
                    self._publish_if_due()
                except CardProblem as problem:
                    self._leave_card(problem)
                except Exception as error:  # a defect must reach the person, not end the thread
                    self._fail(_problem_of(error))
                    self._publisher.watch_nothing()
        finally:
            self._racing.end()
            if self._run is not None:
                self._weights = self._run.state()
                self._run.close()
                self._run = None

    def _take_commands(self) -> None:
        """Handle what is in the queue; wait for more when there is nothing to train."""
        pending: list[Command | _Export] = []
        try:
            busy = self._standing.running or self._racing.is_on
            if not busy and not self._desk.is_wanted(self._run, self._publisher.watch.text):
                wait = 0.03 if self._publisher.stale else None
                pending.append(self._commands.get(timeout=wait))
            while True:
                pending.append(self._commands.get_nowait())
        except queue.Empty:
            pass
        # Of several graphs in a row (a slider's drag) only the last counts.
        last_graph = max((i for i, c in enumerate(pending) if isinstance(c, SetGraph)), default=-1)
        for i, command in enumerate(pending):
            if isinstance(command, SetGraph) and i < last_graph:
                continue
            if self._stopping.is_set():
                return
            if ends_race(command):
                self._racing.end()
            try:
                self._handle(command)
            except EngineProblem as problem:
                self._fail(problem.problem)
            except CardProblem as problem:
                self._leave_card(problem)
            except Exception as error:  # a defect must reach the person, not end the thread
                self._fail(_problem_of(error))
            self._publisher.stale = True

    def _handle(self, command: Command | _Export) -> None:
        if isinstance(command, _Export):
            command.state = self._run.state() if self._run is not None else self._weights
            command.done.set()
        elif isinstance(command, SetGraph):
            self._set_graph(command.graph, command.training)
        elif isinstance(command, SetTraining):
            if self._standing.graph is not None:
                self._set_graph(self._standing.graph, command.training)
            else:
                self._training = command.training
        elif isinstance(command, SetWeights):
            self._weights = command.state
            self._history = command.history or History()
            if self._run is not None:
                self._run.restore(command.state)
                if command.history is not None:
                    self._run.history = command.history
                self._run.look_again()
                self._desk.forget()
                self._target = 0
                self._standing.status = "paused" if self._run.network.step else "ready"
        elif isinstance(command, Run):
            self._set_running(None, self._training.epochs)
        elif isinstance(command, Step):
            self._step(command)
        elif isinstance(command, Pause):
            if self._standing.running:
                self._pause("paused")
        elif isinstance(command, Reset):
            self._reset(command.fresh)
        elif isinstance(command, Watch):
            self._publisher.watch = command
        elif isinstance(command, SetPace):
            self._pacing.epochs_per_second = command.epochs_per_second
            self._pacing.start(self._run.network.epoch if self._run is not None else 0.0)
        elif isinstance(command, StartRace):

            def tell() -> None:
                self._tell("preparing", "Getting ready for the race")

            self._racing.start(command, self._run, tell, self._compile)
        elif isinstance(command, SetCard):
            another = choose(command.number)
            run = self._run
            # Chosen again, a card that could not be used may be tried once more.
            if run is not None and self._training.device == "cuda" and (another or run.card_problem):
                self._rebuild(frozenset())

    # Graphs ------------------------------------------------------------------------------

    def _set_graph(self, graph: Graph, training: Training) -> None:
        old_graph, old_training = self._standing.graph, self._training
        self._standing.graph, self._training = graph, training
        same = old_graph is not None and same_network(old_graph, graph) and only_live(old_training, training)
        if self._run is None or not same:
            self._rebuild(started_anew(old_graph, graph))
            return
        self._run.set_numbers(graph, training)
        if training.epochs != old_training.epochs:
            self._target = max(training.epochs, int(self._run.network.epoch))
        if self._standing.status == "failed":
            self._standing.status, self._standing.problem = "paused", None

    def _rebuild(self, anew: frozenset[str]) -> None:
        """Build the network for the current graph; the weights that still fit stay, but not those of `anew`."""
        standing, was_running = self._standing, self._standing.running
        self._racing.forget()
        if self._run is not None:
            # Kept also while the graph has a problem, so that repairing it loses nothing.
            self._weights, self._history = self._run.state(), self._run.history
            self._trained_on = dict(self._datasets)
            self._run.close()
        if self._weights is not None and anew:
            self._weights = self._weights.without(anew)
        self._desk.prepare(None)
        self._run, standing.running, standing.problem = None, False, None
        graph = standing.graph
        assert graph is not None
        if not graph.nodes:
            standing.status = "empty"
            return
        try:
            self._read_data(graph)
            errors = infer(graph, {n: d.info for n, d in self._datasets.items()}).errors
            if errors:
                raise EngineProblem(errors[0])
            self._tell("preparing", "Getting ready")
            self._building = graph
            run = TrainingRun(graph, self._training, self._datasets, self._compile)
            self._desk.prepare(run)
        except EngineProblem as problem:
            standing.status, standing.message, standing.problem = "invalid", "", problem.problem
            return
        except Outdated:
            return
        except RuntimeError as error:
            standing.status, standing.message, standing.problem = "invalid", "", Problem("", str(error))
            return
        finally:
            self._building = None
        self._run = run
        run.history = self._history
        if self._weights is not None:
            if any(self._trained_on.get(node, dataset) is not dataset for node, dataset in self._datasets.items()):
                self._weights = self._weights.at_new_epoch()
            self._trained_on = dict(self._datasets)
            run.restore(self._weights)
            run.look_again()
        standing.message = ""
        standing.status = "paused" if run.network.step else "ready"
        if was_running:
            self._set_running(self._steps_left, self._target)

    def _read_data(self, graph: Graph) -> None:
        def tell(words: str, share: float) -> None:
            self._tell("preparing", words, share)

        self._datasets = {}
        self._datasets = self._data.of(graph, tell, lambda: self._newest is graph and not self._stopping.is_set())

    def _compile(self, kernels: Iterable[Wanted]) -> None:
        wanted = list(kernels)
        if self._ahead:

            def progress(done: int, total: int) -> None:
                self._tell("preparing", f"Preparing kernels: {done} of {total}", done / total)

            building = self._building

            def unwanted() -> bool:
                outdated = building is not None and self._newest is not building
                return self._stopping.is_set() or outdated or self._racing.is_off

            compile_kernels(wanted, progress, unwanted)
            if self._stopping.is_set():
                raise EngineProblem(Problem("", "Stopped."))
            if unwanted():
                raise Outdated

    # Running -----------------------------------------------------------------------------

    def _set_running(self, steps: int | None, epochs: int) -> None:
        if self._run is None:
            return
        epoch = self._run.network.epoch
        # Run again after the end means: as many epochs again.
        self._target = epochs if epoch < epochs else int(epoch) + self._training.epochs
        self._steps_left = steps
        standing = self._standing
        standing.running, standing.status, standing.message, standing.problem = True, "running", "", None
        self._run.begin()
        self._pacing.start(epoch)

    def _step(self, command: Step) -> None:
        if self._run is None:
            return
        if command.epochs:
            self._set_running(None, 0)
            self._target = int(self._run.network.epoch) + command.epochs
        else:
            self._set_running(max(1, command.steps), 1 << 40)

    def _pause(self, status: Status) -> None:
        self._standing.running = False
        self._standing.status = status
        self._publisher.stale = True
        if self._run is not None and status in ("paused", "finished"):
            last = self._run.validation_evaluation
            if last is None or last.epoch != self._run.network.epoch:
                self._run.validate()

    def _reset(self, fresh: bool) -> None:
        self._history = History()
        self._desk.forget()
        if self._run is None or self._standing.graph is None:
            self._weights = None
            return
        seed = int(time.time_ns() & 0x7FFFFFFF) if fresh else self._training.seed
        run, standing = self._run, self._standing
        self._weights = None
        run.reset(seed)
        run.history = self._history
        standing.running, standing.status, standing.message, standing.problem = False, "ready", "", None

    def _advance(self) -> None:
        run = self._run
        assert run is not None
        # A person who asks for one step wants it now.
        paced = self._steps_left is None
        allowed = self._pacing.steps_allowed(run.network, self._training.epochs) if paced else None
        if allowed == 0:
            end = time.perf_counter() + _NAP
            self._write(_NAP)
            time.sleep(max(0.0, end - time.perf_counter()))
            return
        steps = min((s for s in (allowed, self._steps_left) if s is not None), default=None)
        run.timed = self._publisher.watch.speed
        try:
            done = run.advance(self._target, steps, CHUNK_SECONDS)
        except EngineProblem as problem:
            self._fail(problem.problem)
            return
        # The next stage of training layer by layer may have been prepared on the way.
        self._standing.status, self._standing.message = "running", run.turn
        if run.stopped:
            self._finish()
            return
        if self._steps_left is not None:
            self._steps_left -= done
            if self._steps_left <= 0:
                self._pause("paused")
                return
        if run.network.steps_to(self._target) == 0:
            if self._target >= self._training.epochs and self._steps_left is None:
                self._finish()
            else:
                self._pause("paused")

    def _finish(self) -> None:
        assert self._run is not None
        self._standing.message = self._run.finish()
        self._run.measure_test()
        self._pause("finished")

    def _leave_card(self, problem: CardProblem) -> None:
        """The card failed: go on on the processor, as if it had never been asked for."""
        assert self._run is not None
        self._publisher.stale = True
        try:
            self._run.leave_card(problem)
        except EngineProblem as also:
            self._fail(also.problem)

    def _fail(self, problem: Problem) -> None:
        standing = self._standing
        standing.running = False
        if standing.graph is None or problem.node not in standing.graph:
            problem = replace(problem, node="")  # a temporary layer's, for one
        standing.status, standing.problem = "failed", problem
        self._publisher.stale = True

    # What the window sees ----------------------------------------------------------------

    def _tell(self, status: Status, message: str, progress: float = 0.0) -> None:
        """Publish a snapshot that only says what is being prepared."""
        self._standing.status, self._standing.message = status, message
        self._publisher.tell(self._standing, progress)

    def _write(self, free: float = 0.0) -> None:
        """Write a little of the text that the window wishes for, in `free` seconds besides its share."""
        if self._desk.work(self._run, self._publisher.watch.text, free, self._standing.running):
            self._publisher.stale = True

    def _publish_if_due(self) -> None:
        if self._racing.is_on:
            self._publisher.show_race(self._standing, MESSAGE)
            return
        crowded = self._run is not None and self._run.threads >= cores()
        if self._publisher.is_due(self._standing.running, crowded):
            self._publisher.publish(
                self._standing, self._run, self._datasets, self._history, self._weights, self._desk.written
            )


def _problem_of(error: Exception) -> Problem:
    if isinstance(error, FileChanged):
        return Problem("", str(error))
    return Problem("", f"Training stopped because of an internal error: {error!r}.")
