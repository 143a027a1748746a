"""A document with its weights and curves, to train and save from Python or the command line."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from studio.bricks import WithBricks
from studio.core.dataset import Dataset, DatasetInfo, Split
from studio.core.document import Document
from studio.core.inference import Inference, infer
from studio.core.language import Language, language_of
from studio.core.problems import Problem
from studio.core.refit import refitted
from studio.cuda.probe import why_not
from studio.data import DataError, describe_all, load
from studio.data.wiring import with_source
from studio.engine.history import History
from studio.engine.messages import Evaluation, TrainingState
from studio.layers.data import Data
from studio.results import SPLITS, Progress, ProjectError, TrainingResult, evaluation_to_json, silent
from studio.storage import open_project, save, templates

if TYPE_CHECKING:
    from studio.kernels.ahead import Wanted
    from studio.writing import Text, Translations


@dataclass
class Project(WithBricks):
    """A document, its weights and its curves.

    Parameters
    ----------
    document : Document
        Replace it to change the network: it is a value.
    state : TrainingState or None
        Weights and optimizer state; None before the first training.
    history : History
        The curves so far.
    """

    document: Document
    state: TrainingState | None = None
    history: History = field(default_factory=History)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Project:
        """Open a ``.studio`` file.

        Raises
        ------
        studio.storage.StorageError
            When it cannot be read.
        """
        stored = open_project(path)
        return cls(stored.document, stored.state, stored.history)

    @classmethod
    def new(cls, template: str) -> Project:
        """Start from a template.

        Raises
        ------
        studio.storage.StorageError
            When there is none of that name.
        """
        return cls(templates.load(template))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a ``.studio`` file with the document, the weights and the curves.

        Raises
        ------
        studio.storage.StorageError
            When it cannot be written; an older file is then still there.
        """
        save(path, self.document, self.state, self.history)

    def export_keras(self, path: str | os.PathLike[str], title: str = "") -> tuple[Path, ...]:
        """Write the network as a Keras program, and its weights, if it has some, into an NPZ file beside it.

        Parameters
        ----------
        path : path
            The ``.py`` file to write.
        title : str
            What the program's first line calls the network.

        Returns
        -------
        tuple of Path
            The files written.

        Raises
        ------
        studio.storage.StorageError
            When the graph has problems, Keras lacks a layer, or a file cannot be written.
        """
        from studio.storage.exports import keras_program, save_keras_program

        weights = None if self.state is None else self.state.weights
        sets: dict[str, Dataset] = {}
        for node in self.document.graph.nodes:
            if isinstance(node.layer, Data):
                with contextlib.suppress(DataError):  # then the program only lacks how samples are scaled
                    sets[node.id] = load(node.layer)
        program = keras_program(self.document, describe_all(self.document.graph), weights, title, sets)
        return save_keras_program(path, program)

    def set_data(self, source: str, fit: bool = False) -> tuple[str, ...]:
        """Let the Data node read another source; training goes on with the weights that still fit.

        Parameters
        ----------
        source : str
            As the Data node has it.
        fit : bool
            Whether layers that count words or classes get room for those of the source; their weights
            begin anew.

        Returns
        -------
        tuple of str
            What was changed to fit, such as ``Words.input_dim = 64``.

        Raises
        ------
        ProjectError
            When there is not exactly one Data node.
        studio.data.DataError
            When the source cannot be read.
        """
        nodes = [n for n in self.document.graph.nodes if isinstance(n.layer, Data)]
        if len(nodes) != 1:
            raise ProjectError(
                f"The graph has {len(nodes)} Data nodes, so it is not clear which one should read {source}."
            )
        graph = with_source(self.document.graph, nodes[0].id, source)
        infos = describe_all(graph)
        problem = infos[nodes[0].id]
        if isinstance(problem, str):
            raise DataError(problem)
        graph, changes = refitted(graph, infos) if fit else (graph, ())
        self.document = self.document.with_graph(graph)
        if self.state is not None:
            self.state = self.state.at_new_epoch()
        return changes

    def restart(self) -> None:
        """Forget weights and curves: the next training begins from the document's seed."""
        self.state, self.history = None, History()

    # Looking -----------------------------------------------------------------------------

    def infer(self) -> Inference:
        """Shapes, weights and problems of the graph."""
        return infer(self.document.graph, describe_all(self.document.graph))

    def memory(self) -> int:
        """Bytes that training would take, the data not counted.

        Raises
        ------
        ProjectError
            When the graph has problems.
        """
        from studio.core.optimizer import Optimizer
        from studio.engine.network import make_plans, memory_of

        infos = self._known_data()
        inference = self._without_problems(infos)
        document = self.document
        if not isinstance(document.training.optimizer, Optimizer):
            raise ProjectError("The training settings name no optimizer: choose one.")
        return memory_of(*make_plans(document.graph, inference, infos, document.training, self.threads()))

    def threads(self) -> int:
        """How many threads training would use, as far as that can be told without measuring.

        Raises
        ------
        ProjectError
            When the data cannot be had.
        """
        from studio.engine.threads import counted_threads

        training = self.document.training
        nothing = Split(np.empty(0, np.float32), np.empty(0, np.float32))
        sets = {node: Dataset(info, nothing, nothing, nothing) for node, info in self._known_data().items()}
        wanted = training.threads or counted_threads(self.document.graph, training, sets)
        return max(1, min(wanted, training.batch_size))

    def _known_data(self) -> dict[str, DatasetInfo]:
        known = describe_all(self.document.graph)
        problems = [p for p in known.values() if isinstance(p, str)]
        if problems:
            raise ProjectError("\n".join(problems))
        return {node: info for node, info in known.items() if isinstance(info, DatasetInfo)}

    def _without_problems(self, infos: dict[str, DatasetInfo]) -> Inference:
        inference = infer(self.document.graph, infos)
        if inference.errors:
            raise ProjectError("\n".join(p.message for p in inference.errors))
        return inference

    # Training ----------------------------------------------------------------------------

    def train(
        self,
        epochs: int | None = None,
        progress: Callable[[Progress], None] = silent,
        stopped: Callable[[], bool] = lambda: False,
    ) -> TrainingResult:
        """Train, from where it stopped last if there are weights.

        Parameters
        ----------
        epochs : int, optional
            How many more passes through the training part. Without it, up to the number in
            the training settings, or as many again if they are done already.
        progress : callable
            Told how it goes, some hundred times a second.
        stopped : callable
            Asked as often; true ends training early, keeping what was learned.

        Raises
        ------
        ProjectError
            When the graph has problems, one a line.
        studio.data.DataError
            When the data cannot be had.
        studio.engine.failure.EngineProblem
            When training fails; the last good weights are kept in `state`.
        """
        from studio.engine.failure import EngineProblem

        begin = time.perf_counter()
        run = self.start(progress, stopped)
        try:
            settings = self.document.training
            first = run.network.epoch
            if epochs is not None:
                target = int(first) + epochs
            else:
                target = settings.epochs if first < settings.epochs else int(first) + settings.epochs
            ready = time.perf_counter()

            def tell(_run: object) -> None:
                progress(
                    Progress(
                        done=(run.network.epoch - first) / max(target - first, 1e-9),
                        epoch=run.network.epoch,
                        epochs=target,
                        train=run.train_evaluation,
                        validation=run.validation_evaluation,
                        samples_per_second=run.samples_per_second,
                    )
                )

            try:
                run.train(target, tell, stopped)
            except EngineProblem:
                self.state, self.history = run.state(), run.history
                raise
            network = run.network  # of the last stage
            seconds = time.perf_counter() - ready
            asked = network.steps_to(target) > 0 and not run.stopped
            message = " ".join(filter(None, [run.card_problem, "" if asked else run.finish()]))
            self.state, self.history = run.state(), run.history
            samples = (network.epoch - first) * len(next(iter(network.datasets.values())).train)
            found = {name: run.evaluate(name) for name in SPLITS}
            return TrainingResult(
                epochs=network.epoch,
                steps=network.step,
                evaluations={name: e for name, e in found.items() if e is not None},
                seconds=seconds,
                preparing_seconds=ready - begin,
                samples_per_second=samples / max(seconds, 1e-9),
                device=run.network.device.name,
                threads=run.threads,
                seed=self.state.seed,
                parameters=network.inference.total_parameters,
                stopped=asked,
                message=message,
            )
        finally:
            run.close()

    def evaluate(self, progress: Callable[[Progress], None] = silent) -> dict[str, Evaluation]:
        """Loss, accuracy, confusion matrix and metrics on each part of the data that is not empty.

        Raises
        ------
        ProjectError
            When there are no weights yet, or the graph has problems.
        """
        if self.state is None:
            raise ProjectError("The network has no weights yet: train it first.")
        run = self.start(progress)
        try:
            found = {name: run.evaluate(name) for name in SPLITS}
            return {name: e for name, e in found.items() if e is not None}
        finally:
            run.close()

    def language(self) -> Language | str:
        """What the network reads and writes; a sentence says why it writes nothing."""
        return language_of(self.document.graph, describe_all(self.document.graph), self.infer())

    def write(
        self,
        prompt: str = "",
        length: int = 200,
        temperature: float = 0.7,
        seed: int = 1,
        progress: Callable[[Progress], None] = silent,
    ) -> Text:
        """Let a network that predicts the next word (or character) write.

        Parameters
        ----------
        prompt : str
            What the text begins with.
        length : int
            How many words (or characters) to write.
        temperature : float
            How daring, 0 to 10: at 0 the likeliest word each time, at 1 as varied as it learned.
        seed : int
            What chance follows from, together with the training step: the same gives the same text.

        Raises
        ------
        ProjectError
            When there are no weights yet, the graph has problems, the network writes no text, or it does
            not know a character of the prompt.
        """
        from studio.writing import write

        return write(self, prompt, length, temperature, seed, progress)

    def translate(
        self, sentences: Sequence[str] | None = None, progress: Callable[[Progress], None] = silent
    ) -> Translations:
        """Let a network that answers sentences with others do so, reading its own words so far.

        Parameters
        ----------
        sentences : sequence of str, optional
            Without them, all samples of the test part (or of the validation part).

        Raises
        ------
        ProjectError
            When there are no weights yet, the graph has problems, the network translates nothing, or it
            does not know a word.
        """
        from studio.writing import translate

        return translate(self, sentences, progress)

    def start(
        self, progress: Callable[[Progress], None] = silent, stopped: Callable[[], bool] = lambda: False
    ) -> Any:
        """A `studio.engine.run.TrainingRun` at the place where this project is; the caller closes it."""
        from studio.engine.compiling import compile_kernels
        from studio.engine.run import TrainingRun

        document = self.document
        if document.training.device != "cpu" and (reason := why_not()):
            raise ProjectError(f"{reason} The option --device cpu chooses the processor.")

        def reading(done: int, total: int) -> None:
            of = f" of {total:,}" if total else " lines"
            progress(Progress(f"Reading data: {done:,}{of}", done / total if total else 0.0))
            if stopped():
                raise ProjectError("Stopped before training began: nothing was changed.")

        self._without_problems(self._known_data())
        sets: dict[str, Dataset] = {}
        for node in document.graph.nodes:
            if isinstance(node.layer, Data):
                progress(Progress(f"Loading {node.layer.summary()}"))
                sets[node.id] = load(node.layer, reading)

        def tell(done: int, total: int) -> None:
            progress(Progress(f"Preparing kernels: {done} of {total}", done / total))

        def compile_them(kernels: Iterable[Wanted]) -> None:
            compile_kernels(kernels, tell, stopped)
            if stopped():
                raise ProjectError("Stopped before training began: nothing was changed.")

        run = TrainingRun(document.graph, document.training, sets, compile_them)
        if self.state is not None:
            whole = bool(self.state.optimizer)
            run.restore(self.state, place=whole)
            if whole:
                run.history = History.from_arrays(self.history.to_arrays())
        return run


def problem_sentences(problems: Iterable[Problem]) -> list[str]:
    """What is wrong, errors first, one sentence each."""
    ranked = sorted(problems, key=lambda p: p.severity != "error")
    return [p.message for p in ranked]


__all__ = [
    "SPLITS", "Progress", "Project", "ProjectError", "TrainingResult", "evaluation_to_json", "problem_sentences",
]  # fmt: skip
