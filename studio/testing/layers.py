"""The contract of a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from studio.core import registry
from studio.core.fields import fields_of
from studio.core.layer import ElementWise, Layer, Weight
from studio.core.parts import owner_of
from studio.core.problems import ShapeProblem
from studio.core.shapes import Shape
from studio.testing.declarations import check_declaration, check_json, check_variety, require, require_close
from studio.testing.differences import check_gradient
from studio.testing.rig import Outcome, Rig

#: Minibatch sizes: one sample, less and more than a vector, more than two.
BATCHES = (1, 5, 13, 33)
#: Allowed differences from float64, relative to the largest number (or 1).
FORWARD, BACKWARD = 5e-5, 2e-4
_ODD_SHAPES: tuple[Shape, ...] = ((), (1,), (3,), (4, 4), (1, 1), (4, 4, 2), (1, 1, 1), (2, 3, 4, 5))


def check_layer(layer_class: type[Layer]) -> None:
    """Check everything the product relies on of one layer class.

    For each of the class's `examples`: the shape rule against the real output's shape;
    forward, in inference and in training mode, against `reference`; gradients of inputs and
    weights against float64 central differences of `reference`; one and two threads; batches
    of 1, 5, 13 and 33 and one that is partly empty; inputs with zeros around them; other nodes
    that read its inputs and its output; the same output on all ports; that two runs are equal to
    the last bit; that a frozen layer passes gradients on and stays as it is; parameters that
    change while training runs; saving and loading. Of the class: help, formula, source, help for
    each parameter, and that the examples try more than one value of it.

    Parameters
    ----------
    layer_class : type
        A layer; not a data source and not a loss (see `check_loss`). If its `is_random` is
        true, `reference` is compared in inference mode only, and gradients are compared with
        differences of the layer's own output, which draws the same numbers each time.

    Raises
    ------
    AssertionError
        When something does not hold; says what.
    """
    check_declaration(layer_class)
    require(bool(layer_class.icon), f"{layer_class.type_name()} has no icon.")
    examples = layer_class.examples()
    check_variety(layer_class)
    _check_odd_shapes(layer_class)
    for layer, shapes in examples:
        check_json(layer)
        _check_example(_Example(layer, shapes))
    random = [example for example in examples if example[0].is_random]
    if random:
        _check_chance(_Example(*random[0]))
    if issubclass(layer_class, ElementWise):
        _check_extremes(layer_class())


@dataclass(frozen=True)
class _Example:
    layer: Layer
    shapes: tuple[Shape, ...]

    @property
    def output_shape(self) -> Shape:
        return self.layer.output_shape(*self.shapes)

    @property
    def declared(self) -> tuple[Weight, ...]:
        return self.layer.weights(*self.shapes)

    @property
    def wired(self) -> list[int]:
        """Input ports that have a wire."""
        return [port for port, shape in enumerate(self.shapes) if shape is not None]

    @property
    def sloped(self) -> list[int]:
        """Input ports that have a wire and pass a gradient on."""
        return [port for port in self.wired if self.layer.whole_numbers(port) is None]

    def draw(self, samples: int) -> tuple[list[Any], np.ndarray, dict[str, np.ndarray]]:
        """Inputs, factors and weights, as float32."""
        generator = np.random.default_rng(samples)
        inputs: list[Any] = []
        for port, shape in enumerate(self.shapes):
            if shape is None:
                inputs.append(None)
                continue
            count = self.layer.whole_numbers(port)
            values: np.ndarray = generator.normal(size=(samples, *shape))
            if count is not None:
                # 0 often has a meaning of its own, such as "nothing here".
                values = generator.integers(0, count, (samples, *shape)) * (generator.random((samples, *shape)) < 0.7)
            inputs.append(values.astype(np.float32))
        factors = generator.normal(size=(samples, *self.output_shape)).astype(np.float32)
        weights = {}
        for weight in self.declared:
            # What is not trained may be a spread, which must be positive.
            values = generator.normal(size=weight.shape) if weight.trainable else generator.uniform(0.5, 1.5, weight.shape)
            weights[weight.name] = (0.5 * values if weight.trainable else values).astype(np.float32)
        return inputs, factors, weights

    def rig(self, samples: int, batch: int, threads: int, **surroundings: Any) -> Rig:
        """The layer on the example's inputs; `surroundings` are more parameters of `Rig`."""
        inputs, factors, weights = self.draw(samples)
        return Rig(self.layer, inputs, factors, batch, threads, weights, **surroundings)

    def penalty(self, weights: Mapping[str, np.ndarray]) -> float:
        total = 0.0
        for declared in self.declared:
            owner, _, _ = owner_of(self.layer, declared.name)
            l1, l2 = getattr(owner, "l1", 0.0), getattr(owner, "l2", 0.0)
            if declared.penalized and (l1 or l2):
                w = weights[declared.name]
                total += float(l1 * np.abs(w).sum() + l2 * (w**2).sum())
        return total

    def objective(
        self, inputs: Sequence[np.ndarray], factors: np.ndarray, weights: Mapping[str, np.ndarray]
    ) -> float:
        output = self.layer.reference(inputs, weights, training=True)
        return float((output * factors).sum()) + self.penalty(weights)


