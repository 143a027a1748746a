"""A training run without threads of its own: chunks, curves, evaluation, recovery from NaN.

The command line uses it directly; `studio.engine.trainer` drives it from a background thread.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import numpy as np

from studio.core.dataset import Dataset
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.inference import infer
from studio.core.problems import Problem
from studio.cuda.card import CardProblem, open_card
from studio.engine.changes import same_network
from studio.engine.epochs import EpochWatch
from studio.engine.failure import EngineProblem
from studio.engine.greedy import TEMPORARY, GreedyProblem, Stage, Turns, greedy_stages, stage_at
from studio.engine.history import History
from studio.engine.messages import Evaluation, TrainingState
from studio.engine.network import Network, schedule_of
from studio.engine.observed import SPLITS, LossSums
from studio.engine.recovery import EXPLODED, recover
from studio.engine.step_times import StepTimes
from studio.engine.threads import network_with_best_threads
from studio.engine.timing import StepCalls, StepTimer, timer_of
from studio.kernels.ahead import Wanted

#: Seconds a chunk of minibatches should take: commands are looked at in between.
CHUNK_SECONDS = 0.01
#: Seconds between two points of a curve within an epoch.
POINT_SECONDS = 0.03
#: Seconds between two copies of the weights to fall back on.
BACKUP_SECONDS = 1.0
#: Largest share of the time that goes into looking at the validation part.
VALIDATION_SHARE = 0.1

_Answer = TypeVar("_Answer")


class TrainingRun:
    """Trains one graph and keeps its curves.

    Layer by layer, the network changes from stage to stage; its epochs and steps go on.

    Parameters
    ----------
    graph : Graph
    training : Training
        ``threads=0`` lets the engine choose.
    datasets : mapping of str to Dataset
        By Data node.
    compile_kernels : callable
        Called with the kernels that are needed, before they are used.

    Raises
    ------
    EngineProblem
        When the graph has problems, or would take too much memory.
    """

    def __init__(
        self,
        graph: Graph,
        training: Training,
        datasets: Mapping[str, Dataset],
        compile_kernels: Callable[[Iterable[Wanted]], None] = lambda kernels: None,
    ) -> None:
        self._datasets, self._compile = dict(datasets), compile_kernels
        self._stages = _stages_of(graph, training, datasets)
        self._stage = 0
        self._training = training
        #: The seed that weights are drawn from, where it is not the settings'.
        self._drawn_from: int | None = None
        #: Why the card that the settings ask for is not used, in a sentence; empty if it is.
        self.card_problem = ""
        #: What was known of layers that the network of this stage has not.
        self._known: TrainingState | None = None
        self.network = self._network_of(0)
        self.watch = EpochWatch(self.network)
        self.history = History()
        #: Why training ended before its last epoch, in a sentence; empty if it did not.
        self.stopped = ""
        self._pending: tuple[LossSums, int] | None = None
        self.train_evaluation: Evaluation | None = None
        self.validation_evaluation: Evaluation | None = None
        self._test: tuple[int, Evaluation | None] = (0, None)
        self.samples_per_second = 0.0
        #: Whether some of the steps run with a clock.
        self.timed = False
        self._timer: StepTimer | None = None
        self._untimed: StepTimes | None = None
        self._step_seconds = 1e-3
        self._last_point = time.perf_counter()
        self._last_validation = 0.0
        self._validation_seconds = 0.0
        self.keep_backup()

    @property
    def threads(self) -> int:
        """Threads it trains with."""
        return self.network.threads

    def close(self) -> None:
        """End helper threads."""
        self.network.close()

    # Stages ------------------------------------------------------------------------------

    @property
    def stage(self) -> Stage:
        """What is trained now; the whole graph unless training goes layer by layer."""
        return self._stages[self._stage]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All stages of the run, mostly one."""
        return self._stages

    def _settings_of(self, number: int) -> Training:
        if number == len(self._stages) - 1:
            return self._training
        # Only the whole network can be good enough to stop.
        return dataclasses.replace(self._training, early_stopping=None, keep_best_weights=False)

    def _network_of(self, number: int) -> Network:
        graph, training = self._stages[number].graph, self._settings_of(number)
        network = self._on_card(graph, training)
        if network is None:
            network = network_with_best_threads(graph, training, self._datasets, self._compile)
        if self._drawn_from is not None:
            network.draw_weights(self._drawn_from)
        return network

    def _on_card(self, graph: Graph, training: Training) -> Network | None:
        """The network on a card; None if that is not wanted or cannot be, which `card_problem` then says."""
        if training.device != "cuda" or self.card_problem:
            return None
        if any(dataset.info.on_disk for dataset in self._datasets.values()):
            self.card_problem = "The samples stay on the disk, from which a card cannot read: training goes on on the processor."
            return None
        try:
            return Network(graph, training, self._datasets, 1, self._compile, card=open_card())
        except (CardProblem, EngineProblem) as problem:
            self._tell_of_card(problem)
            return None

    def _tell_of_card(self, problem: Exception) -> None:
        self.card_problem = f"{problem} Training goes on on the processor."

    def leave_card(self, problem: CardProblem) -> None:
        """The card failed: go on on the processor, from the last good weights."""
        self._tell_of_card(problem)
        self._enter(self._stage, self._backup)

    def _sure(self, ask: Callable[[Network], _Answer]) -> _Answer:
        """What the network says, or, if its card fails at that, the one on the processor that takes its place."""
        try:
            return ask(self.network)
        except CardProblem as lost:
            self.leave_card(lost)
            return ask(self.network)

    def _enter(self, number: int, state: TrainingState | None) -> None:
        """Build the network of a stage, with the weights that are known and the place in the run."""
        if self.network.device.name == "cuda":
            self.network.close()  # a card may have no room for two
        network = self._network_of(number)
        network.last_epoch = self.network.last_epoch
        if state is not None:
            network.restore(state)
        self.network.close()
        self._stage, self.network, self.watch = number, network, EpochWatch(network)
        self._pending = None
        self._timer = self._untimed = None
        self.keep_backup()

    def state(self) -> TrainingState:
        """Weights, optimizer state and place in the run, those of layers whose turn is not now too."""
        state = self._sure(Network.state)
        if self._known is None or len(self._stages) == 1:
            return state
        known = self._known
        weights = {k: v for k, v in known.weights.items() if not k[0].startswith(TEMPORARY)}
        slots = {k: v for k, v in known.slots.items() if not k[0].startswith(TEMPORARY)}
        return dataclasses.replace(state, weights=weights | state.weights, slots=slots | state.slots)  # type: ignore[operator]

    @property
    def turn(self) -> str:
        """Which layer learns now, in a sentence; empty if all do."""
        if len(self._stages) == 1:
            return ""
        return f"Layer {self._stage + 1} of {len(self._stages)} learns now: {self.stage.learns}."

    @property
    def turns(self) -> Turns | None:
        """Whose turn it is; None if all layers learn together."""
        if len(self._stages) == 1:
            return None
        graph = self.stage.graph
        placed = {node for node, _ in self.network.space.placed if graph.node(node).trainable}
        own = frozenset(node for node in placed if not node.startswith(TEMPORARY))
        names, starts = zip(*((stage.learns, stage.start) for stage in self._stages), strict=True)
        return Turns(names, starts, self._stage, own)

    @property
    def test_evaluation(self) -> Evaluation | None:
        """How well the network does on the test part, where that was measured for the weights as they are."""
        step, found = self._test
        return found if step == self.network.step else None

    def restore(self, state: TrainingState, place: bool = True) -> None:
        """Go on from a saved state (see `Network.restore`), in the stage that trains at its epoch."""
        self._known = state
        number = stage_at(self._stages, state.epoch) if place else self._stage
        if number != self._stage:
            self._enter(number, state)
        else:
            self.network.restore(state, place)
            self.keep_backup()

    def reset(self, seed: int) -> None:
        """Back to step 0, with weights drawn from a seed."""
        self._known = None
        self._drawn_from = None if seed == self._training.seed else seed
        if self._stage:
            self._enter(0, None)
        self.network.feed_training()
        self.network.draw_weights(seed)
        self.network.take_sums()
        self._pending = None
        self._test = (0, None)
        self.train_evaluation = self.validation_evaluation = None
        self.begin()
        self.keep_backup()

    def set_numbers(self, graph: Graph, training: Training) -> None:
        """Change live parameters of layers and optimizer (see `Network.set_numbers`)."""
        self._stages = _stages_of(graph, training, self._datasets)
        self._training = training
        number = stage_at(self._stages, self.network.epoch)
        self._stage = min(self._stage, len(self._stages) - 1)
        if same_network(self._stages[number].graph, self.network.graph):
            self._stage = number
            self.network.set_numbers(self.stage.graph, self._settings_of(number))
            self.keep_backup()  # from here on the run repeats with the new numbers
        else:
            self._go_on(number)

    def _go_on(self, number: int) -> None:
        """Train in another stage from here on."""
        # What was remembered was about another network.
        self._known = dataclasses.replace(self.state(), memory={}, best={})
        self._enter(number, self._known)

    def keep_backup(self) -> None:
        """Copy the weights, to fall back on should training fail."""
        self._lowest_loss = math.inf
        self._copy_state()

    def _copy_state(self) -> None:
        self._backup = self.network.state()
        self._backup_time = time.perf_counter()

    # Training ----------------------------------------------------------------------------

    def begin(self) -> None:
        """Training is asked for, perhaps again after it was stopped early."""
        self.stopped = ""
        self.watch.begin()

    def finish(self) -> str:
        """Training has ended: put the best weights back if that is wanted.

        Returns
        -------
        str
            Why it ended early, and which weights are back; empty if there is nothing to say.
        """
        back = self.watch.finish()
        if back:
            self.keep_backup()
            self.validation_evaluation = self.evaluate("validation")
        return " ".join(sentence for sentence in (self.stopped, back) if sentence)

    def advance(self, epochs: int, steps: int | None = None, seconds: float = CHUNK_SECONDS) -> int:
        """Train one chunk of minibatches.

        Parameters
        ----------
        epochs : int
            Do not go past so many passes.
        steps : int or None
            Do not train more than so many minibatches.
        seconds : float
            About how long the chunk should take.

        Returns
        -------
        int
            Minibatches trained; 0 when the epochs are done or training was stopped early.

        Raises
        ------
        EngineProblem
            When a loss is not finite; the last good weights are in place then.
        """
        if self.stopped:
            return 0
        number = stage_at(self._stages, self.network.epoch)
        if number != self._stage and self.network.steps_to(epochs):
            self._go_on(number)
        network = self.network
        whole_run = number == len(self._stages) - 1
        left = network.steps_to(epochs if whole_run else min(epochs, self.stage.end))
        if left == 0:
            return 0
        if self.history.last_epoch > network.epoch:
            # The weights were put back; what the curves show after them will come anew.
            self.history = self.history.until(network.epoch)
        to_epoch = network.steps_to(int(network.epoch) + 1)
        per_epoch = network.steps_to(int(network.epoch) + 2) - to_epoch
        fitting = max(1, int(seconds / self._step_seconds))
        # Whole epochs if several fit, and never past the end of one otherwise.
        chunk = to_epoch if to_epoch <= fitting else fitting
        if fitting > to_epoch + per_epoch:
            chunk += (fitting - to_epoch) // per_epoch * per_epoch
        if self.watch.monitors:
            chunk = min(chunk, to_epoch)
        chunk = min(chunk, left, steps if steps is not None else left)
        try:
            timer = self._due_timer() if self.timed else None
            # What a timer measures at first is no training.
            begin = time.perf_counter()
            done = network.train(chunk) if timer is None else timer.train(chunk)
        except CardProblem as lost:
            self.leave_card(lost)
            return self.advance(epochs, steps, seconds)
        taken = time.perf_counter() - begin
        if network.failed:
            problem = recover(network, self._backup, self._step_seconds)
            self.keep_backup()
            raise EngineProblem(problem)
        seconds_each = taken / max(done, 1)
        self._step_seconds += 0.3 * (seconds_each - self._step_seconds)
        rate = network.training.batch_size / self._step_seconds
        self.samples_per_second = rate
        self._record(done)
        if time.perf_counter() - self._backup_time > BACKUP_SECONDS and not self._explodes():
            self._copy_state()
        return done

    def _due_timer(self) -> StepTimer | None:
        """The network's timer, if it is time for the next measurement."""
        if self._timer is None:
            self._timer = timer_of(self.network, self._compile)
        return self._timer if self._timer.is_due else None

    @property
    def times(self) -> StepTimes:
        """The calls of a step and what they took, which is nothing before steps of this network were timed."""
        taken = self._timer.times() if self._timer is not None else None
        if taken is not None:
            return taken
        if self._untimed is None:
            calls = StepCalls(self.network)
            self._untimed = calls.with_times(np.zeros(len(calls.keys)), 0)
        return self._untimed

    def _explodes(self) -> bool:
        """Whether the loss grows so much that the weights are not worth falling back on."""
        last = self.train_evaluation
        return last is not None and last.loss > EXPLODED * max(self._lowest_loss, 1e-3)

    def _record(self, steps: int) -> None:
        network = self.network
        now = time.perf_counter()
        at_epoch = network.epoch == int(network.epoch)
        watched = bool(self.watch.monitors)
        if watched and self.watch.counts_training:
            found = network.take_sums()
            self.watch.add(found, steps)
            self._pending = _together(self._pending, found, steps)
        if not at_epoch and now - self._last_point < POINT_SECONDS:
            return
        self._last_point = now
        sums = self._pending[0] if self._pending is not None else network.take_sums()
        self._pending = None
        if sums.samples.sum() == 0:
            return
        loss = network.total_loss(sums)
        accuracy = sums.accuracy() if network.has_accuracy() else None
        self.train_evaluation = Evaluation(loss, accuracy, epoch=network.epoch)
        self._lowest_loss = min(self._lowest_loss, loss)
        self.history.append("loss", network.epoch, loss)
        if accuracy is not None:
            self.history.append("accuracy", network.epoch, accuracy)
        if schedule_of(network.training) is not None:
            self.history.append("learning_rate", network.epoch, network.learning_rate)
        if self.history.is_full:
            self.history = self.history.thinned()
        if at_epoch and watched:
            rate = network.learning_rate
            self.stopped = self.watch.end_epoch(self.validate())
            if network.learning_rate != rate:
                self._copy_state()  # from here on the run repeats with the new rate
        elif at_epoch and now - self._last_validation > self._validation_seconds / VALIDATION_SHARE:
            self.validate()

    def validate(self) -> Evaluation | None:
        """Look at the validation part and add to its curves."""
        begin = time.perf_counter()
        found = self.evaluate("validation")
        self._last_validation = time.perf_counter()
        self._validation_seconds = self._last_validation - begin
        if found is not None:
            self.validation_evaluation = found
            self.history.append("val_loss", found.epoch, found.loss)
            if found.accuracy is not None:
                self.history.append("val_accuracy", found.epoch, found.accuracy)
            for name, value in found.metrics.items():
                if name != "accuracy":
                    self.history.append(f"val_{name}", found.epoch, value)
        return found

    def look_again(self) -> None:
        """Evaluate what was restored, without a point on the curves; nothing before training."""
        if self.network.step:
            self.validation_evaluation = self.evaluate("validation")
            losses, accuracies = self.history.series("loss")[1], self.history.series("accuracy")[1]
            if len(losses):
                accuracy = float(accuracies[-1]) if len(accuracies) else None
                self.train_evaluation = Evaluation(float(losses[-1]), accuracy, epoch=self.network.epoch)

    def measure_test(self) -> None:
        """Look at the test part: the weights stay as they are for now."""
        self._test = self.network.step, self.evaluate("test")

    def evaluate(self, split: str) -> Evaluation | None:
        """Loss, accuracy, confusion matrix and metrics on ``train``, ``validation`` or ``test``."""
        return self._sure(lambda network: network.evaluate(SPLITS[split]))

    def train(
        self,
        epochs: int,
        progress: Callable[[TrainingRun], None] = lambda run: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """Train until so many passes are done or `stopped` says so; `progress` is told between chunks.

        Training may also end early, see `stopped`; `finish` is for the caller to call.
        """
        self.begin()
        self._sure(lambda network: network.end_at(epochs))
        while not stopped() and self.advance(epochs):
            progress(self)
        last = self.validation_evaluation
        if last is None or last.epoch != self.network.epoch:
            self.validate()


def _together(before: tuple[LossSums, int] | None, found: LossSums, steps: int) -> tuple[LossSums, int]:
    """What two stretches of minibatches added up to, and how many they were."""
    if before is None:
        return found, steps
    sums, count = before
    penalty = (sums.penalty * count + found.penalty * steps) / max(1, count + steps)
    names = ("loss", "right", "samples", "answered")
    added = {name: getattr(sums, name) + getattr(found, name) for name in names}
    return LossSums(**added, penalty=penalty), count + steps


def _stages_of(graph: Graph, training: Training, datasets: Mapping[str, Dataset]) -> tuple[Stage, ...]:
    """What is trained one after the other.

    Raises
    ------
    EngineProblem
        When the graph cannot be trained layer by layer.
    """
    if training.mode != "greedy":
        return (Stage(graph, 0, training.epochs),)
    inference = infer(graph, {node: dataset.info for node, dataset in datasets.items()})
    if inference.errors:
        raise EngineProblem(inference.errors[0])
    try:
        return greedy_stages(graph, inference, training.epochs)
    except GreedyProblem as problem:
        raise EngineProblem(Problem(problem.node, str(problem))) from problem
