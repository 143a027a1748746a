"""Costs of optimizers, of limits on gradients, and of the penalty on weights.

Threads share the update: each has its part of the weights and adds up all threads' gradients there.
"""

from __future__ import annotations

from studio.engine.costs.arguments import Arguments
from studio.engine.costs.formulas import Work, cost

_CLIPPING = "studio.kernels.clipping"


def _optimizer(module: str, name: str, operations: int, slots: int) -> None:
    """Note what an optimizer does for a weight, and how many numbers it keeps for it."""

    def formula(a: Arguments) -> Work:
        n, gradients = a.share(a.floats), a.summands()
        return Work(n * (operations + gradients - 1), n * gradients, 0.0, n * (slots + 1))

    cost(f"studio.engine.optimizers.{module}", name)(formula)


_optimizer("sgd", "sgd", 4, 0)
_optimizer("sgd", "sgd_momentum", 6, 1)
_optimizer("adam", "adam", 14, 2)
_optimizer("adam", "adam_amsgrad", 16, 3)
_optimizer("nadam", "nadam", 17, 2)
_optimizer("adamax", "adamax", 13, 2)
_optimizer("adagrad", "adagrad", 8, 1)
_optimizer("adadelta", "adadelta", 17, 2)
_optimizer("rmsprop", "rmsprop", 10, 1)
_optimizer("rmsprop", "rmsprop_momentum", 12, 2)
_optimizer("rmsprop", "rmsprop_centered", 18, 3)
_optimizer("lion", "lion", 13, 1)


@cost(_CLIPPING, "clip_values")
def _clip_values(a: Arguments) -> Work:
    n, gradients = a.share(a.floats), a.summands()
    return Work(n * (gradients + 4), n * (gradients - 1), 0.0, n)


@cost(_CLIPPING, "add_and_measure")
def _add_and_measure(a: Arguments) -> Work:
    n = a.share(a.rows * a.columns)
    return Work(n * (a.threads + 3), n * (a.threads - 1), 0.0, n)


@cost(_CLIPPING, "find_scale")
def _find_scale(a: Arguments) -> Work:
    sums = a.count * a.threads
    return Work(sums + 2, 2 * sums + 1, 1)


@cost(_CLIPPING, "scale_gradient")
@cost("studio.kernels.penalties", "penalize", "add_penalty")
def _depends(a: Arguments) -> None:
    """Not known: whether there is anything to do is a live number."""
