"""Training that cannot start or go on says why in one sentence and loses nothing."""

from __future__ import annotations

import dataclasses
import threading
from contextlib import closing

import numpy as np
import pytest
from networks import chain, classifier, clouds, dataset, layer, network, optimizer, require_equal_states, run

from studio.core.dataset import Dataset
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.problems import Problem
from studio.engine import network as network_module
from studio.engine.failure import EngineProblem
from studio.engine.network import Network
from studio.kernels.state import DONE


def require_sentence(problem: Problem) -> None:
    assert problem.message.endswith(".")
    assert "\n" not in problem.message
    assert problem.message[0].isupper()


def numbers(samples: int = 64) -> Dataset:
    generator = np.random.default_rng(0)
    return dataset(generator.normal(size=(samples, 4)), generator.normal(size=(samples, 2)), "values")


def with_rate(training: Training, rate: float) -> Training:
    assert training.optimizer is not None
    changed = type(training.optimizer)()
    object.__setattr__(changed, "learning_rate", rate)  # beyond what the window lets people choose
    return dataclasses.replace(training, optimizer=changed)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("rate", [1e30, 1e4, 3.0])
def test_numbers_that_explode_are_taken_back(threads: int, rate: float) -> None:
    graph, data, nodes = chain([layer("Dense", units=6), layer("Dense", units=2)], layer("MeanSquaredError"))
    sets = {data: numbers()}
    good = optimizer(learning_rate=0.01)
    with closing(run(graph, sets, threads, using=good)) as one:
        for _ in range(3):
            one.advance(2)
        at, training = one.network.step, one.network.training
        before = one.network.state()
        one.set_numbers(graph, with_rate(training, rate))
        with pytest.raises(EngineProblem) as caught:
            one.train(100_000)
        problem = caught.value.problem
        require_sentence(problem)
        assert problem.node in nodes
        assert problem.message.startswith(graph.node(problem.node).name + " gave numbers that are too large")
        assert problem.message.endswith("lower the learning rate and run again.")
        after = one.network.state()
        assert after.step >= at
        assert f"the weights of step {after.step} are back" in problem.message
        assert all(np.isfinite(v).all() for v in after.weights.values())
        # They are exactly what the run had at that step ...
        with closing(run(graph, sets, threads, using=good)) as other:
            other.restore(before)
            other.set_numbers(graph, with_rate(training, rate))
            other.network.train(after.step - at)
            require_equal_states(other.network.state(), after)
        # ... the loss had not exploded yet, and a smaller rate goes on from there.
        first = one.evaluate("train")
        assert first is not None
        assert first.loss < 1000.0
        one.set_numbers(graph, with_rate(training, 0.01))
        one.train(int(one.network.epoch) + 40)
        last = one.evaluate("train")
        assert last is not None
        assert last.loss < first.loss
        epochs, losses = one.history.series("loss")
        assert np.isfinite(losses).all()
        assert (np.diff(epochs) > 0).all()


def test_the_weights_are_those_of_the_step_before_the_first_bad_loss() -> None:
    """A huge rate makes weights, in the first step, whose loss is not finite in the second."""
    graph, data, _ = chain([layer("Dense", units=2)], layer("MeanSquaredError"))
    with closing(run(graph, {data: numbers()}, using=optimizer("Adam"))) as one:
        start = one.network.state()
        one.set_numbers(graph, with_rate(one.network.training, 1e30))
        with pytest.raises(EngineProblem, match=r"at step 2: the weights of step 0 are back"):
            one.advance(1)
        require_equal_states(one.network.state(), start)


def test_the_first_node_with_bad_numbers_is_named() -> None:
    """A weight of the second layer is made infinite by hand: the first is not to blame."""
    graph, data, (_first, second, _loss) = chain(
        [layer("Dense", units=6), layer("Dense", units=2)], layer("MeanSquaredError")
    )
    with closing(run(graph, {data: numbers()})) as one:
        state = one.network.state()
        state.weights[second, "kernel"][1, 1] = np.inf
        one.restore(state)
        with pytest.raises(EngineProblem, match=r"^Dense_2 gave numbers that are too large or undefined \(NaN\)") as caught:
            one.advance(1)
        assert caught.value.problem.node == second


