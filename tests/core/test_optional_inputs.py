"""Input ports that may stay without a wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from studio.core.dataset import DatasetInfo
from studio.core.graph import Graph
from studio.core.inference import infer
from studio.core.layer import Layer
from studio.core.lowering import Lowering, Tensor
from studio.core.shapes import Shape
from studio.kernels.control import add_into, copy_rows
from studio.layers.data import Data
from studio.testing.layers import check_layer


@dataclass(frozen=True)
class PlusOptional(Layer):
    """``y = a + b``, or ``a`` where b has no wire."""

    inputs: ClassVar[tuple[str, ...]] = ("a", "b?")
    icon: ClassVar[str] = "add"
    help: ClassVar[str] = "Adds its second input to the first, if there is a second one to add."
    formula: ClassVar[str] = "y = a + b"
    source: ClassVar[str] = "A test's own layer."

    def lower(self, lowering: Lowering, *inputs: Tensor | None) -> Tensor:
        parts = [lowering.contiguous(x) for x in inputs if x is not None]
        y = lowering.tensor(inputs[0].shape) if inputs[0] is not None else None
        assert y is not None
        length = y.features * lowering.batch
        lowering.emit(copy_rows, 1, length, y.base, 0, parts[0].base, 0)
        for x in parts[1:]:
            lowering.emit(add_into, 1, length, y.base, 0, x.base, 0)

        def backward(dy: Tensor) -> None:
            for x in parts:
                dx = lowering.gradient(x)
                if dx is not None:
                    lowering.emit(copy_rows, 1, length, dx.base, 0, dy.base, 0)

        lowering.backward(y, backward)
        return y

    def reference(
        self, inputs: Sequence[Any], weights: Mapping[str, np.ndarray], training: bool = False
    ) -> np.ndarray:
        return np.asarray(sum(x for x in inputs if x is not None))

    @classmethod
    def examples(cls) -> tuple[tuple[Layer, tuple[Shape | None, ...]], ...]:  # type: ignore[override]
        return (cls(), ((7,), (7,))), (cls(), ((7,), None))


def test_the_contract_holds_with_and_without_the_wire() -> None:
    check_layer(PlusOptional)


def test_only_the_wire_that_is_needed_is_asked_for() -> None:
    info = DatasetInfo("rig", (7,), (), "labels", ("a", "b"), samples=9)
    graph, data = Graph().add(Data(source="rig"))
    graph, node = graph.add(PlusOptional())
    assert any("has no input" in p.message for p in infer(graph, {data: info}).problems)
    graph = graph.connect(data, 0, node, 0)
    inference = infer(graph, {data: info})
    assert inference.input_shapes[node] == ((7,), None)
    assert inference.shapes[node] == ((7,),)
    assert graph.free_port(node) == 1
    assert PlusOptional.input_names() == ("a", "b (optional)")
