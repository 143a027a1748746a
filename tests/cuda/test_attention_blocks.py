"""Attention as it is lowered for a card, against the processor's; the processor runs both here."""

from __future__ import annotations

import importlib.util
import re
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from studio.bench.examples import example_of
from studio.core.inference import infer
from studio.engine.costs import cost_of
from studio.engine.network import make_plans
from studio.engine.plan import Call, Plan
from studio.kernels import attention_blocks
from studio.layers.multi_head_attention import MultiHeadAttention
from studio.testing.rig import Outcome, Rig

#: One a test: what they cover is every mask, sides that do not divide the sizes, and more of one size than of the other.
LAYERS = {
    "all see all": (MultiHeadAttention(num_heads=2, key_dim=9, value_dim=5), ((11, 4), None, None)),
    "causal and padded": (MultiHeadAttention(num_heads=2, key_dim=3, mask="causal"), ((19, 4), None, (19,))),
    "more keys": (MultiHeadAttention(num_heads=1, key_dim=4, mask="causal"), ((3, 4), (21, 2), (21,))),
    "more queries": (MultiHeadAttention(num_heads=3, key_dim=2, mask="causal"), ((21, 4), (3, 2), None)),
    "permutation": (MultiHeadAttention(num_heads=2, key_dim=4, mask="permutation", order="8 2 5 0 3 7 1 6 4"), ((9, 4), None, (9,))),
    "dropout": (MultiHeadAttention(num_heads=2, key_dim=3, dropout=0.4), ((10, 4), (13, 3), (13,))),
    "causal dropout": (MultiHeadAttention(num_heads=2, key_dim=3, dropout=0.4, mask="causal"), ((17, 4), None, None)),
    "one of each": (MultiHeadAttention(num_heads=1, key_dim=1), ((1, 2), None, None)),
}


#: More than a vector, and no whole number of them.
SAMPLES = 21


def outcome(layer: MultiHeadAttention, shapes: tuple) -> Outcome:
    generator = np.random.default_rng(7)
    inputs: list[np.ndarray | None] = []
    for port, shape in enumerate(shapes):
        if shape is None:
            inputs.append(None)
        elif port == 2:
            inputs.append(generator.integers(0, 3, (SAMPLES, *shape)).astype(np.float32))
        else:
            inputs.append(generator.normal(size=(SAMPLES, *shape)).astype(np.float32))
    weights = {w.name: (0.4 * generator.normal(size=w.shape)).astype(np.float32) for w in layer.weights(*shapes)}
    factors = generator.normal(size=(SAMPLES, *layer.output_shape(*shapes))).astype(np.float32)
    with closing(Rig(layer, inputs, factors, SAMPLES, weights=weights)) as rig:
        return rig.train()


def numbers(found: Outcome) -> list[np.ndarray]:
    return [found.output, *found.inputs, *found.weights.values()]


@pytest.mark.parametrize("enough", [1, 1 << 40], ids=["large squares", "small squares"])
@pytest.mark.parametrize("name", LAYERS)
def test_squares_give_what_the_processor_gives_again_and_again(name: str, enough: int, monkeypatch: pytest.MonkeyPatch) -> None:
    here = numbers(outcome(*LAYERS[name]))
    monkeypatch.setattr(attention_blocks, "_ENOUGH", enough)
    monkeypatch.setenv("STUDIO_TEST_DEVICE", "cuda-lowering")
    there, again = numbers(outcome(*LAYERS[name])), numbers(outcome(*LAYERS[name]))
    assert len(here) == len(there) > 3
    assert np.abs(here[0]).max() > 0.1
    for one, other, once_more in zip(here, there, again, strict=True):
        np.testing.assert_allclose(other, one, rtol=2e-4, atol=2e-5)
        assert np.array_equal(other, once_more)


def calls(layer: MultiHeadAttention, shapes: tuple, on_card: bool) -> tuple[list[Call], Plan]:
    """Calls that attention becomes in training, and their plan."""
    example = example_of(layer, shapes)
    training = replace(example.training, batch_size=32)
    plan = make_plans(example.graph, infer(example.graph, example.infos), example.infos, training, 1, on_card=on_card)[1][0][0]
    return [c for c in plan.calls if c.kernel.name.startswith("atten")], plan


@pytest.mark.parametrize("name", LAYERS)
def test_the_work_is_the_processors(name: str) -> None:
    (mine, plan), (its, other) = (calls(*LAYERS[name], on_card) for on_card in (False, True))
    assert {c.kernel.name for c in mine} == {"attend", "attend_backward"}
    for phase in ("forward", "backward"):
        one, two = (sum(cost_of(c, p).operations for c in cs if c.phase == phase) for cs, p in ((mine, plan), (its, other)))
        assert one == pytest.approx(two, rel=1e-12)
        assert one > 0


def test_squares_are_large_where_there_are_many() -> None:
    def sides(steps: int) -> set[str]:
        made, _ = calls(MultiHeadAttention(num_heads=4, key_dim=16), ((steps, 8), None, None), True)
        return {c.kernel.name for c in made if c.kernel.name.startswith("attention_products")}

    assert sides(8) == {"attention_products_4"}
    assert sides(512) == {"attention_products_4", "attention_products_8"}  # sums have few features


@pytest.mark.skipif(importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed (extra cuda13)")
@pytest.mark.parametrize("capability", [(7, 5), (8, 0), (9, 0)])
def test_the_sums_of_a_large_square_fit_into_registers(capability: tuple[int, int]) -> None:
    from cuda.core import Linker, LinkerOptions, ObjectCode

    from studio.cuda.assembly import ptx

    text = ptx(attention_blocks.products_kernel(attention_blocks.SIDES[0]), capability)
    options = LinkerOptions(arch=f"sm_{capability[0]}{capability[1]}", ptxas_options=["-v"])
    linker = Linker(ObjectCode.from_ptx(text.encode()), options=options)
    linker.link("cubin")
    said = linker.get_info_log()
    assert "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads" in said
    assert 64 < int(re.findall(r"Used (\d+) registers", said)[0]) <= 255