def test_a_loss_that_alone_is_too_large_is_named_itself() -> None:
    graph, data, (_, loss) = chain([layer("Dense", units=2)], layer("MeanSquaredError"))
    with closing(run(graph, {data: numbers()})) as one:
        state = one.network.state()
        state.weights["n2", "bias"][:] = 1e25  # a float, but its square is not
        one.restore(state)
        with pytest.raises(EngineProblem, match=r"^MeanSquaredError gave numbers") as caught:
            one.advance(1)
        assert caught.value.problem.node == loss


def test_a_plan_beyond_the_memory_names_the_largest_node(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, data, (small, large, *_) = classifier(layer("Dense", units=5), layer("Dense", units=3000))
    monkeypatch.setattr(network_module, "available_memory", lambda: 1 << 20)
    with pytest.raises(EngineProblem) as caught:
        network(graph, {data: clouds()})
    problem = caught.value.problem
    require_sentence(problem)
    assert problem.node == large
    assert problem.message.startswith("Dense_2 asks for most of the ")
    assert "GB are free: make it, the pictures or the batch smaller." in problem.message
    assert small != large


def test_a_plan_that_fits_is_not_refused() -> None:
    graph, data, _ = classifier(layer("Dense", units=3000))
    with closing(network(graph, {data: clouds()})) as one:
        assert one.device.bytes < 50e6


def test_a_graph_with_problems_is_refused_by_its_first() -> None:
    graph, data, (dense, _) = classifier()
    broken = graph.disconnect(graph.incoming(dense)[0])
    with pytest.raises(EngineProblem, match=r"^Dense has no input: drop it on a wire"):
        network(broken, {data: clouds()})
    with pytest.raises(EngineProblem, match=r"^The graph has no Data"):
        network(Graph(), {})


def test_settings_without_an_optimizer_are_refused() -> None:
    graph, data, _ = classifier()
    with pytest.raises(EngineProblem, match=r"name no optimizer: choose one\.$"):
        Network(graph, Training(), {data: clouds()}, 1)


def test_an_empty_training_part_is_refused() -> None:
    graph, data, _ = classifier()
    with pytest.raises(EngineProblem, match=r"^Data has no training samples: use a larger set\.$"):
        network(graph, {data: clouds(30, validation=30)})


def test_data_sets_of_different_sizes_are_refused() -> None:
    graph, data, (dense, _) = classifier()
    graph, other = graph.add(layer("Data", source="other"))
    graph, add = graph.add(layer("Add"))
    graph = graph.connect(data, 0, add, 0).connect(other, 0, add, 1).connect(add, 0, dense, 0)
    with pytest.raises(EngineProblem, match="has another number of samples than the other Data nodes"):
        network(graph, {data: clouds(30), other: clouds(60)})


def test_an_undefined_sample_is_noticed_at_the_first_epoch() -> None:
    x = np.ones((16, 3))
    x[5, 1] = np.nan
    graph, data, _ = chain([layer("Dense", units=1)], layer("MeanSquaredError"))
    with closing(run(graph, {data: dataset(x, np.ones((16, 1)), "values")})) as one:
        with pytest.raises(EngineProblem, match=r"^Data has numbers .* correct the data and run again\.$") as caught:
            one.train(1)
        require_sentence(caught.value.problem)
        assert caught.value.problem.node == data
        assert all(np.isfinite(v).all() for v in one.network.weights().values())


def test_two_threads_always_stop_together() -> None:
    """Whichever of them meets the bad loss first, and however busy the machine is."""
    graph, data, _ = chain([layer("Dense", units=6), layer("Dense", units=2)], layer("MeanSquaredError"))
    busy = threading.Event()

    def burn() -> None:
        while not busy.is_set():
            np.ones(20_000).sum()

    burners = [threading.Thread(target=burn) for _ in range(3)]
    for burner in burners:
        burner.start()
    try:
        for seed in range(60):
            with closing(network(graph, {data: numbers()}, threads=2, batch_size=8, seed=seed)) as one:
                one.set_numbers(graph, with_rate(one.training, 300.0 + seed))
                done = one.train(200)
                assert one.failed
                assert done == one.step < 200
                assert all(int(state[DONE]) == done for state in one.train_plan.states)
    finally:
        busy.set()
        for burner in burners:
            burner.join()
