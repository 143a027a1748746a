"""Every kind of parameter takes what is legal and refuses the rest with one sentence."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.core.component import Component
from studio.core.fields import FieldError, choice, fields_of, flag, integer, pair, real, shape, text


@dataclass(frozen=True)
class Everything(Component):
    """One parameter of each kind."""

    whole: int = integer(3, 1, 9, help="A whole number.")
    number: float = real(0.5, 0.0, 2.0, help="A number.", live=True)
    one_of: str = choice("a", ("a", "b"), help="A name.")
    late: str = choice("linear", lambda: ("linear", "tanh"), help="A name from a list that may grow.")
    yes: bool = flag(True, help="A yes or no.")
    words: str = text("", help="Text.")
    two: tuple[int, int] = pair(3, 1, 9, help="Two whole numbers.")
    many: tuple[int, ...] = shape((2, 3), help="Whole numbers.")


BAD: list[tuple[str, Any]] = [
    *(("whole", v) for v in (0, 10, 2.5, "3", None, True, math.nan, math.inf, -math.inf, [3], 1e300)),
    *(("number", v) for v in (-0.1, 2.1, "0.5", None, False, math.nan, math.inf, [1.0], 1j)),
    *(("one_of", v) for v in ("c", "", None, 1, ["a"])),
    *(("late", v) for v in ("sigmoid", 1)),
    *(("yes", v) for v in (1, 0, "true", None)),
    *(("words", v) for v in (1, None, b"x", "x" * 4097)),
    *(("two", v) for v in (0, (1, 2, 3), (), (1,), (1, 10), "ab", None, (1, 2.5), (True, 1), {"a": 1})),
    *(("many", v) for v in ((), 0, (1,) * 9, (2, 0), (2, "3"), None, (1_000_001,))),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=lambda v: repr(v)[:30])
def test_a_bad_value_is_refused_by_a_sentence(name: str, value: Any) -> None:
    with pytest.raises(FieldError) as caught:
        Everything(**{name: value})
    sentence = str(caught.value)
    assert sentence.startswith(name)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    with pytest.raises(FieldError):
        Everything().replace(**{name: value})
    with pytest.raises(FieldError):
        Everything.from_json({name: value})


@pytest.mark.parametrize(
    ("name", "value", "canonical"),
    [
        ("whole", 4.0, 4),
        ("whole", np.int64(5), 5),
        ("number", 1, 1.0),
        ("number", np.float32(0.25), 0.25),
        ("number", Fraction(1, 4), 0.25),
        ("late", None, "linear"),
        ("two", 5, (5, 5)),
        ("two", [2, 3], (2, 3)),
        ("many", 7, (7,)),
        ("many", [4, np.int32(5)], (4, 5)),
    ],
)
def test_a_legal_value_takes_its_canonical_type(name: str, value: Any, canonical: Any) -> None:
    found = getattr(Everything(**{name: value}), name)
    assert found == canonical
    assert type(found) is type(canonical)


@given(
    st.builds(
        Everything,
        whole=st.integers(1, 9),
        number=st.floats(0.0, 2.0),
        one_of=st.sampled_from("ab"),
        yes=st.booleans(),
        words=st.text(max_size=50),
        two=st.tuples(st.integers(1, 9), st.integers(1, 9)),
        many=st.lists(st.integers(1, 1_000_000), min_size=1, max_size=8).map(tuple),
    )
)
def test_json_brings_back_the_same_component(component: Everything) -> None:
    assert Everything.from_json(json.loads(json.dumps(component.to_json()))) == component


def test_an_unknown_parameter_is_refused_by_name() -> None:
    for make in (lambda: Everything().replace(colour=1), lambda: Everything.from_json({"colour": 1})):
        with pytest.raises(FieldError, match=r"^Everything has no parameter 'colour'\.$"):
            make()


def test_limits_are_told_in_plain_digits() -> None:
    with pytest.raises(FieldError, match=r"^many is 1000001, but must be at most 1000000\.$"):
        Everything(many=(1_000_001,))
    with pytest.raises(FieldError, match=r"^number is 2\.1, but must be at most 2\.$"):
        Everything(number=2.1)


def test_a_choice_asks_for_its_names_each_time() -> None:
    names = ["a"]

    @dataclass(frozen=True)
    class Late(Component):
        """A choice that grows."""

        name: str = choice("a", lambda: names, help="A name.")

    with pytest.raises(FieldError, match="choose one of a"):
        Late(name="b")
    names.append("b")
    assert Late(name="b").name == "b"


def test_declarations_carry_what_the_inspector_needs() -> None:
    declared = fields_of(Everything)
    assert list(declared) == ["whole", "number", "one_of", "late", "yes", "words", "two", "many"]
    assert (declared["whole"].minimum, declared["whole"].maximum) == (1, 9)
    assert declared["number"].live
    assert not declared["whole"].live
    assert declared["late"].options() == ("linear", "tanh")
    assert declared["two"].default == (3, 3)
