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
_AT_ONCE = 8192  # rows that are centred
_MOST_JUDGED = 20_000  # rows that choose penalties and a unit
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

    The error that decides is that of each row when it alone is left out. Of
    more than 20,000 rows so many are drawn for that; all of them are fitted.

    Args:
        rows: float array or sparse array `(count, columns)`.
        numbers: float array `(count,)`.
        bends: optional bool array `(columns,)`. Columns with a penalty of
            their own. Defaults to none.
    """
    (ridge,) = _tune(rows, numbers[:, np.newaxis], bends)
    return ridge


def _tune(rows, numbers, bends):
    """Returns a ridge for each column of numbers.

    All strengths are fitted at once, on the axes along which they shrink.
    scikit-learn's `RidgeCV` returns the same, but multiplies all rows by a
    matrix for each strength, which takes minutes where rows are many.
    """
    centre, level = rows.mean(axis=0, dtype="float64"), numbers.mean(axis=0)
    wanted = numbers - level
    sums = rows.T @ wanted  # `wanted` has mean 0: the centre adds nothing
    judged = _drawn(len(numbers), seed=0)
    best = [None] * wanted.shape[1]
    for scale, factor, squares, axes in _turns(rows, centre, bends):
        turned = factor[:, np.newaxis] * axes
        shrunk = 1 / (squares[:, np.newaxis] + _STRENGTHS)
        weights = (turned.T @ sums)[..., np.newaxis] * shrunk[:, np.newaxis]
        errors = np.zeros(weights.shape[1:])  # (numbers, strengths)
        for part in np.split(judged, range(_AT_ONCE, len(judged), _AT_ONCE)):
            along = _centred(rows[part], centre) @ turned
            rest = wanted[part][..., np.newaxis]
            rest = rest - np.tensordot(along, weights, axes=1)
            # How much the number of a row weighs in what is said of it.
            own = 1 / len(wanted) + np.square(along, out=along) @ shrunk
            rest /= (1 - own)[:, np.newaxis]
            errors += np.square(rest).sum(axis=0) / len(judged)
        for place, strength in enumerate(errors.argmin(axis=1)):
            error = float(errors[place, strength])
            if best[place] is None or error < best[place].error:
                kernel = turned @ weights[:, place, strength, np.newaxis]
                bias = level[place] - centre @ kernel
                best[place] = Ridge(
                    kernel, bias, _STRENGTHS[strength], scale, error
                )
    return best


def _drawn(count, seed):
    """Returns the numbers of the rows that are judged, in order."""
    if count <= _MOST_JUDGED:
        return np.arange(count)
    drawn = np.random.default_rng(seed).permutation(count)[:_MOST_JUDGED]
    return np.sort(drawn)


def _turns(rows, centre, bends):
    """Yields each scale of bends, its factors, sums of squares and axes."""
    has_bends = bends is not None and bends.any()
    has_few = rows.shape[0] < rows.shape[1] and not sparse.issparse(rows)
    products = None if has_few else _products(rows, centre)
    for scale in _BEND_SCALES if has_bends else (1.0,):
        factor = np.ones(rows.shape[1])
        if has_bends:
            factor[bends] = scale
        if has_few:
            _, lengths, axes = np.linalg.svd(
                (rows - centre) * factor, full_matrices=False
            )
            yield scale, factor, lengths**2, axes.T
        else:
            squares, axes = np.linalg.eigh(products * np.outer(factor, factor))
            yield scale, factor, np.maximum(squares, 0), axes


def _products(rows, centre):
    """Returns the sums of products of centred columns."""
    if sparse.issparse(rows):
        rows = rows.astype("float64")
        products = (rows.T @ rows).toarray()
        return products - rows.shape[0] * np.outer(centre, centre)
    products = np.zeros((len(centre), len(centre)))
    for start in range(0, len(rows), _AT_ONCE):
        part = _centred(rows[start : start + _AT_ONCE], centre)
        products += part.T @ part
    return products


def _centred(rows, centre):
    """Returns a dense array of some rows without the means of columns."""
    dense = rows.toarray() if sparse.issparse(rows) else rows
    return dense - centre


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
    new = _held_out(rows, numbers[:, np.newaxis], bends, seed)[:, 0]
    errors = {
        share: ((1 - share) * old + share * new - numbers) ** 2
        for share in _SHARES
    }
    share = least_share(errors)
    ridge = tune_ridge(rows, numbers, bends)
    blend(network, share, [ridge.kernel, ridge.bias])
    return share


def _held_out(rows, numbers, bends, seed):
    """Returns what ridges tuned on four fifths say of the others.

    `numbers` has a column for each ridge, and so has what is returned.
    """
    with needing("training"):
        from sklearn.model_selection import KFold

    found = np.zeros(numbers.shape)
    folds = KFold(_FOLDS, shuffle=True, random_state=seed)
    for fit, held in folds.split(rows):
        ridges = _tune(rows[fit], numbers[fit], bends)
        said = [ridge.predict(rows[held]) for ridge in ridges]
        found[held] = np.stack(said, axis=1)
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
    drawn = _drawn(len(labels), seed)
    rows, labels = rows[drawn], labels[drawn]
    root = Unit.fitted(labels, is_root=True)
    values = np.stack([root.values(labels), plain.values(labels)], axis=1)
    of_root, of_plain = _held_out(rows, values, bends, seed).T
    rest = float(np.mean((of_root - values[:, 0]) ** 2)) * root.scale**2
    root = dataclasses.replace(root, rest=rest)
    root_error = np.mean((root.numbers(of_root) - labels) ** 2)
    plain_error = np.mean((plain.numbers(of_plain) - labels) ** 2)
    return root if root_error < _LESS * plain_error else plain


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
