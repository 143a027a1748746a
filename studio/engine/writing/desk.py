"""Where texts are written while training goes on: a little between chunks of minibatches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from studio.core.inference import infer
from studio.core.language import Language, language_of
from studio.core.vocabulary import PADDING, WordError, numbers_of, text_of
from studio.engine.messages import Answer, TextWish, Written
from studio.engine.network import Network
from studio.engine.run import TrainingRun
from studio.engine.writing.known_words import KnownWords
from studio.engine.writing.writer import Writer
from studio.kernels.ahead import Wanted
from studio.kernels.simd import LANES

#: Share of the time that writing may take while training runs at full speed.
TEXT_SHARE = 0.02
#: Time that may be saved up for writing, and that is given to it at once, in seconds.
_MOST_SAVED, _SLICE = 0.02, 0.004
#: While nothing is trained, commands are looked at so often.
_PAUSED_SLICE = 0.02
#: A text that takes longer than this is shown while it grows.
_PATIENCE = 1.5
#: Sentences that are translated for the window.
SENTENCES = 16


@dataclass
class _Job:
    """A text that is being written."""

    wish: TextWish
    written: Written
    begun: float
    prompt: list[int]
    sentences: np.ndarray | None = None
    right: np.ndarray | None = None


class Desk:
    """Writes what the window wishes for; costs nothing while there is no wish.

    Parameters
    ----------
    compile_kernels : callable
        Called with the kernels that are needed, before they are used.
    """

    def __init__(self, compile_kernels: Callable[[Iterable[Wanted]], None]) -> None:
        self._compile = compile_kernels
        self._writer: Writer | None = None
        self._looks_ahead = False
        self._job: _Job | None = None
        self._known: tuple[KnownWords, tuple[str, ...]] | None = None
        self._last: tuple[TextWish, int] | None = None
        self._begun = -np.inf
        self._saved = 0.0
        self._then = time.perf_counter()
        #: The latest text; None where there is none for the network as it is.
        self.written: Written | None = None

    # The network -------------------------------------------------------------------------

    def prepare(self, run: TrainingRun | None) -> None:
        """Take another network, or none; its kernels are compiled now, so that writing never waits for them."""
        self._writer = self._known = None
        self.forget()
        self.written = None
        if run is None:
            return
        network = run.network
        graph = run.stages[-1].graph
        language = language_of(graph, network.infos, infer(graph, network.infos))
        if isinstance(language, Language) and language.kind != "restore":
            columns = SENTENCES if language.kind == "translate" else LANES
            self._writer = Writer(graph, network.infos, language, self._compile, columns)
            self._looks_ahead = self._writer.looks_ahead()
            if language.kind == "continue" and language.characters:
                train = network.datasets[language.source].train
                self._known = KnownWords(np.asarray(train.x), language.writes), language.writes

    def forget(self) -> None:
        """The weights changed other than by a step: what was written says nothing of them."""
        self._job, self._last, self._begun = None, None, -np.inf

    # Writing -----------------------------------------------------------------------------

    def work(self, run: TrainingRun | None, wish: TextWish | None, free: float = 0.0, running: bool = True) -> bool:
        """Write a little if there is something to write and time for it; whether there is something new to show.

        Parameters
        ----------
        wish : TextWish or None
            What is wanted now.
        free : float
            Seconds that nobody else needs.
        running : bool
            Whether training is to keep its share of the time.
        """
        now = time.perf_counter()
        self._saved = min(_MOST_SAVED, self._saved + TEXT_SHARE * (now - self._then))
        self._then = now
        if wish is None or run is None or self._writer is None:
            self._job = None
            return False
        if running and self._saved + free < min(self._writer.step_seconds, _MOST_SAVED):
            return False
        new = self._is_due(run.network, wish, now, running) and self._begin(run.network, wish, now)
        if self._job is not None:
            self._writer.advance(min(self._saved, _SLICE) + free if running else _PAUSED_SLICE)
            new = self._look(self._job, now) or new
        if running:
            self._saved -= max(0.0, time.perf_counter() - now - free)
            self._then = time.perf_counter()
        return new

    @property
    def busy(self) -> bool:
        """Whether a text is being written."""
        return self._job is not None

    def is_wanted(self, run: TrainingRun | None, wish: TextWish | None) -> bool:
        """Whether there is something to write while training pauses."""
        if wish is None or run is None or self._writer is None:
            return False
        return self._job is not None or self._last != (wish, run.network.step)

    def _is_due(self, network: Network, wish: TextWish, now: float, running: bool) -> bool:
        if self._job is not None and self._job.wish == wish:
            return False
        if self._last == (wish, network.step):
            return False
        # Another wish is served at once, the same one as often as it wants.
        fresh = self._last is None or self._last[0] != wish
        return fresh or not running or now - self._begun >= wish.interval

    def _begin(self, network: Network, wish: TextWish, now: float) -> bool:
        writer = self._writer
        assert writer is not None
        self._last, self._begun, self._job = (wish, network.step), now, None
        blank = Written(wish, network.step, network.epoch)
        if self._looks_ahead:
            return self._refuse(blank, looking_ahead(writer.language))
        if not writer.fits(network):
            return self._refuse(blank, "While it is trained layer by layer, the network can write only once all layers learn.")
        try:
            numbers = numbers_of(wish.prompt, writer.language.reads)
        except WordError as error:
            return self._refuse(blank, str(error))
        if writer.language.kind == "translate" and len(numbers) > writer.language.read_steps:
            most = writer.language.read_steps
            return self._refuse(blank, f"The sentence has {len(numbers)} words, but the network reads only {most}: use fewer.")
        writer.take_weights(network)
        if writer.language.kind == "continue":
            writer.begin(numbers, wish.length, wish.temperature, wish.seed, network.step)
            self._job = _Job(wish, blank, now, numbers)
            return False
        sentences, right = self._sentences(network, wish, numbers)
        self._job = _Job(wish, blank, now, numbers, sentences, right)
        writer.begin_answers(sentences, 0.0, wish.seed, network.step)
        return False

    def _refuse(self, blank: Written, sentence: str) -> bool:
        self.written = replace(blank, problem=sentence)
        return True

    def _sentences(self, network: Network, wish: TextWish, own: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """What is to be translated, the person's sentence first, and the right answers to the others."""
        assert self._writer is not None
        language = self._writer.language
        dataset = network.datasets[language.source]
        part = dataset.validation if len(dataset.validation) else dataset.train
        count = min(SENTENCES - bool(own), len(part))
        chosen = (wish.first + np.arange(count)) % len(part)
        x, y = part.x[chosen], part.y[chosen]
        if own:
            row = np.array([[*own, *[PADDING] * (language.read_steps - len(own))]], np.float32)
            x = np.concatenate([row, x])
        return x, y

    def _look(self, job: _Job, now: float) -> bool:
        """Take what is written so far, if it is worth showing."""
        writer = self._writer
        assert writer is not None
        language = writer.language
        if not writer.done and now - job.begun < _PATIENCE:
            return False
        words = writer.words()
        if job.sentences is not None and job.right is not None:
            if not writer.done:
                return False
            answers = []
            own = len(job.sentences) - len(job.right)
            for i, sentence in enumerate(job.sentences):
                right = text_of(job.right[i - own], language.writes) if i >= own else None
                answers.append(Answer(text_of(sentence, language.reads), text_of(words[i], language.writes), right))
            self.written = replace(job.written, answers=tuple(answers))
        else:
            text = text_of(words[0], language.writes)
            self.written = replace(job.written, text=text, complete=writer.done, **self._judged(job, text))
        if writer.done:
            self._job = None
        return True


    def _judged(self, job: _Job, text: str) -> dict[str, Any]:
        """Which words of a text the training text lacks."""
        if self._known is None or not text:
            return {}
        begun = text_of(job.prompt, self._known[1])
        unknown, count = self._known[0].unknown(begun + text)
        return {"unknown": tuple(unknown), "known_share": 1 - len(unknown) / count if count else None}


def looking_ahead(language: Language) -> str:
    """Why a network that sees what it has to guess cannot write."""
    what = "characters" if language.characters else "words"
    if language.kind == "translate":
        return "This network sees the answer that it should give: put ShiftRight behind Data's Y, and use causal attention."
    return f"This network sees the {what} that it should guess: give attention the mask causal, or use TransformerDecoder."
