"""What is compiled in the background from the moment the window opens."""

from __future__ import annotations

import pytest

from studio.core.inference import infer
from studio.data import describe_all
from studio.engine.network import make_plans
from studio.engine.warm import standard_kernels
from studio.storage.templates import templates


@pytest.fixture(scope="module")
def standard() -> dict[int, str]:
    return {id(kernel): kernel.name for kernel in standard_kernels()}


@pytest.mark.parametrize("name", [template.name for template in templates()])
def test_templates_need_no_other_kernels(name: str, standard: dict[int, str]) -> None:
    document = next(t for t in templates() if t.name == name).document()
    infos = describe_all(document.graph)
    inference = infer(document.graph, infos)
    for threads in (1, 2):
        _, plans = make_plans(document.graph, inference, infos, document.training, threads)
        others = {kernel.name for plan, _ in plans for kernel in plan.kernels if id(kernel) not in standard}
        assert not others


def test_each_kernel_is_listed_once(standard: dict[int, str]) -> None:
    assert len(standard_kernels()) == len(standard)
