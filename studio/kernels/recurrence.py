"""How a recurrent layer becomes kernel calls: packing, there through time, back, unpacking."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np

from studio.core import registry
from studio.core.layer import ElementWise
from studio.core.lowering import Lowering, Ref, Tensor
from studio.core.recurrent import Recurrent
from studio.kernels.recurrent import (
    PANEL_FLOATS,
    Cell,
    Group,
    Variant,
    backward_kernel,
    forward_kernel,
    gates_kernel,
    gradient_tile,
    weights_kernel,
)
from studio.kernels.rows import draw_row_masks, pack, pack_turned, unpack

#: Samples times steps that a product for the weights' gradient should run over at the least.
_LONG_ENOUGH = 96
#: The one of the gates, in Keras's order, that has the output's curve.
_CANDIDATE = 2
#: Where the random numbers of the remembered numbers' mask begin.
_RECURRENT_STREAM = 1 << 20


def lower_recurrent(lowering: Lowering, layer: Recurrent, cell: Cell, x: Tensor, padding: Tensor | None) -> Tensor:
    """Emit a recurrent layer; returns its output.

    Parameters
    ----------
    layer : Recurrent
        Its parameters.
    cell : Cell
        Its maths.
    x : Tensor
        Of shape (steps, features).
    padding : Tensor or None
        Token numbers (steps,); steps whose number is 0 are skipped.
    """
    return _Lowered(lowering, layer, cell, x, padding).output


def _roundup(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple


def _stride(floats: int, lanes: int) -> int:
    """Whole vectors, and not a multiple of a large power of two, which would crowd the cache."""
    stride = _roundup(floats, lanes)
    return stride + lanes if stride >= 128 and stride % 128 == 0 else stride


def _step(sequence: Tensor) -> int:
    """Distance in floats of neighbouring time steps, between which there may be gaps."""
    if len(sequence.shape) == 1 or sequence.shape[0] == 1:
        return sequence.row_length * sequence.batch
    first = sequence.offsets()[:2, 0]
    return int(first[1] - first[0])


def _runs(gates: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Gates that follow each other also in the weights: (first column, first gate, how many)."""
    found = []
    for _, run in groupby(enumerate(gates), key=lambda pair: pair[1] - pair[0]):
        pairs = list(run)
        found.append((pairs[0][0], pairs[0][1], len(pairs)))
    return found


