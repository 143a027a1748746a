"""Costs of losses, and of softmax."""

from __future__ import annotations

import re

from studio.engine.costs.arguments import Arguments
from studio.engine.costs.arithmetic import of_function, of_maths
from studio.engine.costs.formulas import Formula, Work, cost, family
from studio.kernels.jit import Kernel
from studio.kernels.simd import LANES

_LOSSES, _SUMS = "studio.kernels.losses", "studio.kernels.loss_sums"
_CATEGORICAL = "studio.losses.categorical_crossentropy"
_SPARSE = "studio.losses.sparse_categorical_crossentropy"
_HINGE = "studio.losses.categorical_hinge"
_COSINE = "studio.losses.cosine_similarity"
_SOFTMAX = "studio.layers.softmax"


def _rows(a: Arguments, *names: str) -> float:
    """Floats of rows that lists of places say; all terms may share one."""
    return float(sum(a.distinct(name, a.terms) for name in names) * a.batch)


# Of single numbers -----------------------------------------------------------------------------


@family(r".+", "terms", "batch", "y_places", "t_places", "w_places", "dy_places")
def _gradient(match: re.Match[str], kernel: Kernel) -> Formula:
    done = of_function(kernel.function.__globals__["maths"].py_func)

    def formula(a: Arguments) -> Work:
        return Work(a.terms * a.batch * (done + 2), _rows(a, "y_places", "t_places", "w_places"), _rows(a, "dy_places"))

    return formula


@family(r".+", "terms", "batch", "y_places", "t_places", "w_places")
def _value(match: re.Match[str], kernel: Kernel) -> Formula:
    done = of_function(kernel.function.__globals__["maths"].py_func)

    def formula(a: Arguments) -> Work:
        return Work(a.terms * a.batch * (done + 2), _rows(a, "y_places", "t_places", "w_places"), 0.0)

    return formula


# Of classes ------------------------------------------------------------------------------------


def _of_classes(module: str, name: str, each: float, term: float, scores: str, targets: str, whole: bool, last: str) -> None:
    """Note the formula of a kernel that looks at all classes of each term.

    Parameters
    ----------
    each, term : float
        Operations for each class, and for the whole of a term.
    scores, targets, last : str
        What the kernel calls the scores' places, the targets' and the gradient's; no gradient is
        written, but the predicted class, if the last is that of the terms that count.
    whole : bool
        Whether targets have a number for each class.
    """

    def formula(a: Arguments) -> Work:
        span = a.count * _rows(a, scores)
        wanted = (a.count if whole else 1) * _rows(a, targets)
        read, written = span + wanted + _rows(a, "w_places"), 0.0
        if last.startswith("d"):
            written = a.count * _rows(a, last)
        elif last:
            read, written = read + _rows(a, last), float(a.terms * a.batch)
        return Work(a.terms * a.batch * (a.count * each + term), read, written)

    cost(module, name)(formula)


_EXP, _LOG = of_maths("exp"), of_maths("log")
_of_classes(_CATEGORICAL, "categorical_from_logits", 13 + _EXP, _LOG + 5, "z_places", "t_places", True, "counted_places")
_of_classes(_CATEGORICAL, "categorical_from_logits_gradient", 12 + _EXP, 3, "z_places", "t_places", True, "dz_places")
_of_classes(_CATEGORICAL, "categorical_from_probabilities", 16 + _LOG, 6, "p_places", "t_places", True, "counted_places")
_of_classes(_CATEGORICAL, "categorical_from_probabilities_gradient", 14, 4, "p_places", "t_places", True, "dp_places")
_of_classes(_SPARSE, "from_logits", 8 + _EXP, _LOG + 6, "z_places", "label_places", False, "counted_places")
_of_classes(_SPARSE, "from_logits_gradient", 8 + _EXP, 2, "z_places", "label_places", False, "dz_places")
_of_classes(_SPARSE, "from_probabilities", 7, _LOG + 11, "p_places", "label_places", False, "counted_places")
_of_classes(_SPARSE, "from_probabilities_gradient", 6, 11, "p_places", "label_places", False, "dp_places")
_of_classes(_HINGE, "categorical_hinges", 6, 6, "y_places", "t_places", True, "")
_of_classes(_HINGE, "categorical_hinges_gradient", 13, 5, "y_places", "t_places", True, "dy_places")
_of_classes(_COSINE, "cosine_similarities", 6, 10, "y_places", "t_places", True, "")
_of_classes(_COSINE, "cosine_similarities_gradient", 9, 12, "y_places", "t_places", True, "dy_places")


# What terms weigh, and right answers -----------------------------------------------------------


@cost(_LOSSES, "mark_counted")
def _mark_counted(a: Arguments) -> Work:
    n = a.terms * a.batch
    return Work(3 * n, _rows(a, "label_places") + a.batch, n)


@cost(_LOSSES, "weigh_samples")
def _weigh_samples(a: Arguments) -> Work:
    n = a.terms * a.batch
    return Work(n, _rows(a, "before_places", "given_places"), n)


@cost(_LOSSES, "weigh_labels")
def _weigh_labels(a: Arguments) -> Work:
    n = a.terms * a.batch
    return Work(n * (2 * a.classes + 1), _rows(a, "before_places", "label_places") + a.classes, n)


@cost(_LOSSES, "weigh_one_hot")
def _weigh_one_hot(a: Arguments) -> Work:
    n = a.terms * a.batch
    return Work(n * (4 * a.classes - 3), _rows(a, "before_places") + a.classes * (n + 1), n)


@cost(_LOSSES, "weigh_binary")
def _weigh_binary(a: Arguments) -> Work:
    n = a.terms * a.batch
    return Work(3 * n, _rows(a, "before_places", "target_places") + 2, n)


@cost(_LOSSES, "count_right")
def _count_right(a: Arguments) -> Work:
    n = a.terms * a.batch
    each = 8 * (a.count - 1) if a.count > 1 else 4
    return Work(n * (each + 3), 2 * a.count * n + a.batch, n)


@cost(_SUMS, "fold_parts")
def _fold_parts(a: Arguments) -> Work:
    vectors = 3 * a.parts
    return Work(vectors * LANES, vectors * LANES, 3 * a.folds * LANES)


@cost(_SUMS, "add_parts")
def _add_parts(a: Arguments) -> Work:
    vectors = 3 * a.parts
    return Work(vectors * LANES, vectors * LANES, 0.0)


@cost("studio.engine.scoring", "leave_out")
def _leave_out(a: Arguments) -> Work:
    n = a.answers * a.batch
    rows = a.distinct("counted_places", a.answers) + a.distinct("given_places", a.answers)
    return Work(n * (4 * (a.count - 1) + 8), n * (a.count + 1) + rows * a.batch, 0.0)


# Softmax ---------------------------------------------------------------------------------------


@cost(_SOFTMAX, "softmax_forward")
def _softmax(a: Arguments) -> Work:
    n = a.groups * a.count * a.length
    return Work(n * (of_maths("maximum") + 1 + _EXP + 1 + 1), n, n)


@cost(_SOFTMAX, "softmax_backward")
def _softmax_backward(a: Arguments) -> Work:
    n = a.groups * a.count * a.length
    return Work(4 * n, 2 * n, n)
