"""What layers that disturb their input while training have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from studio.core.fields import Field, integer
from studio.core.layer import Layer


@dataclass(frozen=True)
class Noise(Layer):
    """A layer that passes its input on as it is once training is over."""

    family: ClassVar[str] = "Core"
    is_random: ClassVar[bool] = True
    icon: ClassVar[str] = "dropout"

    seed: int = integer(0, 0, 2**31 - 1, help="The number this layer's chance follows from; 0 takes the training's seed.")

    @classmethod
    def parameters(cls) -> dict[str, Field]:
        declared = super().parameters()
        return {**{n: f for n, f in declared.items() if n != "seed"}, "seed": declared["seed"]}

    def reference(
        self, inputs: Sequence[np.ndarray], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        """What it computes once training is over."""
        return inputs[0]
