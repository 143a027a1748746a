"""Networks that train on a simulated card, and on the processor with the same settings.

A process of its own, since the simulator must be asked for before Numba is imported. It prints one JSON
object: by network, the largest difference of weights and losses, what the card was left with, and how many
numbers are others when a walk makes the calls in place of launches.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
os.environ["STUDIO_LANES"] = "4"
sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

import numpy as np
from networks import chain, classifier, clouds, dataset, layer, optimizer, pictures

from studio.core.document import Training
from studio.cuda.card import Launch
from studio.engine.cuda_device import shares
from studio.engine.network import Network
from studio.engine.timing import StepTimer
from studio.kernels.jit import compile_ahead
from studio.testing.simulated_card import SimulatedCard

#: The simulator's main thread asks all others again and again whether they wait: it must not do so for long.
sys.setswitchinterval(1e-4)

STEPS = 4
EVALUATED = "mlp"
#: Groups that share loops: fewer than the turns of some, and more than those of others.
GROUPS = {"mlp": 3, "convolutions": 7, "words": 2}
#: Groups of the block that walks: others, so that nothing may depend on them.
WALKING = {"mlp": 5, "convolutions": 3, "words": 6}


class WalkingCard(SimulatedCard):
    """A card that walks through what it is to launch, with so many groups."""

    def run(self, prepared: Sequence[Launch], times: int) -> None:
        self.walk(prepared, times, self.most_groups)


def training(batch_size: int, using: Any) -> Training:
    return Training(optimizer=using, batch_size=batch_size, seed=3)


def examples() -> dict[str, tuple[Any, Any, Training]]:
    """Small networks, most layers of which have loops that groups share."""
    mlp, data, _ = classifier(layer("Dense", units=9, activation="tanh"), layer("BatchNormalization"), layer("Dropout", rate=0.3))
    found = {"mlp": (mlp, {data: clouds(13)}, training(6, optimizer("Adam")))}
    convolutions, data, _ = classifier(
        layer("Conv2D", filters=5, kernel_size=(3, 3), padding="same", activation="relu"),
        layer("MaxPooling2D", pool_size=(2, 2)),
        layer("Flatten"),
    )
    found["convolutions"] = (convolutions, {data: pictures(8)}, training(4, optimizer("SGD", momentum=0.9)))
    generator = np.random.default_rng(5)
    words = dataset(generator.integers(0, 6, (8, 3)), generator.normal(size=(8, 2)), "values")
    graph, data, _ = chain(
        [layer("Embedding", input_dim=6, output_dim=4), layer("LSTM", units=3), layer("Dense", units=2, activation="gelu")],
        layer("Huber"),
    )
    found["words"] = (graph, {data: words}, training(4, optimizer("RMSprop")))
    return found


def difference(one: Any, other: Any) -> float:
    return max(float(np.max(np.abs(one[k] - other[k]) / np.maximum(np.abs(other[k]), 1e-2))) for k in one)


def bits(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """All numbers of a network, and its sums, as integers."""
    return network.device.arena[:].view(np.uint32), network.train_plan.sums.view(np.uint64)


def different(one: Any, other: Any) -> int:
    """How many numbers are not the same to the last bit."""
    return int(sum((a != b).sum() for a, b in zip(one, other, strict=True)))


def diverging() -> dict[str, Any]:
    """A network whose loss is soon not finite, in the middle of a walk."""
    numbers = dataset(np.full((40, 3), 50.0), np.zeros((40, 2)), "values")
    graph, data, _ = chain([layer("Dense", units=4), layer("Dense", units=2)], layer("MeanSquaredError"))
    settings = training(4, optimizer("SGD", learning_rate=100.0))
    networks = [Network(graph, settings, {data: numbers}, 1, compile_ahead, card=card) for card in (SimulatedCard(1), WalkingCard(4))]
    launched, walked = networks
    with closing(launched), closing(walked):
        done = [network.train(9) for network in networks]
        return {"done": done, "failed": [network.failed for network in networks], "different": different(bits(launched), bits(walked))}


def main() -> None:
    found: dict[str, Any] = {}
    for name, (graph, data, settings) in examples().items():
        card = SimulatedCard(GROUPS[name])
        here = Network(graph, settings, data, 1, compile_ahead)
        there = Network(graph, settings, data, 1, compile_ahead, card=card)
        for network in (here, there):
            assert network.train(STEPS) == STEPS
        walked = Network(graph, settings, data, 1, compile_ahead, card=WalkingCard(WALKING[name]))
        with closing(walked):
            at_first = bits(walked)
            assert walked.train(STEPS) == STEPS
            walks = different(bits(walked), bits(there)), different(bits(walked), at_first)
        sums = [network.total_loss(network.take_sums()) for network in (here, there)]
        looks = [network.look(network.probe_arrays(0), [network.output])[network.output] for network in (here, there)]
        # An evaluation has many columns, which takes long here; one network has layers for which it is not training.
        evaluated = [network.evaluate(lambda d: d.train).loss for network in (here, there) if name == EVALUATED]
        learned, saved = here.weights(), there.state()
        again = Network(graph, settings, data, 1, compile_ahead, card=card)
        again.restore(saved)
        here.train(1)
        # A step with a clock is a step like any other.
        timer = StepTimer(again)
        timer.train(1)
        found[name] = {
            "learned": difference(saved.weights, learned),
            "restored": difference(again.weights(), here.weights()),
            "loss": abs(sums[0] - sums[1]),
            "output": float(np.abs(looks[0] - looks[1]).max()),
            "evaluation": evaluated,
            "timed": sum(call.microseconds > 0 for call in timer.times().calls) / len(timer.times().calls),
            "walked": walks,
            "place": [here.step, again.step, here.epoch, again.epoch],
        }
        kernels = {id(c.kernel): c.kernel for c in there.train_plan.plan.calls}.values()
        found[name]["shared"] = sorted(k.name for k in kernels if shares(k))
        for network in (here, there, again):
            network.close()
        found[name]["left"] = card.blocks
    print(json.dumps({"networks": found, "diverging": diverging()}))


if __name__ == "__main__":
    main()
