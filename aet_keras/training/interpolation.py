"""Interpolates between start weights and tuned weights, or what they say."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras._keras import normalization

_RATIOS = tuple(i / 10 for i in range(11))


@dataclasses.dataclass(frozen=True)
class Interpolation:
    """Holds the points that `interpolate` tried, and the one it kept.

    Args:
        ratios: tuple of floats, ascending: 0 is the start, 1 is tuned.
        losses: tuple of floats. The validation loss at each.
        best_ratio: float. The one whose weights the model has now; 1 if none
            was better than the tuned ones.

    Example:

    >>> from aet_keras.training.interpolation import Interpolation
    >>> Interpolation((0.5, 1.0), (0.2, 0.3), 0.5).gain
    0.1
    """

    ratios: tuple[float, ...]
    losses: tuple[float, ...]
    best_ratio: float

    @property
    def gain(self) -> float:
        """How much lower the validation loss became; 0 if nothing changed."""
        best = self.losses[self.ratios.index(self.best_ratio)]
        tuned = self.losses[self.ratios.index(1.0)]
        return 0.0 if self.best_ratio == 1.0 else round(tuned - best, 12)


def interpolate(
    model: keras.Model,
    start_weights: Sequence[np.ndarray],
    *,
    validation_data: Any,
    train: Any = None,
    ratios: Sequence[float] = _RATIOS,
    batch_size: int = 32,
) -> Interpolation:
    """Moves a tuned model to the best point between its start and now.

    weights = (1 - ratio) * start + ratio * tuned, each ratio judged by
    the validation loss. The model keeps its tuned weights unless another
    point is strictly better. Where BatchNormalization trained, its statistics
    belong to neither end and are measured again on `train` at every point
    between them; where it stayed in inference mode there is nothing to do.

    The loss at the chosen point is a minimum over several and so a little too
    good: measure the result on a test split.

    Args:
        model: a compiled `keras.Model` after `fit`.
        start_weights: list of arrays as of `model.get_weights()` before
            `fit`, or `KeepHeadOnly().weights`.
        validation_data: as of `fit`: `(x, y)`, `(x, y, sample_weight)` or a
            data set of batches.
        train: optional training data, likewise; its inputs are what the
            statistics are measured on. Defaults to `None`.
        ratios: sequence of floats in [0, 1]. 1 is always among them.
            Defaults to eleven steps of 0.1.
        batch_size: int >= 1. Rows of a batch of arrays. Defaults to `32`.

    Returns:
        An `Interpolation`.

    Raises:
        TypeError: if `start_weights` is None.
        ValueError: if the weights are not the model's, a ratio is out of its
            range, or BatchNormalization trained and `train` is None.

    Cost: a pass over `validation_data` for each ratio, and one over `train`
        where BatchNormalization trained.

    Example:

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> start = [np.array([[0.0]]), np.array([0.0])]
    >>> model.set_weights([np.array([[4.0]]), np.array([0.0])])
    >>> x = np.array([[1.0], [2.0]])
    >>> record = aet_keras.training.interpolate(
    ...     model, start, validation_data=(x, 3 * x), ratios=(0, 0.5, 0.75)
    ... )
    >>> record.best_ratio, float(model.get_weights()[0][0, 0])
    (0.75, 3.0)

    Reference:
        [Wortsman et al., 2021](https://arxiv.org/abs/2109.01903), WiSE-FT.
        Differs: starts from any weights, and the ratio is chosen.
    """
    ratios = tuple(_checked_ratios(ratios))
    check.positive_int("interpolate", batch_size=batch_size)
    tuned = model.get_weights()
    _check_weights(start_weights, tuned)
    moved = _moved_normalizations(model, start_weights, tuned)
    if moved and train is None:
        raise ValueError(
            "interpolate: `train` must be given, because the statistics of "
            f"{len(moved)} BatchNormalization layers moved and belong to "
            "neither end. Received: train=None. Pass the training data."
        )
    losses, best, kept = [], math.inf, tuned
    try:
        for ratio in reversed(ratios):  # tuned first: it wins a tie
            model.set_weights(_blend(start_weights, tuned, ratio))
            if moved and 0 < ratio < 1:
                normalization.reestimate(model, moved, train, batch_size)
            losses.append(_loss(model, validation_data, batch_size))
            if losses[-1] < best:
                best, best_ratio = losses[-1], ratio
                kept = model.get_weights()
    except BaseException:
        kept = tuned
        raise
    finally:
        model.set_weights(kept)
    best_ratio = 1.0 if best == math.inf else best_ratio
    return Interpolation(ratios, tuple(reversed(losses)), best_ratio)


def _checked_ratios(ratios):
    checked = {check.ratio("interpolate", ratios=each) for each in ratios}
    return tuple(sorted({*checked, 1.0}))


def _check_weights(start, tuned):
    if start is None:
        raise TypeError(
            "interpolate: `start_weights` must be a list of arrays. Received: "
            "start_weights=None. If it is a `KeepHeadOnly().weights`, no group "
            "thawed: there is nothing between head and tuned."
        )
    shapes = [[np.shape(each) for each in both] for both in (start, tuned)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            "interpolate: `start_weights` must be this model's, because each "
            "weight is blended with its own. Received: "
            f"{len(start)} arrays for {len(tuned)} weights, or other shapes. "
            "Take `model.get_weights()` before `fit`."
        )


def _blend(start, tuned, ratio):
    """Blends floats; integers, and what did not move, stay as tuned."""
    if ratio == 1:
        return tuned
    return [
        np.where(then == now, now, (1 - ratio) * then + ratio * now)
        if now.dtype.kind == "f"
        else now
        for then, now in zip(start, tuned, strict=True)
    ]


def _moved_normalizations(model, start, tuned):
    """Lists the BatchNormalization layers whose statistics were trained."""
    places = {id(weight): i for i, weight in enumerate(model.weights)}
    statistic = [
        (layer, places[id(weight)])
        for layer in normalization.normalizations(model)
        for weight in (layer.moving_mean, layer.moving_variance)
    ]
    moved = {
        id(layer): layer
        for layer, i in statistic
        if not np.array_equal(start[i], tuned[i])
    }
    return list(moved.values())


def _loss(model, data, batch_size):
    if not isinstance(data, tuple | list):
        return model.evaluate(data, verbose=0, return_dict=True)["loss"]
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(tuple(data))
    return model.evaluate(
        x,
        y,
        sample_weight=sample_weight,
        batch_size=batch_size,
        verbose=0,
        return_dict=True,
    )["loss"]


def least_share(losses: Mapping[float, np.ndarray]) -> float:
    """Returns the first share that is about as good as the best one.

    Its mean loss is at most one standard error of the paired differences
    above the lowest: rows that were held out ask for no more.

    Args:
        losses: mapping from each share, in the order of preference, to floats
            `(rows,)`: what each row held out loses by it.

    Example:

    >>> from aet_keras.training.interpolation import least_share
    >>> least_share({0.0: np.ones(3), 0.5: np.zeros(3), 1.0: np.zeros(3)})
    0.5
    """
    best = min(losses.values(), key=np.mean)
    for share, found in losses.items():
        worse = found - best
        if worse.mean() <= worse.std() / np.sqrt(len(worse)):
            return share
    raise AssertionError("the best one is near itself")
