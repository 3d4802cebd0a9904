"""Widens the dense layer that a model ends in by new classes."""

import keras
import numpy as np

from aet_keras._keras import graph
from aet_keras.drift.heads import (
    STRENGTHS,
    column_loss,
    one_thread,
    parts_left_out,
    solved_columns,
    span_of,
    standardised,
)


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
    counts = np.bincount(labels, minlength=head.units + 1)
    _check_counts(head, counts)
    weights = _balanced(counts, head.units)[labels]
    scaled, mean, scale = standardised(features)
    offsets = np.zeros((len(labels), len(counts)))
    offsets[:, : head.units] = features @ kernel + bias
    with one_thread():
        are_few = 2 * len(labels) < len(kernel)
        if are_few:
            scaled, to_kernel = span_of(scaled, scale)
        rows = (scaled, offsets, labels, weights)
        found = _best_columns(rows, len(counts) - head.units, seed)
    more = found[:-1]
    more = to_kernel @ more if are_few else more / scale[:, None]
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
    losses = np.zeros(len(STRENGTHS))
    for left_out in parts_left_out(rows[2], seed):
        kept = [each[~left_out] for each in rows]
        held = [each[left_out] for each in rows]
        for place, found in enumerate(solved_columns(kept, count)):
            losses[place] += column_loss(found.ravel(), held, count, 0.0)[0]
    return list(solved_columns(rows, count))[int(losses.argmin())]
