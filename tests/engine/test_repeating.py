"""A run repeats to the last bit: in one process, in another, and when it is interrupted."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from networks import chain, classifier, clouds, layer, network, optimizer, pictures, require_equal_states

from studio.core.optimizer import Optimizer
from studio.engine.messages import TrainingState
from studio.engine.network import Network
from studio.engine.shuffling import epoch_order

OPTIMIZERS = [
    optimizer("SGD", learning_rate=0.1, momentum=0.9, nesterov=True),
    optimizer("RMSprop", learning_rate=0.01, momentum=0.5),
    optimizer("Adam", learning_rate=0.01),
    optimizer("Nadam", learning_rate=0.01, clipnorm=0.5),
    optimizer("Adagrad", learning_rate=0.05, global_clipnorm=0.5, weight_decay=0.1),
]


def everything(threads: int, using: Optimizer, seed: int = 3) -> Network:
    """A network with all that has a memory or draws numbers."""
    graph, data, _ = classifier(
        layer("Conv2D", filters=5, kernel_size=3, padding="same"),
        layer("BatchNormalization"),
        layer("ReLU"),
        layer("MaxPooling2D"),
        layer("Flatten"),
        layer("Dense", units=11, activation="tanh", l2=0.01),
        layer("Dropout", rate=0.4),
    )
    return network(graph, {data: pictures()}, threads, batch_size=9, seed=seed, using=using)


def fingerprint(state: TrainingState) -> str:
    digest = hashlib.sha256()
    for key in sorted(state.weights):
        digest.update(repr(key).encode() + state.weights[key].tobytes())
    for slot in sorted(state.slots):
        digest.update(repr(slot).encode() + state.slots[slot].tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("using", OPTIMIZERS, ids=lambda o: o.type_name())
@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_run_gives_the_same_bits(threads: int, using: Optimizer) -> None:
    states = []
    for _ in range(2):
        with closing(everything(threads, using)) as one:
            assert one.train(23) == 23
            states.append(one.state())
    require_equal_states(*states)


def test_another_seed_gives_another_run() -> None:
    found = set()
    for seed in (1, 2):
        with closing(everything(1, OPTIMIZERS[0], seed)) as one:
            one.train(5)
            found.add(fingerprint(one.state()))
    assert len(found) == 2


@pytest.mark.parametrize("threads", [1, 2])
def test_another_process_gives_the_same_bits(threads: int) -> None:
    program = (
        "from test_repeating import *\n"
        f"with closing(everything({threads}, OPTIMIZERS[2])) as one:\n"
        "    one.train(23)\n"
        "    print(fingerprint(one.state()))\n"
    )
    here = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", program], cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with closing(everything(threads, OPTIMIZERS[2])) as one:
        one.train(23)
        assert done.stdout.strip() == fingerprint(one.state())


def test_the_size_of_the_chunks_does_not_matter() -> None:
    states = []
    for chunks in ((23,), (1,) * 23, (4, 9, 10)):
        with closing(everything(2, OPTIMIZERS[0])) as one:
            for steps in chunks:
                one.train(steps)
            states.append(one.state())
    require_equal_states(states[0], states[1])
    require_equal_states(states[0], states[2])


@pytest.mark.parametrize("using", OPTIMIZERS, ids=lambda o: o.type_name())
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("first", [5, 7, 10, 13])
def test_going_on_later_is_the_same_as_never_stopping(threads: int, using: Optimizer, first: int) -> None:
    """Five minibatches are an epoch: 5 and 10 stop at its end, 7 and 13 in the middle."""
    with closing(everything(threads, using)) as straight:
        straight.train(23)
        expected = straight.state()
    with closing(everything(threads, using)) as stopped:
        stopped.train(first)
        saved = stopped.state()
    with closing(everything(threads, using)) as resumed:
        resumed.restore(saved)
        assert (resumed.step, resumed.epoch) == (first, pytest.approx(saved.epoch))
        resumed.train(23 - first)
        require_equal_states(resumed.state(), expected)


def test_one_and_two_threads_agree_closely() -> None:
    found = []
    for threads in (1, 2):
        with closing(everything(threads, OPTIMIZERS[0])) as one:
            one.train(10)
            found.append(one.weights())
    for key, values in found[0].items():
        assert np.allclose(found[1][key], values, rtol=1e-3, atol=1e-4), key


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("samples", [1, 2, 7, 64])
def test_the_runner_goes_through_the_samples_in_the_known_order(threads: int, samples: int) -> None:
    graph, data, _ = classifier()
    with closing(network(graph, {data: clouds(samples)}, threads, batch_size=5, seed=77)) as one:
        for epoch in range(3):
            one.train(one.steps_to(epoch + 1))
            for order in one.train_plan.order:
                assert np.array_equal(order[:samples], epoch_order(samples, 77, epoch))


def test_an_epoch_has_every_sample_once_and_no_order_comes_twice() -> None:
    orders = [epoch_order(50, 5, epoch) for epoch in range(20)]
    assert all(np.array_equal(np.sort(o), np.arange(50)) for o in orders)
    assert len({o.tobytes() for o in orders}) == 20
    # Each sample is in the first half of an epoch about half the time.
    early = np.mean([np.isin(np.arange(50), epoch_order(50, 9, e)[:25]) for e in range(400)], axis=0)
    assert np.abs(early - 0.5).max() < 0.12


def test_equal_layers_start_with_different_weights() -> None:
    graph, data, nodes = chain(
        [layer("Dense", units=4) for _ in range(2)], layer("SparseCategoricalCrossentropy")
    )
    with closing(network(graph, {data: clouds()})) as one:
        first, second = (one.node_weights(n)["kernel"] for n in nodes[:2])
    assert not np.array_equal(first, second)
