"""The contract of a learning-rate schedule."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from studio.core.schedule import Schedule
from studio.testing.declarations import check_declaration, check_json, require

INITIAL = 0.05
TOTALS = (1, 7, 3000)


def check_schedule(schedule_class: type[Schedule], *variants: Schedule) -> None:
    """Check everything the product relies on of one schedule class.

    A schedule that gives a rate for each step must give the same ones by `rates`, from any
    step on, as by `reference`; one that watches a monitor must remember finite numbers only,
    follow from what it is given, and never ask for a negative rate. Of the class: help,
    formula, source, and help for each parameter.

    Parameters
    ----------
    schedule_class : type
        A schedule.
    *variants : Schedule
        Settings to try. Left out, these are all combinations of a few values of each parameter.

    Raises
    ------
    AssertionError
        When something does not hold; says what.
    """
    check_declaration(schedule_class)
    for schedule in variants or tuple(_variants(schedule_class)):
        check_json(schedule)
        if schedule.stepwise:
            _check_steps(schedule)
        else:
            _check_epochs(schedule)


def _variants(schedule_class: type[Schedule]) -> Iterator[Schedule]:
    choices: dict[str, tuple[object, ...]] = {}
    for name, declared in schedule_class.parameters().items():
        low, high = declared.minimum or 0, declared.maximum or 0
        if declared.kind == "flag":
            choices[name] = (False, True)
        elif declared.kind == "choice" and name != "mode":
            choices[name] = declared.options()
        elif declared.kind == "integer":
            choices[name] = tuple(dict.fromkeys((declared.default, max(int(low), min(3, int(high))))))
        elif declared.kind == "real":
            choices[name] = tuple(dict.fromkeys((declared.default, max(low, min(0.5 * high, 1.5)))))
    for values in product(*choices.values()):
        yield schedule_class(**dict(zip(choices, values, strict=True)))


def _check_steps(schedule: Schedule) -> None:
    require(schedule.watched() == "", f"{schedule!r} follows from the step and watches a monitor too.")
    for total in TOTALS:
        expected = np.array([schedule.reference(INITIAL, step, total) for step in range(40)])
        for first in (0, 1, 13):
            found = schedule.rates(INITIAL, first, 40 - first, total)
            require(found.shape == (40 - first,), f"{schedule!r} gives rates of the shape {found.shape}.")
            close = np.allclose(found, expected[first:], rtol=1e-12, atol=1e-15)
            require(close, f"{schedule!r}: rates from step {first} of {total} are not those of `reference`.")
        late = [schedule.reference(INITIAL, step, total) for step in (total - 1, total, 10 * total + 10**6)]
        rates = np.concatenate([expected, late])
        require(bool(np.isfinite(rates).all() and (rates >= 0).all()), f"{schedule!r} gives rates that are none.")


def _check_epochs(schedule: Schedule) -> None:
    require(
        schedule.current(INITIAL, {}) == INITIAL, f"{schedule!r} does not start from the optimizer's learning rate."
    )
    generator = np.random.default_rng(3)
    memory: dict[str, float] = {}
    for value in [*generator.normal(size=20), *[1.0] * 30, np.nan, np.inf]:
        before = dict(memory)
        after = schedule.after_epoch(INITIAL, memory, float(value))
        require(memory == before, f"{schedule!r} changes the memory it is given.")
        require(after == schedule.after_epoch(INITIAL, memory, float(value)), f"{schedule!r} does not repeat.")
        require(bool(np.isfinite(list(after.values())).all()), f"{schedule!r} remembers what is not finite: {after}.")
        rate = schedule.current(INITIAL, after)
        require(bool(np.isfinite(rate)) and rate >= 0, f"{schedule!r} gives the rate {rate}.")
        memory = after
    require(not memory or bool(schedule.watched()), f"{schedule!r} remembers without watching.")
