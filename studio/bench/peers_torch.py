"""The workloads in PyTorch: eager, with channels-last memory, and compiled; on a card, as CUDA graphs too."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from studio.bench.chain import Stage, Task
from studio.bench.torch_graph import WARM_UP, GraphedStep, rehearsed

#: Ways of using PyTorch whose steps can be captured on a card, and what they are called then.
GRAPHED = {"eager": "cuda_graph", "channels_last": "cuda_graph_channels_last"}

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


class TorchPeer:
    """A task in PyTorch.

    Parameters
    ----------
    task : Task
    threads : int
        Processor cores to use.
    with_compile : bool
        Whether `torch.compile` is a variant too; it takes tens of seconds to start.
    device : str
        Where to compute, by PyTorch's name.
    """

    def __init__(self, task: Task, threads: int, with_compile: bool, device: str = "cpu") -> None:
        torch.set_num_threads(threads)
        # Our kernels flush denormals too.
        torch.set_flush_denormal(True)
        self.task = task
        self.device = torch.device(device)
        pictures = task.x.ndim == 4
        ways = ("eager", "channels_last") if pictures else ("eager",)
        # Graphs come last, so that one that cannot be captured is in nobody's way.
        graphs = tuple(GRAPHED[way] for way in ways) if self.device.type == "cuda" else ()
        self.variants = (*ways, *(("compile",) if with_compile else ()), *graphs)
        self._x = torch.from_numpy(np.ascontiguousarray(np.moveaxis(task.x, -1, 1) if pictures else task.x)).to(self.device)
        binary = task.loss == "BinaryCrossentropy"
        self._y = torch.from_numpy(task.y.astype(np.float32) if binary else task.y).to(self.device)
        self._step: Callable[[torch.Tensor], torch.Tensor] = lambda chosen: chosen
        #: Called when a number of the optimizer's has changed.
        self._renew: Callable[[], None] = lambda: None
        self._optimizer: torch.optim.Optimizer
        self._batches: Iterator[torch.Tensor] = iter(())

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__}

    def start(self, variant: str) -> None:
        x, y, task = self._x, self._y, self.task
        model = network(task).to(self.device)
        graphed = variant in GRAPHED.values()
        if variant in ("channels_last", GRAPHED["channels_last"]):
            model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            x = x.contiguous(memory_format=torch.channels_last)
        optimizer = _optimizer(task, model, graphed)

        def loss_of(inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            scores = model(inputs)
            if task.loss == "BinaryCrossentropy":
                return functional.binary_cross_entropy_with_logits(scores[:, 0], targets)
            return functional.cross_entropy(scores, targets)

        forward = torch.compile(loss_of) if variant == "compile" else loss_of

        def correct(chosen: torch.Tensor) -> torch.Tensor:
            loss = forward(x[chosen], y[chosen])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            return loss

        def step(chosen: torch.Tensor) -> torch.Tensor:
            optimizer.zero_grad(set_to_none=True)
            return correct(chosen)

        self._step, self._renew = step, lambda: None
        chosen = torch.zeros(task.batch_size, dtype=torch.int64, device=self.device)
        if graphed:
            graph = GraphedStep(correct, model, optimizer, chosen)
            self._step, self._renew = graph, graph.capture
        elif self.device.type == "cuda":
            # A capture gives all free memory back, which would be asked for again while time is taken.
            with rehearsed(model, optimizer):
                for _ in range(WARM_UP):
                    step(chosen)
        self._wait()
        self._optimizer = optimizer
        self._batches = _minibatches(task, self.device)

    def losses(self, steps: int) -> list[float]:
        found = []
        for number, chosen in enumerate(itertools.islice(self._batches, steps), start=1):
            if self.task.optimizer == "Adam":
                # Keras and we add epsilon before the correction for having started at zero,
                # PyTorch after it; in the first steps that is seen where gradients are small.
                settings = self.task.optimizer_parameters
                scale = math.sqrt(1.0 - settings["beta_2"] ** number)
                self._optimizer.param_groups[0]["eps"] = settings["epsilon"] / scale
                self._renew()
            found.append(self._step(chosen).item())
        return found

    def train(self, steps: int) -> int:
        for chosen in itertools.islice(self._batches, steps):
            self._step(chosen)
        self._wait()
        return steps

    def _wait(self) -> None:
        """Until the card has done all it was asked to do."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def _minibatches(task: Task, device: torch.device) -> Iterator[torch.Tensor]:
    order = torch.from_numpy(task.order).to(device)
    while True:
        yield from order.split(task.batch_size)  # type: ignore[no-untyped-call]
        order = torch.randperm(len(order), device=device)


