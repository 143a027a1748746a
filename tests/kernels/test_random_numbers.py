"""The counter-based generator against Random123's own test vectors, and its distributions."""

from __future__ import annotations

import numpy as np
import pytest

from studio.kernels.random_numbers import normal, philox, uniform

#: philox4x32_10 of Random123's kat_vectors: counter, key, result.
VECTORS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text: str) -> list[np.ndarray]:
    return [np.array([int(w, 16)], np.uint64) for w in text.split()]


@pytest.mark.parametrize(("counter", "key", "result"), VECTORS)
def test_random123_vectors(counter: str, key: str, result: str) -> None:
    assert [int(w[0]) for w in philox(*words(counter), *words(key))] == [int(w, 16) for w in result.split()]


def test_a_number_depends_on_its_place_alone() -> None:
    long, short = uniform(5, 6, 1000, 7), uniform(5, 6, 10, 7)
    assert np.array_equal(long[:10], short)
    for other in (uniform(4, 6, 10, 7), uniform(5, 7, 10, 7), uniform(5, 6, 10, 8)):
        assert not np.array_equal(short, other)


def test_seeds_may_have_63_bits() -> None:
    found = {uniform(seed, 1, 4).tobytes() for seed in (0, 1, 1 << 31, 1 << 32, (1 << 62) + 1, (1 << 63) - 1)}
    assert len(found) == 6


def test_uniform_numbers() -> None:
    numbers = uniform(1, 2, 200_000)
    assert numbers.dtype == np.float64
    assert numbers.min() >= 0.0
    assert numbers.max() < 1.0
    counts, _ = np.histogram(numbers, 50, (0.0, 1.0))
    # Chi squared with 49 degrees of freedom: 100 is beyond 99.99 %.
    assert float(((counts - 4000.0) ** 2 / 4000.0).sum()) < 100.0
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.01


def test_normal_numbers() -> None:
    numbers = normal(1, 2, 200_001)
    assert numbers.shape == (200_001,)
    assert np.isfinite(numbers).all()
    assert abs(numbers.mean()) < 0.01
    assert abs(numbers.std() - 1.0) < 0.01
    assert abs((numbers**3).mean()) < 0.04
    assert abs((numbers**4).mean() - 3.0) < 0.1
    assert 4.0 < np.abs(numbers).max() < 6.5
