"""Which networks can write text, and what they read and write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from studio.core.dataset import DatasetInfo
from studio.core.graph import Graph
from studio.core.inference import Inference
from studio.core.layer import Loss
from studio.core.vocabulary import END, HIDDEN, SPECIAL, UNKNOWN, has_characters, is_special

Kind = Literal["continue", "translate", "restore"]


@dataclass(frozen=True)
class Language:
    """What a network writes.

    Parameters
    ----------
    kind : {"continue", "translate", "restore"}
        Whether it goes on with a text, word by word (or character by character), answers a
        sentence with another one, or finds words that are hidden in it.
    source : str
        Id of the Data node whose words it reads.
    output : str
        Id of the node that scores what comes next, at each step.
    reads, writes : tuple of str
        Names of the numbers that are read (Data's X) and of those that are written.
    read_steps, write_steps : int
        Numbers that one sample of X, and of Y, has.
    hiding : str
        Id of the node that hides words, where they are to be found.
    """

    kind: Kind
    source: str
    output: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    read_steps: int
    write_steps: int
    hiding: str = ""

    @property
    def characters(self) -> bool:
        """Whether single characters are written, rather than words."""
        return has_characters(self.writes)

    @property
    def choices(self) -> tuple[int, ...]:
        """Numbers that may be written: words, what is not in the vocabulary, and an answer's end."""
        end = SPECIAL[END] if self.kind == "translate" else None
        return tuple(
            i for i, w in enumerate(self.writes) if not is_special(w) or w == end or (w == SPECIAL[UNKNOWN] and not end)
        )

    @property
    def opening(self) -> int:
        """The number that a text begins after when no words are given: a space, or a new line."""
        for word in (" ", "\n", ".", ","):
            if word in self.writes:
                return self.writes.index(word)
        return self.choices[0]


def language_of(
    graph: Graph, datasets: Mapping[str, DatasetInfo | str], inference: Inference
) -> Language | str:
    """What a network writes, or why it writes nothing, in one sentence.

    A network writes if its first loss scores, at each step of a sequence, which word (or
    character, or digit) of Data's Y is right. Whether it may see what it has to guess is not
    looked at here.
    """
    losses = [n.id for n in graph.nodes if isinstance(n.layer, Loss)]
    if not losses or losses[0] not in inference.input_shapes:
        return "This network is not complete, so it cannot write: see Problems."
    prediction, target = graph.incoming(losses[0])[:2]
    info = datasets.get(target.source)
    if not isinstance(info, DatasetInfo) or not info.vocabulary:
        return "This network reads no text: choose a text as the source of Data, such as stories or text:FILE."
    shape = inference.input_shapes[losses[0]][0]
    per_step = len(shape) == 2 and len(info.y_shape) == 1 and info.target == "labels"
    if target.source_port == 0 and len(shape) == 2 and len(info.x_shape) == 1:
        hiding = [n for n in graph.ancestors(prediction.source) if inference.words.get((n, 0), ("",))[-1] == HIDDEN]
        if len(hiding) == 1:
            words, steps = info.vocabulary, info.x_shape[0]
            return Language("restore", target.source, prediction.source, words, words, steps, steps, hiding[0])
    if target.source_port != 1 or not per_step:
        return "This network writes no text: it does not say at each step which word comes next."
    before = graph.ancestors(prediction.source)
    sources = [n.id for n in graph.nodes if n.id in before and isinstance(datasets.get(n.id), DatasetInfo)]
    if sources != [target.source] or len(info.x_shape) != 1:
        return "This network does not read the text that it is to go on with: wire Data's X to it."
    reads_answers = any(e.source_port == 1 and e.target in before for e in graph.outgoing(target.source))
    kind: Kind = "continue" if info.continues and not reads_answers else "translate"
    return Language(
        kind, target.source, prediction.source, info.vocabulary, info.classes, info.x_shape[0], info.y_shape[0]
    )
