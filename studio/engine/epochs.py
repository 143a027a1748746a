"""What happens when an epoch ends: the schedule looks at a monitor, and so does the rule for stopping."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from studio.core.monitor import in_words
from studio.engine.messages import Evaluation, TrainingState
from studio.engine.network import Network, schedule_of
from studio.engine.observed import LossSums
from studio.engine.stopping import EarlyStopping

#: Longer than any run: the best weights are kept, but nothing is stopped.
_NEVER = 1_000_000_000
#: Names, in the network's memory, of what the epoch so far has added up to.
_SUMS = "epoch."


@dataclass
class EpochWatch:
    """Watches a network from epoch to epoch; all it remembers is in the network's memory."""

    network: Network
    #: What there was to watch at the ends of the epochs so far; None before the first.
    _seen: set[str] | None = None

    @property
    def rule(self) -> EarlyStopping | None:
        """When to stop and whether to keep the best weights; None for neither."""
        training = self.network.training
        rule = training.early_stopping
        if not isinstance(rule, EarlyStopping):
            rule = EarlyStopping(patience=_NEVER) if training.keep_best_weights else None
        if rule is not None and training.keep_best_weights:
            rule = rule.replace(restore_best_weights=True)
        return rule

    @property
    def monitors(self) -> tuple[str, ...]:
        """What is watched; without a validation part, the training part takes its place."""
        schedule, rule = schedule_of(self.network.training), self.rule
        wanted = [schedule.watched() if schedule is not None else "", rule.monitor if rule is not None else ""]
        return tuple(self._available(name) for name in wanted if name)

    def _available(self, monitor: str) -> str:
        of_training = monitor.removeprefix("val_")
        validated = len(next(iter(self.network.datasets.values())).validation)
        return monitor if validated or of_training not in ("loss", "accuracy") else of_training

    @property
    def counts_training(self) -> bool:
        """Whether it must be told of every minibatch's loss."""
        return any(not name.startswith("val_") for name in self.monitors)

    def add(self, sums: LossSums, steps: int) -> None:
        """Take account of so many minibatches of the epoch."""
        memory = self.network.memory
        parts = {"penalty": sums.penalty * steps, "steps": float(steps)}
        for i in range(len(sums.loss)):
            parts |= {f"loss{i}": sums.loss[i], f"right{i}": sums.right[i]}
            parts |= {f"samples{i}": sums.samples[i], f"answered{i}": sums.answered[i]}
        for name, value in parts.items():
            # A loss that is not finite ends the run; it must not be in a file.
            total = memory.get(_SUMS + name, 0.0) + float(value)
            memory[_SUMS + name] = total if math.isfinite(total) else 0.0

    def _training_values(self) -> dict[str, float]:
        """Loss and accuracy over the epoch that ends."""
        memory, network = self.network.memory, self.network
        count = len(network.losses)

        def column(name: str) -> np.ndarray:
            return np.array([memory.get(f"{_SUMS}{name}{i}", 0.0) for i in range(count)])

        samples = column("samples")
        if not count or not samples.any():
            return {}
        penalty = memory.get(f"{_SUMS}penalty", 0.0) / max(1.0, memory.get(f"{_SUMS}steps", 0.0))
        sums = LossSums(column("loss"), column("right"), samples, column("answered"), penalty)
        found = {"loss": network.total_loss(sums)}
        if network.has_accuracy():
            found["accuracy"] = sums.accuracy()
        return found

    def end_epoch(self, validation: Evaluation | None) -> str:
        """Act at the end of an epoch.

        Returns
        -------
        str
            Why training is to stop, in one sentence; empty if it is to go on.
        """
        network = self.network
        values = self._training_values()
        if validation is not None:
            values["val_loss"] = validation.loss
            values |= {f"val_{name}": value for name, value in validation.metrics.items()}
            if validation.accuracy is not None:
                values["val_accuracy"] = validation.accuracy
        memory = {k: v for k, v in network.memory.items() if not k.startswith(_SUMS)}
        best = network.best
        epoch = round(network.epoch)
        self._seen = (self._seen or set()) | values.keys()
        schedule, rule = schedule_of(network.training), self.rule
        if schedule is not None and schedule.watched():
            value = values.get(self._available(schedule.watched()))
            if value is not None:
                own = schedule.after_epoch(network.optimizer.learning_rate, network.own_memory(schedule), value)
                memory |= {f"{schedule.type_name()}.{k}": v for k, v in own.items()}
        sentence = ""
        if rule is not None:
            value = values.get(self._available(rule.monitor))
            if value is not None:
                own = rule.after_epoch(network.own_memory(rule), epoch, value)
                memory |= {f"{rule.type_name()}.{k}": v for k, v in own.items()}
                if rule.restore_best_weights and (own.get("best_epoch") == epoch or not best):
                    best = network.weights()
                if own.get("stopped"):
                    sentence = _why_stopped(self._available(rule.monitor), own)
        network.remember(memory, best if rule is not None and rule.restore_best_weights else {})
        return sentence

    def finish(self) -> str:
        """At the end of training, put the best weights back if that is wanted.

        Returns
        -------
        str
            Which weights are back, or what could not be watched; empty if there is nothing to say.
        """
        absent = [] if self._seen is None else [name for name in self.monitors if name not in self._seen]
        sentences = [f"There was no {in_words(name).removeprefix('the ')} to watch: choose another monitor." for name in absent[:1]]
        network, rule = self.network, self.rule
        if rule is not None and rule.restore_best_weights and network.best:
            epoch = network.own_memory(rule).get("best_epoch", 0.0)
            if epoch != network.epoch:
                network.restore(TrainingState(network.best), place=False)
                monitor = in_words(self._available(rule.monitor))
                sentences.append(f"The weights of epoch {epoch:.0f} are back, the best ones by {monitor}.")
        return " ".join(sentences)

    def begin(self) -> None:
        """Training is asked for: what has stopped it before counts no longer."""
        if self.network.memory.get("EarlyStopping.stopped"):
            kept = {k: v for k, v in self.network.memory.items() if not k.startswith("EarlyStopping.")}
            self.network.remember(kept, {})


def _why_stopped(monitor: str, memory: dict[str, float]) -> str:
    waited = int(memory["wait"])
    epochs = "1 epoch" if waited == 1 else f"{waited} epochs"
    return (
        f"Training stopped early: {in_words(monitor)} has not improved for {epochs}, "
        f"since epoch {memory.get('best_epoch', 0.0):.0f}."
    )
