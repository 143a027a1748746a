"""The workloads in JAX: one jitted call a step, and a scan over many steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from studio.bench.chain import Stage, Task
from studio.bench.peer import minibatches

#: Weights of all layers, by layer and name.
Weights = dict[str, dict[str, Any]]

_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}

#: Measured with jax 0.10 on LeNet: seven times, and minutes of waiting for the larger network.
SLOW_LOOP = "JAX scan is left out: on a processor XLA's convolutions are several times slower in a loop than in one call a step."


class JaxPeer:
    """A task in JAX.

    Parameters
    ----------
    task : Task
    on_card : bool
        Whether JAX computes on a card.
    """

    variants: tuple[str, ...]
    notes: tuple[str, ...]

    def __init__(self, task: Task, on_card: bool = False) -> None:
        self.task = task
        self.variants, self.notes = ("jit", "scan"), ()
        if task.has("Conv2D") and not on_card:
            self.variants, self.notes = ("jit",), (SLOW_LOOP,)
        self._x, self._y = jnp.asarray(task.x), jnp.asarray(task.y.astype(np.int32))
        self._scan = False
        self._state: Any = None
        self._batches: Iterator[np.ndarray] = iter(())
        self._one = jax.jit(partial(_step, task), donate_argnums=0)
        self._many = jax.jit(partial(_epoch, task), donate_argnums=0)

    def versions(self) -> dict[str, str]:
        return {"jax": jax.__version__}

    def start(self, variant: str) -> None:
        self._scan = variant == "scan"
        named: Weights = {s.node: {} for s in self.task.stages}
        for key, values in self.task.weights.items():
            node, name = key.split("/", 1)
            if not name.startswith("moving_"):
                named[node][name] = jnp.asarray(values)
        zeros = jax.tree_util.tree_map(jnp.zeros_like, named)
        self._state = (named, zeros, jax.tree_util.tree_map(jnp.zeros_like, named), jnp.float32(0))
        self._batches = minibatches(self.task.order.astype(np.int32), self.task.batch_size)

    def losses(self, steps: int) -> list[float]:
        found = []
        for _ in range(steps):
            self._state, loss = self._one(self._state, next(self._batches), self._x, self._y)
            found.append(float(loss))
        return found

    def train(self, steps: int) -> int:
        done = 0
        state = self._state
        while done < steps:
            if self._scan:
                epoch = np.stack([next(self._batches) for _ in range(self.task.steps_per_epoch)])
                state, _losses = self._many(state, epoch, self._x, self._y)
                done += len(epoch)
            else:
                state, _loss = self._one(state, next(self._batches), self._x, self._y)
                done += 1
        self._state = jax.block_until_ready(state)  # type: ignore[no-untyped-call]
        return done


def _apply(stage: Stage, weights: dict[str, Any], x: Any, last: bool) -> Any:
    settings = stage.parameters
    if stage.type in ("Dense", "Conv2D"):
        if stage.type == "Dense":
            y = x @ weights["kernel"] + weights["bias"]
        else:
            padding = str(settings["padding"]).upper()
            layout = ("NHWC", "HWIO", "NHWC")
            y = lax.conv_general_dilated(x, weights["kernel"], (1, 1), padding, dimension_numbers=layout)
            y = y + weights["bias"]
        activation = settings["activation"]
        return y if last or activation == "linear" else _ACTIVATIONS[activation](y)
    if stage.type == "MaxPooling2D":
        window = (1, *settings["pool_size"], 1)
        return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")
    if stage.type == "BatchNormalization":
        mean = x.mean((0, 1, 2))
        variance = (x * x).mean((0, 1, 2)) - mean * mean
        scale = lax.rsqrt(variance + settings["epsilon"]) * weights["gamma"]
        return (x - mean) * scale + weights["beta"]
    if stage.type == "LSTM":
        return _lstm(weights, x)
    if stage.type == "TransformerEncoder":
        return _encoder(weights, x)
    if stage.type == "GlobalAveragePooling1D":
        return x.mean(1)
    if stage.type == "Flatten":
        return x.reshape(len(x), -1)
    if stage.type == "ReLU":
        return jax.nn.relu(x)
    raise ValueError(f"{stage.type} is not among the layers that the peers know.")


def _lstm(weights: dict[str, Any], x: Any) -> Any:
    """The last output of an LSTM: the inputs' sums of all steps at once, then step by step."""
    sums = jnp.swapaxes(x, 0, 1) @ weights["kernel"] + weights["bias"]

    def step(states: Any, now: Any) -> Any:
        h, c = states
        i, f, new, o = jnp.split(now + h @ weights["recurrent_kernel"], 4, 1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(new)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zeros = jnp.zeros((len(x), weights["recurrent_kernel"].shape[0]))
    (h, _c), _ = lax.scan(step, (zeros, zeros), sums)
    return h


def _encoder(weights: dict[str, Any], x: Any) -> Any:
    """A Transformer block that reads, normalised after each half."""

    def project(name: str) -> Any:
        kernel, bias = weights[f"attention/{name}/kernel"], weights[f"attention/{name}/bias"]
        return jnp.einsum("bsc,chd->bshd", x, kernel) + bias

    def normalized(y: Any, name: str) -> Any:
        mean = y.mean(-1, keepdims=True)
        scale = lax.rsqrt(y.var(-1, keepdims=True) + 1e-5)
        return (y - mean) * scale * weights[f"{name}/gamma"] + weights[f"{name}/beta"]

    seen = jax.nn.dot_product_attention(project("query"), project("key"), project("value"))
    output = weights["attention/attention_output/kernel"]
    merged = jnp.einsum("bshd,hdc->bsc", seen, output) + weights["attention/attention_output/bias"]
    x = normalized(x + merged, "attention_normalization")
    inner = jax.nn.relu(x @ weights["dense_1/kernel"] + weights["dense_1/bias"])
    return normalized(x + inner @ weights["dense_2/kernel"] + weights["dense_2/bias"], "dense_normalization")


def _loss(task: Task, weights: Weights, x: Any, y: Any) -> Any:
    for stage in task.stages:
        x = _apply(stage, weights[stage.node], x, stage is task.stages[-1])
    if task.loss == "BinaryCrossentropy":
        scores, target = x[:, 0], y.astype(jnp.float32)
        return (jnp.maximum(scores, 0) - scores * target + jnp.log1p(jnp.exp(-jnp.abs(scores)))).mean()
    return -jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1).mean()