def _optimizer(task: Task, model: nn.Module, capturable: bool) -> torch.optim.Optimizer:
    settings = task.optimizer_parameters
    rate = settings["learning_rate"]
    if task.optimizer == "SGD":
        return torch.optim.SGD(model.parameters(), rate, settings["momentum"], nesterov=settings["nesterov"], fused=True)
    if task.optimizer == "Adam":
        betas = (settings["beta_1"], settings["beta_2"])
        return torch.optim.Adam(model.parameters(), rate, betas, settings["epsilon"], fused=True, capturable=capturable)
    raise ValueError(f"{task.optimizer} is not among the optimizers that the peers know.")


class _LastStep(nn.Module):  # type: ignore[misc]
    """An LSTM that gives its last output."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.layer = nn.LSTM(features, units, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outputs, _states = self.layer(x)
        return outputs[:, -1]  # type: ignore[no-any-return]


class _Encoder(nn.Module):  # type: ignore[misc]
    """A Transformer block that reads, normalised after each half; keys, queries and values in one product."""

    def __init__(self, width: int, inner: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.inner, self.outer = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        samples, steps, width = x.shape
        parts = self.project(x).view(samples, steps, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2])
        x = self.first(x + self.merge(seen.transpose(1, 2).reshape(samples, steps, width)))
        return self.second(x + self.outer(functional.relu(self.inner(x))))  # type: ignore[no-any-return]


class _Mean(nn.Module):  # type: ignore[misc]
    """The mean over the steps."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(1)


def _encoder(task: Task, stage: Stage, width: int) -> _Encoder:
    settings = stage.parameters
    block = _Encoder(width, settings["intermediate_dim"], settings["num_heads"])

    def weight(name: str) -> np.ndarray:
        return task.weight(stage, name)

    kernels = [weight(f"attention/{part}/kernel").reshape(width, width) for part in ("query", "key", "value")]
    _fill(block.project.weight, np.concatenate(kernels, 1).T)
    _fill(block.project.bias, np.concatenate([weight(f"attention/{p}/bias").ravel() for p in ("query", "key", "value")]))
    _fill(block.merge.weight, weight("attention/attention_output/kernel").reshape(width, width).T)
    _fill(block.merge.bias, weight("attention/attention_output/bias"))
    for norm, name in ((block.first, "attention_normalization"), (block.second, "dense_normalization")):
        norm.eps = 1e-5
        _fill(norm.weight, weight(f"{name}/gamma"))
        _fill(norm.bias, weight(f"{name}/beta"))
    for linear, name in ((block.inner, "dense_1"), (block.outer, "dense_2")):
        _fill(linear.weight, weight(f"{name}/kernel").T)
        _fill(linear.bias, weight(f"{name}/bias"))
    return block


def network(task: Task) -> nn.Sequential:
    """The task's layers as PyTorch modules with the task's weights.

    The last activation is left to the loss, which is stable and fast that way.
    """
    modules: list[nn.Module] = []
    shape = tuple(task.x.shape[1:])
    for stage in task.stages:
        last = stage is task.stages[-1]
        made, shape = _modules(task, stage, shape, last)
        modules += made
    return nn.Sequential(*modules)


