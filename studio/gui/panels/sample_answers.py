"""Validation samples with their right answers and the network's (no widgets)."""

from __future__ import annotations

import numpy as np

from studio.core.dataset import Dataset
from studio.core.vocabulary import PADDING, has_characters, is_special, joined, text_of
from studio.gui.panels.class_scores import (
    class_names,
    class_numbers,
    class_scores,
    one_class_each,
    step_classes,
)
from studio.gui.panels.ticks import number_text

#: Numbers a sample that a list has room for.
_MOST_VALUES = 4
#: Pieces of a text, each with whether it is wrong.
Runs = list[tuple[str, bool]]


class Samples:
    """What the lists of samples show: a data set's validation samples and the network's answers.

    Answers are classes, one a sample, or words, one for each step of a sequence.
    """

    def __init__(self) -> None:
        self.dataset: Dataset | None = None
        self.port = 1
        self.labels: np.ndarray = np.empty(0, int)
        self.answers: np.ndarray = np.empty(0, int)
        self.order: np.ndarray = np.empty(0, int)
        #: The network's numbers for the first samples, ``(samples, numbers)``, where numbers are predicted.
        self.values: np.ndarray = np.empty((0, 0), np.float32)
        #: The network's class of each pixel of the first samples, where the answers are pictures.
        self.guesses: np.ndarray = np.empty((0, 0, 0), np.uint8)

    def load(self, dataset: Dataset | None, port: int = 1) -> None:
        """Take another data set; the answers of the old one are forgotten.

        Parameters
        ----------
        port : int
            Of Data, that the answers are compared with: 1 (Y), or 0 where X is to be found again.
        """
        self.dataset, self.port = dataset, port
        self.labels = np.empty(0, int)
        self.answers = np.empty(0, int)
        self.guesses = np.empty((0, 0, 0), np.uint8)
        self.values = np.empty((0, 0), np.float32)
        count = 0
        if dataset is not None:
            part, info = dataset.validation, dataset.info
            count = len(part)
            steps = step_classes(part.y if port == 1 else part.x, info, port)
            if steps is not None:
                self.labels = steps
            elif port == 1 and one_class_each(info):
                self.labels = class_numbers(part.y, len(info.classes))
        self.order = np.arange(count)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes or words that the answers are."""
        return () if self.dataset is None else self.dataset.info.names_of(self.port)

    @property
    def has_classes(self) -> bool:
        """Whether answers are classes, or words."""
        return len(self.labels) > 0

    @property
    def has_steps(self) -> bool:
        """Whether there is an answer for each step of a sequence."""
        return self.labels.ndim == 2

    @property
    def has_masks(self) -> bool:
        """Whether there is an answer for each pixel of a picture."""
        info = None if self.dataset is None else self.dataset.info
        return info is not None and self.port == 1 and info.target == "labels" and len(info.y_shape) == 2 and not info.vocabulary

    @property
    def has_values(self) -> bool:
        """Whether a few numbers are predicted for each sample."""
        info = None if self.dataset is None else self.dataset.info
        return info is not None and self.port == 1 and info.target == "values" and self._true_values(0).size <= _MOST_VALUES

    def _true_values(self, number: int) -> np.ndarray:
        """The right numbers in the units the data came in, ``(numbers,)``."""
        assert self.dataset is not None
        y = self.dataset.validation.y[number : number + 1]
        return np.ravel(y * self.dataset.y_scale + self.dataset.y_mean)

    def error(self, number: int) -> float | None:
        """How far the network's first number is above the true one; None while it is not known."""
        if not self.has_values or number >= len(self.values):
            return None
        return float(self.values[number, 0] - self._true_values(number)[0])

    def mask(self, number: int) -> np.ndarray:
        """The right class of each pixel, uint8 ``(height, width)``."""
        assert self.dataset is not None
        return np.asarray(np.rint(self.dataset.validation.y[number]), np.uint8)

    def guess(self, number: int) -> np.ndarray | None:
        """The network's class of each pixel, uint8 ``(height, width)``; None while it is not known."""
        return self.guesses[number] if number < len(self.guesses) else None

    @property
    def has_text(self) -> bool:
        """Whether the network sees words."""
        return self.dataset is not None and bool(self.dataset.info.vocabulary) and self.dataset.validation.x.ndim == 2

    @property
    def is_whole(self) -> bool:
        """Whether a sample's answer is right or wrong as a whole, so that there are mistakes to list."""
        info = None if self.dataset is None else self.dataset.info
        return info is not None and not (self.has_steps and (info.continues or self.port == 0))

    def take_scores(self, scores: np.ndarray) -> None:
        """Take the outputs of the last layer for the first samples, ``(samples, features)``."""
        known = len(self.names)
        if self.has_values:
            assert self.dataset is not None
            if scores.shape[-1] == self._true_values(0).size:
                scale, mean = np.ravel(self.dataset.y_scale), np.ravel(self.dataset.y_mean)
                self.values = scores.reshape(len(scores), -1) * scale + mean
            return
        if self.has_masks:
            assert self.dataset is not None
            height, width = self.dataset.info.y_shape
            if scores.shape[-1] % (height * width) == 0 and scores.shape[-1] >= height * width * max(2, known):
                by_pixel = scores.reshape(len(scores), height, width, -1)
                self.guesses = by_pixel[..., :known].argmax(-1).astype(np.uint8)
            return
        if self.has_steps:
            steps = self.labels.shape[1]
            if scores.shape[-1] % steps == 0 and scores.shape[-1] // steps >= known:
                by_step = scores.reshape(len(scores), steps, -1)
                self.answers = by_step[..., :known].argmax(-1)[: len(self.labels)]
            return
        self.answers = class_scores(scores, known).argmax(-1)[: len(self.labels)]

    @property
    def counted(self) -> np.ndarray:
        """Which answers that are known count: filling behind the end of a sequence does not."""
        labels = self.labels[: len(self.answers)]
        return labels != PADDING if self.has_steps and not self.names[0] else np.ones(labels.shape, bool)

    @property
    def mistakes(self) -> np.ndarray:
        """Which of the known answers are wrong, bool, as the answers are."""
        return np.asarray((self.answers != self.labels[: len(self.answers)]) & self.counted)

    @property
    def wrong(self) -> np.ndarray:
        """Numbers of the samples whose answer is wrong; of none where answers are no wholes."""
        if not self.is_whole:
            return np.empty(0, int)
        wrong = self.mistakes
        return np.flatnonzero(wrong.any(1) if self.has_steps else wrong)

    def is_wrong(self, number: int) -> bool:
        """Whether the network's answer is known and wrong."""
        return self.is_whole and number < len(self.answers) and bool(self.mistakes[number].any())

    # For people ----------------------------------------------------------------------------

    def text(self, number: int) -> str:
        """The words that the network sees."""
        assert self.dataset is not None
        return text_of(self.dataset.validation.x[number], self.dataset.info.vocabulary)

    def truth(self, number: int) -> str:
        """The right answer."""
        assert self.dataset is not None
        if self.has_steps:
            return text_of(self.labels[number], self.names)
        if self.has_classes:
            return str(class_names(self.dataset.info)[self.labels[number]])
        if self.has_masks:
            present = np.bincount(self.mask(number).ravel(), minlength=len(self.names))
            # The class with most pixels is mostly what the others lie on.
            others = [n for n in np.argsort(-present)[1:] if present[n]]
            return ", ".join(str(self.names[n]) for n in others) or str(self.names[int(present.argmax())])
        if self.dataset.info.target != "values":
            return ""
        return ", ".join(number_text(float(v)) for v in self._true_values(number)[:4])

    def answer(self, number: int) -> str:
        """The network's answer; empty while it is not known."""
        if self.has_values and number < len(self.values):
            return ", ".join(number_text(float(v)) for v in self.values[number][:4])
        if self.dataset is None or number >= len(self.answers) or not self.has_classes:
            return ""
        if self.has_steps:
            return "".join(piece for piece, _ in self.runs(number))
        return str(class_names(self.dataset.info)[self.answers[number]])

    def runs(self, number: int) -> Runs:
        """The network's words for all steps that count, and which of them are wrong."""
        found: Runs = []
        characters = has_characters(self.names)
        for word, wrong, counted in zip(
            self.answers[number], self.mistakes[number], self.counted[number], strict=True
        ):
            name = self.names[word]
            if not counted or (not wrong and is_special(name)):
                continue
            name = name or "–"
            if found and not characters and joined([found[-1][0], name], False) != f"{found[-1][0]}{name}":
                name = f" {name}"
            if found and found[-1][1] == bool(wrong):
                found[-1] = (found[-1][0] + name, bool(wrong))
            else:
                found.append((name, bool(wrong)))
        return found

    def original(self, number: int) -> np.ndarray:
        """The sample in the units the data came in, float32 in the data's shape."""
        assert self.dataset is not None
        x = self.dataset.validation.x[number]
        return np.asarray(x * self.dataset.x_scale + self.dataset.x_mean, np.float32).reshape(x.shape)