def _check_example(example: _Example) -> None:
    name = f"{example.layer!r} for {example.shapes}"
    names = [w.name for w in example.declared]
    require(len(set(names)) == len(names), f"{name} has two weights of the same name.")
    legal = registry.initializer_names()
    require(all(w.initializer in legal for w in example.declared), f"{name} names an unknown initializer.")
    limits = {"l1", "l2"} & set(example.layer.parameters()) - example.layer.idle()
    penalized = [w for w in example.declared if w.penalized]
    own = any(owner_of(example.layer, w.name)[1] == "" for w in penalized)
    fitting = bool(penalized) if limits else not own
    require(fitting, f"{name} has a penalty that applies to no weight, or to a weight without one.")
    for batch in BATCHES:
        _check_inference(example, batch, f"{name}, batch {batch}")
        outcomes = []
        for threads in (1, 2):
            what = f"{name}, batch {batch}, {threads} thread(s)"
            outcome = _train(example, batch, batch, threads)
            outcomes.append(outcome)
            if example.layer.is_random:
                _check_own_differences(example, batch, threads, outcome, what)
            else:
                _check_against_reference(example, batch, outcome, what, one_by_one=batch == 5 and threads == 1)
        _check_agreement(outcomes[0], outcomes[1], f"{name}, batch {batch}: two threads' ")
    for threads in (1, 2):
        # The second minibatch has 3 samples of 8: with two threads the second has none.
        outcome = _train(example, 11, 8, threads, steps=2)
        require(len(outcome.samples) == 3, f"{name}: the last minibatch has {len(outcome.samples)} samples, not 3.")
        if not example.layer.is_random:
            _check_against_reference(example, 11, outcome, f"{name}, last of 11 by 8, {threads} thread(s)")
    ordinary = _train(example, 5, 5, 1)
    _check_surroundings(example, ordinary, name)
    if any(s is not None and len(s) in (2, 3) for s in example.shapes):
        outcome = _train(example, 5, 5, 1, haloed=True)
        if not example.layer.is_random:
            _check_against_reference(example, 5, outcome, f"{name}, with zeros around its inputs")
        _check_agreement(ordinary, outcome, f"{name}, with zeros around its inputs, ")
    # Without a probe the node is another one, which draws other numbers.
    if any(w.trainable for w in example.declared) and not example.layer.is_random:
        outcome = _train(example, 5, 5, 1, probed=False)
        _check_agreement(ordinary, outcome, f"{name}, right after Data, ")
    if any(w.trainable for w in example.declared):
        _check_frozen(example, f"{name}, frozen")
    for threads in (1, 2):
        _check_repeats(example, threads, f"{name}, {threads} thread(s)")
    _check_live(example, name)


