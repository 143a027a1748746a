"""What a network is said to need of a card's memory, against what a card is then asked for."""

from __future__ import annotations

import dataclasses
import re
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from networks import chain, classifier, clouds, dataset, layer, optimizer, pictures

from studio.core.dataset import Dataset
from studio.core.document import Training
from studio.cuda import card as cards
from studio.cuda.card import CardProblem
from studio.engine import card_memory as memory
from studio.engine import cuda_device
from studio.engine.card_memory import CardMemory, card_memory
from studio.engine.network import Network
from studio.engine.observed import SCATTER_SAMPLES
from studio.engine.run import TrainingRun
from studio.kernels.ahead import Wanted
from studio.kernels.jit import compile_ahead
from studio.testing.cards import ProcessorCard

#: What an estimate may be above what is taken, in shares and in bytes.
SHARE, BYTES = 0.03, 20_000


def settings(**changes: Any) -> Training:
    return dataclasses.replace(Training(optimizer=optimizer("Adam"), batch_size=8, seed=4, threads=1), **changes)


def with_test(data: Dataset, samples: int) -> Dataset:
    """The data set with the last samples of the training part as its test part."""
    count = len(data.train) - samples
    return dataclasses.replace(data, train=data.train.take(slice(count)), test=data.train.take(slice(count, None)))


def many_samples() -> tuple[Any, Any, Training]:
    graph, data, _ = classifier(layer("Dense", units=9, activation="tanh"), layer("BatchNormalization"), layer("Dropout", rate=0.3))
    return graph, {data: with_test(clouds(9000, features=30, validation=1500), 1200)}, settings()


def large_batch() -> tuple[Any, Any, Training]:
    graph, data, _ = classifier(
        layer("Conv2D", filters=5, kernel_size=(3, 3), padding="same", activation="relu"),
        layer("MaxPooling2D", pool_size=(2, 2)), layer("Flatten"),
    )  # fmt: skip
    return graph, {data: pictures(300)}, settings(batch_size=300)


def large_layers() -> tuple[Any, Any, Training]:
    graph, data, _ = classifier(layer("Dense", units=600), layer("Dense", units=500, activation="relu"))
    return graph, {data: clouds(40, validation=9)}, settings()


def words() -> tuple[Any, Any, Training]:
    generator = np.random.default_rng(5)
    data = dataset(generator.integers(0, 6, (70, 3)), generator.normal(size=(70, 2)), "values", validation=20)
    graph, node, _ = chain(
        [layer("Embedding", input_dim=6, output_dim=4), layer("LSTM", units=3), layer("Dense", units=2)], layer("Huber")
    )
    return graph, {node: with_test(data, 30)}, settings(optimizer=optimizer("RMSprop"))


NETWORKS = {f.__name__: f for f in (many_samples, large_batch, large_layers, words)}


def estimate(network: Network) -> CardMemory:
    parts = [[a for d in network.datasets.values() for a in getattr(d, name).arrays] for name in ("train", "validation", "test")]
    return card_memory(network.space, [bound.plan for bound in network.device.plans], parts)


def use(network: Network) -> list[Any]:
    """All that a run does with its network, for a window that shows it, and what was found."""
    found: list[Any] = []
    (data,) = network.datasets.values()
    shown = data.validation if len(data.validation) else data.train
    for split in ("validation", "test", "train", "validation"):
        assert network.train(5) == 5
        evaluation = network.evaluate(lambda d, s=split: getattr(d, s))
        found.append(evaluation and evaluation.loss)
        for first in range(3):
            found.append(network.look(network.probe_arrays(first), [network.output])[network.output])
        scatter = [np.array(array) for array in shown.take(slice(SCATTER_SAMPLES)).arrays]
        found.append(network.look(scatter, [network.output])[network.output])
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_takes_what_was_said_and_hardly_less(name: str) -> None:
    graph, data, training = NETWORKS[name]()
    card = ProcessorCard()
    with closing(Network(graph, training, data, 1, compile_ahead, card=card)) as network:
        use(network)
        said = estimate(network).total
        assert card.most <= said <= card.most * (1 + SHARE) + BYTES


