"""A graph ready to run: weights, plans and device, without any notion of time or threads.

`Network` is built anew whenever the graph changes in more than live numbers; weights are
carried over by `TrainingState`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

import numpy as np

from studio.core.component import Component
from studio.core.dataset import Dataset, DatasetInfo
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.inference import Inference, infer
from studio.core.loss import ClassLoss
from studio.core.lowering import Lowering, Tensor
from studio.core.optimizer import Optimizer
from studio.core.problems import Problem
from studio.core.schedule import Schedule
from studio.cuda.card import Card, CardProblem
from studio.engine.arena import SharedSpace
from studio.engine.build import build_plan
from studio.engine.card_memory import refuse_what_does_not_fit
from studio.engine.cpu_device import CpuDevice, available_memory
from studio.engine.cuda_device import CudaDevice, to_compile
from studio.engine.device import Device, Runner
from studio.engine.failure import EngineProblem
from studio.engine.initializers import draw
from studio.engine.messages import TrainingState
from studio.engine.numbers import number_of
from studio.engine.observed import MANY, PROBE, SPLITS, LossSums, Observed
from studio.engine.plan import Plan
from studio.engine.rates import MOST_STEPS, RateRing
from studio.kernels import state
from studio.kernels.ahead import Wanted
from studio.kernels.simd import LANES

#: A whole split is computed in pieces that take no more than this, but for a few samples at least.
MANY_FLOATS = 1 << 23
#: Share of the free memory a plan may take.
MEMORY_SHARE = 0.8


def make_plans(
    graph: Graph,
    inference: Inference,
    infos: Mapping[str, DatasetInfo],
    training: Training,
    threads: int,
    on_gradient: Callable[[Lowering, Tensor], None] | None = None,
    on_card: bool = False,
) -> tuple[SharedSpace, list[tuple[Plan, int]]]:
    """Plans for training, for the probe batch and for many samples, with their threads.

    Nothing is allocated or compiled, so this also tells how much memory a network would take.
    """
    optimizer = training.optimizer
    assert isinstance(optimizer, Optimizer)
    space = SharedSpace(LANES, on_card)
    space.place(dict(inference.weights))
    for slot in optimizer.kept():
        space.add_slot(slot)
    shard = -(-training.batch_size // threads)
    plans = [
        (
            build_plan(graph, inference, infos, space, shard, optimizer, is_stepwise(training), on_gradient=on_gradient),
            threads,
        ),
        (build_plan(graph, inference, infos, space, PROBE, exposing=True), 1),
    ]
    many = build_plan(graph, inference, infos, space, MANY)
    if many.private_floats > MANY_FLOATS:
        # Of large pictures a few at a time are as fast, and looking must not take more than learning.
        count = max(LANES, PROBE, MANY * MANY_FLOATS // many.private_floats // LANES * LANES)
        many = build_plan(graph, inference, infos, space, count)
    return space, [*plans, (many, 1)]


def memory_of(space: SharedSpace, plans: Sequence[tuple[Plan, int]]) -> int:
    """Bytes of this machine's memory that plans of `make_plans` take while they train, the data not counted.

    Of plans for a card these are only the copies: their arena is the card's.
    """
    # Beside the arena there are copies of weights and optimizer state: one to fall back on should
    # training fail and, for a moment, the next one.
    learned = 4 * sum(placed.floats for placed in space.placed.values())
    slots = 4 * space.trainable_floats * len(space.slots)
    tables = sum(8 * len(plan.table) for plan, _ in plans)
    arena = 0 if space.on_card else CpuDevice.estimate(space, plans)
    return arena + 2 * (learned + slots + tables)


def schedule_of(training: Training) -> Schedule | None:
    """The schedule of the learning rate, if it does anything."""
    schedule = training.schedule
    return schedule if isinstance(schedule, Schedule) and (schedule.stepwise or schedule.watched()) else None


def is_stepwise(training: Training) -> bool:
    """Whether each step has a learning rate of its own."""
    schedule = schedule_of(training)
    return schedule is not None and schedule.stepwise


class Network(Observed):
    """Weights, plans and device of one graph.

    Parameters
    ----------
    graph : Graph
    training : Training
        Batch size, optimizer and seed.
    datasets : mapping of str to Dataset
        By Data node.
    threads : int
        How many to train with, at least 1.
    compile_kernels : callable
        Called with the kernels that are needed, before their addresses are.
    on_gradient : callable or None
        For tests: told each place for a gradient before it is written to; then none is used twice.
    card : Card or None
        Where to compute; None for the processor. On a card there is one thread.

    Raises
    ------
    EngineProblem
        When the graph has problems, or would take too much memory.
    CardProblem
        When the card fails, or has no room for all that.
    """

    def __init__(
        self,
        graph: Graph,
        training: Training,
        datasets: Mapping[str, Dataset],
        threads: int,
        compile_kernels: Callable[[Iterable[Wanted]], None] = lambda kernels: None,
        on_gradient: Callable[[Lowering, Tensor], None] | None = None,
        card: Card | None = None,
    ) -> None:
        self.graph = graph
        self.training = training
        self.datasets = dict(datasets)
        self.infos: dict[str, DatasetInfo] = {n: d.info for n, d in datasets.items()}
        self.inference: Inference = infer(graph, self.infos)
        if self.inference.errors:
            raise EngineProblem(self.inference.errors[0])
        self._check_sample_counts()
        optimizer = training.optimizer
        if not isinstance(optimizer, Optimizer):
            raise EngineProblem(Problem("", "The training settings name no optimizer: choose one."))
        self.optimizer = optimizer
        self.threads = max(1, min(threads, training.batch_size)) if card is None else 1
        self.space, plans = make_plans(
            graph, self.inference, self.infos, training, self.threads, on_gradient, card is not None
        )
        self._refuse_too_large(plans)
        parts = [self._arrays(split) for split in SPLITS.values()]
        if card is not None:
            refuse_what_does_not_fit(card, self.space, [plan for plan, _ in plans], parts)
        kernels = {id(k): k for plan, _ in plans for k in plan.kernels}.values()
        compile_kernels(kernels if card is None else to_compile(card, kernels))
        #: What its plans run on.
        self.device: Device = (
            CpuDevice(self.space, plans)
            if card is None
            else CudaDevice(self.space, [plan for plan, _ in plans], card, chain.from_iterable(parts))
        )
        self.train_plan, self._probe_plan, self._many_plan = self.device.plans
        self.losses = self.train_plan.plan.losses
        #: What schedule and rule for stopping remember; with the best weights, part of the state.
        self.memory: dict[str, float] = {}
        self.best: Mapping[tuple[str, str], np.ndarray] = {}
        #: The last epoch of the run, where it is not the settings'.
        self.last_epoch: int | None = None
        ring = self.space.ring
        self._ring = RateRing(self.device.arena, ring) if ring >= 0 else None
        try:
            self.set_numbers(graph, training)
            self.draw_weights(training.seed)
            self.feed_training()
        except CardProblem:
            # Nobody will close what was never made.
            self.close()
            raise

    def close(self) -> None:
        """Give back memory and helper threads."""
        self.device.close()

    # Checks ------------------------------------------------------------------------------

    def _check_sample_counts(self) -> None:
        counts = {len(d.train) for d in self.datasets.values()}
        if len(counts) > 1:
            node = list(self.datasets)[-1]
            name = self.graph.node(node).name
            raise EngineProblem(
                Problem(node, f"{name} has another number of samples than the other Data nodes: use sets of one size.")
            )
        if counts == {0}:
            node = next(iter(self.datasets))
            raise EngineProblem(Problem(node, f"{self.graph.node(node).name} has no training samples: use a larger set."))

    def _refuse_too_large(self, plans: Sequence[tuple[Plan, int]]) -> None:
        needed = self.memory_estimate = memory_of(self.space, plans)
        allowed = int(available_memory() * MEMORY_SHARE)
        if needed <= allowed:
            return
        floats: dict[str, int] = {}
        for plan, threads in plans:
            for node, count in plan.floats_by_node.items():
                floats[node] = floats.get(node, 0) + count * threads
        for (node, _), placed in self.space.placed.items():
            floats[node] = floats.get(node, 0) + placed.floats * (2 + len(self.space.slots))
        floats.pop("", None)
        largest = max(floats, key=lambda n: floats[n])
        raise EngineProblem(
            Problem(
                largest,
                f"{self.graph.node(largest).name} asks for most of the {needed / 1e9:.1f} GB this network would take, "
                f"but only {allowed / 1e9:.1f} GB are free: make it, the pictures or the batch smaller.",
            )
        )

    # Weights and numbers -----------------------------------------------------------------

    def draw_weights(self, seed: int) -> None:
        """Initial weights, those of bricks as they were learned; optimizer state goes back to its start."""
        for (node, name), placed in self.space.placed.items():
            start = self.graph.node(node).pretrained
            values = start.for_weight(placed.weight) if start is not None else None
            if values is None:
                values = draw(placed.weight.initializer, placed.weight.shape, seed, node, name)
                values.flat[slice(*placed.weight.ones)] = 1.0
            placed.write(self.device.arena, values)
        for slot, offset in self.space.slots.items():
            self.device.arena[offset : offset + self.space.trainable_floats] = self.optimizer.initial(slot)
        self.remember({}, {})

    def set_numbers(self, graph: Graph, training: Training) -> None:
        """Put live parameters of layers and optimizer where the kernels read them."""
        assert isinstance(training.optimizer, Optimizer)
        self.graph, self.training, self.optimizer = graph, training, training.optimizer
        for (owner, name), offset in self.space.numbers.items():
            if owner.startswith("optimizer"):
                base = self._rate_between_epochs() if name == "learning_rate" else getattr(self.optimizer, name)
                value = float(base) * float(owner.partition("*")[2] or 1.0)
            else:
                value = number_of(graph, owner, name)
            self.device.arena[offset] = value
        for (owner, name), (offset, count) in self.space.lists.items():
            self.device.arena[offset : offset + count] = self._list_of(owner, name, count)
        if self._ring is not None:
            self._ring.forget()

    def remember(self, memory: Mapping[str, float], best: Mapping[tuple[str, str], np.ndarray]) -> None:
        """Set what schedule and rule for stopping remember, and with it the learning rate."""
        self.memory, self.best = dict(memory), best
        self.set_numbers(self.graph, self.training)

    def own_memory(self, component: Component) -> dict[str, float]:
        """What a schedule or a rule for stopping remembers, by its own names."""
        prefix = f"{component.type_name()}."
        return {k.removeprefix(prefix): v for k, v in self.memory.items() if k.startswith(prefix)}

    def _rate_between_epochs(self) -> float:
        schedule, initial = schedule_of(self.training), self.optimizer.learning_rate
        return initial if schedule is None else schedule.current(initial, self.own_memory(schedule))

    def _rates(self, first: int, count: int) -> np.ndarray:
        schedule = schedule_of(self.training)
        assert schedule is not None
        return schedule.rates(self.optimizer.learning_rate, first, count, self._total_steps())

    def _total_steps(self) -> int:
        samples = len(next(iter(self.datasets.values())).train)
        last = self.last_epoch if self.last_epoch is not None else self.training.epochs
        return max(1, last * -(-samples // self.training.batch_size))

    def end_at(self, epoch: int) -> None:
        """Say which epoch is the run's last, for schedules that stretch over the run."""
        if epoch != self.last_epoch:
            self.last_epoch = epoch
            self.set_numbers(self.graph, self.training)

    @property
    def learning_rate(self) -> float:
        """Of the next step."""
        return float(self._rates(self.step, 1)[0]) if self._ring is not None else self._rate_between_epochs()

    def _list_of(self, node: str, name: str, count: int) -> np.ndarray:
        layer = self.graph.node(node).layer
        assert isinstance(layer, ClassLoss)
        assert name == "class_weights"
        counts = np.ones(count)
        if layer.class_weight == "balanced":
            found = self.class_counts(node, layer, count)
            if found is None:
                who = self.graph.node(node).name
                raise EngineProblem(
                    Problem(node, f"{who} can balance classes only where Data's Y is its target: wire Y to it.")
                )
            counts = found
        return layer.class_factors(counts)

    def weights(self) -> dict[tuple[str, str], np.ndarray]:
        """Copies of all weights in Keras's layout."""
        return {key: placed.read(self.device.arena) for key, placed in self.space.placed.items()}

    def node_weights(self, node: str) -> dict[str, np.ndarray]:
        """Copies of one node's weights."""
        return {name: p.read(self.device.arena) for (owner, name), p in self.space.placed.items() if owner == node}

    def node_gradients(self, node: str) -> dict[str, np.ndarray]:
        """Gradients of one node's weights in the last minibatch, as the optimizer took them."""
        total: np.ndarray | None = None
        # A limit is one on all threads' gradients, whose sum is then in the first one's place.
        summed = 1 if self.optimizer.clipping() else None
        for base in self.train_plan.bases[:summed]:
            part = self.device.arena[base : base + self.space.trainable_floats]
            total = part.copy() if total is None else total + part
        assert total is not None
        return {
            name: p.read(total)
            for (owner, name), p in self.space.placed.items()
            if owner == node and p.weight.trainable
        }

    def state(self) -> TrainingState:
        """Weights, optimizer state and place in the run; copies."""
        arena = self.device.arena
        slots = {}
        for slot, offset in self.space.slots.items():
            block = arena[offset : offset + self.space.trainable_floats]
            for (node, name), placed in self.space.placed.items():
                if placed.weight.trainable:
                    slots[node, name, slot] = placed.read(block)
        one = self.train_plan.states[0]
        return TrainingState(
            self.weights(),
            slots,
            int(one[state.STEP]),
            self.epoch,
            int(one[state.POSITION]),
            int(one[state.SEED]),
            self.optimizer.type_name(),
            dict(self.memory),
            self.best,
        )

    def restore(self, saved: TrainingState, place: bool = True) -> None:
        """Put back what fits: weights whose node and shape stay, slots of the same optimizer.

        Parameters
        ----------
        place : bool
            Also go back to its step and place in the epoch.
        """
        # By path, so that a brick that was opened or closed keeps its weights.
        by_path = {"/".join(key): placed for key, placed in self.space.placed.items()}
        for key, values in saved.weights.items():
            placed = by_path.get("/".join(key))
            if placed is not None and placed.weight.shape == values.shape:
                placed.write(self.device.arena, values)
        if saved.optimizer == self.optimizer.type_name():
            for (node, name, slot), values in saved.slots.items():
                placed = by_path.get(f"{node}/{name}")
                if placed is not None and placed.weight.shape == values.shape and slot in self.space.slots:
                    offset = self.space.slots[slot]
                    placed.write(self.device.arena, values, offset)
        if place:
            self.go_to(saved.step, int(saved.epoch), saved.position, saved.seed)
            self.remember(saved.memory, saved.best)

    # Training ----------------------------------------------------------------------------

    def feed_training(self) -> None:
        """Let the training plan run over the training part, from its start."""
        samples = len(next(iter(self.datasets.values())).train)
        for one in self.train_plan.states:
            one[state.BATCH] = self.training.batch_size
        self.device.feed(self.train_plan, self._arrays(lambda d: d.train), samples, True, self.training.seed)
        self.go_to(0, 0, 0, self.training.seed)

    def go_to(self, step: int, epoch: int, position: int, seed: int) -> None:
        """Set the place in the run; the order of the epoch follows from seed and epoch."""
        for one in self.train_plan.states:
            one[state.STEP] = step
            one[state.EPOCH] = epoch
            one[state.POSITION] = 0
            one[state.SEED] = seed
        if position:
            # One run of no minibatches makes no order, so the order is made here.
            self._shuffle_for(position)

    def _shuffle_for(self, position: int) -> None:
        from studio.engine.shuffling import epoch_order

        one = self.train_plan.states[0]
        samples = int(one[state.SAMPLES])
        # Without an order of its own, the device arranges the samples itself before it runs.
        order = epoch_order(samples, int(one[state.SEED]), int(one[state.EPOCH])) if self.train_plan.order else None
        for own in self.train_plan.order:
            own[:samples] = order
        for each in self.train_plan.states:
            each[state.POSITION] = min(position, samples - 1)

    @property
    def step(self) -> int:
        """Minibatches trained so far."""
        return int(self.train_plan.states[0][state.STEP])

    @property
    def epoch(self) -> float:
        """Passes through the training part so far."""
        one = self.train_plan.states[0]
        return int(one[state.EPOCH]) + int(one[state.POSITION]) / max(1, int(one[state.SAMPLES]))

    def steps_to(self, epoch: int) -> int:
        """Minibatches until so many passes are complete."""
        one = self.train_plan.states[0]
        samples, batch = int(one[state.SAMPLES]), int(one[state.BATCH])
        whole = epoch - int(one[state.EPOCH])
        if whole <= 0:
            return 0
        rest = -(-(samples - int(one[state.POSITION])) // batch)
        return rest + (whole - 1) * -(-samples // batch)

    def train(self, steps: int, runner: Runner | None = None) -> int:
        """Train minibatches; returns how many were trained (see `failed`)."""
        if self._ring is None:
            return self.device.run(self.train_plan, steps, runner)
        done = 0
        while done < steps:
            count = min(steps - done, MOST_STEPS)
            self._ring.fill(self.step, count, self._rates)
            done += self.device.run(self.train_plan, count, runner)
            if self.failed:
                break
        return done

    @property
    def failed(self) -> bool:
        """Whether the last minibatch's loss was not finite."""
        return self.device.failed

    def take_sums(self) -> LossSums:
        """What the losses added up since the last call."""
        return self._take(self.train_plan)
