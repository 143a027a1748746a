"""A product of two large float32 matrices on a card, ours beside PyTorch's, which is its maker's own.

Ours is what a Dense layer without its bias does for a minibatch: the rows are gathered, then multiplied
by the weights. PyTorch only multiplies.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from studio.bench.chain import Stage, Task
from studio.bench.comparison import LOSS_TOLERANCE, Side, Timing, largest_difference, take_turns
from studio.bench.ours import compiling_for_card
from studio.bench.peer_process import PeerFailure, PeerProcess
from studio.bench.report import microseconds
from studio.bench.workloads import SEED
from studio.core import registry
from studio.core.dataset import DatasetInfo
from studio.core.graph import Graph
from studio.core.inference import infer
from studio.cuda.card import Card
from studio.engine.arena import SharedSpace
from studio.engine.build import build_plan
from studio.engine.cuda_device import CudaDevice, to_compile
from studio.kernels import state
from studio.kernels.simd import LANES

#: Rows and columns of both matrices.
SIZE = 4096
#: Share of the rate of the card's maker's own library that is to be reached.
WANTED = 0.6
#: Rows of the product that must agree with PyTorch's.
_COMPARED = 20
#: What runs the product in PyTorch.
_MODULE = "studio.bench.peers_torch_product"


@dataclass(frozen=True)
class Product:
    """How fast both were.

    Parameters
    ----------
    size : int
        Rows and columns of each matrix.
    ours : Timing
    torch : Timing or None
        None where PyTorch did not take part.
    difference : float
        Largest relative difference of rows of the product: of the sums of their squares.
    notes : tuple of str
        Sentences on what went wrong.
    versions : dict of str to str
    """

    size: int
    ours: Timing
    torch: Timing | None = None
    difference: float = 0.0
    notes: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)

    def teraflops(self, timing: Timing) -> float:
        """10**12 operations a second."""
        return 2.0 * self.size**3 / timing.median / 1e6

    @property
    def share(self) -> float | None:
        """Our rate as a share of PyTorch's; None without it."""
        return self.torch.median / self.ours.median if self.torch is not None else None

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        found: dict[str, Any] = {"size": self.size, **self._rate(self.ours), "peers": {}, "gate": None, "agrees": None}
        if self.torch is not None and self.share is not None:
            found["peers"] = {"torch": self._rate(self.torch)}
            found["gate"] = {"wanted": WANTED, "found": round(self.share, 4), "met": self.share >= WANTED}
            found["agrees"] = self.difference <= LOSS_TOLERANCE
        timings = [self.ours, *([self.torch] if self.torch is not None else [])]
        return {**found, "steady": all(timing.is_steady for timing in timings), "notes": list(self.notes)}

    def _rate(self, timing: Timing) -> dict[str, float]:
        return {"step_us": round(timing.median, 3), "teraflops": float(f"{self.teraflops(timing):.4g}")}

    def text(self) -> str:
        """Lines for people."""
        values = self.to_json()
        lines = [f"product of two float32 matrices of {self.size} x {self.size}", f"   ours: {self._words(self.ours)}"]
        if self.torch is not None and self.share is not None:
            agree = "agree" if values["agrees"] else "DIFFER"
            verdict = "met" if values["gate"]["met"] else "MISSED"
            lines.append(f"   PyTorch: {self._words(self.torch)}; results {agree} to {self.difference:.0e}")
            lines.append(f"   gate: {100 * WANTED:.0f} % of PyTorch's rate, {verdict} with {100 * self.share:.0f} %")
        if not values["steady"]:
            lines.append("   The machine had other things to do meanwhile: measure again when it is quiet.")
        return "\n".join([*lines, *(f"   {note}" for note in self.notes)])

    def _words(self, timing: Timing) -> str:
        return f"{microseconds(timing.median)}, {self.teraflops(timing):.3g} TFLOP/s"


