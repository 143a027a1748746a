"""The contract of an optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np

from studio.core.component import Component
from studio.core.fields import Field, FieldError, real

#: Parameters that limit gradients, of which one at most may be set.
CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")
#: What every optimizer has besides its own parameters; shown after them.
COMMON = ("weight_decay", *CLIPPING)

_Key = TypeVar("_Key")


def rate(default: float) -> float:
    """The field of the learning rate."""
    return real(  # type: ignore[no-any-return]
        default,
        0.0,
        100.0,
        help="How big each correction of the weights is. Too small learns slowly; too big overshoots.",
        live=True,
        logarithmic=True,
    )


def safe_division(default: float = 1e-7) -> float:
    """The field of epsilon."""
    return real(default, 1e-12, 1.0, help="Keeps the division safe.", live=True, logarithmic=True)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Optimizer(Component):
    """Turns gradients into new weights.

    An optimizer is one kernel that goes over a thread's part of the weights once. Its
    arguments are the number of floats, the weights, the first thread's gradients and the
    distance to the next thread's (0: they are added up already), then the slots, then the
    live numbers.
    """

    #: Names of the numbers that may be kept for each weight.
    slots: ClassVar[tuple[str, ...]] = ()

    learning_rate: float = rate(0.01)
    weight_decay: float = real(
        0.0,
        0.0,
        10.0,
        help="How strongly each step pulls every weight towards 0, whatever its gradient; 0 is not at all.",
        live=True,
        logarithmic=True,
    )
    clipnorm: float = real(
        0.0,
        0.0,
        1e9,
        help="Longest gradient of one weight array: a longer one is shortened to it. 0 is no limit.",
        live=True,
        logarithmic=True,
    )
    clipvalue: float = real(
        0.0,
        0.0,
        1e9,
        help="Largest number in a gradient: larger ones are cut off there. 0 is no limit.",
        live=True,
        logarithmic=True,
    )
    global_clipnorm: float = real(
        0.0,
        0.0,
        1e9,
        help="Longest gradient of all weights together: a longer one is shortened to it. 0 is no limit.",
        live=True,
        logarithmic=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        limits = [name for name in CLIPPING if getattr(self, name)]
        if len(limits) > 1:
            raise FieldError(
                f"{limits[0]} and {limits[1]} cannot both limit the gradients: set one of them to 0."
            )

    @classmethod
    def parameters(cls) -> dict[str, Field]:
        declared = super().parameters()
        own = {name: field for name, field in declared.items() if name not in COMMON}
        return {**own, **{name: declared[name] for name in COMMON}}

    def clipping(self) -> str:
        """Name of the parameter that limits gradients; empty if none does."""
        return next((name for name in CLIPPING if getattr(self, name)), "")

    def numbers(self) -> dict[str, float]:
        """Live numbers the kernel reads, in its order."""
        declared = {n: f for n, f in self.parameters().items() if n not in CLIPPING and f.live}
        return {n: float(getattr(self, n)) for n, f in declared.items() if f.kind in ("real", "flag")}

    def kept(self) -> tuple[str, ...]:
        """Those of the slots that it needs with these parameters."""
        return self.slots

    def initial(self, slot: str) -> float:
        """What a slot holds before the first update."""
        return 0.0

    def kernel(self) -> Any:
        """The kernel that updates the weights, with these parameters."""
        raise TypeError(f"{self.type_name()} has no kernel.")

    def reference(
        self, weight: np.ndarray, gradient: np.ndarray, slots: Mapping[str, np.ndarray], step: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """One update in float64 NumPy: the new weight and the new slots.

        Parameters
        ----------
        weight : numpy.ndarray
            After `decayed`, which all optimizers have in common.
        gradient : numpy.ndarray
            After `clipped`.
        step : int
            How many updates were made before.
        """
        raise TypeError(f"{self.type_name()} has no formula.")

    def decayed(self, weight: np.ndarray) -> np.ndarray:
        """The weight as `weight_decay` leaves it, before its update."""
        return weight - self.learning_rate * self.weight_decay * weight

    def clipped(self, gradients: Mapping[_Key, np.ndarray]) -> dict[_Key, np.ndarray]:
        """Gradients of all weight arrays within the limit, if there is one."""
        limit = float(getattr(self, self.clipping(), 0.0))
        if self.clipvalue:
            return {key: np.clip(g, -limit, limit) for key, g in gradients.items()}
        norms = {key: float(np.sqrt((g**2).sum())) for key, g in gradients.items()}
        if self.global_clipnorm:
            total = float(np.sqrt(sum(norm**2 for norm in norms.values())))
            norms = dict.fromkeys(norms, total)
        if not limit:
            return dict(gradients)
        return {key: g * (limit / max(norms[key], limit)) for key, g in gradients.items()}

    def same_program(self, other: Optimizer) -> bool:
        """Whether another one runs the same kernels over the same slots, with other numbers."""
        return (self.kernel(), self.kept(), self.clipping()) == (other.kernel(), other.kept(), other.clipping())
