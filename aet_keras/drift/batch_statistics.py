"""Moves BatchNormalization to new data without labels."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras._keras import normalization, reading
from aet_keras.drift.priors import checked_probabilities

# Moments of fewer rows are too noisy for the deep layers of a network.
LEAST_ROWS = 100
_MOST_RATIO = 10.0
_LEAST_VARIANCE = 1e-12
_ARRAYS = "moments/"  # begins their names in a file


@dataclasses.dataclass(frozen=True)
class Moments:
    """Holds what some rows give each BatchNormalization layer of a model.

    `measure_moments` makes it.

    Args:
        means: tuple of arrays `(channels,)`, one a layer.
        variances: tuple of arrays `(channels,)`.
        count: int. How many rows were read.

    Example:

    >>> from aet_keras.drift.batch_statistics import Moments
    >>> len(Moments((np.zeros(3),), (np.ones(3),), 200).means)
    1
    """

    means: tuple[np.ndarray, ...]
    variances: tuple[np.ndarray, ...]
    count: int

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Returns what `of_arrays` reads."""
        pairs = enumerate(zip(self.means, self.variances, strict=True))
        found = {_ARRAYS + "count": np.array(self.count)}
        for layer, (mean, variance) in pairs:
            found[f"{_ARRAYS}mean {layer}"] = mean
            found[f"{_ARRAYS}variance {layer}"] = variance
        return found

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Moments | None":
        """Returns what `to_arrays` wrote down; `None` where there is none."""
        if _ARRAYS + "count" not in arrays:
            return None
        layers = range(
            sum(each.startswith(_ARRAYS + "mean ") for each in arrays)
        )
        means, variances = (
            tuple(arrays[f"{_ARRAYS}{what} {layer}"] for layer in layers)
            for what in ("mean", "variance")
        )
        return cls(means, variances, int(arrays[_ARRAYS + "count"]))


@dataclasses.dataclass(frozen=True)
class StatisticsStep:
    """Says what a step of `move_statistics` did.

    Args:
        is_kept: bool. Whether the model has other statistics now.
        before: float or None. Mutual information of inputs and answers on
            the new rows, in nats; `None` where nothing was tried.
        after: float or None. The same with the moved statistics.
        reason: str. Why it was kept, or not.

    Example:

    >>> from aet_keras.drift.batch_statistics import StatisticsStep
    >>> StatisticsStep(True, 1.2, 1.5, "mutual information rose").is_kept
    True
    """

    is_kept: bool
    before: float | None
    after: float | None
    reason: str


def mutual_information(probabilities: Any) -> float:
    """Measures how much the answers say about the inputs, in nats.

    H(mean p) - H(p) averaged: high where each answer is sure and all
    together use many classes. A model that collapses onto one class has 0,
    however sure it is.

    Args:
        probabilities: floats `(rows, classes)`, each row summing to 1.

    Example:

    >>> from aet_keras.drift.batch_statistics import mutual_information
    >>> sure, collapsed = [[1, 0], [0, 1]], [[1, 0], [1, 0]]
    >>> round(mutual_information(sure), 4), mutual_information(collapsed)
    (0.6931, 0.0)

    Reference:
        [Bridle et al., 1991](
        https://proceedings.neurips.cc/paper/1991/hash/a8abb4bb284b5b27aa7cb790dc20f80b-Abstract.html).
    """
    rows = checked_probabilities("mutual_information", probabilities)
    return float(_entropy(rows.mean(axis=0)) - _entropy(rows).mean())


def measure_moments(
    model: keras.Model, data: Any, source: Moments | None = None
) -> Moments:
    """Measures what each BatchNormalization layer is given for some rows.

    One pass in inference mode, in batches of at least 100 rows; no weight of
    the model changes.

    Args:
        model: a built `keras.Model`.
        data: array, or dict or tuple of arrays, as `predict` takes them; a
            few hundred rows, at least 100.
        source: optional `Moments` of the rows that the model was trained on.
            Each layer then normalizes as `move_statistics` will have it, and
            the layers above are given what that makes. Defaults to `None`:
            the model as it is.

    Returns:
        `Moments`; empty for a model without BatchNormalization.

    Raises:
        ValueError: if there are fewer than 100 rows.

    Example:

    >>> from aet_keras.drift.batch_statistics import measure_moments
    >>> layer = keras.layers.BatchNormalization()
    >>> model = keras.Sequential([keras.Input((2,)), layer])
    >>> measure_moments(model, np.full((100, 2), 3.0)).means[0]
    array([3., 3.])
    """
    count = reading.row_count(data)
    if count < LEAST_ROWS:
        raise ValueError(
            f"measure_moments: there must be at least {LEAST_ROWS} rows, "
            "because moments of fewer are too noisy. Received: "
            f"{count}. Wait for more."
        )
    layers = normalization.normalizations(model)
    if not layers:
        return Moments((), (), count)
    replace = None if source is None else _moving(layers, source)
    found = normalization.observe(model, layers, _batches(data), replace)
    means, variances = zip(*found, strict=True)
    return Moments(tuple(means), tuple(variances), count)


