"""PyTorch's side of the benchmark, on the processor; a recorder of operations stands in for CUDA graphs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from studio.bench.chain import Task, task_of
from studio.bench.comparison import largest_difference
from studio.bench.ours import Ours
from studio.bench.product import OurProduct, squares
from studio.bench.workloads import SEED, WORKLOADS
from studio.engine.shuffling import epoch_order
from studio.testing.cards import ProcessorCard

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_flatten  # noqa: E402

from studio.bench import peers_torch, peers_torch_product  # noqa: E402
from studio.bench.torch_graph import GraphedStep, rehearsed  # noqa: E402

STEPS = 5


class Recorder(TorchDispatchMode):
    """What `torch.cuda.CUDAGraph` and `torch.cuda.graph` are together: operations on places in memory, to be run again.

    Here they are run while they are recorded, so what they overwrite is put back at the end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, list[Any]]] = []
        self.before: dict[int, tuple[Any, Any]] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        for given, declared in zip(args, function._schema.arguments, strict=False):
            if declared.alias_info is not None and declared.alias_info.is_write:
                for tensor in tree_flatten(given)[0]:
                    self.before.setdefault(id(tensor), (tensor, tensor.detach().clone()))
        result = function(*args, **kwargs)
        self.calls.append((function, args, kwargs, tree_flatten(result)[0]))
        return result

    def put_back(self) -> None:
        with torch.no_grad():
            for tensor, before in self.before.values():
                tensor.copy_(before)

    def replay(self) -> None:
        with torch.no_grad():
            for function, args, kwargs, results in self.calls:
                again = tree_flatten(function(*args, **kwargs))[0]
                for old, new in zip(results, again, strict=True):
                    if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                        old.detach().copy_(new)


class Stream:
    """The processor does one thing after the other anyway."""

    def wait_stream(self, other: Stream) -> None:
        assert isinstance(other, Stream)


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[Recorder]:
    """Recorders in place of CUDA graphs; those that were made."""
    made: list[Recorder] = []

    def graph() -> Recorder:
        made.append(Recorder())
        return made[-1]

    @contextlib.contextmanager
    def recording(recorder: Recorder) -> Iterator[None]:
        with recorder:
            yield
        recorder.put_back()

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", graph)
    monkeypatch.setattr(torch.cuda, "graph", recording)
    return made


def given(key: str) -> tuple[Task, list[float]]:
    """A workload as the peers get it, and our losses of its first steps."""
    with closing(Ours(WORKLOADS[key], 1)) as ours:
        train = ours.dataset.train
        task = task_of(ours.document, np.asarray(train.x), train.y, epoch_order(len(train), SEED, 0), ours.weights())
        return task, ours.losses(STEPS)


@pytest.fixture
def plain_lstm() -> Iterator[None]:
    """PyTorch's own LSTM: oneDNN's is another operation when it is replayed, since no gradient is asked for then."""
    with torch.backends.mkldnn.flags(enabled=False, allow_tf32=None):
        yield


@pytest.mark.parametrize("key", list(WORKLOADS))
def test_it_trains_what_we_train_in_every_way(key: str, graphs: list[Recorder], request: pytest.FixtureRequest) -> None:
    task, ours = given(key)
    if task.has("LSTM"):
        request.getfixturevalue("plain_lstm")
    peer = peers_torch.TorchPeer(task, 1, False, "cpu")
    assert set(peer.variants) <= set(peers_torch.GRAPHED)
    for variant in peer.variants:
        peer.start(variant)
        eager = peer.losses(STEPS)
        assert largest_difference(ours, eager) < 1e-3
        assert not graphs
        peer.start(peers_torch.GRAPHED[variant])
        # No step was taken before the first, each one has its own samples, and Adam's first epsilons change.
        replayed = peer.losses(STEPS)
        assert np.allclose(replayed, eager, rtol=1e-5)
        assert len(graphs) == (1 + STEPS if task.optimizer == "Adam" else 1)
        assert peer.train(2) == 2
        graphs.clear()


