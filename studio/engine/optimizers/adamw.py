"""AdamW: Adam whose weights are pulled towards zero, apart from the gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from studio.core.fields import real
from studio.engine.optimizers.adam import Adam


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay."""

    help: ClassVar[str] = (
        "Adam that also makes every weight a little smaller in each step. "
        "Smaller weights often do better on samples never seen."
    )
    formula: ClassVar[str] = "w ← w − rate · decay · w − rate · m / (√v + ε)"
    source: ClassVar[str] = "I. Loshchilov and F. Hutter, Decoupled weight decay, ICLR 2019; Keras: AdamW"

    weight_decay: float = real(
        0.004,
        0.0,
        10.0,
        help="How strongly each step pulls every weight towards 0, whatever its gradient; 0 is not at all.",
        live=True,
        logarithmic=True,
    )
