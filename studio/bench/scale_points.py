"""The networks whose step time is drawn against their size: one axis grows, the rest stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from studio.bench.workloads import Goal, Workload
from studio.core import registry
from studio.core.layer import Layer

#: Nothing is promised for these sizes but to be no slower than PyTorch.
_NO_GOAL = Goal(float("inf"), 1.0, 1.0)
#: So many numbers of samples at most, so that large pictures need no gigabytes.
_MOST_NUMBERS = 1 << 24


@dataclass(frozen=True)
class Axis:
    """What grows.

    Parameters
    ----------
    key : str
        For the command line and for file names.
    title : str
        For the plot: what is trained.
    label : str
        For the horizontal axis.
    sizes : tuple of int
        In rising order; among them sizes that fill no vector.
    workload : callable
        The workload of a size.
    """

    key: str
    title: str
    label: str
    sizes: tuple[int, ...]
    workload: Callable[[int], Workload]


def _layer(name: str, **parameters: object) -> Layer:
    return registry.layer(name)(**parameters)  # type: ignore[arg-type]


def _dense(sizes: Sequence[int]) -> list[Layer]:
    kinds = ["relu"] * (len(sizes) - 1) + ["softmax"]
    return [_layer("Dense", units=n, activation=kind) for n, kind in zip(sizes, kinds, strict=True)]


def _convolutions() -> list[Layer]:
    layers = []
    for filters in (16, 32):
        layers += [
            _layer("Conv2D", filters=filters, kernel_size=(3, 3), padding="same", activation="relu"),
            _layer("MaxPooling2D", pool_size=(2, 2)),
        ]
    return [*layers, _layer("Flatten"), *_dense([10])]


def _workload(
    key: str, x_shape: tuple[int, ...], batch: int, layers: Callable[[], Sequence[Layer]], least_batches: int = 4
) -> Workload:
    numbers = 1
    for length in x_shape:
        numbers *= length
    batches = max(least_batches, min(2048 // batch, _MOST_NUMBERS // (batch * numbers)))
    return Workload(
        key,
        key,
        *(batches * batch, x_shape, 10, batch, "Adam", 1e-4),
        layers,
        "SparseCategoricalCrossentropy",
        _NO_GOAL,
        compared_steps=3,
    )


AXES: dict[str, Axis] = {
    a.key: a
    for a in (
        Axis(
            "batch",
            "MLP 64-256-256-10, Adam",
            "samples in a minibatch",
            (1, 2, 4, 8, 16, 17, 32, 50, 64, 128, 256, 512, 1024),
            lambda n: _workload(f"batch {n}", (64,), n, lambda: _dense((256, 256, 10))),
        ),
        Axis(
            "width",
            "MLP 64-w-w-10, batch 64, Adam",
            "units w of both hidden layers",
            (8, 16, 32, 50, 64, 100, 128, 256, 300, 512, 1024, 2048),
            lambda n: _workload(f"width {n}", (64,), 64, lambda: _dense((n, n, 10))),
        ),
        Axis(
            "depth",
            "MLP of layers with 64 units, batch 32, Adam",
            "hidden layers",
            (1, 2, 4, 8, 16, 32, 64),
            lambda n: _workload(f"depth {n}", (64,), 32, lambda: _dense((64,) * n + (10,))),
        ),
        Axis(
            "picture",
            "two 3x3 convolutions 16/32 with pooling, RGB, batch 16, Adam",
            "height and width of the pictures",
            (8, 16, 28, 32, 48, 64, 96, 128, 160, 224),
            lambda n: _workload(f"picture {n}", (n, n, 3), 16, _convolutions, 2),
        ),
        Axis(
            "picture_batch",
            "two 3x3 convolutions 16/32 with pooling, 32x32 RGB, Adam",
            "samples in a minibatch",
            (1, 4, 16, 17, 64, 256),
            lambda n: _workload(f"picture_batch {n}", (32, 32, 3), n, _convolutions, 2),
        ),
    )
}