def _train(
    example: _Example,
    samples: int,
    batch: int,
    threads: int,
    steps: int = 1,
    **surroundings: Any,
) -> Outcome:
    with closing(example.rig(samples, batch, threads, **surroundings)) as rig:
        outcome = rig.train(steps)
    what = f"{example.layer!r} for {example.shapes}"
    require(outcome.padding == 0.0, f"{what} gives a gradient in columns that hold no sample.")
    return outcome


def _check_surroundings(example: _Example, ordinary: Outcome, name: str) -> None:
    """What comes out does not depend on who else reads the layer's inputs and its output."""
    pictures = any(s is not None and len(s) in (2, 3) for s in (*example.shapes, example.output_shape))
    for haloed in (False, True)[: 1 + pictures]:
        for threads, shared in ((1, "before"), (2, "after")):
            outcome = _train(example, 5, 5, threads, followed=True, shared=shared, haloed=haloed)
            around = ", and zeros around them" if haloed else ""
            what = f"{name}, {threads} thread(s), with others reading its inputs ({shared} it) and its output{around}: "
            _check_agreement(ordinary, outcome, what)
    shapes = [example.shapes[port] for port in example.wired]
    if len(shapes) > 1 and len(set(shapes)) == 1 and example.sloped == example.wired:
        _check_joined(example, name)


def _check_joined(example: _Example, name: str) -> None:
    """One output may go to all ports; its gradient is then the sum of all."""
    inputs, factors, weights = example.draw(5)
    same = [None if x is None else next(x for x in inputs if x is not None) for x in inputs]
    outcomes = []
    for joined in (False, True):
        with closing(Rig(example.layer, same, factors, 5, 2, weights, joined=joined)) as rig:
            outcomes.append(rig.train())
    apart, joined_up = outcomes
    total = np.sum(apart.inputs, axis=0)
    what = f"{name}, the same output on all ports: "
    _check_agreement(replace(apart, inputs=(total,)), joined_up, what)


def _check_inference(example: _Example, batch: int, what: str) -> None:
    inputs, _, weights = example.draw(batch)
    with closing(example.rig(batch, batch, 1)) as rig:
        output = rig.infer()
    shape = (batch, *example.output_shape)
    require(output.shape == shape, f"{what}: the output has the shape {output.shape}, but the rule says {shape}.")
    expected = example.layer.reference(_doubles(inputs), _double(weights), training=False)
    require(expected.shape == shape, f"{what}: reference has the shape {expected.shape}, but the rule says {shape}.")
    require_close(output, expected, FORWARD, f"{what}: the output in inference mode")


def _check_against_reference(
    example: _Example, samples: int, outcome: Outcome, what: str, one_by_one: bool = False
) -> None:
    drawn, factors, drawn_weights = example.draw(samples)
    inputs: list[Any] = [None if a is None else a[outcome.samples] for a in _doubles(drawn)]
    factors = factors[outcome.samples].astype(np.float64)
    weights = _double(drawn_weights)
    expected = example.layer.reference(inputs, weights, training=True)
    require_close(outcome.output, expected, FORWARD, f"{what}: the output in training mode")
    generator = np.random.default_rng(7)
    for port, gradient in zip(example.sloped, outcome.inputs, strict=False):

        def of_input(x: np.ndarray, port: int = port) -> float:
            return example.objective([*inputs[:port], x, *inputs[port + 1 :]], factors, weights)

        check_gradient(
            of_input, inputs[port], gradient, f"{what}: the gradient of input {port}", generator, one_by_one, BACKWARD
        )
    trainable = {w.name for w in example.declared if w.trainable}
    require(set(outcome.weights) == trainable, f"{what}: not all trainable weights have gradients.")
    for name, gradient in outcome.weights.items():

        def of_weight(w: np.ndarray, name: str = name) -> float:
            return example.objective(inputs, factors, {**weights, name: w})

        check_gradient(
            of_weight, weights[name], gradient, f"{what}: the gradient of {name}", generator, one_by_one, BACKWARD
        )


