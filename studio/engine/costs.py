"""How many operations a kernel call makes, and how many bytes it must at least move.

Operations are additions, multiplications and comparisons of floats, and calls of functions such as
``exp``, which count as one. Bytes are those of every number that is read or written, once: what a call
reads again and again comes from a near cache. Padding of the batch is worked through and counts.

A rule tells both from a call's sizes, by the names that they have in the kernel's own text, so that it
goes on fitting when arguments change places. Where no rule fits, both are 0: not known.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from studio.core.lowering import Ref
from studio.engine.plan import Call, Plan
from studio.kernels.jit import Kernel
from studio.kernels.simd import LANES

_FLOAT = 4
#: Largest table of places that is looked through for places that occur twice.
_MOST_PLACES = 20_000_000


@dataclass(frozen=True)
class Cost:
    """What all threads' calls together cost.

    Parameters
    ----------
    operations : float
        Of floats.
    traffic : float
        Bytes read and written.
    """

    operations: float = 0.0
    traffic: float = 0.0


def cost_of(call: Call, plan: Plan, threads: int) -> Cost:
    """The cost of a call of a plan that runs on so many threads."""
    sizes = Sizes(call, plan, threads)
    for pattern, names, rule in _RULES:
        found = pattern.fullmatch(call.kernel.name)
        if found and names <= sizes.names.keys():
            sizes.tile = tuple(int(size) for size in found.groups() if size)
            operations, numbers = rule(sizes)
            shared = 1 if sizes.split else threads
            return Cost(float(operations) * shared, float(numbers) * _FLOAT * shared)
    return Cost()


class Sizes:
    """A call's sizes, as attributes, by the names that they have in the kernel's text."""

    def __init__(self, call: Call, plan: Plan, threads: int) -> None:
        self._call, self._plan = call, plan
        self.threads = threads
        self.names = _names_of(call.kernel)
        #: Numbers in the kernel's name, such as a tile's rows and columns.
        self.tile: tuple[int, ...] = ()
        #: Whether threads share the work of the call, rather than each doing it for its samples.
        self.split = False

    def __getattr__(self, name: str) -> int:
        try:
            argument = self._call.arguments[self.names[name]]
        except (KeyError, IndexError):
            raise AttributeError(name) from None
        return argument.offset if isinstance(argument, Ref) else int(argument)

    def get(self, name: str, otherwise: int) -> int:
        """A size that not every kernel of the kind has."""
        return getattr(self, name) if name in self.names else otherwise

    @property
    def has_shards(self) -> bool:
        """Whether each thread has gradients of its own, a stride apart."""
        return isinstance(self._call.arguments[self.names["stride"]], Ref)

    @property
    def first(self) -> int:
        """The first argument."""
        argument = self._call.arguments[0]
        return argument.offset if isinstance(argument, Ref) else int(argument)

    def places(self, name: str, count: int) -> np.ndarray:
        """So many numbers of a table."""
        start = getattr(self, name)
        return self._plan.table[start : start + count]

    def distinct(self, *tables: tuple[str, int]) -> int:
        """How many different sums there are of one number from each table."""
        sums = np.zeros(1, np.int64)
        for name, count in tables:
            if len(sums) * count > _MOST_PLACES:
                return len(sums) * count
            sums = np.add.outer(sums, self.places(name, count)).ravel()
        if not len(sums):
            return 0
        sums = (sums - sums.min()) // LANES
        seen = np.zeros(int(sums.max()) + 1, bool)
        seen[sums] = True
        return int(seen.sum())

    @property
    def maths(self) -> int:
        """Operations of the element-wise function in the kernel."""
        return _operations_in(self._call.kernel.function.__globals__["maths"].py_func)[0]

    @property
    def used(self) -> int:
        """How many of its first two arguments that function looks at."""
        return _operations_in(self._call.kernel.function.__globals__["maths"].py_func)[1]

    @property
    def loop(self) -> tuple[int, int]:
        """Operations and stores in the kernel's text, for one with a single loop."""
        return _loop_of(self._call.kernel)


@functools.cache
def _tree_of(function: Callable[..., Any], text: str = "") -> ast.FunctionDef:
    source = text or textwrap.dedent(inspect.getsource(function))
    name = "run" if text else function.__name__
    return next(n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef) and n.name == name)


