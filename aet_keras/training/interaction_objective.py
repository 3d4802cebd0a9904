"""Defines what a recommender of interactions minimises, and its metric.

Labels are as `make_rating_batches` makes them of interactions: of each item 2
for that of the row, 1 for a negative, 0 for what is not compared.
"""

import math

import keras
from keras import ops

SHOWN = 10


def compared_cross_entropy(labels, logits):
    """Returns the cross-entropy of each row's item among those compared.

    Of an unknown item there is nothing to learn: 0.

    Args:
        labels: tensor `(batch, items)` of 0, 1 and 2.
        logits: float tensor `(batch, items)`.
    """
    known = ops.where(labels > 0, logits, -1e9)
    is_own = ops.cast(labels > 1, logits.dtype)
    own = ops.sum(is_own * logits, axis=-1)
    loss = ops.logsumexp(known, axis=-1) - own
    return loss * ops.sum(is_own, axis=-1)


class RankedNDCG(keras.metrics.Mean):
    """Averages 1 / log2(1 + rank) of each row's item, 0 below the first ten.

    The same as `measure_recommendation`'s NDCG: of a row there is one item to
    find. Items with equal logits count by half.
    """

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch of labels and logits."""
        is_own = ops.cast(y_true > 1, y_pred.dtype)
        is_other = ops.cast((y_true > 0) & (y_true < 2), y_pred.dtype)
        own = ops.sum(is_own * y_pred, axis=-1, keepdims=True)
        above = ops.cast(y_pred > own, y_pred.dtype)
        above += 0.5 * ops.cast(ops.equal(y_pred, own), y_pred.dtype)
        rank = ops.floor(ops.sum(is_other * above, axis=-1))
        gain = math.log(2.0) / ops.log(rank + 2.0)
        is_shown = ops.cast(rank < SHOWN, y_pred.dtype)
        is_known = ops.sum(is_own, axis=-1)
        return super().update_state(
            gain * is_shown * is_known, sample_weight=sample_weight
        )