def test_a_replayed_step_goes_on_where_the_last_one_ended(graphs: list[Recorder]) -> None:
    task, _ = given("b")
    eager, graphed = (peers_torch.TorchPeer(task, 1, False) for _ in range(2))
    eager.start("eager")
    graphed.start("cuda_graph")
    for peer in (eager, graphed):
        peer.train(20)
    assert np.allclose(eager.losses(3), graphed.losses(3), rtol=1e-5)
    assert len(graphs) == 1


@pytest.mark.parametrize("make", [
    lambda p: torch.optim.Adam(p, 0.01, fused=True),
    lambda p: torch.optim.SGD(p, 0.01, 0.9, nesterov=True, fused=True),
])  # fmt: skip
def test_a_rehearsal_leaves_no_trace(make: Any) -> None:
    def trained(steps_before: int) -> list[float]:
        torch.manual_seed(1)
        model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 1))
        optimizer, x = make(model.parameters()), torch.randn(16, 4)
        places = [tensor.data_ptr() for tensor in model.state_dict().values()]

        def step() -> float:
            optimizer.zero_grad(set_to_none=True)
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            return float(loss.detach())

        with rehearsed(model, optimizer):
            before = [step() for _ in range(steps_before)]
        assert steps_before == 0 or before[-1] < before[0]
        losses = [step() for _ in range(4)]
        assert [tensor.data_ptr() for tensor in model.state_dict().values()] == places
        return [*losses, *model[1].running_mean.tolist(), float(model[1].num_batches_tracked)]

    assert trained(3) == trained(0)


def test_the_loss_of_a_graph_is_in_one_place(graphs: list[Recorder]) -> None:
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x = torch.randn(10, 3)

    def correct(chosen: Any) -> Any:
        loss = model(x[chosen]).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    weights = model.weight.detach().clone()
    step = GraphedStep(correct, model, optimizer, torch.zeros(4, dtype=torch.int64))
    assert torch.equal(model.weight, weights)
    chosen = torch.tensor([1, 5, 7, 9])
    wanted = float((x[chosen] @ weights.T + model.bias.detach()).square().mean())
    loss = step(chosen)
    assert float(loss) == pytest.approx(wanted, rel=1e-6)
    assert not loss.requires_grad
    assert not torch.equal(model.weight, weights)
    assert step(chosen).data_ptr() == loss.data_ptr()
    assert float(loss) < wanted


def test_without_cuda_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    assert peers_torch.why_not_on_card().startswith("This PyTorch was built for the processor only")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert peers_torch.why_not_on_card().startswith("PyTorch finds no card")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert peers_torch.why_not_on_card() == ""


def test_float32_is_not_rounded_to_tf32() -> None:
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32, convolutions.benchmark
    try:
        products.allow_tf32, convolutions.allow_tf32, convolutions.benchmark = True, True, False
        peers_torch.use_whole_float32()
        assert not products.allow_tf32
        assert not convolutions.allow_tf32
        assert convolutions.benchmark
    finally:
        products.allow_tf32, convolutions.allow_tf32, convolutions.benchmark = before


def test_the_product_is_ours() -> None:
    with closing(OurProduct(ProcessorCard(), 40)) as ours:
        ours.train(1)
        peer = peers_torch_product.create(ours.task, 1, False)
        peer.start(*peer.variants)
        assert largest_difference(squares(ours.result()), peer.losses(20)) < 1e-5
        assert peer.train(3) == 3


def test_jax_is_asked_for_its_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    jax = pytest.importorskip("jax")
    from studio.bench import peers_jax

    class Device:
        def __init__(self, platform: str) -> None:
            self.platform = platform

    monkeypatch.setattr(jax, "devices", lambda: [Device("cpu")])
    assert peers_jax.why_not_on_card().startswith("JAX lists no card among its devices")
    monkeypatch.setattr(jax, "devices", lambda: [Device("gpu")])
    assert peers_jax.why_not_on_card() == ""