@functools.cache
def _names_of(kernel: Kernel) -> dict[str, int]:
    """Which argument each name stands for in a kernel's text."""
    found: dict[str, int] = {}
    try:
        tree = _tree_of(kernel.function, kernel.text)
    except (OSError, SyntaxError, StopIteration, TypeError):
        return found
    for statement in ast.walk(tree):
        if isinstance(statement, ast.For) and isinstance(statement.target, ast.Name):
            place = _argument(statement.iter)
            if place is not None:
                found[f"{statement.target.id}s"] = place
        if not isinstance(statement, ast.Assign):
            continue
        for target in statement.targets:
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            values = statement.value.elts if isinstance(statement.value, ast.Tuple) else [statement.value]
            for name, value in zip(names, values, strict=False):
                place = _argument(value)
                if isinstance(name, ast.Name) and place is not None:
                    found.setdefault(name.id, place)
    return found


def _argument(value: ast.expr) -> int | None:
    """The argument that an expression is: ``record[5]`` itself, or the place that it names."""
    for part in ast.walk(value):
        if isinstance(part, ast.Subscript) and isinstance(part.value, ast.Name) and part.value.id == "record":
            index = part.slice
            if isinstance(index, ast.Constant) and isinstance(index.value, int) and index.value >= 2:
                return index.value - 2
    return None


@functools.cache
def _operations_in(function: Callable[..., Any]) -> tuple[int, int]:
    """Operations of an element-wise function, and how many of its first two arguments it uses."""
    tree = _tree_of(function)
    count = sum(isinstance(n, ast.BinOp | ast.UnaryOp | ast.Compare | ast.Call) for n in ast.walk(tree))
    loaded = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    return max(1, count), sum(argument.arg in loaded for argument in tree.args.args[:2])