class OurProduct:
    """A Dense layer that reads a minibatch of `size` rows of `size` numbers on a card, again and again.

    Parameters
    ----------
    card : Card
    size : int
    tell : callable
        Told what is going on.

    Raises
    ------
    studio.cuda.card.CardProblem
        When the card fails, or has no room for the matrices.
    """

    def __init__(self, card: Card, size: int = SIZE, tell: Callable[[str], None] = lambda sentence: None) -> None:
        self.size = size
        layer = registry.layer("Dense")(units=size, use_bias=False)  # type: ignore[call-arg]
        graph, source = Graph().add(registry.layer("Data")())
        graph, self.node = graph.add(layer)
        graph = graph.connect(source, 0, self.node, 0)
        infos = {source: DatasetInfo("A matrix", (size,), (), "values", samples=size)}
        inference = infer(graph, infos)
        space = SharedSpace(LANES, on_card=True)
        space.place(dict(inference.weights))
        plan = build_plan(graph, inference, infos, space, size)
        compiling_for_card(tell)(to_compile(card, plan.kernels))
        random = np.random.default_rng(SEED)
        x, weights = random.standard_normal((2, size, size), np.float32)
        #: The same for PyTorch: its one layer, which it does not train.
        self.task = Task(
            (Stage(self.node, "Dense", layer.to_json()),),
            *("", "", {}, size),
            *(x, np.zeros(size, np.int64), np.arange(size), {f"{self.node}/kernel": weights}),
        )
        self._device = CudaDevice(space, [plan], card)
        (self._bound,) = self._device.plans
        try:
            space.placed[self.node, "kernel"].write(self._device.arena, weights)
            self._device.feed(self._bound, [x], size, False, 0)
        except RuntimeError:
            # Nobody will close what was never made.
            self.close()
            raise
        self._bound.states[0][state.BATCH] = size

    def close(self) -> None:
        """Give the card's memory back."""
        self._device.close()

    def train(self, times: int) -> tuple[int, float]:
        """Multiply so many times; returns how many, and the seconds it took."""
        begin = time.perf_counter()
        done = self._device.run(self._bound, times)
        return done, time.perf_counter() - begin

    def result(self) -> np.ndarray:
        """A copy of the last product, ``(size, size)``."""
        tensor = self._bound.plan.outputs[self.node, 0]
        begin = self._bound.bases[0] + tensor.base.offset
        # A row of the arena is one number of each sample.
        rows = self._device.arena[begin : begin + tensor.rows * tensor.row_stride].reshape(tensor.rows, -1)
        return rows[:, : tensor.row_length * tensor.batch].reshape(-1, tensor.batch)[:, : self.size].T.copy()


def squares(product: np.ndarray) -> list[float]:
    """The sums of the squares of the first rows of a product, by which two of them are compared."""
    return [float(np.sum(row.astype(np.float64) ** 2)) for row in product[:_COMPARED]]


def measure(
    card: Card,
    with_torch: bool,
    threads: int,
    rounds: int,
    seconds: float,
    tell: Callable[[str], None] = lambda sentence: None,
    size: int = SIZE,
) -> Product:
    """Let both multiply in turn.

    Parameters
    ----------
    card : Card
    with_torch : bool
        Whether PyTorch takes part, on the same card.
    threads : int
        Processor cores that PyTorch may use.
    rounds, seconds
        How often each side has its turn, and about how long that is.
    tell : callable
        Told what is going on.
    size : int
        Rows and columns of both matrices.
    """
    notes: list[str] = []
    versions: dict[str, str] = {}
    difference = 0.0
    with contextlib.ExitStack() as stack:
        tell("product: preparing")
        ours = stack.enter_context(contextlib.closing(OurProduct(card, size, lambda what: tell(f"product: {what}"))))
        ours.train(1)
        sides = {("ours", ""): Side(ours.train)}
        if with_torch:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="studio-bench-")))
            ours.task.save(folder)
            tell("product: starting torch")
            try:
                process = stack.enter_context(PeerProcess("torch", folder, threads, on_card=True, module=_MODULE))
                (variant,) = process.variants
                difference = largest_difference(squares(ours.result()), process.losses(variant, _COMPARED))
                versions = process.versions
                sides["torch", variant] = Side(lambda times: process.train(variant, times))
            except PeerFailure as failure:
                notes.append(str(failure))
        take_turns("product", sides, rounds, seconds, tell, notes)
    timings = {name: Timing(tuple(side.rounds)) for (name, _), side in sides.items()}
    return Product(size, timings["ours"], timings.get("torch"), difference, tuple(notes), versions)
