"""What all optimizers have in common: limits on gradients, weight decay, what a switch needs."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from networks import classifier, clouds, layer, network, optimizer, require_equal_states

from studio.core.document import Training
from studio.core.fields import FieldError
from studio.core.optimizer import CLIPPING
from studio.engine.changes import only_live


def test_two_limits_at_once_are_refused_with_a_sentence() -> None:
    with pytest.raises(FieldError, match="clipnorm and clipvalue cannot both limit the gradients"):
        optimizer("SGD", clipnorm=1.0, clipvalue=0.5)
    one = optimizer("Adam", global_clipnorm=1.0)
    with pytest.raises(FieldError, match="set one of them to 0"):
        one.replace(clipnorm=1.0)
    assert one.replace(global_clipnorm=0.0, clipnorm=1.0).clipping() == "clipnorm"  # type: ignore[attr-defined]


def test_without_a_limit_there_is_no_kernel_for_it() -> None:
    graph, data, _ = classifier(layer("Dense", units=6))
    names = {}
    for limit in ("", *CLIPPING):
        using = optimizer("SGD", **({limit: 0.5} if limit else {}))
        with closing(network(graph, {data: clouds()}, using=using)) as one:
            calls = one.train_plan.plan.calls
            names[limit] = [c.kernel.name for c in calls if c.phase == "update" and c.kernel.name != "penalize"]
    assert names[""] == ["barrier", "sgd", "barrier"]
    assert names["clipvalue"] == ["barrier", "clip_values", "barrier", "sgd", "barrier"]
    assert names["global_clipnorm"].count("find_scale") == 1
    assert names["clipnorm"].count("find_scale") == 4


@pytest.mark.parametrize("limit", CLIPPING)
@pytest.mark.parametrize("threads", [1, 2])
def test_a_limit_that_is_not_reached_changes_nothing(limit: str, threads: int) -> None:
    graph, data, _ = classifier(layer("Dense", units=37, activation="tanh"))
    states = []
    for value in (0.0, 1e6):
        using = optimizer("Adam", **{limit: value})
        with closing(network(graph, {data: clouds()}, threads, using=using)) as one:
            one.train(20)
            states.append(one.state())
    require_equal_states(*states)


def test_numbers_are_live_but_other_kernels_are_not() -> None:
    def live(before: dict[str, object], after: dict[str, object], name: str = "SGD") -> bool:
        settings = [Training(optimizer=optimizer(name, **values)) for values in (before, after)]
        return only_live(*settings)

    assert live({"momentum": 0.5}, {"momentum": 0.9})
    assert not live({"momentum": 0.0}, {"momentum": 0.9})
    assert live({"clipnorm": 1.0}, {"clipnorm": 2.0})
    assert not live({"clipnorm": 0.0}, {"clipnorm": 2.0})
    assert not live({"clipnorm": 2.0}, {"clipvalue": 2.0})
    assert live({}, {"weight_decay": 0.1})
    assert not live({}, {"centered": True}, "RMSprop")


def test_a_slot_starts_where_the_optimizer_says_and_again_after_a_reset() -> None:
    graph, data, (node, _) = classifier()
    with closing(network(graph, {data: clouds()}, using=optimizer("Adagrad"))) as one:
        for _ in range(2):
            assert np.all(one.state().slots[node, "kernel", "accumulator"] == np.float32(0.1))
            one.train(3)
            assert np.all(one.state().slots[node, "kernel", "accumulator"] >= np.float32(0.1))
            one.draw_weights(0)


def test_a_slot_that_is_not_used_takes_no_room() -> None:
    graph, data, _ = classifier()
    for using, kept in ((optimizer("SGD"), set()), (optimizer("Adam"), {"m", "v"})):
        with closing(network(graph, {data: clouds()}, using=using)) as one:
            one.train(1)
            assert {slot for _, _, slot in one.state().slots} == kept