@dataclass(eq=False)
class _Lowered:
    lowering: Lowering
    layer: Recurrent
    cell: Cell
    x: Tensor
    padding: Tensor | None

    def __post_init__(self) -> None:
        lowering, layer, cell = self.lowering, self.layer, self.cell
        self.steps, self.features = self.x.shape
        self.units, self.batch = layer.units, lowering.batch
        self.width = _roundup(self.units, lowering.lanes)
        self.columns = _stride(len(cell.columns) * self.width, lowering.lanes)
        curves = registry.activations()
        curve, gate = (curves.get(name) for name in (layer.activation, getattr(layer, "recurrent_activation", "linear")))
        assert curve is None or issubclass(curve, ElementWise)
        padded = self.padding is not None
        self.variant = Variant(
            *(curve, gate, layer.use_bias, padded, lowering.training and layer.is_random),
            padded and layer.zero_output_for_mask and layer.return_sequences,
        )
        self._place_parts()
        self._place_buffers()
        self._forward()

    def _place_parts(self) -> None:
        """Where the parts of a row begin, and how long they and the whole row are."""
        ones = int(self.layer.use_bias)
        sizes = {"h": self.units, "x": self.features, "1": ones, "1h": ones, "rh": self.units}
        self.sizes = {part: sizes[part] for part in self.cell.parts}
        ends = np.cumsum(list(self.sizes.values()))
        self.first = {part: int(end) - n for (part, n), end in zip(self.sizes.items(), ends, strict=True)}
        self.depths = [sum(self.sizes[part] for part in group.parts) for group in self.cell.groups]
        self.tile = gradient_tile(*self.depths)
        # Vectors that are stored at the end of a part, and gradients of more rows than there are, stay inside.
        reach = [self.first[part] + (self.width if part in ("h", "rh") else n) for part, n in self.sizes.items()]
        reach += [self._start(group) + _roundup(n, self.tile) for group, n in zip(self.cell.groups, self.depths, strict=True)]
        self.row = _stride(max(reach), self.lowering.lanes)

    def _start(self, group: Group) -> int:
        return self.first[group.parts[0]]

    def _place_buffers(self) -> None:
        lowering, batch = self.lowering, self.batch
        state = (self.steps + 1) * batch * self.width
        self.longest = max(*self.depths, len(self.cell.columns) * self.width)
        history = {
            "z": lowering.scratch((self.steps + 1) * batch * self.row),
            "hs": lowering.scratch(state),
            "gates": lowering.scratch(self.steps * batch * self.columns),
        }
        history["cs"] = lowering.scratch(state) if self.cell.memory else history["hs"]
        history["squashed"] = lowering.scratch(state) if self.cell.memory else history["hs"]
        history["mask"] = lowering.scratch(batch * self.row) if self.variant.dropped else history["hs"]
        backwards = self.layer.go_backwards
        self.last = self.steps - 1 if backwards else 0
        tokens = self.padding.base + self.last * batch if self.padding else history["hs"]
        ones = [self.first[part] for part in ("1", "1h") if part in self.first]
        #: Arguments of both kernels.
        self.common: dict[str, int | Ref] = {
            **{"steps": self.steps, "batch": batch, "units": self.units, "width": self.width},
            "together": lowering.lanes if lowering.on_card else batch,
            **{"inputs": self.features, "row": self.row, "columns": self.columns, "x_column": self.first["x"]},
            **{"one": ones[0], "other_one": ones[-1], "sequences": int(self.layer.return_sequences)},
            "reset_column": self.first.get("rh", 0),
            **{"token_step": -batch if backwards else batch, "tokens": tokens, **history},
            "distance": lowering.table(np.arange(self.longest) * PANEL_FLOATS),
            "batch_distance": lowering.table(np.arange(lowering.lanes) * batch),
            "zeros": lowering.zeros(64),
        }
        column = 0
        for i, (group, depth) in enumerate(zip(self.cell.groups, self.depths, strict=True)):
            self.common |= {f"first_{i}": self._start(group), f"column_{i}": column * self.width}
            self.common |= {f"depth_{i}": depth, f"vectors_{i}": len(group.gates) * self.width // lowering.lanes}
            column += len(group.gates)

    def _weight(self, part: str) -> tuple[Ref, Ref, int]:
        """Value, gradient and distance of rows of the weights that a part of a row meets."""
        name = {"h": "recurrent_kernel", "rh": "recurrent_kernel", "x": "kernel"}.get(part, "bias")
        weight = self.lowering.weight(name)
        if name != "bias":
            return weight.value, weight.gradient, weight.stride
        # Where there are two biases, the second belongs to the remembered numbers.
        row = weight.stride if part == "1h" else 0
        return weight.value + row, weight.gradient + row, weight.stride

    def _sequence(self, name: str, sequence: Tensor) -> dict[str, int | Ref]:
        """Where the first step that is read lies, and how far it is from one to the next."""
        step = _step(sequence)
        return {name: sequence.base + self.last * step, f"{name}_step": -step if self.last else step}

    def _panels(self, depth: int, columns: int) -> tuple[int, int]:
        """Floats of a panel, and of all of them."""
        panel = depth * PANEL_FLOATS
        return panel, -(-columns // PANEL_FLOATS) * panel

    def _forward(self) -> None:
        lowering, layer, batch, width = self.lowering, self.layer, self.batch, self.width
        arguments = dict(self.common)
        for i, (group, depth) in enumerate(zip(self.cell.groups, self.depths, strict=True)):
            panel, floats = self._panels(depth, len(group.gates) * width)
            packed = lowering.scratch(floats)
            arguments |= {f"w_{i}": packed, f"panel_{i}": panel}
            for part in group.parts:
                if not self.sizes[part]:
                    continue
                value, _, stride = self._weight(part)
                target = packed + (self.first[part] - self._start(group)) * PANEL_FLOATS
                for column, gate, count in _runs(group.gates):
                    lowering.emit(
                        pack,
                        *(self.sizes[part], count, self.units, width),
                        *(value + gate * self.units, stride, self.units),
                        *(target, panel, column * width),
                    )
        if self.variant.dropped:
            drawn = lowering.scratch(4 * batch)
            streams = (("h", "recurrent_dropout", _RECURRENT_STREAM), ("x", "dropout", 0))
            for part, rate, stream in streams:
                lowering.emit(
                    draw_row_masks,
                    *(self.sizes[part], batch, self.row, self.common["mask"] + self.first[part], drawn),  # type: ignore[operator]
                    *(lowering.number(rate), lowering.node_key(), layer.seed, stream),
                )
        shape = (self.steps, self.units) if layer.return_sequences else (self.units,)
        self.output = lowering.output(shape)
        arguments |= self._sequence("x", self.x) | {"y": self.output.base, "y_step": _step(self.output)}
        arguments["width_distance"] = lowering.table(np.arange(lowering.lanes) * width)
        lowering.emit(forward_kernel(self.cell, self.variant, _kinds(arguments)), *arguments.values())
        self._show_gates()
        lowering.backward(self.output, self._backward)

    def _show_gates(self) -> None:
        """Emit the copy of the gates of all steps, in the order of the sequence, if anybody looks."""
        if not self.layer.extras(*self.lowering.shapes):
            return
        shown = self.lowering.expose("gates")
        if shown is None:
            return
        # Of a gate's columns, the last holds what the others have come to.
        order = [max(c for c, gate in enumerate(self.cell.columns) if gate == n) for n in range(self.layer.gates)]
        self.lowering.emit(
            gates_kernel(self.cell, self.variant),
            *(self.steps, self.batch, self.units, self.width, self.columns),
            *(len(order), _CANDIDATE, self.lowering.table(order), self.common["gates"], shown.base),
            *(self.last, -1 if self.layer.go_backwards else 1),
        )

    def _backward(self, dy: Tensor) -> None:
        lowering, batch, width = self.lowering, self.batch, self.width
        dx = lowering.gradient(self.x)
        x_width = _roundup(self.features, lowering.lanes)
        chunk = min(max(1, _LONG_ENOUGH // batch), self.steps)
        arguments = dict(self.common)
        arguments |= {f"all_{name}": lowering.scratch(batch * width) for name in ("dh", "dys", "part", "reset")}
        arguments["all_dc"] = lowering.scratch(batch * width) if self.cell.memory else arguments["all_dh"]
        arguments |= {"dy": dy.base, "dy_step": _step(dy) if self.layer.return_sequences else 0, "chunk": chunk}
        arguments["step_distance"] = lowering.table(np.arange(chunk * batch) * self.columns)
        for i, (column, gates) in enumerate(self.cell.back):
            packed, panel = self._turned("recurrent_kernel", gates, self.units)
            arguments |= {f"u_{i}": packed, f"back_panel_{i}": panel}
            arguments |= {f"back_column_{i}": column * width, f"back_depth_{i}": len(gates) * width}
        seeing = [gate for group in self.cell.groups for gate in group.gates if "x" in group.parts]
        first = next(i for i, group in enumerate(self.cell.groups) if "x" in group.parts)
        nothing = (self.common["hs"], 0)
        turned = self._turned("kernel", tuple(seeing), self.features) if dx else nothing
        arguments |= {"inputs_matter": int(dx is not None), "x_width": x_width, "x_depth": len(seeing) * width}
        trainable = lowering.weight("kernel").trainable
        # Groups of a card share the samples here; what is a sum over all of them follows.
        arguments["weights_matter"] = int(trainable and not lowering.on_card)
        arguments |= {"x_gates": self.common[f"column_{first}"], "w_x": turned[0], "x_panel": turned[1]}
        arguments |= {"all_dxs": lowering.scratch(batch * x_width), **self._sequence("dx", dx or self.x)}
        arguments["x_distance"] = lowering.table(np.arange(lowering.lanes) * x_width)
        for i, (group, depth) in enumerate(zip(self.cell.groups, self.depths, strict=True)):
            rows = _roundup(depth, self.tile)
            arguments |= {f"gradient_rows_{i}": rows, f"sums_{i}": lowering.scratch(rows * len(group.gates) * width)}
        lowering.emit(backward_kernel(self.cell, self.variant, _kinds(arguments), self.tile), *arguments.values())
        if trainable and lowering.on_card:
            lowering.emit(weights_kernel(self.cell, self.variant, _kinds(arguments), self.tile), *arguments.values())
        for i, group in enumerate(self.cell.groups if trainable else ()):
            self._unpack(group, arguments[f"sums_{i}"])  # type: ignore[arg-type]

    def _turned(self, name: str, gates: tuple[int, ...], rows: int) -> tuple[Ref, int]:
        """Emit the packing of transposed weights; returns their place and the floats of a panel."""
        lowering, width = self.lowering, self.width
        weight = lowering.weight(name)
        panel, floats = self._panels(len(gates) * width, rows)
        packed = lowering.scratch(floats)
        for column, gate, count in _runs(gates):
            lowering.emit(
                pack_turned,
                *(rows, count, self.units, width),
                *(weight.value + gate * self.units, weight.stride, self.units),
                lowering.table(np.arange(lowering.lanes) * weight.stride),
                *(packed + column * width * PANEL_FLOATS, panel),
            )
        return packed, panel

    def _unpack(self, group: Group, sums: Ref) -> None:
        """Emit the copies of the weights' gradients to where the optimizer reads them."""
        length = len(group.gates) * self.width
        for part in group.parts:
            if not self.sizes[part]:
                continue
            _, gradient, stride = self._weight(part)
            source = sums + (self.first[part] - self._start(group)) * length
            for column, gate, count in _runs(group.gates):
                self.lowering.emit(
                    unpack,
                    *(self.sizes[part], count, self.units, self.width),
                    *(source + column * self.width, length),
                    *(gradient + gate * self.units, stride, self.units),
                )


def _kinds(arguments: dict[str, int | Ref]) -> dict[str, str]:
    """What kind each argument of a kernel is; see `studio.kernels.recurrent.forward_kernel`."""
    found = {}
    for name, value in arguments.items():
        table = isinstance(value, Ref) and value.space == "table"
        found[name] = "integer" if isinstance(value, int) else "table" if table else "floats"
    return found
