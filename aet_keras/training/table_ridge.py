"""Gives the linear path of a table's number the weights of a ridge."""

import dataclasses

import keras
import numpy as np

from aet_keras._optional import needing
from aet_keras.tasks.table_model import NUMBER, unit_of

_STRENGTHS = tuple(10.0 ** np.arange(-2, 4.6, 0.5))
_BEND_SCALES = (0.0, 0.1, 0.3, 1.0)
_SHARES = (0.25, 0.5, 0.75)
_FOLDS = 5


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

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Returns a number for each row, `(count,)`."""
        return (rows @ self.kernel)[:, 0] + self.bias[0]


def tune_ridge(
    rows: np.ndarray, numbers: np.ndarray, bends: np.ndarray | None = None
) -> Ridge:
    """Fits a ridge regression of the best penalties.

    The error that decides is that of each row when it alone is left out.

    Args:
        rows: float array `(count, columns)`.
        numbers: float array `(count,)`.
        bends: optional bool array `(columns,)`. Columns with a penalty of
            their own. Defaults to none.
    """
    scales = _BEND_SCALES if bends is not None and bends.any() else (1.0,)
    found = []
    for scale in scales:
        factor = 1.0 if bends is None else np.where(bends, scale, 1.0)
        found.append(_fit(rows, numbers, factor, _STRENGTHS, scale))
    return min(found, key=lambda each: each.error)


def _fit(rows, numbers, factor, strengths, scale):
    with needing("training"):
        from sklearn.linear_model import RidgeCV

    ridge = RidgeCV(strengths).fit(rows * factor, numbers)
    kernel = (ridge.coef_ * factor)[:, np.newaxis]
    bias = np.array([ridge.intercept_])
    error = -float(ridge.best_score_)
    return Ridge(kernel, bias, float(ridge.alpha_), scale, error)


def solve_ridge_path(
    network: keras.Model,
    rows: np.ndarray,
    labels: np.ndarray,
    *,
    bends: np.ndarray | None = None,
) -> Ridge:
    """Gives the linear path the weights of a tuned ridge regression.

    Args:
        network: the layer `network` of a table regressor.
        rows: float array `(count, columns)`, encoded.
        labels: float array `(count,)`, in their own unit.
        bends: optional bool array `(columns,)`, as of `tune_ridge`.
    """
    ridge = tune_ridge(rows, standard(network, labels), bends)
    network.get_layer("linear").set_weights([ridge.kernel, ridge.bias])
    return ridge


def mix_ridge_path(
    network: keras.Model,
    rows: np.ndarray,
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
        rows: float array `(count, columns)`, encoded.
        labels: float array `(count,)`, in their own unit.
        seed: int >= 0. Of the folds.
        bends: optional bool array `(columns,)`, as of `tune_ridge`.

    Returns:
        float. The share: a quarter, a half or three quarters.
    """
    with needing("training"):
        from sklearn.model_selection import KFold

    numbers = standard(network, labels)
    old = np.asarray(learner_of(network)(rows, training=False))[:, 0]
    new = np.zeros(len(numbers))
    folds = KFold(_FOLDS, shuffle=True, random_state=seed)
    for fit, held in folds.split(rows):
        ridge = tune_ridge(rows[fit], numbers[fit], bends)
        new[held] = ridge.predict(rows[held])
    errors = {
        share: ((1 - share) * old + share * new - numbers) ** 2
        for share in _SHARES
    }
    best = min(errors.values(), key=np.mean)
    share = next(s for s in _SHARES if _is_near(errors[s], best))
    ridge = tune_ridge(rows, numbers, bends)
    blend(network, share, [ridge.kernel, ridge.bias])
    return share


def _is_near(errors, best):
    worse = errors - best
    return worse.mean() <= worse.std() / np.sqrt(len(worse))


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
    before: np.ndarray, after: np.ndarray, wanted: np.ndarray
) -> float:
    """Returns how much of a change has the least squared error, 0 to 1.

    For before + share * (after - before) it is the mean of (wanted - before)
    * (after - before), over that of (after - before)^2.

    Args:
        before: float array `(count,)`, without the change.
        after: float array `(count,)`, with all of it.
        wanted: float array `(count,)`.

    Example:

    >>> from aet_keras.training.table_ridge import best_share
    >>> best_share(np.zeros(2), np.ones(2), np.array([0.25, 0.5]))
    0.375
    """
    change = (after - before).astype("float64")
    square = float(change @ change)
    if not square:
        return 0.0
    return float(np.clip((wanted - before) @ change / square, 0.0, 1.0))


def learner_of(network: keras.Model) -> keras.Model:
    """Returns the network up to the number of mean 0 and spread 1."""
    outputs = network.get_layer(NUMBER).input
    return keras.Model(network.input, outputs, name=network.name)


def standard(network: keras.Model, labels: np.ndarray) -> np.ndarray:
    """Returns numbers as the network learns them, of mean 0 and spread 1."""
    mean, scale = unit_of(network)
    return (np.asarray(labels, "float64") - mean) / scale