@pytest.mark.parametrize("name", NETWORKS)
def test_on_a_card_with_so_much_room_all_goes_as_on_one_with_more(name: str) -> None:
    graph, data, training = NETWORKS[name]()
    with closing(Network(graph, training, data, 1, compile_ahead, card=ProcessorCard())) as network:
        wanted, room = use(network), estimate(network).total
    small = ProcessorCard(room)
    with closing(Network(graph, training, data, 1, compile_ahead, card=small)) as network:
        for one, other in zip(use(network), wanted, strict=True):
            assert np.array_equal(one, other) if one is not None else other is None
    assert small.blocks == 0


def test_a_part_that_is_only_kept_makes_room_when_another_program_takes_the_rest() -> None:
    graph, data, training = many_samples()
    card = ProcessorCard()
    with closing(Network(graph, training, data, 1, compile_ahead, card=card)) as network:
        def losses() -> list[float]:
            found = [network.evaluate(lambda d, s=split: getattr(d, s)) for split in ("test", "validation", "test")]
            return [evaluation.loss for evaluation in found if evaluation is not None]

        wanted, before = losses(), card.used
        network.look(network.probe_arrays(0), [network.output])
        card.room = before - 100_000  # less than the smaller of the two parts
        scatter = [array.copy() for array in data[next(iter(data))].validation.take(slice(SCATTER_SAMPLES)).arrays]
        network.look(scatter, [network.output])
        assert card.used <= card.room
        assert losses() == wanted
        assert card.used <= card.room


def test_data_that_is_too_much_to_keep_is_counted_as_far_as_it_is_there_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, data, training = many_samples()
    for module in (memory, cuda_device):
        monkeypatch.setattr(module, "KEPT_BYTES", 900_000)
    card = ProcessorCard()
    with closing(Network(graph, training, data, 1, compile_ahead, card=card)) as network:
        use(network)
        said = estimate(network)
        assert card.most <= said.total <= card.most * (1 + SHARE) + BYTES
        (one,) = data.values()
        assert said.samples < sum(a.nbytes for part in (one.train, one.validation, one.test) for a in part.arrays)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("many_samples", "use fewer samples"),
        ("large_batch", "choose a smaller batch size"),
        ("large_layers", "make the network smaller"),
    ],
)
def test_what_does_not_fit_is_refused_with_both_amounts_before_anything_is_done(name: str, remedy: str) -> None:
    graph, data, training = NETWORKS[name]()
    with closing(Network(graph, training, data, 1, compile_ahead, card=ProcessorCard())) as network:
        needed = estimate(network).total
    card = ProcessorCard(needed - 1)

    def compile_nothing(kernels: Any) -> None:
        raise AssertionError("Kernels are compiled for a network that does not fit.")

    pattern = rf"The network needs (\d+\.\d) MB of the card's memory, of which (\d+\.\d) MB is free: {remedy}, or train on the processor\."
    with pytest.raises(CardProblem) as problem:
        Network(graph, training, data, 1, compile_nothing, card=card)
    said = re.fullmatch(pattern, str(problem.value))
    assert said is not None, str(problem.value)
    assert float(said[1]) >= needed / 1e6 > card.room / 1e6 >= float(said[2])
    assert card.most == 0


def test_the_network_of_one_stage_is_gone_before_that_of_the_next_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, data, _ = classifier(layer("Dense", units=8), layer("Dense", units=7, activation="relu"))
    card = ProcessorCard()
    used: list[int] = []

    def free_bytes() -> int:
        used.append(card.used)
        return card.room - card.used

    monkeypatch.setattr(card, "free_bytes", free_bytes)
    cards.use(card)
    try:
        training = settings(device="cuda", mode="greedy", epochs=6)
        with closing(TrainingRun(graph, training, {data: clouds(40, validation=9)}, compile_ahead)) as run:
            run.train(6)
            assert run.network.epoch == 6
            assert run.network.device.name == "cuda"
            assert used == [0] * len(run.stages)
            assert len(used) > 1
    finally:
        cards.use(None)


def test_a_run_tells_of_it_and_goes_on_on_the_processor() -> None:
    graph, data, training = words()
    card = ProcessorCard(50_000)
    cards.use(card)
    compiled: list[Wanted] = []
    try:
        run = TrainingRun(graph, dataclasses.replace(training, device="cuda"), data, compiled.extend)
        with closing(run):
            assert run.card_problem.startswith("The network needs ")
            assert " of which 50 kB is free: " in run.card_problem
            assert run.card_problem.endswith("or train on the processor. Training goes on on the processor.")
            run.train(2)
            assert run.network.epoch == 2
            assert run.network.device.name == "cpu"
        assert card.most == 0
    finally:
        cards.use(None)
