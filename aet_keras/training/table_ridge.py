"""Gives the linear path of a table's number the weights of a ridge."""

import dataclasses

import keras
import numpy as np
from scipy import sparse

from aet_keras._optional import needing
from aet_keras.tasks.number_unit import Unit
from aet_keras.tasks.table_model import SUM
from aet_keras.training.interpolation import least_share
from aet_keras.training.table_encoding import Rows, say

_STRENGTHS = tuple(10.0 ** np.arange(-2, 4.6, 0.5))
_BEND_SCALES = (0.0, 0.1, 0.3, 1.0)
_SHARES = (0.25, 0.5, 0.75)
_FOLDS = 5
_ROWS_AT_ONCE = 8192  # that are turned
_MOST_JUDGED = 20_000  # rows that say which unit to learn in
_LESS = 0.995  # of an error; a smaller gain is not worth a bend


@dataclasses.dataclass(frozen=True, eq=False)
class Ridge:
    """Holds a tuned ridge regression.

    Args:
        kernel: float array `(columns, 1)`.
        bias: float array `(1,)`.
        strength: float. The penalty of all weights.
        bend_scale: float. What the columns that bend are multiplied by
            before: the smaller, the straighter the lines.
        error: float. Mean squared error of rows that were left out.
    """

    kernel: np.ndarray
    bias: np.ndarray
    strength: float
    bend_scale: float
    error: float

    def predict(self, rows: Rows) -> np.ndarray:
        """Returns a number for each row, `(count,)`."""
        return (rows @ self.kernel)[:, 0] + self.bias[0]


def tune_ridge(
    rows: Rows, numbers: np.ndarray, bends: np.ndarray | None = None
) -> Ridge:
    """Fits a ridge regression of the best penalties.

    The error that decides is that of each row when it alone is left out.

    Args:
        rows: float array or sparse array `(count, columns)`.
        numbers: float array `(count,)`.
        bends: optional bool array `(columns,)`. Columns with a penalty of
            their own. Defaults to none.
    """
    scales = _BEND_SCALES if bends is not None and bends.any() else (1.0,)
    found = []
    for scale in scales:
        factor = np.ones(rows.shape[1])
        if bends is not None:
            factor[bends] = scale
        found.append(_fit(rows, numbers, factor, scale))
    return min(found, key=lambda each: each.error)


def _fit(rows, numbers, factor, scale):
    """Fits all strengths at once, on the axes along which they shrink.

    scikit-learn's `RidgeCV` returns the same, but multiplies all rows by a
    matrix for each strength, which takes minutes where rows are many.
    """
    centre, level = rows.mean(axis=0, dtype="float64"), numbers.mean()
    wanted = numbers - level
    if sparse.issparse(rows):
        squares, axes = _sparse_axes(rows, centre, factor)
        sums = axes.T @ (factor * (rows.T @ wanted))
        parts = _sparse_parts(rows, centre, factor, axes)
    else:
        along, squares, axes = _axes((rows - centre) * factor)
        sums, parts = along.T @ wanted, [along]
    shrunk = 1 / (squares[:, np.newaxis] + _STRENGTHS)  # (axes, strengths)
    weights = shrunk * sums[:, np.newaxis]
    errors, start = np.zeros(len(_STRENGTHS)), 0
    for along in parts:
        stop = start + len(along)
        rest = wanted[start:stop, np.newaxis] - along @ weights
        # How much the number of a row weighs in what is said of it.
        own = 1 / len(wanted) + np.square(along, out=along) @ shrunk
        errors += np.sum((rest / (1 - own)) ** 2, axis=0) / len(wanted)
        start = stop
    best = int(errors.argmin())
    kernel = (axes @ weights[:, best] * factor)[:, np.newaxis]
    bias = level - centre @ kernel
    return Ridge(kernel, bias, _STRENGTHS[best], scale, float(errors[best]))


def _sparse_axes(rows, centre, factor):
    """Returns what `_axes` does of sparse rows, but for rows along them."""
    rows = rows.astype("float64")
    products = (rows.T @ rows).toarray()
    products -= rows.shape[0] * np.outer(centre, centre)
    squares, axes = np.linalg.eigh(products * np.outer(factor, factor))
    return np.maximum(squares, 0), axes


def _sparse_parts(rows, centre, factor, axes):
    """Yields sparse rows along their axes, some thousand at a time."""
    turned = factor[:, np.newaxis] * axes
    for start in range(0, rows.shape[0], _ROWS_AT_ONCE):
        part = rows[start : start + _ROWS_AT_ONCE].astype("float64")
        yield part @ turned - centre @ turned


def _axes(rows):
    """Returns rows along their principal axes, sums of squares, and these."""
    if len(rows) < rows.shape[1]:
        left, lengths, axes = np.linalg.svd(rows, full_matrices=False)
        return left * lengths, lengths**2, axes.T
    squares, axes = np.linalg.eigh(rows.T @ rows)
    return rows @ axes, np.maximum(squares, 0), axes


def solve_ridge_path(
    network: keras.Model,
    rows: Rows,
    labels: np.ndarray,
    *,
    bends: np.ndarray | None = None,
) -> Ridge:
    """Gives the linear path the weights of a tuned ridge regression.

    Args:
        network: the layer `network` of a table regressor.
        rows: float array or sparse array `(count, columns)`, encoded.
        labels: float array `(count,)`, in their own unit.
        bends: optional bool array `(columns,)`, as of `tune_ridge`.
    """
    ridge = tune_ridge(rows, Unit.of(network).values(labels), bends)
    network.get_layer("linear").set_weights([ridge.kernel, ridge.bias])
    return ridge


