"""Costs of kernels of plans that write."""

from __future__ import annotations

from studio.engine.costs.arguments import Arguments
from studio.engine.costs.arithmetic import of_maths
from studio.engine.costs.formulas import Work, cost, each

_MODULE = "studio.engine.writing.kernels"

cost(_MODULE, "read_window")(each(lambda a: a.steps * a.batch, 0, 1, 1))
cost(_MODULE, "read_step")(each(lambda a: a.batch, 0, 1, 2))
cost(_MODULE, "add_row")(each(lambda a: a.features * a.batch, 1, 1, 1))
cost(_MODULE, "add_number")(each(lambda a: a.features * a.batch, 1, 1, 1))


@cost(_MODULE, "choose")
def _choose(a: Arguments) -> Work:
    n = a.count * a.batch
    scores = 0 if a.logits else 3 * (of_maths("log") + 2)
    return Work(n * (6 + 2 * (of_maths("exp") + 3) + scores), n, a.batch)


@cost(_MODULE, "keep_step")
def _keep_step(a: Arguments) -> Work:
    return Work(0.0, a.features * a.batch, (a.features + a.steps) * a.batch)
