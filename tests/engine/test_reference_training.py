"""Two epochs of training, partial minibatches included, against a trainer in plain NumPy."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from networks import chain, clouds, dataset, layer, network, optimizer

from studio.core.dataset import Dataset
from studio.core.optimizer import Optimizer
from studio.engine.network import Network
from studio.engine.shuffling import epoch_order

BATCH, SEED, EPOCHS = 8, 11, 2


class PlainTrainer:
    """A tanh layer and a linear one, in float64, with gradients worked out by hand."""

    def __init__(self, weights: dict[str, np.ndarray], loss: str, l2: float, using: Optimizer) -> None:
        self.weights = {k: v.astype(np.float64) for k, v in weights.items()}
        self.slots = {k: {s: np.zeros_like(v) for s in using.slots} for k, v in self.weights.items()}
        self.loss, self.l2, self.using, self.step = loss, l2, using, 0

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        h = np.tanh(x @ self.weights["kernel 1"] + self.weights["bias 1"])
        return h, h @ self.weights["kernel 2"] + self.weights["bias 2"]

    def score(self, z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Loss of each sample, and the gradient of the mean loss for the last layer's sums."""
        samples = len(z)
        if self.loss == "classes":
            p = np.exp(z - z.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            hit = np.eye(z.shape[1])[y.astype(int)]
            return -np.log((p * hit).sum(1)), (p - hit) / samples
        if self.loss == "yes or no":
            p = 1.0 / (1.0 + np.exp(-z[:, 0]))
            return -y * np.log(p) - (1 - y) * np.log(1 - p), (p - y)[:, None] / samples
        error = z - y
        return (error**2).mean(1), 2.0 * error / error.size

    def train(self, x: np.ndarray, y: np.ndarray) -> float:
        """One minibatch; returns its summed loss."""
        h, z = self.forward(x)
        loss, dz = self.score(z, y)
        dh = (dz @ self.weights["kernel 2"].T) * (1.0 - h**2)
        gradients = {
            "kernel 1": x.T @ dh + 2.0 * self.l2 * self.weights["kernel 1"],
            "bias 1": dh.sum(0),
            "kernel 2": h.T @ dz,
            "bias 2": dz.sum(0),
        }
        for name, gradient in gradients.items():
            self.weights[name], self.slots[name] = self.using.reference(
                self.weights[name], gradient, self.slots[name], self.step
            )
        self.step += 1
        return float(loss.sum())


def case(loss: str) -> tuple[list[str], Dataset, int]:
    """Loss layer and activation before it, data of 45 samples, and outputs."""
    generator = np.random.default_rng(4)
    if loss == "classes":
        return ["SparseCategoricalCrossentropy", "softmax"], clouds(45, 5, 3), 3
    if loss == "yes or no":
        return ["BinaryCrossentropy", "sigmoid"], clouds(45, 5, 2), 1
    x = generator.normal(size=(45, 5))
    return ["MeanSquaredError", "linear"], dataset(x, generator.normal(size=(45, 2)), "values"), 2


def names(network: Network, nodes: list[str]) -> dict[str, np.ndarray]:
    return {f"{n} {i + 1}": network.node_weights(nodes[i])[n] for i in (0, 1) for n in ("kernel", "bias")}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("loss", ["classes", "yes or no", "numbers"])
@pytest.mark.parametrize(
    "using",
    [
        optimizer("SGD", learning_rate=0.2, momentum=0.9),
        optimizer("Adam", learning_rate=0.01),
        optimizer("RMSprop", learning_rate=0.01),
    ],
    ids=lambda o: o.type_name(),
)
def test_two_epochs_with_a_partial_minibatch(threads: int, loss: str, using: Optimizer) -> None:
    (name, activation), data, units = case(loss)
    graph, source, nodes = chain(
        [layer("Dense", units=7, activation="tanh", l2=0.01), layer("Dense", units=units, activation=activation)],
        layer(name),
    )
    with closing(network(graph, {source: data}, threads, BATCH, SEED, using)) as engine:
        plain = PlainTrainer(names(engine, nodes), loss, 0.01, using)
        x, y = data.train.x.astype(np.float64), data.train.y.astype(np.float64)
        for epoch in range(EPOCHS):
            order = epoch_order(len(x), SEED, epoch)
            total = penalty = 0.0
            for start in range(0, len(x), BATCH):
                chosen = order[start : start + BATCH]
                penalty += 0.01 * float((plain.weights["kernel 1"] ** 2).sum())
                total += plain.train(x[chosen], y[chosen])
            engine.train(engine.steps_to(epoch + 1))
            sums = engine.take_sums()
            assert sums.samples[0] == len(x)
            assert sums.loss[0] == pytest.approx(total, rel=2e-4)
            # Six minibatches an epoch; the penalty is that of the mean minibatch.
            assert sums.penalty == pytest.approx(penalty / 6, rel=2e-4)
            assert engine.total_loss(sums) == pytest.approx(total / len(x) + penalty / 6, rel=2e-4)
        assert engine.step == EPOCHS * 6
        for key, expected in plain.weights.items():
            assert np.allclose(names(engine, nodes)[key], expected, rtol=5e-4, atol=5e-5), key
        found = engine.evaluate(lambda d: d.train)
        assert found is not None
        _, z = plain.forward(x)
        losses, _ = plain.score(z, y)
        penalty = 0.01 * float((plain.weights["kernel 1"] ** 2).sum())
        assert found.loss == pytest.approx(float(losses.mean()) + penalty, rel=1e-3)
        if loss == "classes":
            predicted = z.argmax(1)
        elif loss == "yes or no":
            predicted = (z[:, 0] > 0).astype(int)
        else:
            assert found.accuracy is None
            assert found.confusion is None
            return
        assert found.accuracy == pytest.approx(float((predicted == y).mean()))
        assert found.confusion is not None
        expected_counts = np.zeros_like(found.confusion)
        np.add.at(expected_counts, (y.astype(int), predicted), 1)
        assert np.array_equal(found.confusion, expected_counts)
