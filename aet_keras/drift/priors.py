"""Estimates how frequent each class is in rows without labels."""

import dataclasses
from typing import Any

import keras
import numpy as np
from scipy import optimize, special

from aet_keras import _check as check
from aet_keras.drift import heads
from aet_keras.evaluation.classification import check_shares

_LEAST_PROBABILITY = 1e-12  # below it, float32 softmaxes are noise
_MOST_LOG_TEMPERATURE = 3.0
_MOST_BIAS = 10.0
# Chosen on sign digits and CIFAR-10: with 1, biases of some hundred rows are
# noise that costs a tenth of what new frequencies bring.
_BIAS_VARIANCE = 0.1
# A class that no row seems to have keeps this share of its old prior, so
# that its logit stays finite and one later row of it can still be found.
_LEAST_RATIO = 1e-3
_MOST_ITERATIONS = 10_000
_TOLERANCE = 1e-9


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Holds what makes a model's probabilities trustworthy on average.

    `calibrate` makes it. Corrected are logits: log(p) / temperature + biases.

    Args:
        temperature: float > 0. Above 1 the model was too sure.
        biases: tuple of floats, one a class.

    Example:

    >>> from aet_keras.drift.priors import Calibration
    >>> Calibration(1.0, (0.0, np.log(3.0))).apply([[0.5, 0.5]]).round(2)
    array([[0.25, 0.75]])
    """

    temperature: float
    biases: tuple[float, ...]

    def apply(self, probabilities: Any) -> np.ndarray:
        """Returns corrected probabilities `(rows, classes)`.

        Args:
            probabilities: floats `(rows, classes)`, each row summing to 1.
        """
        probabilities = checked_probabilities("Calibration", probabilities)
        logits = _logs(probabilities) / self.temperature + self.biases
        return special.softmax(logits, axis=1)


def calibrate(probabilities: Any, labels: Any) -> Calibration:
    """Fits a temperature and a bias for each class on rows with labels.

    It minimises the cross-entropy of softmax(log(p) / temperature + biases).
    The rows must not be those that the model was trained on, on which it is
    too sure.

    Args:
        probabilities: floats `(rows, classes)`, each row summing to 1.
        labels: ints `(rows,)`. The column of the true class.

    Returns:
        A `Calibration`.

    Raises:
        ValueError: if there are no rows, shapes do not fit, or a label names
            no column.

    Example:

    >>> from aet_keras.drift.priors import calibrate
    >>> sure = np.array([[0.99, 0.01], [0.01, 0.99]] * 4)
    >>> found = calibrate(sure, [0, 1, 0, 1, 1, 1, 0, 1])
    >>> found.temperature > 1  # one of eight is wrong
    True

    Reference:
        [Alexandari et al., 2020](https://arxiv.org/abs/1901.06852),
        bias-corrected temperature scaling. Differs: log(temperature) has a
        standard normal prior and biases one of variance 0.1, which keeps
        them finite where all rows are right or a class has none, and small
        where few rows speak for one.
    """
    owner = "calibrate"
    probabilities = checked_probabilities(owner, probabilities)
    labels = checked_labels(owner, labels, probabilities)
    logits, classes = _logs(probabilities), probabilities.shape[1]
    bounds = [(-_MOST_LOG_TEMPERATURE, _MOST_LOG_TEMPERATURE)]
    bounds += [(-_MOST_BIAS, _MOST_BIAS)] * classes
    found = optimize.minimize(
        _penalised_loss,
        np.zeros(1 + classes),
        (logits, labels),
        method="L-BFGS-B",
        jac=True,
        bounds=bounds,
        options={"ftol": 1e-13, "gtol": 1e-8},
    ).x
    biases = found[1:] - found[1:].mean()
    return Calibration(float(np.exp(found[0])), tuple(map(float, biases)))


def _penalised_loss(parameters, logits, labels):
    """Returns the mean loss of a calibration, and its gradient."""
    log_temperature, biases = parameters[0], parameters[1:]
    rows = np.arange(len(labels))
    scaled = logits * np.exp(-log_temperature)
    logs = special.log_softmax(scaled + biases, axis=1)
    slopes = np.exp(logs)
    slopes[rows, labels] -= 1
    pull = np.full(len(parameters), 1 / _BIAS_VARIANCE)
    pull[0] = 1.0
    penalty = 0.5 * (pull * np.square(parameters)).sum()
    gradient = np.concatenate([[-(slopes * scaled).sum()], slopes.sum(axis=0)])
    loss = penalty - logs[rows, labels].sum()
    return loss / len(labels), (gradient + pull * parameters) / len(labels)


def estimate_priors(probabilities: Any, source_priors: Any) -> np.ndarray:
    """Estimates the frequencies of the classes in rows without labels.

    Only where the frequencies alone have changed, and each class looks as it
    did: applied to a shift of another kind it can cost many points. EM finds
    the maximum of the likelihood, which has only one.

    Args:
        probabilities: floats `(rows, classes)` of the new rows, each row
            summing to 1; calibrated (`Calibration.apply`).
        source_priors: floats `(classes,)` above 0. The frequencies that the
            probabilities go with: those of the data that the model was
            trained on, or the mean of calibrated probabilities on rows of it.

    Returns:
        Floats `(classes,)`, not negative, summing to 1.

    Raises:
        ValueError: if there are no rows, or a prior is not above 0.

    Example:

    >>> from aet_keras.drift.priors import estimate_priors
    >>> rows = np.array([[0.9, 0.1]] * 7 + [[0.1, 0.9]] * 3)
    >>> estimate_priors(rows, [0.5, 0.5]).round(3)
    array([0.75, 0.25])

    Reference:
        [Saerens et al., 2002](https://doi.org/10.1162/089976602753284446).
    """
    owner = "estimate_priors"
    probabilities = checked_probabilities(owner, probabilities)
    source = _checked_priors(owner, probabilities.shape[1], source_priors)
    likelihoods = np.maximum(probabilities, _LEAST_PROBABILITY) / source
    priors = source
    for _ in range(_MOST_ITERATIONS):
        posteriors = likelihoods * priors
        posteriors /= posteriors.sum(axis=1, keepdims=True)
        before, priors = priors, posteriors.mean(axis=0)
        if np.abs(priors - before).max() < _TOLERANCE:
            break
    return priors / priors.sum()


def fold_priors(
    model: keras.Model,
    priors: Any,
    source_priors: Any,
    *,
    calibration: Calibration | None = None,
) -> None:
    """Writes new class frequencies into the head of a model, in place.

    By Bayes, log(priors / source_priors) is added to the logits; with a
    calibration, the logits are calibrated first. Both are linear in them, so
    that the kernel and the bias of the head hold all of it exactly. A class
    that seems to be gone keeps a thousandth of its old frequency.

    Args:
        model: a `keras.Model` that ends in a dense layer with a softmax.
        priors: floats `(classes,)`, as `estimate_priors` returns them.
        source_priors: floats `(classes,)` above 0, as given to it.
        calibration: optional `Calibration` that the priors were estimated
            with. Defaults to `None`.

    Raises:
        ValueError: if the model ends in another way, or shapes do not fit.

    Example:

    >>> from aet_keras.drift.priors import fold_priors
    >>> head = keras.layers.Dense(2, activation="softmax")
    >>> model = keras.Sequential([keras.Input((1,)), head])
    >>> head.set_weights([np.zeros((1, 2)), np.zeros(2)])
    >>> fold_priors(model, [0.8, 0.2], [0.5, 0.5])
    >>> model.predict(np.ones((1, 1)), verbose=0).round(2)
    array([[0.8, 0.2]], dtype=float32)
    """
    owner = "fold_priors"
    head = heads.dense_head(owner, model)
    source = _checked_priors(owner, head.units, source_priors)
    shape = np.shape(priors)
    if shape != source.shape:
        raise ValueError(
            f"{owner}: `priors` must hold one frequency a class. Received: "
            f"shape {shape} for {head.units} classes."
        )
    ratios = np.asarray(priors, "float64") / source
    shift = np.log(np.maximum(ratios, _LEAST_RATIO))
    temperature = 1.0 if calibration is None else calibration.temperature
    biases = 0.0 if calibration is None else np.array(calibration.biases)
    kernel, bias = head.get_weights()
    head.set_weights(
        [kernel / temperature, bias / temperature + biases + shift]
    )


def checked_labels(owner: str, labels: Any, rows: Any) -> np.ndarray:
    """Returns labels if there is a known class for each row.

    Args:
        owner: str. Who asks.
        labels: what should be ints `(rows,)`.
        rows: array `(rows, classes)`.

    Raises:
        ValueError: if they do not fit.
    """
    labels = np.asarray(labels)
    count, classes = np.shape(rows)
    is_column = labels.shape == (count,) and labels.dtype.kind in "iu"
    if not is_column or labels.min(initial=0) < 0:
        raise ValueError(
            f"{owner}: `labels` must be one int from 0 on for each row. "
            f"Received: {labels.dtype} of shape {labels.shape} for {count} "
            "rows."
        )
    if labels.max(initial=0) >= classes:
        raise ValueError(
            f"{owner}: `labels` must name one of the {classes} classes. "
            f"Received: {labels.max()}. Classes are counted from 0."
        )
    return labels.astype("int64")


def _logs(probabilities):
    return np.log(np.maximum(probabilities, _LEAST_PROBABILITY))


def checked_probabilities(owner: str, probabilities: Any) -> np.ndarray:
    """Returns probabilities if they are floats `(rows, classes)`.

    Raises:
        ValueError: if there are no rows, or a row does not sum to 1.
    """
    probabilities = np.asarray(probabilities, "float64")
    shape = probabilities.shape
    if len(shape) != 2 or shape[1] < 2 or not shape[0]:
        raise ValueError(
            f"{owner}: `probabilities` must have a row for each row of data "
            "and a column for each class, at least two. Received: shape "
            f"{shape}."
        )
    check_shares(owner, probabilities)
    return probabilities


def _checked_priors(owner, classes, priors):
    priors = np.asarray(priors, "float64")
    is_share = priors.shape == (classes,) and np.isfinite(priors).all()
    if not is_share or not (priors > 0).all():
        raise ValueError(
            f"{owner}: `source_priors` must be above 0 for each of the "
            f"{classes} classes, because new frequencies are shares of them. "
            f"Received: source_priors={check.shown(priors)}. Leave classes "
            "out that the model was not trained on."
        )
    return priors / priors.sum()