def _check_own_differences(example: _Example, samples: int, threads: int, outcome: Outcome, what: str) -> None:
    """For layers that draw numbers: the same step draws the same, so its own slopes tell."""
    drawn, factors, weights = example.draw(samples)
    factors = factors[outcome.samples].astype(np.float64)
    generator = np.random.default_rng(7)
    for port, gradient in zip(example.sloped, outcome.inputs, strict=True):

        def own(x: np.ndarray, port: int = port) -> float:
            moved = drawn[port].copy()
            moved[outcome.samples] = x
            inputs = [*drawn[:port], moved, *drawn[port + 1 :]]
            answers = np.zeros_like(factors)
            with closing(Rig(example.layer, inputs, answers, samples, threads, weights)) as rig:
                return float((rig.train().output * factors).sum())

        at = drawn[port][outcome.samples].astype(np.float64)
        check_gradient(
            own, at, gradient, f"{what}: the gradient of input {port}", generator, False, 2e-3, step=2.0**-5
        )


def _check_chance(example: _Example) -> None:
    """Each step draws other numbers, even for the same samples."""
    name = repr(example.layer)
    with closing(example.rig(33, 33, 1)) as rig:
        inference = rig.infer()
        one, other = rig.train(), rig.train(first_step=1)
    drawn = np.array_equal(one.output, inference[one.samples])
    require(not drawn, f"{name} says it is random, but its first example gives in training what it gives after.")
    require(not np.array_equal(one.output, other.output), f"{name} draws the same numbers in each step.")


def _check_agreement(one: Outcome, other: Outcome, what: str) -> None:
    """Outcomes of the same minibatch, reached in different ways."""
    require(bool((one.samples == other.samples).all()), f"{what}minibatch has other samples.")
    require_close(other.output, one.output, FORWARD, f"{what}output")
    for port, (mine, others) in enumerate(zip(one.inputs, other.inputs, strict=False)):
        require_close(others, mine, BACKWARD, f"{what}gradient of input {port}")
    for name, gradient in one.weights.items():
        require_close(other.weights[name], gradient, BACKWARD, f"{what}gradient of {name}")


def _check_frozen(example: _Example, what: str) -> None:
    """Inputs get the same gradients as ever; no weight changes, moving averages included."""
    inputs, factors, weights = example.draw(5)
    with closing(Rig(example.layer, inputs, factors, 5, 2, weights, frozen=True)) as rig:
        before = rig.network.node_weights(rig.node)
        outcome = rig.train()
        after = rig.network.node_weights(rig.node)
    same = all(np.array_equal(after[name], values) for name, values in before.items())
    require(same, f"{what}: its weights change.")
    require(outcome.padding == 0.0, f"{what}: there is a gradient in columns that hold no sample.")
    used = [None if x is None else x[outcome.samples].astype(np.float64) for x in inputs]
    modes = [example.layer.reference(used, _double(weights), training=t) for t in (True, False)]  # type: ignore[arg-type]
    if example.layer.is_random or np.array_equal(modes[0], modes[1]):
        ordinary = _train(example, 5, 5, 2)
        require_close(outcome.output, ordinary.output, FORWARD, f"{what}: the output")
        for port, (mine, others) in enumerate(zip(ordinary.inputs, outcome.inputs, strict=True)):
            require_close(others, mine, BACKWARD, f"{what}: the gradient of input {port}")
    else:  # as in Keras, a frozen layer works with what it has learned about the data
        require_close(outcome.output, modes[1], FORWARD, f"{what}: the output")


def _check_repeats(example: _Example, threads: int, what: str) -> None:
    one, other = (_train(example, 13, 13, threads) for _ in range(2))
    pairs = [(one.output, other.output), *zip(one.inputs, other.inputs, strict=True)]
    pairs += [(one.weights[n], other.weights[n]) for n in one.weights]
    same = all(np.array_equal(a, b) for a, b in pairs)
    require(same, f"{what}: two runs differ in their last bits.")


