"""Finds, solves and widens the dense layer that a classifier ends in."""

import itertools
from typing import Any

import keras
import numpy as np
from scipy import optimize, special

from aet_keras._keras import graph
from aet_keras.replay import lbfgs

_FOLDS = 5
_ITERATIONS = 100


def dense_head(owner: str, model: keras.Model) -> keras.layers.Dense:
    """Returns the dense layer with a softmax that a model ends in.

    Args:
        owner: str. Who asks.
        model: a functional or built Sequential `keras.Model`.

    Raises:
        ValueError: if it does not end so.
    """
    layers = model.layers if graph.is_graph(model) else []
    last: Any = layers[-1] if layers else None
    is_dense = type(last) is keras.layers.Dense and last.use_bias
    is_one = is_dense and len(model.outputs) == 1
    if not is_one or last.activation is not keras.activations.softmax:
        raise ValueError(
            f"{owner}: the model must end in a `keras.layers.Dense` with a "
            "bias and a softmax, because its logits are what is corrected. "
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


def solve_head(
    features: np.ndarray,
    labels: np.ndarray,
    class_count: int,
    *,
    seed: int = 0,
) -> lbfgs.Solution:
    """Finds the best softmax layer on the features of a few rows.

    The strength of its L2 penalty is the one with the lowest loss on rows
    left out, five times a fifth of them.

    Args:
        features: floats `(rows, width)`.
        labels: ints `(rows,)`.
        class_count: int >= 2.
        seed: int >= 0. Of the parts that are left out. Defaults to `0`.

    Returns:
        `Solution`.
    """
    rows = lbfgs.Rows(
        np.asarray(features, "float32"),
        np.eye(class_count, dtype="float32")[labels],
        np.ones(len(labels), "float32"),
    )
    losses = np.zeros(len(lbfgs.STRENGTHS))
    for left_out in _left_out(len(labels), seed):
        held = _some(rows, left_out)
        found = lbfgs.path(_some(rows, ~left_out), kind="softmax")
        losses += [
            lbfgs.mean_loss(each.kernel, each.bias, held, kind="softmax")
            for each in found
        ]
    best = int(losses.argmin())
    return next(itertools.islice(lbfgs.path(rows, kind="softmax"), best, None))


def widen_head(
    model: keras.Model,
    head: keras.layers.Dense,
    features: np.ndarray,
    labels: np.ndarray,
    *,
    seed: int = 0,
) -> keras.Model:
    """Returns a model with more classes; the old ones' weights are kept.

    Only the columns of new classes are solved for, on rows of new and of old
    classes; each new class weighs as much as the mean old one. The logits of
    the old classes stay as they are by a bit, so that an answer changes only
    where a new class is more probable than all old ones.

    Args:
        model: a `keras.Model` that ends in `head`; the new one shares all
            its other layers.
        head: its `keras.layers.Dense`.
        features: floats `(rows, width)`. What the head is given.
        labels: ints `(rows,)`. New classes are counted from `head.units` on.
        seed: int >= 0. Of the rows left out to choose the L2 penalty.

    Raises:
        ValueError: if there are no rows of old, or of a new class.
    """
    kernel, bias = head.get_weights()
    logits = features @ kernel + bias
    counts = np.bincount(labels, minlength=head.units + 1)
    _check_counts(head, counts)
    weights = _balanced(counts, head.units)[labels]
    scale = np.maximum(features.std(axis=0), 1e-3 * features.std() + 1e-12)
    mean = features.mean(axis=0)
    rows = ((features - mean) / scale, logits, labels, weights)
    found = _best_columns(rows, len(counts) - head.units, seed)
    more = found[:-1] / scale[:, None]
    wide = keras.layers.Dense(
        len(counts), activation="softmax", name=head.name, dtype=head.dtype
    )
    widened = keras.Model(
        graph.functional_of(model).input, wide(head.input), name=model.name
    )
    wide.set_weights(
        [np.hstack([kernel, more]), np.append(bias, found[-1] - mean @ more)]
    )
    return widened


def _check_counts(head, counts):
    missing = [
        each for each in range(head.units, len(counts)) if not counts[each]
    ]
    if missing or len(counts) == head.units or not counts[: head.units].any():
        raise ValueError(
            "widen_head: there must be labelled rows of old classes and of "
            "each new one, because the new are told from the old by them. "
            f"Received: {counts[: head.units].sum()} old rows, and none of "
            f"the new classes {missing}. Give `old=` rows, and count new "
            f"classes from {head.units} on."
        )


def _balanced(counts, old_count):
    """Returns the weight of a row of each class; their mean is about 1."""
    old = counts[:old_count]
    typical = old[old > 0].mean()
    weights = np.ones(len(counts))
    weights[old_count:] = typical / counts[old_count:]
    return weights * counts.sum() / (weights * counts).sum()


def _best_columns(rows, count, seed):
    """Returns new columns, the bias last, with the strength that is best."""
    losses = np.zeros(len(lbfgs.STRENGTHS))
    for left_out in _left_out(len(rows[0]), seed):
        kept = [each[~left_out] for each in rows]
        held = [each[left_out] for each in rows]
        for place, found in enumerate(_columns(kept, count)):
            losses[place] += column_loss(found.ravel(), held, count, 0.0)[0]
    return list(_columns(rows, count))[int(losses.argmin())]


def _columns(rows, count):
    width = rows[0].shape[1]
    start = np.zeros((width + 1) * count)
    for strength in lbfgs.STRENGTHS:
        start = optimize.minimize(
            column_loss,
            start,
            (rows, count, strength),
            method="L-BFGS-B",
            jac=True,
            options={"maxiter": _ITERATIONS},
        ).x
        yield start.reshape(width + 1, count)


def column_loss(flat, rows, count, strength):
    """Returns the loss of new columns beside old logits, and its gradient."""
    features, logits, labels, weights = rows
    columns = flat.reshape(-1, count)
    scores = np.hstack([logits, features @ columns[:-1] + columns[-1]])
    logs = special.log_softmax(scores, axis=1)
    places = np.arange(len(labels))
    slopes = np.exp(logs)
    slopes[places, labels] -= 1
    slopes = slopes[:, logits.shape[1] :] * weights[:, None] / len(labels)
    gradient = np.vstack([features.T @ slopes, slopes.sum(axis=0)])
    gradient[:-1] += strength * columns[:-1]
    loss = -(weights * logs[places, labels]).mean()
    loss += 0.5 * strength * np.square(columns[:-1]).sum()
    return loss, gradient.ravel()


def _left_out(count, seed):
    """Yields masks of rows, each row in one of them."""
    places = np.random.default_rng(seed).permutation(count)
    folds = max(2, min(_FOLDS, count))
    for fold in range(folds):
        yield places % folds == fold


def _some(rows, mask):
    return lbfgs.Rows(
        rows.features[mask], rows.targets[mask], rows.weights[mask]
    )


def _end(last):
    if last is None:
        return "a model without a graph"
    activation = getattr(last, "activation", None)
    name = getattr(activation, "__name__", None)
    kind = type(last).__name__
    return f"`{last.name}`, {kind}" + (f" with `{name}`" if name else "")
