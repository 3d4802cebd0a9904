"""Finds and solves the dense layer that a model ends in."""

import contextlib
import dataclasses
import itertools
from typing import Any

import keras
import numpy as np
from scipy import optimize, special

from aet_keras._keras import graph
from aet_keras.replay import lbfgs

_FOLDS = 5
_ITERATIONS, _TOLERANCE = 100, 1e-6
STRENGTHS = (1.0, *lbfgs.STRENGTHS)
_STARTS = ("zero", "old", "renamed")


def dense_head(
    owner: str, model: keras.Model, activation: str = "softmax"
) -> keras.layers.Dense:
    """Returns the dense layer that a model ends in.

    Args:
        owner: str. Who asks.
        model: a functional or built Sequential `keras.Model`.
        activation: `"softmax"`, `"sigmoid"` or `"linear"`. That of the layer.
            Defaults to `"softmax"`.

    Raises:
        ValueError: if it does not end so.
    """
    layers = model.layers if graph.is_graph(model) else []
    last: Any = layers[-1] if layers else None
    is_dense = type(last) is keras.layers.Dense and last.use_bias
    is_one = is_dense and len(model.outputs) == 1
    wanted = getattr(keras.activations, activation)
    if not is_one or last.activation is not wanted:
        what = "no activation" if activation == "linear" else f"a {activation}"
        raise ValueError(
            f"{owner}: the model must end in a `keras.layers.Dense` with a "
            f"bias and {what}, because its logits are what is corrected. "
            f"Received: {_end(last)}. Leave this remedy out, or build the "
            "model with such a head."
        )
    if len(last.weights) != 2:
        raise ValueError(
            f"{owner}: the head must hold a kernel and a bias alone, because "
            f"both are written. Received: `{last.name}` with "
            f"{len(last.weights)} weights (LoRA or quantization). Merge them "
            "first."
        )
    return last


def read_features(
    model: keras.Model, head: keras.layers.Dense, x: Any
) -> np.ndarray:
    """Returns what the head is given for some rows, `(rows, width)`."""
    below = keras.Model(graph.functional_of(model).input, head.input)
    return np.asarray(below.predict(x, verbose=0), "float32")


@dataclasses.dataclass(frozen=True, eq=False)
class SolvedHead:
    """Holds a head that was solved on the features of a few rows.

    `solve_head` makes it; of a number and of tags `number_heads` and
    `tag_heads` do.

    Args:
        kernel: float array `(width, classes)`.
        bias: float array `(classes,)`.
        start: str. What the penalty pulls to: `"zero"`, `"old"`,
            `"renamed"` or `"scaled"`.
        strength: float. Of the L2 penalty, on standardised features.
        loss: float. Mean loss of rows that were left out.
        held_out: optional float array `(rows, classes)`. What was said of
            each row by a head that had not learned it.
    """

    kernel: np.ndarray
    bias: np.ndarray
    start: str
    strength: float
    loss: float
    held_out: np.ndarray | None = None


def solve_head(
    features: np.ndarray,
    labels: np.ndarray,
    class_count: int,
    *,
    old: tuple[np.ndarray, np.ndarray] | None = None,
    seed: int = 0,
) -> SolvedHead:
    """Finds the best softmax layer on the features of a few rows.

    An L2 penalty pulls its kernel to zero, to the old kernel, or to that
    with its classes renamed: each old class then stands for another one, so
    that the answers are right as often as such names can make them. Which of
    the three, and how strongly, is what has the lowest loss on rows left
    out, five times a fifth of them.

    Args:
        features: floats `(rows, width)`.
        labels: ints `(rows,)`.
        class_count: int >= 2.
        old: optional tuple of the old layer's kernel and bias, of as many
            classes. Defaults to none: pulled to zero alone.
        seed: int >= 0. Of the parts that are left out. Defaults to `0`.

    Returns:
        `SolvedHead`.
    """
    with one_thread():
        return _solved(features, labels, class_count, old, seed)


def one_thread():
    """Holds BLAS to one thread: others only wait for such small arrays."""
    try:
        import threadpoolctl  # comes with scikit-learn
    except ImportError:
        return contextlib.nullcontext()
    return threadpoolctl.threadpool_limits(1, user_api="blas")


