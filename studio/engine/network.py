"""A graph ready to run: weights, plans and device, without any notion of time or threads.

`Network` is built anew whenever the graph changes in more than live numbers; weights are
carried over by `TrainingState`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.inference import Inference, infer
from studio.core.layer import ElementWise, Loss
from studio.core.optimizer import Optimizer
from studio.core.problems import Problem
from studio.core.registry import layer as layer_type
from studio.engine.arena import SharedSpace
from studio.engine.build import build_plan
from studio.engine.cpu_device import BoundPlan, CpuDevice, available_memory
from studio.engine.initializers import draw
from studio.engine.messages import Evaluation, TrainingState
from studio.engine.plan import Plan
from studio.kernels import state
from studio.kernels.jit import Kernel
from studio.kernels.simd import LANES

#: Samples of the probe batch that views show.
PROBE = 16
#: Samples at a time when a whole split is computed.
MANY = 256
#: Share of the free memory a plan may take.
MEMORY_SHARE = 0.8


class EngineProblem(RuntimeError):
    """Why a network cannot be built or go on; carries the `Problem` to show."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True)
class LossSums:
    """What the losses added up since the last look: per Loss node, then the penalty."""

    loss: np.ndarray
    right: np.ndarray
    samples: np.ndarray
    penalty: float