def _update(task: Task, state: Any, gradients: Any) -> Any:
    weights, first, second, steps = state
    every = jax.tree_util.tree_map
    settings = task.optimizer_parameters
    rate = settings["learning_rate"]
    if task.optimizer == "SGD":
        return every(lambda w, g: w - rate * g, weights, gradients), first, second, steps
    beta_1, beta_2 = settings["beta_1"], settings["beta_2"]
    steps = steps + 1
    first = every(lambda m, g: beta_1 * m + (1 - beta_1) * g, first, gradients)
    second = every(lambda v, g: beta_2 * v + (1 - beta_2) * g * g, second, gradients)
    size = rate * jnp.sqrt(1 - beta_2**steps) / (1 - beta_1**steps)
    weights = every(lambda w, m, v: w - size * m / (jnp.sqrt(v) + settings["epsilon"]), weights, first, second)
    return weights, first, second, steps


def _step(task: Task, state: Any, chosen: Any, x: Any, y: Any) -> Any:
    loss, gradients = jax.value_and_grad(partial(_loss, task))(state[0], x[chosen], y[chosen])
    return _update(task, state, gradients), loss


def _epoch(task: Task, state: Any, epoch: Any, x: Any, y: Any) -> Any:
    return lax.scan(lambda now, chosen: _step(task, now, chosen, x, y), state, epoch)


def create(task: Task, threads: int, with_compile: bool) -> JaxPeer:
    """The task in JAX, which takes the cores that the process may use."""
    return JaxPeer(task)


def why_not_on_card() -> str:
    """One sentence if JAX has no card to compute on; empty if it has."""
    if any(device.platform in ("gpu", "cuda") for device in jax.devices()):
        return ""
    return "JAX lists no card among its devices, so it is not compared: `pip install 'jax[cuda13]'` adds them."


def create_on_card(task: Task, threads: int, with_compile: bool) -> JaxPeer:
    """The same on the card, which JAX takes by itself where it has one.

    Products are to be float32's: by default JAX rounds their factors to TF32.
    """
    jax.config.update("jax_default_matmul_precision", "highest")  # type: ignore[no-untyped-call]
    return JaxPeer(task, on_card=True)