def move_statistics(
    model: keras.Model,
    new: Any,
    source: Moments,
    *,
    predict: Callable[[Any], np.ndarray] | None = None,
) -> StatisticsStep:
    """Moves BatchNormalization by what new rows differ from old ones.

    In each layer

        mean = mean_0 + (mean_new - mean_source)
        variance = variance_0 * variance_new / variance_source

    with ratios held between 0.1 and 10, layer by layer: what a layer is
    given comes from layers below that have moved already. Replaced by those
    of the new rows, as it is often done, the statistics of a pretrained model
    would be lost, which are not those of its own training rows either.

    It is kept only if the mutual information of inputs and answers rises on
    the new rows, which needs no labels. That is a reason to try the model,
    and no proof that it is better: measure it on labelled rows.

    Args:
        model: a built `keras.Model` whose answers are probabilities. Its
            BatchNormalization statistics change in place; nothing else does.
        new: array, or dict or tuple of arrays, as `predict` takes them: a few
            hundred rows without labels.
        source: `Moments` of rows that the model was trained on, measured by
            `measure_moments` on this model before it changed.
        predict: optional function of rows that returns what the model, as it
            is then, answers. Defaults to its own `predict`.

    Returns:
        `StatisticsStep`. Without BatchNormalization, or with fewer than 100
        rows, nothing is tried, and `reason` says so.

    Raises:
        ValueError: if `source` is of another model.

    Cost:
        Three passes over the new rows.

    Example:

    >>> from aet_keras.drift import batch_statistics
    >>> layers = keras.layers.BatchNormalization(), keras.layers.Softmax()
    >>> model = keras.Sequential([keras.Input((2,)), *layers])
    >>> rows = np.random.default_rng(0).normal(size=(200, 2))
    >>> source = batch_statistics.measure_moments(model, rows)
    >>> step = batch_statistics.move_statistics(model, rows + [5, 1], source)
    >>> layers[0].moving_mean.numpy().round(3)
    array([5., 1.], dtype=float32)

    Reference:
        [Schneider et al., 2020](https://arxiv.org/abs/2006.16971). Differs:
        moves the old statistics by the difference instead of mixing both.
    """
    layers = normalization.normalizations(model)
    if not layers:
        return _not_tried("the model has no BatchNormalization")
    count = reading.row_count(new)
    if count < LEAST_ROWS:
        return _not_tried(f"{count} rows are fewer than {LEAST_ROWS}")
    _check_source(layers, source)
    if predict is None:
        predict = functools.partial(model.predict, verbose=0)
    before = mutual_information(predict(new))
    kept = shift_statistics(model, source, measure_moments(model, new, source))
    try:
        after = mutual_information(predict(new))
    except BaseException:
        _assign(kept)
        raise
    if after > before:
        return StatisticsStep(True, before, after, "mutual information rose")
    _assign(kept)
    return StatisticsStep(
        False, before, after, "mutual information did not rise"
    )


def shift_statistics(
    model: keras.Model, source: Moments, target: Moments
) -> list[tuple]:
    """Moves the statistics from source to target, in place.

    Returns:
        List of `(variable, array)`: what the statistics were before.
    """
    layers = normalization.normalizations(model)
    _check_source(layers, source)
    _check_source(layers, target)
    move, kept = _moving(layers, source), []
    for row, layer in enumerate(layers):
        moved = move(row, target.means[row], target.variances[row])
        for variable, value in zip(
            (layer.moving_mean, layer.moving_variance), moved, strict=True
        ):
            kept.append((variable, variable.numpy()))
            variable.assign(value)
    return kept


def _moving(layers, source):
    """Returns the rule: a layer's place and new moments to its statistics."""
    start = [
        (layer.moving_mean.numpy(), layer.moving_variance.numpy())
        for layer in layers
    ]

    def move(row, mean, variance):
        mean_0, variance_0 = start[row]
        ratio = np.maximum(variance, _LEAST_VARIANCE) / np.maximum(
            source.variances[row], _LEAST_VARIANCE
        )
        ratio = np.clip(ratio, 1 / _MOST_RATIO, _MOST_RATIO)
        return mean_0 + (mean - source.means[row]), variance_0 * ratio

    return move


def _assign(kept: Sequence[tuple]) -> None:
    for variable, value in kept:
        variable.assign(value)


def _not_tried(reason):
    return StatisticsStep(False, None, None, f"not tried: {reason}")


def _check_source(layers, moments):
    check.instance("move_statistics", of=Moments, source=moments)
    shapes = [tuple(layer.moving_mean.shape) for layer in layers]
    found = [np.shape(mean) for mean in moments.means]
    if shapes != found:
        raise ValueError(
            "move_statistics: `source` must be the moments of this model, "
            "because each layer moves by its own. Received: those of "
            f"{len(found)} layers for {len(shapes)}, or of other widths. "
            "Measure them with `measure_moments`."
        )


def _batches(data: Any) -> Iterator[Any]:
    """Yields parts of about equal size, none below the least.

    Each takes every n-th row, because rows may be sorted by class.
    """
    parts = reading.row_count(data) // LEAST_ROWS
    for first in range(parts):
        yield reading.take(data, slice(first, None, parts))


def _entropy(probabilities):
    logs = np.log(np.where(probabilities > 0, probabilities, 1.0))
    return np.abs((probabilities * logs).sum(axis=-1))  # no -0.0
