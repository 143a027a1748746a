"""Kernels' twins for cards: every kernel has one, and it becomes PTX for each kind of card."""

from __future__ import annotations

import importlib.util
import re

import pytest

from studio.cuda.simulated import SimulatedTranslation
from studio.cuda.translation import NotTranslated, Translation
from studio.engine.warm import standard_kernels
from studio.kernels import attention_blocks
from studio.kernels.jit import Kernel, inline, named_kernels
from studio.kernels.maths import exp
from studio.kernels.simd import load
from studio.kernels.tiles import SHAPE

#: The processor's own: attention without `studio.kernels.attention_blocks`, its runner, its clock, how its threads wait, and files that are in its memory.
_OF_THE_PROCESSOR = {"attend", "attend_backward", "run", "run_timed", "read_clock", "barrier", "gather_stored", "multiply_and_add", "read_rows", "change_rows"}
#: Weights' gradients of turned output gradients: on a card nothing is turned (see `studio.kernels.correlations`).
_TURNING = "outer_"
#: At least one that uses each building block.
_PTX = (
    "gather", "transpose", "adam", "relu_function", "gelu_derivative", "softmax_forward", "from_logits", f"multiply_{SHAPE.outputs}x2",
    f"correlate_{SHAPE.correlated_outputs}", "moments", "largest_in_windows_with_places", "silence", "look_up",
    "sample_pictures", "sample_pictures_backward",
    "attention_softmax", "attention_slopes", "attention_products_4", "lstm_backward", "add_and_measure",
    "multiply_shared", "read_shared", "copy_shared", "change_shared",
)  # fmt: skip


def by_name() -> dict[str, Kernel]:
    return {kernel.name: kernel for kernel in (*standard_kernels(), *named_kernels(), *attention_blocks.kernels())}


def test_every_kernel_has_a_twin() -> None:
    translation, without = SimulatedTranslation(), set()
    for name, kernel in by_name().items():
        try:
            made = translation.kernel(kernel.function)
        except NotTranslated:
            without.add(name)
        else:
            assert made.__code__ is kernel.function.__code__
    assert {name for name in without if not name.startswith(_TURNING)} <= _OF_THE_PROCESSOR


def _helper(x):  # type: ignore[no-untyped-def]
    return exp(x) * 2.0


_inlined = inline(_helper)


def _uses(place):  # type: ignore[no-untyped-def]
    return _inlined(load(place))


def test_helpers_and_maths_are_translated_in_turn() -> None:
    made = SimulatedTranslation()
    helper = made.kernel(_uses).__globals__["_inlined"]
    assert helper.__code__ is _helper.__code__
    assert helper.__globals__["exp"].__name__ == "approximate"


def test_what_has_no_twin_is_named() -> None:
    unknown = object()

    def function() -> object:
        return unknown

    with pytest.raises(NotTranslated, match=r"function uses <object object.*no twin"):
        Translation({}, lambda function: function).kernel(function)


@pytest.mark.skipif(importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed (extra cuda13)")
@pytest.mark.parametrize("capability", [(7, 5), (8, 0), (9, 0)])
@pytest.mark.parametrize("name", _PTX)
def test_ptx_is_made_without_a_card(name: str, capability: tuple[int, int]) -> None:
    from studio.cuda.assembly import ptx

    text = ptx(by_name()[name], capability)
    assert f".target sm_{capability[0]}{capability[1]}" in text
    assert ".visible .entry" in text
    # One float a thread: neighbouring threads read and write neighbouring numbers.
    assert "tid.x" in text


@pytest.mark.skipif(importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed (extra cuda13)")
def test_what_measures_a_cards_peak_hardly_does_anything_else() -> None:
    from studio.cuda.assembly import ptx

    blocks = re.split(r"^\$L\w+:$", ptx(by_name()["multiply_shared"], (9, 0)), flags=re.MULTILINE)
    (loop,) = (block for block in blocks if "fma.rn.f32" in block)
    # Up to its jump back: eight times twelve sums, and what counts them; moves between registers cost nothing.
    inside = [line.split()[0] for line in loop.partition("bra")[0].splitlines() if line.endswith(";")]
    assert inside.count("fma.rn.f32") == 8 * 12
    assert len([name for name in inside if not name.startswith(("fma", "mov"))]) < 8
    # All numbers of a chunk are asked for before the first of them is waited for.
    for name in ("copy_shared", "change_shared"):
        (body,) = (b for b in re.split(r"^\$L\w+:$", ptx(by_name()[name], (9, 0)), flags=re.MULTILINE) if "st.global.f32" in b)
        asked, _, rest = body.partition("st.global.f32")
        assert asked.count("ld.global.f32") == 1 + rest.count("st.global.f32") == 8
