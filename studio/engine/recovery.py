"""After a loss that is not finite: which weights to fall back on, and which node to name.

Runs repeat exactly, so training again from a copy of the weights meets the same failure, and
on the way every step's loss can be looked at.
"""

from __future__ import annotations

import numpy as np

from studio.core.problems import Problem
from studio.engine.messages import TrainingState
from studio.engine.network import Network
from studio.kernels import state

#: A loss that has grown by this factor will not come back by itself.
EXPLODED = 1e3
#: Seconds that looking for the last good step may take; beyond, the copy itself is put back.
SEARCH_SECONDS = 5.0


def recover(network: Network, backup: TrainingState, step_seconds: float) -> Problem:
    """Put the last good weights back, right after a minibatch that failed.

    Parameters
    ----------
    network : Network
        As the failed minibatch left it.
    backup : TrainingState
        An earlier state of this run, since when no setting has changed.
    step_seconds : float
        About how long a minibatch takes.

    Returns
    -------
    Problem
        One sentence that names the node where numbers went wrong, and the step.
    """
    failed_step = network.step
    node = first_bad_node(network)
    steps = failed_step - backup.step
    good = backup
    network.restore(backup)
    network.take_sums()
    if 0 < steps <= SEARCH_SECONDS / max(step_seconds, 1e-6):
        good = _last_good(network, backup, steps)
        network.restore(good)
        network.take_sums()
    what = network.graph.node(node)
    if what.layer.family == "Data":
        return Problem(
            node,
            f"{what.name} has numbers that are too large or undefined (NaN), met at step {failed_step}: "
            f"the weights of step {good.step} are back; correct the data and run again.",
        )
    return Problem(
        node,
        f"{what.name} gave numbers that are too large or undefined (NaN) at step {failed_step}: "
        f"the weights of step {good.step} are back; lower the learning rate and run again.",
    )


def _last_good(network: Network, backup: TrainingState, steps: int) -> TrainingState:
    """The weights with which the loss had not begun to explode; leaves others in the network."""
    good, first = backup, np.inf
    for _ in range(steps):
        before = network.state()
        network.train(1)
        loss = abs(network.total_loss(network.take_sums()))
        if network.failed or not np.isfinite(loss) or loss > EXPLODED * max(first, 1e-3):
            break
        first = min(first, loss)
        good = before
    return good


def first_bad_node(network: Network) -> str:
    """The first node, in the graph's order, whose output for the last minibatch is not finite.

    If all are finite, the loss of one is not: a Loss node.
    """
    bound = network.train_plan
    for node in network.graph.order:
        for (owner, _port), tensor in bound.plan.outputs.items():
            if owner != node:
                continue
            places = tensor.base.offset + tensor.offsets().ravel()[:, None] + np.arange(tensor.batch)
            for base, one in zip(bound.bases, bound.states, strict=True):
                numbers = network.device.arena[base + places[:, : int(one[state.VALID])]]
                if not np.isfinite(numbers).all():
                    return node
    sums = network.take_sums().loss
    return network.losses[int(np.argmax(np.where(np.isfinite(sums), np.abs(sums), np.inf)))]