def _modules(task: Task, stage: Stage, shape: tuple[int, ...], last: bool) -> tuple[list[nn.Module], tuple[int, ...]]:
    """Modules of a layer and the shape, channels last, of what they give."""
    settings = stage.parameters
    if stage.type == "Dense":
        kernel = task.weight(stage, "kernel")
        if len(shape) == 3:  # PyTorch flattens pictures with the channels first
            height, width, channels = shape
            kernel = kernel.reshape(height, width, channels, -1).transpose(2, 0, 1, 3).reshape(len(kernel), -1)
        linear = nn.Linear(*kernel.shape)
        _fill(linear.weight, kernel.T)
        _fill(linear.bias, task.weight(stage, "bias"))
        return [linear, *_activation(settings["activation"], last)], (kernel.shape[1],)
    if stage.type == "Conv2D":
        kernel = task.weight(stage, "kernel")
        rows, columns, channels, filters = kernel.shape
        same = settings["padding"] == "same"
        padding = (rows // 2, columns // 2) if same else (0, 0)
        convolution = nn.Conv2d(channels, filters, (rows, columns), padding=padding)
        _fill(convolution.weight, kernel.transpose(3, 2, 0, 1))
        _fill(convolution.bias, task.weight(stage, "bias"))
        height, width = (shape[0], shape[1]) if same else (shape[0] - rows + 1, shape[1] - columns + 1)
        return [convolution, *_activation(settings["activation"], last)], (height, width, filters)
    if stage.type == "MaxPooling2D":
        rows, columns = settings["pool_size"]
        return [nn.MaxPool2d((rows, columns))], (shape[0] // rows, shape[1] // columns, shape[2])
    if stage.type == "BatchNormalization":
        # Keras's momentum is the share that stays, PyTorch's the share that is new.
        normalization = nn.BatchNorm2d(shape[-1], eps=settings["epsilon"], momentum=1.0 - settings["momentum"])
        _fill(normalization.weight, task.weight(stage, "gamma"))
        _fill(normalization.bias, task.weight(stage, "beta"))
        return [normalization], shape
    if stage.type == "LSTM":
        recurrent = _LastStep(shape[-1], settings["units"])
        _fill(recurrent.layer.weight_ih_l0, task.weight(stage, "kernel").T)
        _fill(recurrent.layer.weight_hh_l0, task.weight(stage, "recurrent_kernel").T)
        _fill(recurrent.layer.bias_ih_l0, task.weight(stage, "bias"))
        # PyTorch has a second bias that means the same; were it trained, both would move.
        _fill(recurrent.layer.bias_hh_l0, np.zeros(4 * settings["units"], np.float32))
        recurrent.layer.bias_hh_l0.requires_grad_(False)
        return [recurrent], (settings["units"],)
    if stage.type == "TransformerEncoder":
        return [_encoder(task, stage, shape[-1])], shape
    if stage.type == "GlobalAveragePooling1D":
        return [_Mean()], (shape[-1],)
    if stage.type == "Flatten":
        # The Dense layer that follows must know the picture's shape to order its weights.
        return [nn.Flatten()], shape
    if stage.type == "ReLU":
        return [nn.ReLU()], shape
    raise ValueError(f"{stage.type} is not among the layers that the peers know.")


def _activation(name: str, last: bool) -> list[nn.Module]:
    return [] if last or name == "linear" else [_ACTIVATIONS[name]()]


def _fill(parameter: torch.Tensor | None, values: np.ndarray) -> None:
    if parameter is None or math.prod(parameter.shape) != values.size:
        raise ValueError("The peer's layer has another shape than ours.")
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def create(task: Task, threads: int, with_compile: bool) -> TorchPeer:
    """The task in PyTorch."""
    return TorchPeer(task, threads, with_compile)


def why_not_on_card() -> str:
    """One sentence if PyTorch has no card to compute on; empty if it has."""
    if torch.cuda.is_available():
        return ""
    if torch.version.cuda is None:
        return "This PyTorch was built for the processor only, so it is not compared: install one that was built with CUDA."
    return "PyTorch finds no card that it can use, so it is not compared: install one that was built for this driver."


def use_whole_float32() -> None:
    """Products and convolutions of float32 numbers as they are, without rounding to TF32, as fast as that goes."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    # All shapes stay the same, so that trying all algorithms of convolutions once pays.
    torch.backends.cudnn.benchmark = True


def create_on_card(task: Task, threads: int, with_compile: bool) -> TorchPeer:
    """The same on the card."""
    use_whole_float32()
    return TorchPeer(task, threads, with_compile, "cuda")
