"""Words hidden by chance, to be found again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.fields import integer, real
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Ref, Tensor
from studio.core.problems import Remedy, ShapeProblem
from studio.core.shapes import Shape, describe
from studio.core.vocabulary import HIDDEN
from studio.kernels.jit import kernel
from studio.kernels.maths import where
from studio.kernels.numba_names import float32
from studio.kernels.random_numbers import philox
from studio.kernels.random_vectors import draw_uniforms
from studio.kernels.simd import LANES, at, load, round_down, splat, store
from studio.kernels.state import FIRST, SEED, SHARD, STEP, THREAD


@kernel
def hide_words(arena: Any, record: Any, table: Any, state: Any) -> None:
    """y = x with some words hidden or replaced by others; marks = 1 where that was so, or might have been."""
    steps, batch, words, training = record[2], record[3], record[4], record[5]
    x, y, marks, uniforms = at(arena, record[6]), at(arena, record[7]), at(arena, record[8]), at(arena, record[9])
    rate, masked = arena[record[10]], arena[record[11]]
    changed = masked + arena[record[12]]
    key, seed = record[13], record[14]
    # After training the same samples always lose the same words.
    first, step = state[FIRST], 0
    if training != 0:
        first, step = state[THREAD] * state[SHARD], state[STEP]
        if seed == 0:
            seed = state[SEED]
    for t in range(steps):
        for b in range(0, batch, LANES):
            draw_uniforms(uniforms, LANES, first + b, t, step, key, seed)
            word, u = load(at(x, t * batch + b)), load(uniforms)
            # Of the words that are chosen, u tells what becomes of them too.
            other = round_down(load(at(uniforms, LANES)) * float32(words - 1)) + 1.0
            new = where(u < rate * masked, splat(float32(words)), where(u < rate * changed, other, word))
            chosen = where(word == 0.0, 0.0, where(u < rate, splat(1.0), 0.0))
            store(at(y, t * batch + b), where(chosen == 0.0, word, new))
            store(at(marks, t * batch + b), chosen)


@dataclass(frozen=True)
class RandomMask(Layer):
    """Chooses some words of each sentence; most of them are hidden, a few replaced, a few stay.

    Not only training but checking hides words, since finding them is the task; there the same
    words of a sample are hidden each time.
    """

    family: ClassVar[str] = "Augmentation"
    outputs: ClassVar[tuple[str, ...]] = ("words", "chosen")
    icon: ClassVar[str] = "eye"
    is_random: ClassVar[bool] = True
    keywords: ClassVar[tuple[str, ...]] = ("bert", "masked", "language model", "pre-training", "mlm", "cloze", "hide", "self-supervised")
    help: ClassVar[str] = (
        "Hides some words of each sentence, other ones in each step, for a network that learns language by finding them. "
        "Wire Data's X to the target of the Loss and the port chosen to its weights: then only chosen words count. "
        "A few are replaced by others or stay as they are, so that the network cannot trust what it sees. "
        "Embedding needs one word more: the number after the last word's stands for a hidden one."
    )
    formula: ClassVar[str] = "words = [mask], another word or x; chosen = 1 where a word may differ from x, else 0"
    source: ClassVar[str] = (
        "J. Devlin et al., BERT: pre-training of deep bidirectional Transformers, 2018; KerasHub: MaskedLMMaskGenerator"
    )

    keras_source: ClassVar[str] = '''
class RandomMask(keras.layers.Layer):
    """Hides some words of each sentence; says which of them were chosen, too."""

    def __init__(
        self, vocabulary_size=1000, mask_selection_rate=0.15, mask_token_rate=0.8, random_token_rate=0.1, **options
    ):
        super().__init__(**options)
        self.vocabulary_size, self.chosen = vocabulary_size, mask_selection_rate
        self.hidden = mask_selection_rate * mask_token_rate
        self.changed = self.hidden + mask_selection_rate * random_token_rate
        self.seeds = keras.random.SeedGenerator()

    def call(self, words, training=False):
        # After training the same places are hidden each time.
        chance, other = (
            keras.random.uniform(keras.ops.shape(words), seed=self.seeds if training else seed) for seed in (1, 2)
        )
        words = keras.ops.cast(words, "float32")
        chosen = keras.ops.logical_and(chance < self.chosen, words != 0)
        new = keras.ops.where(chance < self.changed, keras.ops.floor(other * (self.vocabulary_size - 1)) + 1, words)
        new = keras.ops.where(chance < self.hidden, float(self.vocabulary_size), new)
        return keras.ops.where(chosen, new, words), keras.ops.cast(chosen, "float32")
'''

    vocabulary_size: int = integer(1000, 2, 1_000_000, help="How many different words there are; they are numbered from 0, which is filling and never chosen.")
    mask_selection_rate: float = real(0.15, 0.0, 1.0, help="Which share of the words is chosen.", live=True)
    mask_token_rate: float = real(0.8, 0.0, 1.0, help="Which share of the chosen words is hidden.", live=True)
    random_token_rate: float = real(0.1, 0.0, 1.0, help="Which share of the chosen words becomes another word; the rest stays.", live=True)
    seed: int = integer(0, 0, 2**31 - 1, help="The number this layer's chance follows from; 0 takes the training's seed.")

    def summary(self) -> str:
        return f"{self.mask_selection_rate:.0%} of {self.vocabulary_size} words"

    def whole_numbers(self, port: int) -> int:
        return self.vocabulary_size

    def check_words(self, port: int, words: int) -> None:
        if words > self.vocabulary_size:
            raise ShapeProblem(
                f"knows {self.vocabulary_size} words, but gets {words} different ones: raise vocabulary_size.",
                Remedy("set", f"Make room for {words} words", values=(("vocabulary_size", words),)),
            )

    def words_out(self, port: int, words: tuple[str, ...]) -> tuple[str, ...]:
        return (*words, *[""] * (self.vocabulary_size - len(words)), HIDDEN) if port == 0 else ()

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        if len(shape) != 1:
            sentence = "gets one number a sample" if not shape else f"gets {describe(shape)}"
            raise ShapeProblem(f"{sentence}, needs a list of whole numbers, one for each word: wire the X of a text to it.")
        return shape

    def lower(self, lowering: Lowering, *inputs: Tensor) -> tuple[Tensor, ...]:
        x = lowering.contiguous(inputs[0])
        words, chosen = lowering.output(x.shape), lowering.tensor(x.shape)
        rates = [lowering.number(n) for n in ("mask_selection_rate", "mask_token_rate", "random_token_rate")]
        chance: tuple[int | Ref, ...] = (*rates, lowering.node_key() if lowering.training else 0, self.seed)
        lowering.emit(
            hide_words,
            *(x.features, lowering.batch, self.vocabulary_size, int(lowering.training)),
            *(x.base, words.base, chosen.base, lowering.scratch(4 * lowering.lanes)),
            *chance,
        )
        return words, chosen

    def chosen(self, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What becomes of the words, and which are chosen, once training is over.

        Parameters
        ----------
        words : numpy.ndarray
            Whole numbers, ``(samples, steps)``: all samples from the first of a part on.
        """
        samples, steps = np.indices(words.shape).astype(np.uint64)
        none = np.zeros(words.shape, np.uint64)
        first, second, _, _ = philox(samples, steps, none, none, none + np.uint64(self.seed), none)
        u, other = ((bits >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-24) for bits in (first, second))
        rate, masked = np.float32(self.mask_selection_rate), np.float32(self.mask_token_rate)
        changed = masked + np.float32(self.random_token_rate)
        new = np.where(u < rate * changed, np.floor(other * np.float32(self.vocabulary_size - 1)) + 1, words)
        new = np.where(u < rate * masked, self.vocabulary_size, new)
        chosen = (u < rate) & (words != 0)
        return np.where(chosen, new, words), chosen

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        """What it computes once training is over, for the first samples of a part."""
        return np.asarray(self.chosen(inputs[0])[0], np.float64)

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape, ...]], ...]:
        return (
            (cls(vocabulary_size=12, mask_selection_rate=0.5), ((9,),)),
            (cls(vocabulary_size=2, mask_selection_rate=1.0, mask_token_rate=0.3, random_token_rate=0.5, seed=7), ((5,),)),
            (cls(vocabulary_size=50), ((18,),)),
            (cls(vocabulary_size=5, mask_selection_rate=0.0), ((1,),)),
        )