class Network:
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
        threads: int,
        compile_kernels: Callable[[Iterable[Kernel]], None] = lambda kernels: None,
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
        self.threads = max(1, min(threads, training.batch_size))
        self.space = SharedSpace(LANES)
        self.space.place(dict(self.inference.weights))
        for slot in optimizer.slots:
            self.space.add_slot(slot)
        shard = -(-training.batch_size // self.threads)
        plans: list[tuple[Plan, int]] = [
            (build_plan(graph, self.inference, self.infos, self.space, shard, optimizer), self.threads),
            (build_plan(graph, self.inference, self.infos, self.space, PROBE), 1),
            (build_plan(graph, self.inference, self.infos, self.space, MANY), 1),
        ]
        self._refuse_too_large(plans)
        compile_kernels({id(k): k for plan, _ in plans for k in plan.kernels}.values())
        self.device = CpuDevice(self.space, plans)
        self.train_plan, self._probe_plan, self._many_plan = self.device.plans
        self.losses = self.train_plan.plan.losses
        self.set_numbers(graph, training)
        self.draw_weights(training.seed)
        self.feed_training()

    def close(self) -> None:
        """End helper threads."""
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
        needed = CpuDevice.estimate(self.space, plans)
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
        """Initial weights; optimizer state goes back to zero."""
        for (node, name), placed in self.space.placed.items():
            values = draw(placed.weight.initializer, placed.weight.shape, seed, node, name)
            placed.write(self.device.arena, values)
        for offset in self.space.slots.values():
            self.device.arena[offset : offset + self.space.trainable_floats] = 0.0

    def set_numbers(self, graph: Graph, training: Training) -> None:
        """Put live parameters of layers and optimizer where the kernels read them."""
        assert isinstance(training.optimizer, Optimizer)
        self.graph, self.training, self.optimizer = graph, training, training.optimizer
        for (owner, name), offset in self.space.numbers.items():
            if owner == "optimizer":
                value = training.optimizer.numbers()[name]
            elif owner.startswith("default:"):
                default = layer_type(owner.removeprefix("default:"))()
                assert isinstance(default, ElementWise)
                value = default.numbers()[name]
            else:
                value = float(getattr(graph.node(owner).layer, name))
            self.device.arena[offset] = value

    def weights(self) -> dict[tuple[str, str], np.ndarray]:
        """Copies of all weights in Keras's layout."""
        return {key: placed.read(self.device.arena) for key, placed in self.space.placed.items()}

    def node_weights(self, node: str) -> dict[str, np.ndarray]:
        """Copies of one node's weights."""
        return {name: p.read(self.device.arena) for (owner, name), p in self.space.placed.items() if owner == node}

    def node_gradients(self, node: str) -> dict[str, np.ndarray]:
        """Gradients of one node's weights in the last minibatch."""
        total: np.ndarray | None = None
        for base in self.train_plan.bases:
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
        )

    def restore(self, saved: TrainingState, place: bool = True) -> None:
        """Put back what fits: weights whose node and shape stay, slots of the same optimizer.

        Parameters
        ----------
        place : bool
            Also go back to its step and place in the epoch.
        """
        for key, values in saved.weights.items():
            placed = self.space.placed.get(key)
            if placed is not None and placed.weight.shape == values.shape:
                placed.write(self.device.arena, values)
        if saved.optimizer == self.optimizer.type_name():
            for (node, name, slot), values in saved.slots.items():
                placed = self.space.placed.get((node, name))
                if placed is not None and placed.weight.shape == values.shape and slot in self.space.slots:
                    offset = self.space.slots[slot]
                    placed.write(self.device.arena[offset : offset + self.space.trainable_floats], values)
        if place:
            self.go_to(saved.step, int(saved.epoch), saved.position, saved.seed)

    # Training ----------------------------------------------------------------------------

    def _arrays(self, split: Callable[[Dataset], Split]) -> list[np.ndarray]:
        ordered = [self.datasets[n.id] for n in self.graph.nodes if n.id in self.datasets]
        return [array for dataset in ordered for array in (split(dataset).x, split(dataset).y)]

    def feed_training(self) -> None:
        """Let the training plan run over the training part, from its start."""
        samples = len(next(iter(self.datasets.values())).train)
        self.device.feed(self.train_plan, self._arrays(lambda d: d.train), samples, True, self.training.seed)
        for one in self.train_plan.states:
            one[state.BATCH] = self.training.batch_size
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
        order = epoch_order(samples, int(one[state.SEED]), int(one[state.EPOCH]))
        for own, each in zip(self.train_plan.order, self.train_plan.states, strict=True):
            own[:samples] = order
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

    def train(self, steps: int) -> int:
        """Train minibatches; returns how many were trained (see `failed`)."""
        return self.device.run(self.train_plan, steps)

    @property
    def failed(self) -> bool:
        """Whether the last minibatch's loss was not finite."""
        return self.device.failed

    def take_sums(self) -> LossSums:
        """What the losses added up since the last call."""
        return self._take(self.train_plan)

    def _take(self, bound: BoundPlan) -> LossSums:
        total = bound.sums.sum(0)
        steps = max(1.0, float(total[state.PENALTY_STEPS]))
        blocks = total[: state.SUMS_PER_LOSS * len(bound.plan.losses)].reshape(-1, state.SUMS_PER_LOSS)
        bound.sums[:] = 0.0
        return LossSums(blocks[:, 0].copy(), blocks[:, 1].copy(), blocks[:, 2].copy(), float(total[state.PENALTY_SUM]) / steps)

    # Looking -----------------------------------------------------------------------------

    def evaluate(self, split: Callable[[Dataset], Split]) -> Evaluation | None:
        """Loss, accuracy and confusion matrix on a split; None if it is empty."""
        arrays = self._arrays(split)
        samples = len(arrays[0])
        if samples == 0 or not self.losses:
            return None
        bound = self._many_plan
        self._start(bound, arrays, samples)
        bound.sums[:] = 0.0
        first_loss = self.losses[0]
        place = bound.plan.predictions.get(first_loss)
        labels = self._labels(first_loss, split)
        predicted = np.empty(samples, np.int64)
        for start in range(0, samples, MANY):
            self.device.run(bound, 1)
            if place is not None:
                begin = bound.bases[0] + place.offset
                count = min(MANY, samples - start)
                predicted[start : start + count] = self.device.arena[begin : begin + count]
        sums = self._take(bound)
        loss = self.total_loss(sums)
        if place is None:
            return Evaluation(loss, epoch=self.epoch)
        accuracy = float(sums.right[0] / max(1.0, sums.samples[0]))
        confusion = None
        if labels is not None:
            classes = max(2, len(self._info_of(first_loss).classes), int(labels.max(initial=0)) + 1, int(predicted.max()) + 1)
            confusion = np.zeros((classes, classes), np.int64)
            np.add.at(confusion, (labels, predicted), 1)
        return Evaluation(loss, accuracy, confusion, self.epoch)

    def total_loss(self, sums: LossSums) -> float:
        """The number training minimises: weighted mean losses and penalties."""
        means = sums.loss / np.maximum(sums.samples, 1.0)
        weights = []
        for node in self.losses:
            layer = self.graph.node(node).layer
            assert isinstance(layer, Loss)
            weights.append(layer.weight)
        return float(np.dot(means, weights)) + sums.penalty

    def has_accuracy(self) -> bool:
        """Whether the first loss counts right answers."""
        layer = self.graph.node(self.losses[0]).layer if self.losses else None
        return isinstance(layer, Loss) and self.losses[0] in self._many_plan.plan.predictions

    def _target_source(self, loss: str) -> tuple[str, int]:
        edge = self.graph.incoming(loss)[1]
        return edge.source, edge.source_port

    def _info_of(self, loss: str) -> DatasetInfo:
        node, _port = self._target_source(loss)
        return self.infos.get(node, next(iter(self.infos.values())))

    def _labels(self, loss: str, split: Callable[[Dataset], Split]) -> np.ndarray | None:
        node, port = self._target_source(loss)
        if node not in self.datasets or port != 1:
            return None
        y = split(self.datasets[node]).y
        kind = self.datasets[node].info.target
        if kind == "labels":
            return y.astype(np.int64).reshape(len(y))
        return y.argmax(-1).astype(np.int64) if kind == "one_hot" else None

    def _start(self, bound: BoundPlan, arrays: Sequence[np.ndarray], samples: int) -> None:
        self.device.feed(bound, arrays, samples, False, 0)
        for one in bound.states:
            one[state.BATCH] = bound.plan.shard
            one[state.POSITION] = 0
            one[state.EPOCH] = 0

    def read_output(self, bound: BoundPlan, node: str, count: int) -> np.ndarray | None:
        """Output of a node for the columns of the last minibatch: ``(count, *shape)``."""
        tensor = bound.plan.outputs.get((node, 0))
        if tensor is None or not tensor.shape:
            return None
        begin = bound.bases[0] + tensor.base.offset
        arena = self.device.arena
        block = np.lib.stride_tricks.as_strided(
            arena[begin:],
            (tensor.rows, tensor.row_length, count),
            (4 * tensor.row_stride, 4 * tensor.batch, 4),
        )
        return np.ascontiguousarray(block.reshape(-1, count).T).reshape(count, *tensor.shape)

    def look(self, arrays: Sequence[np.ndarray], nodes: Iterable[str]) -> dict[str, np.ndarray]:
        """Outputs of nodes for given samples, in inference mode.

        Parameters
        ----------
        arrays : sequence of numpy.ndarray
            X and Y of each Data node in turn, as many samples each.
        nodes : iterable of str

        Returns
        -------
        dict of str to numpy.ndarray
            float32 ``(samples, *shape)``.
        """
        wanted = list(nodes)
        samples = len(arrays[0])
        bound = self._probe_plan if samples <= PROBE else self._many_plan
        chunk = bound.plan.shard
        self._start(bound, arrays, samples)
        parts: dict[str, list[np.ndarray]] = {}
        for start in range(0, samples, chunk):
            self.device.run(bound, 1)
            count = min(chunk, samples - start)
            for node in wanted:
                seen = self.read_output(bound, node, count)
                if seen is not None:
                    parts.setdefault(node, []).append(seen)
        return {node: np.concatenate(seen) if len(seen) > 1 else seen[0] for node, seen in parts.items()}

    def probe_arrays(self, first: int) -> list[np.ndarray]:
        """The probe batch: up to `PROBE` validation samples from `first` on, wrapping around."""
        def part(split: Split) -> np.ndarray:
            return (np.arange(min(PROBE, len(split))) + first) % max(1, len(split))

        def chosen(dataset: Dataset) -> Split:
            split = dataset.validation if len(dataset.validation) else dataset.train
            return Split(split.x[part(split)], split.y[part(split)])

        return self._arrays(chosen)