def mix_ridge_path(
    network: keras.Model,
    rows: Rows,
    labels: np.ndarray,
    *,
    seed: int,
    bends: np.ndarray | None = None,
) -> float:
    """Draws an earlier network towards a ridge regression on new rows.

    number = (1 - share) * that of the network + share * that of the ridge. As
    `table_start.mix_linear_path`, with squared errors in place of log losses.

    Args:
        network: the layer `network` of a table regressor that was trained.
        rows: float array or sparse array `(count, columns)`, encoded.
        labels: float array `(count,)`, in their own unit.
        seed: int >= 0. Of the folds.
        bends: optional bool array `(columns,)`, as of `tune_ridge`.

    Returns:
        float. The share: a quarter, a half or three quarters.
    """
    numbers = Unit.of(network).values(labels)
    old = say(learner_of(network), rows)[:, 0]
    new = predict_held_out(rows, numbers, bends, seed=seed)
    errors = {
        share: ((1 - share) * old + share * new - numbers) ** 2
        for share in _SHARES
    }
    share = least_share(errors)
    ridge = tune_ridge(rows, numbers, bends)
    blend(network, share, [ridge.kernel, ridge.bias])
    return share


def predict_held_out(
    rows: Rows,
    numbers: np.ndarray,
    bends: np.ndarray | None = None,
    *,
    seed: int,
) -> np.ndarray:
    """Returns what a ridge tuned on four fifths says of the others.

    Args:
        rows: float array or sparse array `(count, columns)`.
        numbers: float array `(count,)`.
        bends: optional bool array `(columns,)`, as of `tune_ridge`.
        seed: int >= 0. Of the folds.
    """
    with needing("training"):
        from sklearn.model_selection import KFold

    found = np.zeros(len(numbers))
    folds = KFold(_FOLDS, shuffle=True, random_state=seed)
    for fit, held in folds.split(rows):
        ridge = tune_ridge(rows[fit], numbers[fit], bends)
        found[held] = ridge.predict(rows[held])
    return found


def find_unit(
    rows: Rows,
    labels: np.ndarray,
    bends: np.ndarray | None = None,
    *,
    seed: int,
) -> Unit:
    """Returns whether numbers, or their roots, are what to learn.

    Roots are, where no number is negative, and a ridge on them has a squared
    error that is lower by more than half a percent, on rows that it was not
    fitted to and in the unit of the numbers. Of more than 20,000 rows so many
    are drawn.

    Args:
        rows: float array or sparse array `(count, columns)`, encoded.
        labels: float array `(count,)`.
        bends: optional bool array `(columns,)`, as of `tune_ridge`.
        seed: int >= 0. Of the folds.
    """
    plain = Unit.fitted(labels)
    if labels.min() < 0:
        return plain
    if len(labels) > _MOST_JUDGED:
        drawn = np.random.default_rng(seed).permutation(len(labels))
        rows, labels = rows[drawn[:_MOST_JUDGED]], labels[drawn[:_MOST_JUDGED]]
    root = Unit.fitted(labels, is_root=True)
    values = root.values(labels)
    held = predict_held_out(rows, values, bends, seed=seed)
    rest = float(np.mean((held - values) ** 2)) * root.scale**2
    root = dataclasses.replace(root, rest=rest)
    of_root = np.mean((root.numbers(held) - labels) ** 2)
    held = predict_held_out(rows, plain.values(labels), bends, seed=seed)
    of_plain = np.mean((plain.numbers(held) - labels) ** 2)
    return root if of_root < _LESS * of_plain else plain


def blend(network: keras.Model, share: float, linear: list[np.ndarray]) -> None:
    """Mixes what a network says with what a linear path alone says.

    Both are sums that end in the same place, so the mixture is a network of
    the same kind.

    Args:
        network: the layer `network` of a table regressor.
        share: float from 0 to 1. Of the linear path.
        linear: kernel and bias of that path.
    """
    path, change = network.get_layer("linear"), network.get_layer("change")
    pairs = zip(path.get_weights(), linear, strict=True)
    path.set_weights([(1 - share) * a + share * b for a, b in pairs])
    change.set_weights([(1 - share) * change.get_weights()[0]])


def best_share(
    unit: Unit, before: np.ndarray, after: np.ndarray, wanted: np.ndarray
) -> float:
    """Returns how much of a change has the least squared error.

    It is judged in the unit of the numbers; of 21 shares from 0 to 1 the best
    one is returned.

    Args:
        unit: `Unit`.
        before: float array `(count,)`, values without the change.
        after: float array `(count,)`, values with all of it.
        wanted: float array `(count,)`, values.

    Example:

    >>> from aet_keras.tasks.number_unit import Unit
    >>> from aet_keras.training.table_ridge import best_share
    >>> best_share(Unit(0, 1), np.zeros(2), np.ones(2), np.array([0.1, 0.5]))
    0.3
    """
    truth = unit.numbers(wanted)
    if unit.rest is not None:
        truth -= unit.rest  # it is in predictions, not in the truth

    def error(share):
        mixed = unit.numbers((1 - share) * before + share * after)
        return np.mean((mixed - truth) ** 2)

    return min((step / 20 for step in range(21)), key=error)


def learner_of(network: keras.Model) -> keras.Model:
    """Returns the network up to the value of mean 0 and spread 1."""
    outputs = network.get_layer(SUM).output
    return keras.Model(network.input, outputs, name=network.name)
