"""The window's share of a core: measured, kept below the goal, and given back."""

import pytest

from studio.gui.governor import MOST, WITH_A_CORE, WITHOUT, Governor


def run(governor, seconds, share, running=True, crowded=False, start=0.0):
    """Look twenty times a second while the window takes `share(stretch)` of a core."""
    busy, now = 0.0, start
    for _ in range(round(seconds * 20)):
        now += 0.05
        busy += 0.05 * share(governor.stretch)
        governor.look(now, busy, running, crowded)
    return now


@pytest.mark.parametrize(("crowded", "goal"), [(False, WITH_A_CORE), (True, WITHOUT)])
def test_it_settles_where_the_share_is_the_goal(crowded, goal):
    governor = Governor()
    shares = []

    def share(stretch):
        shares.append(0.02 + 0.1 / stretch)
        return shares[-1]

    run(governor, 20, share, crowded=crowded)
    last = shares[-100:]
    assert max(last) <= goal * 1.02
    assert min(last) >= goal * 0.9


def test_a_window_that_takes_little_is_at_full_rate():
    governor = Governor()
    run(governor, 10, lambda stretch: 0.05)
    assert governor.stretch == 1.0


def test_it_never_stretches_more_than_a_person_bears():
    governor = Governor()
    run(governor, 20, lambda stretch: 0.9)
    assert governor.stretch == MOST


def test_it_relaxes_when_there_is_room_again():
    governor = Governor()
    now = run(governor, 10, lambda stretch: 0.9)
    run(governor, 15, lambda stretch: 0.03, start=now)
    assert governor.stretch == 1.0


def test_a_pause_brings_full_rates_at_once():
    governor = Governor()
    now = run(governor, 5, lambda stretch: 0.9)
    assert governor.stretch > 1.0
    run(governor, 0.05, lambda stretch: 0.9, running=False, start=now)
    assert governor.stretch == 1.0


def test_one_long_drawing_does_not_slow_the_window_at_once():
    governor = Governor()
    governor.look(0.0, 0.0, True, False)
    governor.look(0.2, 0.2, True, False)
    assert governor.stretch == 1.0