def _solved(features, labels, class_count, old, seed):
    problem = _Problem.of(features, labels, class_count, old)
    losses: dict[tuple[str, float], float] = {}
    for left_out in parts_left_out(labels, seed):
        for start in problem.starts:
            for strength, loss in problem.losses(start, left_out):
                losses[start, strength] = (
                    losses.get((start, strength), 0.0) + loss * left_out.mean()
                )
    start, strength = min(losses, key=lambda each: losses[each])
    kernel, bias = problem.solution(start, strength)
    return SolvedHead(
        kernel.astype("float32"),
        bias.astype("float32"),
        start,
        strength,
        losses[start, strength],
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Problem:
    """A head to be solved: columns that are added to those it starts from.

    Args:
        features: floats `(rows, numbers)`, standardised, in what they span:
            few numbers where rows are few.
        to_kernel: floats `(width, numbers)`. Of columns there, a kernel.
        mean: floats `(width,)`.
        labels: ints `(rows,)`.
        logits: floats `(rows, classes)`, of the old head; zero without one.
        old: tuple of the old kernel and bias; zeros without them.
        starts: tuple of the names of what is tried.
    """

    features: np.ndarray
    to_kernel: np.ndarray
    mean: np.ndarray
    labels: np.ndarray
    logits: np.ndarray
    old: tuple[np.ndarray, np.ndarray]
    starts: tuple[str, ...]

    @classmethod
    def of(cls, features, labels, class_count, old):
        features = np.asarray(features, "float64")
        scaled, mean, scale = standardised(features)
        spanned, to_kernel = span_of(scaled, scale)
        starts = _STARTS if old is not None else _STARTS[:1]
        if old is None:
            width = features.shape[1]
            old = np.zeros((width, class_count)), np.zeros(class_count)
        logits = features @ old[0] + old[1]
        return cls(spanned, to_kernel, mean, labels, logits, old, starts)

    def losses(self, start, left_out):
        """Yields each strength with the loss on rows left out."""
        rows = self._rows(self._order(start, ~left_out))
        held = [each[left_out] for each in rows]
        count = self.logits.shape[1]
        solved = solved_columns([each[~left_out] for each in rows], count)
        for strength, found in zip(STRENGTHS, solved, strict=True):
            yield strength, column_loss(found.ravel(), held, count, 0.0)[0]

    def solution(self, start, strength):
        """Returns kernel and bias, solved on all rows."""
        order = self._order(start, np.ones(len(self.labels), bool))
        solved = solved_columns(self._rows(order), self.logits.shape[1])
        place = STRENGTHS.index(strength)
        found = next(itertools.islice(solved, place, None))
        more = self.to_kernel @ found[:-1]
        kernel, bias = (_in_order(each, order) for each in self.old)
        return kernel + more, bias + found[-1] - self.mean @ more

    def _rows(self, order):
        offsets = _in_order(self.logits, order)
        weights = np.ones(len(self.labels))
        return [self.features, offsets, self.labels, weights]

    def _order(self, start, kept):
        """Returns which old class each class starts from; `None` for none."""
        count = self.logits.shape[1]
        if start == "zero":
            return None
        if start == "old":
            return np.arange(count)
        answers, labels = self.logits[kept].argmax(axis=1), self.labels[kept]
        both = np.zeros((count, count))
        np.add.at(both, (labels, answers), 1)
        # Of as many right answers, the names that are.
        both += np.eye(count) / (1 + len(labels))
        return optimize.linear_sum_assignment(both, maximize=True)[1]


def _in_order(columns, order):
    """Returns columns in another order; zeros for none."""
    return np.zeros_like(columns) if order is None else columns[..., order]


def standardised(features):
    """Returns features of mean 0 and variance 1, the mean and the scale."""
    scale = np.maximum(features.std(axis=0), 1e-3 * features.std() + 1e-12)
    mean = features.mean(axis=0)
    return (features - mean) / scale, mean, scale


def span_of(scaled, scale):
    """Returns features in what their rows span, and what makes a kernel of it.

    Penalised columns lie there, and few rows span few numbers.
    """
    span = np.linalg.svd(scaled, full_matrices=False)[2].T
    return scaled @ span, span / scale[:, None]


def solved_columns(rows, count):
    """Yields the columns of each strength, from strong to weak."""
    width = rows[0].shape[1]
    start = np.zeros((width + 1) * count)
    for strength in STRENGTHS:
        start = best_columns(start, rows, count, strength)
        yield start.reshape(width + 1, count)


def best_columns(start, rows, count, strength):
    """Returns the columns, flat, that have the lowest loss.

    Args:
        start: floats, flat columns to begin at.
        rows, count, strength: as of `column_loss`.
    """
    return optimize.minimize(
        column_loss,
        start,
        (rows, count, strength),
        method="L-BFGS-B",
        jac=True,
        options={"maxiter": _ITERATIONS, "ftol": _TOLERANCE},
    ).x


def column_loss(flat, rows, count, strength):
    """Returns the loss with columns added to the last logits, and its slope.

    Args:
        flat: floats `((width + 1) * count,)`. Columns, the bias last.
        rows: features `(rows, width)`, in whose precision the products are
            computed, the logits `(rows, classes)` that columns add to, labels
            and weights `(rows,)`.
        count: int. How many of the classes, the last, get a column.
        strength: float. Of the L2 penalty, which leaves the bias out.
    """
    features, logits, labels, weights = rows
    columns, scores = flat.reshape(-1, count), logits.copy()
    kernel = columns[:-1].astype(features.dtype, copy=False)
    scores[:, -count:] += features @ kernel + columns[-1]
    logs = special.log_softmax(scores, axis=1)
    places = np.arange(len(labels))
    slopes = np.exp(logs)
    slopes[places, labels] -= 1
    slopes = slopes[:, -count:] * weights[:, None] / len(labels)
    of_kernel = features.T @ slopes.astype(features.dtype, copy=False)
    gradient = np.vstack([of_kernel, slopes.sum(axis=0)])
    gradient[:-1] += strength * columns[:-1]
    loss = -(weights * logs[places, labels]).mean()
    loss += 0.5 * strength * np.square(columns[:-1]).sum()
    return loss, gradient.ravel()


def parts_left_out(labels, seed):
    """Yields masks of rows, each row in one; classes in all, if they can."""
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    folds = max(2, min(_FOLDS, len(labels)))
    places = np.empty(len(labels), "int64")
    places[order] = np.arange(len(labels)) % folds
    for fold in range(folds):
        yield places == fold


def _end(last):
    if last is None:
        return "a model without a graph"
    activation = getattr(last, "activation", None)
    name = getattr(activation, "__name__", None)
    kind = type(last).__name__
    return f"`{last.name}`, {kind}" + (f" with `{name}`" if name else "")