@functools.cache
def _loop_of(kernel: Kernel) -> tuple[int, int]:
    tree = _tree_of(kernel.function, kernel.text)
    loop = next(n for n in ast.walk(tree) if isinstance(n, ast.For))
    kinds = ast.Add | ast.Sub | ast.Mult | ast.Div
    operations = sum(isinstance(n, ast.BinOp) and isinstance(n.op, kinds) for n in ast.walk(loop))
    calls = [n.func.id for n in ast.walk(loop) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    # Places are added too: one sum in each ``at(x, i)`` is none of floats.
    return operations + calls.count("sqrt"), calls.count("store")


Rule = Callable[[Any], tuple[float, float]]
_RULES: list[tuple[re.Pattern[str], frozenset[str], Rule]] = []


def _rule(pattern: str, names: str = "") -> Callable[[Rule], Rule]:
    """Register what kernels cost whose name fits and whose text has these names; the first that fits counts."""

    def register(rule: Rule) -> Rule:
        _RULES.append((re.compile(pattern), frozenset(names.split()), rule))
        return rule

    return register


# Products ------------------------------------------------------------------------------------


@_rule(r"multiply_(\d+)x\d+(?:_grouped)?", "blocks pixels depth batch x_pixels offsets")
def _multiply(s: Any) -> tuple[float, float]:
    groups, outputs = s.get("groups", 1), s.blocks * s.tile[0]
    x = s.distinct(("x_pixels", s.pixels), ("offsets", s.depth))
    products = outputs * s.depth * s.pixels * s.batch
    return 2.0 * groups * products, groups * (x * s.batch + outputs * s.depth + outputs * s.pixels * s.batch)


@_rule(r"correlate_(\d+)(?:_pictures|_grouped)?", "blocks pixels depth batch x_pixels offsets")
def _correlate(s: Any) -> tuple[float, float]:
    groups, outputs = s.get("groups", 1), s.blocks * s.tile[0]
    x = s.distinct(("x_pixels", s.pixels), ("offsets", s.depth))
    products = outputs * s.depth * s.pixels * s.batch
    return 2.0 * groups * products, groups * (x * s.batch + outputs * s.depth + outputs * s.pixels * s.batch)


@_rule(r"outer_(\d+)x\d+", "outputs padded pixels batch blocks smaller x_pixels offsets")
def _outer(s: Any) -> tuple[float, float]:
    depth = s.blocks * s.tile[0] + s.smaller * max(1, s.tile[0] - 1)
    x = s.distinct(("x_pixels", s.pixels), ("offsets", depth))
    # Besides the products, the sum of the gradients: the bias's.
    operations = (2.0 * depth + 1.0) * s.outputs * s.pixels * s.batch
    return operations, x * s.batch + s.outputs * (depth + 1 + s.pixels * s.batch)


@_rule(r"collect_\d+x\d+x\d+", "groups each depth pixels batch x_pixels offsets")
def _collect(s: Any) -> tuple[float, float]:
    outputs = s.groups * s.each
    x = s.groups * s.distinct(("x_pixels", s.pixels), ("offsets", s.depth))
    return 2.0 * outputs * s.depth * s.pixels * s.batch, x * s.batch + outputs * (s.depth + s.pixels * s.batch)


@_rule(r"weigh_(\d+)(?:_bias)?", "groups outputs blocks pixels batch x_pixels offsets")
def _weigh(s: Any) -> tuple[float, float]:
    outputs, depth = s.groups * s.outputs, s.blocks * s.tile[0]
    x = s.groups * s.distinct(("x_pixels", s.pixels), ("offsets", depth))
    return 2.0 * outputs * depth * s.pixels * s.batch, x * s.batch + outputs * (depth + s.pixels * s.batch)


@_rule(r"sample_product_(\d+)x(\d+)", "row_blocks column_blocks depth batch")
def _sample_product(s: Any) -> tuple[float, float]:
    rows, columns = s.tile[0] * s.row_blocks, s.tile[1] * s.column_blocks
    return 2.0 * rows * columns * s.depth * s.batch, (rows * s.depth + columns * s.depth + rows * columns) * s.batch


def _attention(s: Any, products: int) -> tuple[float, float]:
    pairs = s.heads * s.batch * s.queries * s.keys
    if s.limited:
        pairs *= 0.5 * (1.0 + 1.0 / s.queries)
    rows = s.heads * s.batch * (s.queries * (s.depth + s.width) + s.keys * (s.depth + s.width))
    return pairs * (products * (s.depth + s.width) + 6.0), rows * products // 2 + s.heads * s.batch * s.queries * s.keys


@_rule("attend", "heads queries keys depth width batch limited")
def _attend(s: Any) -> tuple[float, float]:
    return _attention(s, 2)


@_rule("attend_backward", "heads queries keys depth width batch limited")
def _attend_backward(s: Any) -> tuple[float, float]:
    return _attention(s, 4)


def _groups_of(s: Any, *names: str) -> list[tuple[int, ...]]:
    """Sizes that a recurrent kernel has one of for each of its products."""
    count = next(i for i in range(9) if f"{names[0]}_{i}" not in s.names)
    return [tuple(getattr(s, f"{name}_{i}") for name in names) for i in range(count)]


@_rule(r"\w+_forward", "steps batch units width inputs row columns depth_0 vectors_0")
def _through_time(s: Any) -> tuple[float, float]:
    weights = sum(depth * vectors * LANES for depth, vectors in _groups_of(s, "depth", "vectors"))
    # A step reads a row, and keeps gates, output and what is remembered.
    kept = s.steps * s.batch * (s.inputs + s.row + s.columns + 3 * s.width)
    return s.steps * s.batch * (2.0 * weights + 4.0 * s.columns), weights + kept


@_rule(r"\w+_backward", "steps batch width inputs row columns back_depth_0 x_width x_depth inputs_matter weights_matter")
def _back_through_time(s: Any) -> tuple[float, float]:
    weights = sum(depth * s.width for (depth,) in _groups_of(s, "back_depth"))
    weights += s.x_width * s.x_depth * s.inputs_matter
    gradients = sum(rows * vectors * LANES for rows, vectors in _groups_of(s, "gradient_rows", "vectors")) * s.weights_matter
    kept = s.steps * s.batch * (s.inputs + s.row + 2 * s.columns + 3 * s.width)
    return s.steps * s.batch * (2.0 * (weights + gradients) + 6.0 * s.columns), weights + gradients + kept


# Element by element --------------------------------------------------------------------------


@_rule(r"\w+_function|\w+_slope_[ab](?:_added)?", "runs count length")
def _merge(s: Any) -> tuple[float, float]:
    numbers = s.runs * s.count * s.length
    if "dx" not in s.names:
        return s.maths * numbers, 3 * numbers
    return (s.maths + 1) * numbers, (2 + s.used) * numbers


@_rule(r"\w+", "terms batch y_places t_places w_places")
def _loss_by_numbers(s: Any) -> tuple[float, float]:
    numbers = s.terms * s.batch
    return (s.maths + 2) * numbers, (4 if "dy_places" in s.names else 3) * numbers


@_rule(r"\w+_function", "rows length x y")
def _curve(s: Any) -> tuple[float, float]:
    return s.maths * s.rows * s.length, 2 * s.rows * s.length


@_rule(r"\w+_derivative", "rows length dy dx")
def _slope(s: Any) -> tuple[float, float]:
    return (s.maths + 1) * s.rows * s.length, (2 + s.used) * s.rows * s.length


@_rule("silence|noise", "rows row_length batch")
def _chance(s: Any) -> tuple[float, float]:
    return 2 * s.rows * s.row_length * s.batch, 2 * s.rows * s.row_length * s.batch


#: Operations and numbers moved by each of the numbers that the sizes' product counts.
_STREAMS: tuple[tuple[str, str, float, float], ...] = (
    ("add_into", "rows length", 1, 3),
    ("copy_rows", "rows length", 0, 2),
    ("clear_rows", "rows length", 0, 1),
    ("silence_backward", "rows length", 1, 2),
    ("multiply_pixels", "pixels length", 1, 2),
    ("copy_runs", "runs length", 0, 2),
    ("frame_rows", "rows length", 0, 2),
    ("gather", "rows row_length batch", 0, 2),
    ("gather_rows", "rows depth batch", 0, 2),
    ("mark_valid", "batch", 0, 1),
    ("transpose", "rows batch", 0, 2),
    ("sum_rows", "rows columns", 1, 1),
    ("sum_channels", "channels pixels batch", 1, 1),
    ("pack", "groups rows count inner", 0, 2),
    ("pack|pack_turned|unpack", "rows blocks length", 0, 2),
    ("moments", "channels pixels batch", 5, 1),
    ("batch_statistics", "padded", 12, 12),
    ("gradient_shares", "padded", 6, 8),
    ("normalize|scale_channels", "channels pixels batch", 3, 2),
    ("gradient_sums", "channels pixels batch", 4, 2),
    ("normalize_backward", "channels pixels batch", 6, 3),
    ("normalize_rows", "channels pixels batch", 7, 2),
    ("normalize_rows_backward", "channels pixels batch", 12, 3),
    ("group_statistics", "groups size pixels batch", 5, 1),
    ("normalize_groups", "groups size pixels batch", 4, 2),
    ("group_gradient_sums", "groups size pixels batch", 5, 2),
    ("normalize_groups_backward", "groups size pixels batch", 7, 3),
    ("mean_of_pixels|largest_of_pixels", "pixels length", 1, 1),
    ("spread_mean", "pixels length", 1, 1),
    ("spread_largest_of_pixels", "pixels length", 1, 1),
    ("look_up", "steps columns batch", 0, 2),
    ("sum_by_row", "steps columns batch", 1, 3),
    ("add_to_samples", "features batch", 1, 2),
    ("sum_over_samples", "features batch", 1, 1),
    ("draw_mask", "features batch", 1, 1),
    ("sample_pictures", "height width channels batch", 24, 2),
    ("(?:categorical_)?from_(?:logits|probabilities)", "terms count batch", 6, 1),
    ("(?:categorical_)?from_(?:logits|probabilities)_gradient", "terms count batch", 7, 2),
    ("count_right", "terms count batch", 4, 2),
    ("weigh_samples|weigh_binary|mark_counted", "terms batch", 1, 3),
    ("weigh_labels|weigh_one_hot", "terms classes batch", 2, 1),
)  # fmt: skip


def _stream(sizes: str, operations: float, numbers: float) -> Rule:
    def rule(s: Any) -> tuple[float, float]:
        count = 1.0
        for name in sizes.split():
            count *= getattr(s, name)
        return operations * count, numbers * count

    return rule


for _pattern, _sizes, _operations, _numbers in _STREAMS:
    _rule(_pattern, _sizes)(_stream(_sizes, _operations, _numbers))


# Windows and mixtures ------------------------------------------------------------------------


@_rule(r"largest_in_windows(?:_with_places)?|means_of_windows", "pixels length starts taps")
def _pool(s: Any) -> tuple[float, float]:
    taps = int(s.places("starts", s.pixels + 1)[-1])
    kept = 2 if "places" in s.names else 1
    return taps * s.length, (s.distinct(("taps", taps)) + kept * s.pixels) * s.length


@_rule(r"spread_largest|spread_means", "pixels length starts entries")
def _spread(s: Any) -> tuple[float, float]:
    entries = int(s.places("starts", s.pixels + 1)[-1])
    windows = len(np.unique(s.places("entries", 2 * entries)[::2]))
    return entries * s.length, (s.pixels + (2 if "places" in s.names else 1) * windows) * s.length


@_rule("mix_pixels", "pixels length starts entries")
def _mix(s: Any) -> tuple[float, float]:
    entries = int(s.places("starts", s.pixels + 1)[-1])
    sources = len(np.unique(s.places("entries", 2 * entries)[::2]))
    return 2 * entries * s.length, (s.pixels + sources) * s.length


# Weights -------------------------------------------------------------------------------------


@_rule(r"\w+", "weights gradients stride")
def _optimizer(s: Any) -> tuple[float, float]:
    """Threads share the weights, and each adds up all threads' gradients of its share."""
    s.split = True
    operations, stores = s.loop
    summands = s.threads if s.has_shards else 1
    return s.first * (operations + summands - 1), s.first * (summands + 2 * stores)
