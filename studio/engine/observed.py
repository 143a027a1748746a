"""What can be read out of a network: losses, outputs of its nodes, how well it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from studio.core.dataset import Dataset, DatasetInfo, Samples, Split, TargetKind
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.inference import Inference
from studio.core.layer import Loss
from studio.core.loss import ClassLoss, class_numbers
from studio.core.lowering import Tensor
from studio.core.metric import confusion
from studio.core.parts import owner_of
from studio.core.shapes import size
from studio.engine.arena import SharedSpace
from studio.engine.device import BoundPlan, Device
from studio.engine.measuring import Measuring, chosen_metrics
from studio.engine.messages import Evaluation
from studio.kernels import state

#: Samples of the probe batch that views show.
PROBE = 16
#: Samples at a time when a whole split is computed, where they are not too large.
MANY = 256
#: Most samples that a projection of what a layer gives is made of.
SCATTER_SAMPLES = 500
#: Classes that a confusion matrix has at most: words of a vocabulary are too many to look at.
MOST_CLASSES = 1024


#: The parts of a data set, by name.
SPLITS: dict[str, Callable[[Dataset], Split]] = {
    "train": lambda d: d.train,
    "validation": lambda d: d.validation,
    "test": lambda d: d.test,
}


@dataclass(frozen=True)
class LossSums:
    """What the losses added up since the last look: per Loss node, then the penalty.

    `samples` are those that were scored; with steps that do not count, a share of one. Of these
    `answered` are those whose answer is right or wrong: what has the weight 0 is neither.
    """

    loss: np.ndarray
    right: np.ndarray
    samples: np.ndarray
    answered: np.ndarray
    penalty: float

    def accuracy(self) -> float:
        """Share of right answers by the first loss."""
        return float(self.right[0] / self.answered[0]) if self.answered[0] else 0.0


class Observed:
    """The reading half of `studio.engine.network.Network`; it never changes a weight."""

    graph: Graph
    datasets: dict[str, Dataset]
    infos: dict[str, DatasetInfo]
    device: Device
    inference: Inference
    losses: tuple[str, ...]
    training: Training
    space: SharedSpace
    train_plan: BoundPlan
    _probe_plan: BoundPlan
    _many_plan: BoundPlan

    @property
    def epoch(self) -> float:
        """Passes through the training part so far."""
        raise TypeError("A network knows its epoch.")

    def _arrays(self, split: Callable[[Dataset], Split]) -> list[Samples]:
        ordered = [self.datasets[n.id] for n in self.graph.nodes if n.id in self.datasets]
        return [array for dataset in ordered for array in split(dataset).arrays]

    def _take(self, bound: BoundPlan) -> LossSums:
        total = bound.sums.sum(0)
        steps = max(1.0, float(total[state.PENALTY_STEPS]))
        blocks = total[: state.SUMS_PER_LOSS * len(bound.plan.losses)].reshape(-1, state.SUMS_PER_LOSS)
        bound.sums[:] = 0.0
        loss, right, answered, left_out = blocks.T.copy()
        return LossSums(loss, right, answered + left_out, answered, float(total[state.PENALTY_SUM]) / steps)

    def evaluate(self, split: Callable[[Dataset], Split]) -> Evaluation | None:
        """Loss, accuracy, confusion matrix and metrics on a split; None if it is empty."""
        arrays = self._arrays(split)
        samples = len(arrays[0])
        if samples == 0 or not self.losses:
            return None
        bound = self._many_plan
        self._start(bound, arrays, samples)
        bound.sums[:] = 0.0
        first_loss = self.losses[0]
        place, terms = bound.plan.predictions.get(first_loss, (None, 1))
        if not self.has_accuracy():
            place = None
        labels = self._labels(first_loss, split) if place is not None else None
        if labels is not None and labels.shape != (samples, terms):
            labels = None
        predicted = np.empty((samples, terms), np.int64) if place is not None else None
        if labels is not None:
            labels = np.where(labels == getattr(self._loss(first_loss), "ignore_class", -1), -1, labels)
        measuring = self._measuring(first_loss, classes=place is not None)
        output, _ = self._input_of(first_loss, 0)
        target, target_port = self._input_of(first_loss, 1)
        many = bound.plan.shard
        for start in range(0, samples, many):
            self.device.run(bound, 1)
            count = min(many, samples - start)
            chunk = slice(start, start + count)
            if place is not None and predicted is not None:
                begin = bound.bases[0] + place.offset
                rows = self.device.arena[begin : begin + terms * many]
                predicted[chunk] = rows.reshape(terms, many)[:, :count].T
            if labels is not None and predicted is not None:
                labels[chunk][self._weighs_nothing(bound, first_loss, count, terms)] = -1
                measuring.add_answers(predicted[chunk], labels[chunk])
            if not measuring.reads_outputs:
                continue
            outputs = self.read_output(bound, output, count)
            if outputs is None:
                continue
            if place is None:
                answers: np.ndarray | None = None
                if target in self.datasets:
                    part = split(self.datasets[target])
                    answers = part.arrays[target_port][chunk]
                else:
                    answers = self.read_output(bound, target, count)
                if answers is not None:
                    measuring.add_values(outputs, answers)
            elif labels is not None:
                measuring.add_scores(outputs, labels[chunk])
        sums = self._take(bound)
        loss = self.total_loss(sums) + self.penalty()
        if predicted is None:
            return Evaluation(loss, epoch=self.epoch, metrics=measuring.results(None))
        counts = None
        if labels is not None:
            counts = self._confusion(first_loss, labels[labels >= 0], predicted[labels >= 0])
        return Evaluation(loss, sums.accuracy(), counts, self.epoch, measuring.results(counts))

    def _weighs_nothing(self, bound: BoundPlan, loss: str, count: int, terms: int) -> np.ndarray:
        """Which terms of the last minibatch have the weight 0, bool ``(count, terms)``."""
        wire = next((e for e in self.graph.incoming(loss) if e.target_port == 2), None)
        weights = None if wire is None else self.read_output(bound, wire.source, count, wire.source_port)
        if weights is None:
            return np.zeros((count, terms), bool)
        given = weights.reshape(count, -1)
        return np.repeat(given == 0, terms // given.shape[1], 1)

    def _confusion(self, loss: str, labels: np.ndarray, predicted: np.ndarray) -> np.ndarray | None:
        """How often each class was taken for each; None where there are too many."""
        known = max(2, self._known_classes(loss))
        if max(known, int(labels.max(initial=0)), int(predicted.max(initial=0))) > MOST_CLASSES:
            return None
        return confusion(predicted, labels, known)

    def _measuring(self, loss: str, classes: bool) -> Measuring:
        """The metrics that suit the first loss, ready to take outputs."""
        prediction = self.inference.input_shapes[loss][0]
        source, port = self._input_of(loss, 1)
        info = self.infos.get(source)
        whole = info is None or (port == 1 and not info.continues)
        metrics = chosen_metrics(self.training, classes, self._loss(loss), prediction, whole)
        dataset = self.datasets.get(source)
        scale = np.ones(1, np.float32) if dataset is None else dataset.y_scale if port == 1 else dataset.x_scale
        return Measuring(metrics, scale)

    def _loss(self, node: str) -> Loss:
        layer = self.graph.node(node).layer
        assert isinstance(layer, Loss)
        return layer

    def penalty(self) -> float:
        """What the size of the weights adds to the loss, for the weights as they are."""
        total = 0.0
        for (node, name), placed in self.space.placed.items():
            learns = self.graph.node(node).trainable and (node, 0) in self.train_plan.plan.outputs
            if placed.weight.penalized and learns:
                layer, _, _ = owner_of(self.graph.node(node).layer, name)
                l1, l2 = float(getattr(layer, "l1", 0.0)), float(getattr(layer, "l2", 0.0))
                if l1 or l2:
                    weight = placed.read(self.device.arena).astype(np.float64)
                    total += l1 * float(np.abs(weight).sum()) + l2 * float((weight**2).sum())
        return total

    def total_loss(self, sums: LossSums) -> float:
        """The number training minimises: weighted mean losses and penalties."""
        # Where some terms do not count, the number of samples is not whole.
        means = sums.loss / np.where(sums.samples > 0, sums.samples, 1.0)
        weights = []
        for node in self.losses:
            layer = self.graph.node(node).layer
            assert isinstance(layer, Loss)
            weights.append(layer.weight)
        return float(np.dot(means, weights)) + sums.penalty

    def has_accuracy(self) -> bool:
        """Whether the first loss counts right answers."""
        if not self.losses or self.losses[0] not in self._many_plan.plan.predictions:
            return False
        # Pictures and other rows of numbers that are to be matched are no choice among classes.
        _, terms = self._many_plan.plan.predictions[self.losses[0]]
        prediction = self.inference.input_shapes[self.losses[0]][0]
        return self.target_kind(self.losses[0]) != "values" or size(prediction) == terms == 1

    @property
    def output(self) -> str:
        """Id of the node whose output the first loss scores; empty without a loss."""
        return self._input_of(self.losses[0], 0)[0] if self.losses else ""

    def target_kind(self, loss: str) -> TargetKind:
        """What the loss's target holds; plain values unless it comes from Data as it is."""
        node, port = self._input_of(loss, 1)
        return self.infos[node].kind_of(port) if node in self.infos else "values"

    def _input_of(self, loss: str, port: int) -> tuple[str, int]:
        """Where the prediction (port 0) or the target (port 1) of a loss comes from."""
        edge = self.graph.incoming(loss)[port]
        return edge.source, edge.source_port

    def _known_classes(self, loss: str) -> int:
        """How many names there are for the classes of the loss's target."""
        node, port = self._input_of(loss, 1)
        if node not in self.infos:
            node, port = next(iter(self.infos)), 1
        return len(self.infos[node].names_of(port))

    def _labels(self, loss: str, split: Callable[[Dataset], Split]) -> np.ndarray | None:
        """Class of each term of each sample, int64 ``(samples, terms)``; None where there are no classes."""
        kind = self.target_kind(loss)
        if kind == "values":
            return None
        node, port = self._input_of(loss, 1)
        part = split(self.datasets[node])
        target = part.y if port == 1 else np.asarray(part.x)
        return class_numbers(target, kind).reshape(len(target), -1)

    def class_counts(self, node: str, loss: ClassLoss, classes: int) -> np.ndarray | None:
        """How many terms of the training part are of each class; None where the target is not Data's Y."""
        source, port = self._input_of(node, 1)
        if source not in self.datasets:
            return None
        train = self.datasets[source].train
        numbers = class_numbers(np.asarray(train.arrays[port]), loss.class_kind)
        counts = np.bincount(numbers[numbers >= 0], minlength=classes)[:classes]
        ignored = getattr(loss, "ignore_class", -1)
        if 0 <= ignored < classes:
            counts[ignored] = 0
        return np.asarray(counts, np.float64)

    def _start(self, bound: BoundPlan, arrays: Sequence[Samples], samples: int) -> None:
        self.device.feed(bound, arrays, samples, False, 0)
        for one in bound.states:
            one[state.BATCH] = bound.plan.shard
            one[state.POSITION] = 0
            one[state.EPOCH] = 0

    def read_output(self, bound: BoundPlan, node: str, count: int, port: int = 0) -> np.ndarray | None:
        """Output of a node for the columns of the last minibatch: ``(count, *shape)``.

        One number a sample is ``(count,)`` where it comes from Data, and nothing where it is a loss.
        """
        tensor = bound.plan.outputs.get((node, port))
        if tensor is None or (not tensor.shape and node not in self.infos):
            return None
        return self.read_tensor(bound, tensor, count)

    def read_extras(self, node: str, count: int) -> dict[str, np.ndarray]:
        """What there is to see beside the node's output, for the first `count` samples of the last look."""
        bound = self._probe_plan
        count = min(count, PROBE)
        return {n: self.read_tensor(bound, t, count) for (owner, n), t in bound.plan.extras.items() if owner == node}

    def read_tensor(self, bound: BoundPlan, tensor: Tensor, count: int) -> np.ndarray:
        """A copy of what is at a tensor's place for the columns of the last minibatch: ``(count, *shape)``."""
        begin = bound.bases[0] + tensor.base.offset
        arena = self.device.arena
        length = (tensor.rows - 1) * tensor.row_stride + (tensor.row_length - 1) * tensor.batch + count
        block = np.lib.stride_tricks.as_strided(
            arena[begin : begin + length],
            (tensor.rows, tensor.row_length, count),
            (4 * tensor.row_stride, 4 * tensor.batch, 4),
        )
        # Always a copy: one row is contiguous as it is, and the next minibatch overwrites it.
        return np.array(block.reshape(-1, count).T, order="C").reshape(count, *tensor.shape)

    def look(self, arrays: Sequence[Samples], nodes: Iterable[str]) -> dict[str, np.ndarray]:
        """Outputs of nodes for given samples, in inference mode.

        Parameters
        ----------
        arrays : sequence of numpy.ndarray
            What the outputs of each Data node in turn give, as many samples each.
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
            return split.take(part(split))

        return [np.asarray(array) for array in self._arrays(chosen)]
