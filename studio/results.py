"""What a training run came to, how it goes and why it cannot, for Python and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from studio.engine.messages import Evaluation

SPLITS = ("train", "validation", "test")


class ProjectError(RuntimeError):
    """What was asked cannot be done with this project; the message is for people.

    It is one plain sentence, or one a line where a graph has several problems.
    """


@dataclass(frozen=True)
class TrainingResult:
    """What a training run came to.

    Parameters
    ----------
    epochs : float
        Passes through the training part since the very start; a whole number unless stopped.
    steps : int
        Minibatches since the very start.
    evaluations : dict of str to Evaluation
        Of ``train``, ``validation`` and ``test``; empty parts are absent.
    seconds : float
        Spent training; loading data and preparing kernels come on top.
    preparing_seconds : float
        Spent loading data and preparing kernels.
    samples_per_second : float
        Training samples seen in this run, by `seconds`.
    device : str
    threads : int
    seed : int
    parameters : int
        Numbers in all weights.
    stopped : bool
        Whether it was asked to stop before its end.
    message : str
        Why it ended early by itself, and whether the best weights are back; mostly empty.
    """

    epochs: float
    steps: int
    evaluations: dict[str, Evaluation]
    seconds: float
    preparing_seconds: float
    samples_per_second: float
    device: str
    threads: int
    seed: int
    parameters: int
    stopped: bool = False
    message: str = ""

    def to_json(self) -> dict[str, Any]:
        """As ``studio train --json`` prints it."""
        epochs = round(self.epochs, 6)
        return {
            "epochs": int(epochs) if epochs == int(epochs) else epochs,
            "steps": self.steps,
            **{name: evaluation_to_json(self.evaluations.get(name)) for name in SPLITS},
            "seconds": round(self.seconds, 4),
            "preparing_seconds": round(self.preparing_seconds, 4),
            "samples_per_second": round(self.samples_per_second, 1),
            "device": self.device,
            "threads": self.threads,
            "seed": self.seed,
            "parameters": self.parameters,
            "stopped": self.stopped,
            **({"message": self.message} if self.message else {}),
        }


def evaluation_to_json(evaluation: Evaluation | None) -> dict[str, float] | None:
    """Loss, accuracy where there are classes, and the metrics; None for an empty part."""
    if evaluation is None:
        return None
    values = {"loss": evaluation.loss}
    if evaluation.accuracy is not None:
        values["accuracy"] = evaluation.accuracy
    values |= {name: value for name, value in evaluation.metrics.items() if name != "accuracy"}
    return values


@dataclass(frozen=True)
class Progress:
    """Where training stands, for whoever shows it.

    Parameters
    ----------
    message : str
        What is being prepared; empty once training runs.
    done : float
        Share of the preparation or of the training that is done, 0 to 1.
    epoch, epochs : float
        Passes so far and at the end.
    train, validation : Evaluation or None
        The latest.
    samples_per_second : float
    """

    message: str = ""
    done: float = 0.0
    epoch: float = 0.0
    epochs: float = 0.0
    train: Evaluation | None = None
    validation: Evaluation | None = None
    samples_per_second: float = 0.0


def silent(progress: Progress) -> None:
    """Show nothing."""
