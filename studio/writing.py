"""Texts and translations of a trained project, for Python and the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.core.language import Language
from studio.core.vocabulary import PADDING, WordError, numbers_of, text_of
from studio.engine.compiling import compile_kernels
from studio.engine.messages import Answer
from studio.engine.network import Network
from studio.engine.writing.desk import looking_ahead
from studio.engine.writing.known_words import KnownWords
from studio.engine.writing.plan import MOST_WRITTEN
from studio.engine.writing.writer import Writer
from studio.kernels.ahead import Wanted
from studio.project import Progress, Project, ProjectError

#: Sentences that are translated side by side.
_AT_ONCE = 128


@dataclass(frozen=True)
class Text:
    """A text that a network wrote.

    Parameters
    ----------
    prompt : str
        What it began with.
    text : str
        What it wrote after that.
    known_words : float or None
        Share of the words that are in the training text, for a network that writes characters.
    """

    prompt: str
    text: str
    known_words: float | None = None

    def __str__(self) -> str:
        return self.prompt + self.text


@dataclass(frozen=True)
class Translations:
    """Sentences that a network translated, each word after the ones it wrote itself."""

    answers: tuple[Answer, ...]

    @property
    def exact_match(self) -> float | None:
        """Share of the answers that are right from the first to the last sign; None where none is known."""
        known = [a.written == a.right for a in self.answers if a.right is not None]
        return sum(known) / len(known) if known else None


def write(
    project: Project,
    prompt: str,
    length: int,
    temperature: float,
    seed: int,
    progress: Callable[[Progress], None],
) -> Text:
    """See `studio.project.Project.write`."""
    with _writing(project, "continue", 16, progress) as (writer, network):
        language = writer.language
        words = _numbers(prompt, language)
        if not 1 <= length <= MOST_WRITTEN // 2:
            raise ProjectError(f"The length cannot be {length}: choose a number from 1 to {MOST_WRITTEN // 2}.")
        if not 0.0 <= temperature <= 10.0:
            raise ProjectError(f"The temperature cannot be {temperature:g}: choose a number from 0 to 10.")
        writer.begin(words, length, temperature, seed, network.step)
        writer.advance()
        text = text_of(writer.words()[0], language.writes)
        if not language.characters:
            before = text_of(words, language.writes)
            whole = text_of([*words, *writer.words()[0]], language.writes)
            return Text(before, whole[len(before) :])
        known = KnownWords(np.asarray(network.datasets[language.source].train.x), language.writes)
        return Text(prompt, text, known.share(text_of(words, language.writes) + text))


def translate(
    project: Project, sentences: Sequence[str] | None, progress: Callable[[Progress], None]
) -> Translations:
    """See `studio.project.Project.translate`."""
    with _writing(project, "translate", _AT_ONCE, progress) as (writer, network):
        language = writer.language
        right: np.ndarray | None = None
        if sentences is None:
            dataset = network.datasets[language.source]
            part = next((p for p in (dataset.test, dataset.validation) if len(p)), None)
            if part is None:
                raise ProjectError("No samples are kept aside to be translated: raise Test in the Data node.")
            rows, right = np.asarray(part.x), part.y
        else:
            found = []
            for sentence in sentences:
                numbers = _numbers(sentence, language)
                if not numbers:
                    raise ProjectError("There is nothing to translate: write a sentence.")
                if len(numbers) > language.read_steps:
                    raise ProjectError(
                        f"“{sentence}” has {len(numbers)} words, but the network reads only {language.read_steps}: use fewer."
                    )
                found.append([*numbers, *[PADDING] * (language.read_steps - len(numbers))])
            rows = np.array(found, np.float32)
        return Translations(tuple(_translated(writer, rows, right)))


def _translated(writer: Writer, rows: np.ndarray, right: np.ndarray | None) -> Iterator[Answer]:
    language = writer.language
    for start in range(0, len(rows), _AT_ONCE):
        chunk = rows[start : start + _AT_ONCE]
        writer.begin_answers(chunk)
        writer.advance()
        for i, words in enumerate(writer.words()[: len(chunk)]):
            truth = None if right is None else text_of(right[start + i], language.writes)
            yield Answer(text_of(chunk[i], language.reads), text_of(words, language.writes), truth)


@contextmanager
def _writing(
    project: Project, kind: str, columns: int, progress: Callable[[Progress], None]
) -> Iterator[tuple[Writer, Network]]:
    """A writer with the project's weights, for a network of that kind."""
    language = project.language()
    if not isinstance(language, Language):
        raise ProjectError(language)
    if language.kind != kind:
        raise ProjectError(_OTHER_KIND[language.kind])
    if project.state is None:
        raise ProjectError("The network has no weights yet: train it first.")
    run: Any = project.start(progress)
    try:
        network = run.network

        def tell(done: int, total: int) -> None:
            progress(Progress(f"Preparing kernels: {done} of {total}", done / total))

        def prepare(kernels: Iterable[Wanted]) -> None:
            compile_kernels(kernels, tell, lambda: False)

        writer = Writer(project.document.graph, network.infos, language, prepare, columns)
        if not writer.fits(network):
            raise ProjectError("The network was trained layer by layer, and not to the end: train it further.")
        if writer.looks_ahead():
            raise ProjectError(looking_ahead(language))
        writer.take_weights(network)
        yield writer, network
    finally:
        run.close()


_OTHER_KIND = {
    "continue": "This network goes on with a text and translates nothing: give it words to begin with (--prompt).",
    "restore": "This network finds hidden words and writes none: use one like next-character or translation.",
    "translate": "This network translates sentences and goes on with none: give it a sentence (--input).",
}


def _numbers(text: str, language: Language) -> list[int]:
    try:
        return numbers_of(text, language.reads)
    except WordError as error:
        raise ProjectError(str(error)) from None
