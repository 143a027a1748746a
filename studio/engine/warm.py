"""Which kernels are compiled when the window opens, before anything needs them.

Other processes do it (`studio.kernels.ahead`), so that pressing Run seldom has to wait.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
from pathlib import Path

from studio.core import registry
from studio.core.dataset import DatasetInfo
from studio.core.document import Training
from studio.core.graph import Graph
from studio.core.inference import infer
from studio.core.layer import ElementWise
from studio.core.loss import ElementWiseLoss
from studio.core.merging import Merging
from studio.core.plugins import from_plugin
from studio.core.recurrent import Recurrent
from studio.engine.card_peaks import KERNELS as only_on_cards
from studio.engine.network import make_plans
from studio.engine.timing import KERNELS as timing_kernels
from studio.kernels import cache, jit
from studio.kernels.ahead import pool
from studio.kernels.channelwise import Rows, collect_kernel, collect_rows_kernel, weigh_kernel
from studio.kernels.correlations import outer_kernel
from studio.kernels.jit import Kernel
from studio.kernels.losses import slope_kernel as loss_slope_kernel
from studio.kernels.losses import value_kernel
from studio.kernels.merging import merge_kernel, slope_kernel
from studio.kernels.pointwise import backward_kernel, forward_kernel
from studio.kernels.products import correlate_kernel, multiply_kernel
from studio.kernels.simd import LANES
from studio.kernels.tiles import SHAPE

#: Kernels that the templates need, those that most of them need first.
_FIRST = (
    "run", "mark_valid", "gather", "penalize", "barrier", "adam", "multiply_8x2", "multiply_8x1",
    "transpose", "sum_rows", "from_logits", "from_logits_gradient", "softmax_forward", "relu_function",
    "relu_derivative", "set_rate", "pack", "multiply_5x1", "multiply_5x2", "copy_rows",
    "largest_in_windows_with_places", "spread_largest", "largest_in_windows", "add_into", "outer_8x1",
    "outer_8x2", "add_function", "add_slope_b", "sum_channels", "correlate_8", "silence",
    "silence_backward", "mean_of_pixels", "spread_mean", "outer_5x1", "multiply_1x2", "multiply_1x1",
    "multiply_6x1", "multiply_2x1", "multiply_6x2", "correlate_6", "multiply_7x1", "moments",
    "batch_statistics", "normalize", "gradient_sums", "gradient_shares", "normalize_backward",
    "moving_statistics", "tanh_function", "tanh_derivative", "multiply_4x1", "multiply_7x2", "look_up",
    "add_to_samples", "attend", "normalize_rows", "normalize_rows_backward", "attend_backward",
    "sum_over_samples", "sum_by_row", "show_probabilities", "meansquarederror_function",
    "meansquarederror_derivative", "multiply_3x2", "multiply_3x1",
    "binarycrossentropy_function_of_scores", "count_right", "binarycrossentropy_derivative_of_scores",
    "sigmoid_function", "multiply_4x2", "draw_sample_numbers", "translation_maps", "sample_pictures",
    "copy_runs", "sgd", "multiply_2x2", "outer_7x1", "add_slope_a", "lstm_forward", "pack_turned",
    "lstm_backward", "unpack", "lstm_gates", "correlate_3", "rotation_maps", "hide_words",
    "weigh_samples", "leave_out", "mix_pixels", "correlate_4", "fill", "mark_counted", "collect_1x4x2",
    "weigh_9", "weigh_3x3_4", "collect_1x8x1", "collect_1x1x8",
)  # fmt: skip


def standard_kernels() -> list[Kernel]:
    """All kernels of the built-in layers, losses and optimizers.

    Plug-ins may fail to compile, which is their author's to hear and not ours to wait for.
    """
    layers = [layer for layer in registry.layers().values() if not from_plugin(layer)]
    registry.optimizers()
    for module in ("clipping", "penalties", "rates"):  # what the update of the weights needs besides
        importlib.import_module(f"studio.kernels.{module}")
    kernels = [kernel for kernel in jit.named_kernels() if kernel.function.__module__.startswith("studio.")]
    kernels = [kernel for kernel in kernels if kernel not in only_on_cards]
    for outputs in range(SHAPE.outputs, 0, -1):
        kernels += [multiply_kernel(outputs, vectors) for vectors in range(1, SHAPE.vectors + 1)]
    for outputs in range(SHAPE.correlated_outputs, 0, -1):
        kernels.append(correlate_kernel(outputs))
    for vectors in range(1, SHAPE.vectors + 1):
        most = SHAPE.outputs if vectors > 1 else SHAPE.single
        kernels += [outer_kernel(inputs, vectors) for inputs in range(most, 0, -1)]
    # Depthwise convolutions of 3 x 3; others are compiled when they are first used.
    kernels += [collect_kernel(vectors * LANES, many) for vectors in (8, 4, 2, 1) for many in (True, False)]
    rows = (*(together for _, together in Rows.bands((3, 3), (28, 28))), None)
    kernels += [weigh_kernel(9, with_bias, together) for with_bias in (True, False) for together in rows]
    kernels += [collect_rows_kernel(together) for together in rows if together]
    for layer in layers:
        if issubclass(layer, ElementWise):
            kernels += [forward_kernel(layer), backward_kernel(layer)]
        if issubclass(layer, ElementWiseLoss):
            for of in ("", "_of_scores"):
                if hasattr(layer, f"function{of}"):
                    kernels += [value_kernel(layer, f"function{of}"), loss_slope_kernel(layer, f"derivative{of}")]
        if issubclass(layer, Merging):
            kernels += [merge_kernel(layer), slope_kernel(layer, "slope_a", False), slope_kernel(layer, "slope_b", False)]
        if issubclass(layer, Recurrent):
            kernels += _recurrent_kernels(layer)
    places = {name: place for place, name in enumerate(_FIRST)}
    every = {id(k): k for k in (*kernels, *timing_kernels)}.values()
    return sorted(every, key=lambda kernel: places.get(kernel.name, len(places)))


def _recurrent_kernels(layer: type[Recurrent]) -> list[Kernel]:
    """Kernels that are made for the settings of a recurrent layer: those for the settings it comes with."""
    graph, source = Graph().add(registry.layer("Data")())
    graph, cell = graph.add(layer(units=2 * LANES))
    graph, last = graph.add(registry.layer("Dense")(units=1))  # type: ignore[call-arg]
    graph, loss = graph.add(registry.layer("MeanSquaredError")())
    graph = graph.connect(source, 0, cell, 0).connect(cell, 0, last, 0).connect(last, 0, loss, 0)
    graph = graph.connect(source, 1, loss, 1)
    infos = {source: DatasetInfo("series", (8, LANES), (1,), "values", samples=4 * LANES)}
    training = Training(batch_size=2 * LANES, optimizer=registry.optimizer("Adam")())
    _, plans = make_plans(graph, infer(graph, infos), infos, training, 1)
    return [kernel for plan, _ in plans for kernel in plan.kernels]


def _done_mark() -> Path:
    """The file that says that the built-in kernels, as their sources are now, are in the cache.

    Plug-ins do not count: their kernels are compiled when they are first used.
    """
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for folder in (package / "kernels", package / "layers", package / "losses", package / "engine" / "optimizers"):
        for source in sorted(folder.glob("*.py")):
            status = source.stat()
            digest.update(f"{source.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return jit.cache_folder() / f"warm-{digest.hexdigest()[:16]}"


def is_warm() -> bool:
    """Whether all built-in kernels were compiled."""
    return _done_mark().exists()


def start_warming() -> None:
    """Let other processes compile what is missing of the built-in kernels, those of the templates first."""
    mark = _done_mark()
    if not mark.exists():
        pool.in_background(__name__, lambda: mark_done(mark))


def mark_done(mark: Path) -> None:
    """Say for the next start that there is nothing to do; the marks of other sources go."""
    if cache.problem():
        return
    with contextlib.suppress(OSError):
        for old in mark.parent.glob("warm-*"):
            old.unlink()
    cache.put(mark, b"")
