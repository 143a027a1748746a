"""A call that its kernel cannot take is refused when the plan is bound, not run."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from typing import Any

import pytest
from networks import chain, clouds, layer, network

from studio.core import registry
from studio.core.lowering import Ref
from studio.engine.binding import WrongCall, numbers_of
from studio.engine.plan import Call, Plan
from studio.kernels.arguments import ANY, kinds_of
from studio.kernels.control import add_into, mark_valid
from studio.kernels.jit import inline, named_kernels


@pytest.fixture(scope="module")
def plan() -> Plan:
    graph, data, _ = chain([layer("Dense", units=3)], layer("SparseCategoricalCrossentropy"))
    with closing(network(graph, {data: clouds(classes=3)})) as one:
        return one.train_plan.plan


def changed(plan: Plan, name: str, *arguments: int | Ref) -> Plan:
    """The plan with other arguments for the first call of a kernel."""
    place = next(i for i, call in enumerate(plan.calls) if call.kernel.name == name)
    call = dataclasses.replace(plan.calls[place], arguments=arguments)
    return dataclasses.replace(plan, calls=(*plan.calls[:place], call, *plan.calls[place + 1 :]))


def test_a_plan_s_own_calls_are_taken(plan: Plan) -> None:
    numbers, spaces = numbers_of(plan)
    assert len(numbers) == len(spaces) == 1 + sum(2 + len(call.arguments) for call in plan.calls)


@pytest.mark.parametrize("arguments", [(16,), (16, Ref("private", 0), 1)])
def test_more_or_fewer_arguments_are_refused(plan: Plan, arguments: tuple[Any, ...]) -> None:
    sentence = f"The kernel mark_valid takes 2 arguments, but the plan's own forward pass gives {len(arguments)}."
    with pytest.raises(WrongCall) as refusal:
        numbers_of(changed(plan, "mark_valid", *arguments))
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((16, 0), "Argument 1 of the kernel mark_valid is a place in the arena, but the plan's own forward pass gives the number 0."),
        ((16, Ref("table", 3)), "gives one of the space table."),
        ((Ref("shared", 16), Ref("private", 0)), "Argument 0 of the kernel mark_valid is a whole number, but"),
    ],
)
def test_arguments_of_another_kind_are_refused(plan: Plan, arguments: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(WrongCall) as refusal:
        numbers_of(changed(plan, "mark_valid", *arguments))
    assert sentence in str(refusal.value)


def test_the_node_is_named(plan: Plan) -> None:
    call = Call(add_into, (1, 16), "n7", "backward")
    with pytest.raises(WrongCall, match="add_into takes 6 arguments, but the backward pass of n7 gives 2"):
        numbers_of(dataclasses.replace(plan, calls=(*plan.calls, call)))


def test_every_kernel_says_what_it_takes() -> None:
    registry.layers()
    registry.optimizers()
    kernels = named_kernels()
    assert len(kernels) > 80
    for kernel in kernels:
        told = kinds_of(kernel.function)
        assert told != ANY, f"{kernel.name} reads its record in a way that cannot be followed."
        assert kernel.arguments == told, kernel.name
    assert mark_valid.arguments == "if"


@inline
def _pair(arena, record, first):
    return arena[record[first]] + arena[record[first + 1]]


def test_arguments_are_found_through_names_and_helpers() -> None:
    def add(arena, record, table, state):
        rows, places = record[2], table[record[4]]
        x = record[3]
        for i in range(rows):
            arena[x + i * record[5]] = _pair(arena, record, 6) + places

    assert kinds_of(add) == "iftiff"


def test_a_kernel_may_take_any_number_of_arguments() -> None:
    def add_all(arena, record, table, state):
        for i in range(2, record[1]):
            arena[record[2]] += arena[record[i]]

    assert kinds_of(add_all) == ANY