def _check_live(example: _Example, name: str) -> None:
    """Numbers that are declared live take effect without building anything anew."""
    for parameter, declared in fields_of(example.layer).items():
        if not declared.live or declared.kind != "real":
            continue
        low, high = declared.minimum or 0.0, declared.maximum if declared.maximum is not None else 1.0
        value = low + 0.25 * (min(high, low + 1.0) - low)
        changed = _Example(example.layer.replace(**{parameter: value}), example.shapes)
        if not example.layer.same_program(changed.layer):
            continue  # the engine builds another plan
        with closing(example.rig(5, 5, 1)) as rig:
            graph = rig.network.graph.set_layer(rig.node, changed.layer)
            rig.network.set_numbers(graph, rig.network.training)
            live = rig.train()
        _check_agreement(_train(changed, 5, 5, 1), live, f"{name}, {parameter} changed to {value:g} while running: ")


def _check_odd_shapes(layer_class: type[Layer]) -> None:
    """Inputs it cannot take are refused by a sentence, whatever they are."""
    layer = layer_class()
    if layer_class.is_variadic():
        needed = [True] * layer_class.minimum_inputs
    else:
        needed = [layer_class.needs_input(port) for port in range(len(layer_class.inputs))]
    for shape in _ODD_SHAPES:
        for others in (shape, (5,)):
            shapes: tuple[Any, ...] = (shape, *(others if need else None for need in needed[1:]))
            what = f"{layer_class.type_name()} for {shapes}"
            try:
                given = layer.output_shape(*shapes)
            except ShapeProblem as problem:
                sentence = str(problem)
                require(sentence.endswith(".") and len(sentence) > 15, f"{what}: {sentence!r} is not a sentence.")
                continue
            legal = all(isinstance(n, int) and n > 0 for n in given)
            require(isinstance(given, tuple) and legal, f"{what}: {given!r} is not a shape.")


def _check_extremes(layer: ElementWise) -> None:
    """Very large, very small and undefined numbers."""
    name = layer.type_name()
    numbers = [0.0, 1e-30, 1e-6, 1e-3, 0.1, 0.5, 1.0, 3.0, 8.0, 20.0, 60.0, 88.0, 100.0, 1e4]
    x = np.array([*numbers, *(-n for n in numbers)], np.float32)[:, None]
    with closing(Rig(layer, [x], np.ones_like(x), len(x))) as rig:
        output = rig.infer()
        outcome = rig.train()
    with np.errstate(over="ignore"):
        expected = layer.reference([x.astype(np.float64)], {})
    # What float32 cannot hold must at least be very large; infinity would spoil everything after it.
    too_large = np.abs(expected) > 3e38
    require(bool((np.abs(output)[too_large] > 1e38).all()), f"{name} is small where it should be very large.")
    expected = np.where(too_large, output, expected)
    error = np.abs(output - expected)
    # Relative to each number, but near 0 some curves are a difference of larger numbers.
    worst = int((error - 2e-6 * np.abs(expected)).argmax())
    require(
        bool((error <= 2e-6 * np.abs(expected) + 3e-7).all()),
        f"{name}({x[worst, 0]:g}) is {output[worst, 0]:.9g}, but should be {expected[worst, 0]:.9g}.",
    )
    require(bool(np.isfinite(outcome.inputs[0]).all()), f"{name} has slopes that are not finite.")
    undefined = np.full((1, 1), np.nan, np.float32)
    with closing(Rig(layer, [undefined], np.ones_like(undefined), 1)) as rig:
        require(bool(np.isnan(rig.infer()).all()), f"{name} hides an undefined number (NaN), so failures go unseen.")


def _doubles(arrays: Sequence[Any]) -> list[Any]:
    return [None if a is None else a.astype(np.float64) for a in arrays]


def _double(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: a.astype(np.float64) for name, a in arrays.items()}
