"""Writes texts with a network's weights, a little at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from studio.core.dataset import DatasetInfo
from studio.core.graph import Graph
from studio.core.language import Language
from studio.core.lowering import Ref
from studio.engine.cpu_device import CpuDevice
from studio.engine.numbers import number_of
from studio.engine.writing.kernels import CURSOR_LENGTH, KNOWN
from studio.engine.writing.plan import writing_plan
from studio.kernels import state
from studio.kernels.ahead import Wanted
from studio.kernels.simd import LANES

if TYPE_CHECKING:
    from studio.engine.network import Network

#: Odd, so that each training step has draws of its own.
_STRIDE = 0x9E3779B97F4A7C15


class Writer:
    """A network that writes, with a copy of the weights, so that a text is that of one moment.

    What is written follows from weights, seed, step and the words that it begins with alone.

    Parameters
    ----------
    graph : Graph
        Without problems.
    infos : mapping of str to DatasetInfo
        By Data node.
    language : Language
        What the graph writes.
    compile_kernels : callable
        Called with the kernels that are needed, before their addresses are.
    columns : int
        Texts that are written side by side.
    quick : bool
        Whether steps may be computed one by one, where the network allows it.
    """

    def __init__(
        self,
        graph: Graph,
        infos: Mapping[str, DatasetInfo],
        language: Language,
        compile_kernels: Callable[[Iterable[Wanted]], None] = lambda kernels: None,
        columns: int = LANES,
        quick: bool = True,
    ) -> None:
        self.language = language
        self.columns = columns
        self._writing = writing_plan(graph, infos, language, columns, quick)
        compile_kernels(self._writing.plan.kernels)
        self._device = CpuDevice(self._writing.space, [(self._writing.plan, 1)])
        (self._bound,) = self._device.plans
        self._batch = -(-columns // LANES) * LANES
        self._sources: list[np.ndarray] = []
        self._infos = {node: infos[node] for node in self._writing.graph.by_id if node in infos}
        self._wanted = 0
        self._begun_with = 0
        #: Seconds that writing one more word takes, as far as known.
        self.step_seconds = 1e-4

    @property
    def one_by_one(self) -> bool:
        """Whether steps are computed one by one."""
        return self._writing.one_by_one

    def _floats(self, ref: Ref, count: int) -> np.ndarray:
        begin = self._bound.bases[0] + ref.offset
        return self._device.arena[begin : begin + count]

    def _history(self) -> np.ndarray:
        return self._floats(self._writing.history, self._writing.most * self._batch).reshape(-1, self._batch)

    # Weights -----------------------------------------------------------------------------------

    def fits(self, network: Network) -> bool:
        """Whether the network has all weights that it needs."""
        given = {"/".join(key) for key in network.space.placed}
        return all("/".join(key) in given for key in self._writing.space.placed)

    def take_weights(self, network: Network) -> None:
        """Copy the weights as they are now, and the parameters of the layers."""
        given = {"/".join(key): placed for key, placed in network.space.placed.items()}
        arena, own = network.device.arena, self._device.arena
        for key, placed in self._writing.space.placed.items():
            source = given["/".join(key)]
            own[placed.offset : placed.offset + placed.floats] = arena[source.offset : source.offset + source.floats]
        self._write_numbers()

    def _write_numbers(self) -> None:
        for (owner, name), offset in self._writing.space.numbers.items():
            self._device.arena[offset] = number_of(self._writing.graph, owner, name)

    # Writing -----------------------------------------------------------------------------------

    def begin(self, words: Sequence[int], length: int, temperature: float, seed: int, step: int = 0) -> None:
        """Begin a text that goes on with these words.

        Parameters
        ----------
        words : sequence of int
            Numbers of words; without any, one is put in front that is not shown.
        length : int
            How many words to write.
        temperature : float
            Above 0, how daring: at 1 words are drawn as often as the network expects them. At 0 the
            likeliest word is taken.
        seed, step : int
            What chance follows from; the step is the training's.
        """
        assert self.language.kind == "continue"
        first = list(words) or [self.language.opening]
        self._begun_with = len(first) if words else 1
        first = first[-(self._writing.most - 1) :]
        self._start([], first, temperature, seed, step)
        self._wanted = min(self._writing.most, len(first) + length)

    def begin_answers(self, sentences: np.ndarray, temperature: float = 0.0, seed: int = 0, step: int = 0) -> None:
        """Begin answers to sentences, numbers of words ``(sentences <= columns, read_steps)``."""
        assert self.language.kind == "translate"
        self._start(self._arrays_of(sentences), [], temperature, seed, step)
        self._begun_with = 0
        self._wanted = self.language.write_steps

    def _arrays_of(self, sentences: np.ndarray) -> list[np.ndarray]:
        """The sentences as X of the Data node, and nothing as what its other outputs give."""
        (info,) = self._infos.values()
        count = len(sentences)
        shapes = (info.x_shape, info.y_shape, ())[: info.ports]
        return [sentences.reshape(count, *info.x_shape), *[np.zeros((count, *shape)) for shape in shapes[1:]]]

    def _start(self, arrays: list[np.ndarray], words: list[int], temperature: float, seed: int, step: int) -> None:
        bound, device = self._bound, self._device
        count = len(arrays[0]) if arrays else 1
        begin = bound.bases[0]
        device.arena[begin : begin + bound.plan.private_floats] = 0.0
        mixed = (seed + _STRIDE * step) & 0x7FFFFFFFFFFFFFFF
        device.feed(bound, arrays, count, False, mixed)
        for one in bound.states:
            one[state.BATCH] = count
            one[state.POSITION] = one[state.EPOCH] = one[state.STEP] = 0
        self._floats(self._writing.temperature, 1)[0] = temperature
        self._floats(self._writing.cursor, CURSOR_LENGTH)[KNOWN] = len(words)
        history = self._history()
        for i, word in enumerate(words):
            history[i] = word

    @property
    def known(self) -> int:
        """How many words there are by now, those that it began with included."""
        return int(self._floats(self._writing.cursor, CURSOR_LENGTH)[KNOWN])

    @property
    def done(self) -> bool:
        """Whether all is written that was asked for."""
        return self.known >= self._wanted

    def advance(self, seconds: float = float("inf")) -> None:
        """Write on for about so long, at least a word."""
        end = time.perf_counter() + seconds
        while not self.done:
            left = self._wanted - self.known
            begin = time.perf_counter()
            steps = max(1, min(left, int((end - begin) / self.step_seconds)) if np.isfinite(end) else left)
            self._device.run(self._bound, steps)
            now = time.perf_counter()
            self.step_seconds = max(1e-6, (now - begin) / steps)
            if now >= end:
                return

    def words(self) -> np.ndarray:
        """Numbers of the words written so far, int64 ``(columns, words)``; without those that it began with."""
        return self._history()[self._begun_with : self.known, : self.columns].T.astype(np.int64)

    # Whether it is honest ----------------------------------------------------------------------

    def looks_ahead(self) -> bool:
        """Whether the scores of a step change with words that come only later: then it cannot write.

        What is written until now is lost, and so are the weights that were copied.
        """
        if self.one_by_one or (self.language.kind == "translate" and not self._reads_answers()):
            return False
        language, batch = self.language, self._batch
        steps = language.write_steps if language.kind == "translate" else language.read_steps
        changed = steps // 2
        if self.columns < 2 or changed == 0:
            return False
        arrays = self._arrays_of(np.ones((2, language.read_steps))) if language.kind == "translate" else []
        self._shuffle_weights()
        self._start(arrays, [language.choices[0]] * steps, 0.0, 0, 0)
        self._history()[changed, 1] = language.choices[-1]
        self._device.run(self._bound, 1)
        width = len(self._history()[0])
        classes = self._classes()
        scores = self._floats(self._writing.scores, steps * classes * width).reshape(steps, classes, batch)
        # In a text a step's score is of the word after it, in an answer of the word itself.
        unseen = changed if language.kind == "continue" else changed + 1
        return bool(np.abs(scores[:unseen, :, 0] - scores[:unseen, :, 1]).max() > 1e-6)

    def _shuffle_weights(self) -> None:
        """Put arbitrary numbers in place of the weights, so that nothing is hidden by zeros."""
        arena, chance = self._device.arena, np.random.default_rng(0)
        for placed in self._writing.space.placed.values():
            arena[placed.offset : placed.offset + placed.floats] = chance.uniform(-0.5, 0.5, placed.floats)
        self._write_numbers()

    def _classes(self) -> int:
        return int(self._writing.plan.outputs[self.language.output, 0].shape[-1])

    def _reads_answers(self) -> bool:
        return (self.language.source, 1) in self._writing.plan.outputs
