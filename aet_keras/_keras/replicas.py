"""Runs functions of rows on the replicas of a strategy, a share on each.

Shares are weighed by their rows: Keras averages losses over replicas, which is
another loss where a batch cannot be shared evenly.
"""

import functools
from collections.abc import Callable

import keras
import tensorflow as tf

from aet_keras._keras import running_fit, workers
from aet_keras._keras.agreement import worker_count
from aet_keras._keras.loss_objects import reductions, unscale_loss
from aet_keras._keras.optimizer import innermost
from aet_keras._keras.strategy import is_distributed, local_replica_count

# Keras divides them by the rows of a share and by the number of replicas.
_MEANS = {"mean", "sum_over_batch_size"}
_COUNT = tf.TensorSpec((), "int32")


def reason_of_losses(model: keras.Model) -> str | None:
    """Says why shares of a batch cannot be weighed by their rows, or None."""
    found = reductions(model)
    if found is None:
        return "a loss of it has a `__call__` of its own"
    if found <= _MEANS or found == {"sum"}:
        return None
    return f"its losses are reduced by {', '.join(map(repr, sorted(found)))}"


def reason_of_optimizer(model: keras.Model) -> str | None:
    """Says why an optimizer does not add up gradients, or None."""
    made_under = innermost(model.optimizer)._distribution_strategy
    if made_under is model.distribute_strategy:
        return None
    return "its optimizer was made outside the strategy's scope"


def joined(batch):
    """Returns a batch as one process would read it, its shares together."""
    return keras.tree.map_structure(_joined, batch)


def concatenated(model: keras.Model, function: Callable) -> Callable:
    """Lets each replica compute its share of the rows of a batch.

    Args:
        model: a model under a strategy, or under none.
        function: of tensors `(batch, ...)`. Returns a list of tensors
            `(batch, ...)` and Nones, for each row by itself.

    Returns:
        A function that takes and returns the same. A tensor without a row for
        each of the batch is cut short.
    """
    if not is_distributed(model):
        return function
    strategy = model.distribute_strategy

    def on_replica(*leaves):
        share, _ = _share_of(strategy, leaves)
        return [_with_rows(t, share[0]) for t in function(*share)]

    def run(*leaves):
        results = strategy.run(on_replica, args=leaves)
        return [None if each is None else _joined(each) for each in results]

    return run


def averaged(
    model: keras.Model, step: Callable, *, is_training: bool
) -> tuple[Callable, list]:
    """Lets each replica run a step on its share of the rows of a batch.

    Args:
        model: a model under a strategy, or under none.
        step: function of tensors `(batch, ...)`, and of `weight`: what the
            loss that Keras computes is to be multiplied with, so that the
            losses of all replicas sum up to the mean over the batch; `None`
            if it is right as it is. Returns logs.
        is_training: bool. Whether losses are differentiated, and need weights.

    Returns:
        A function of tensors `(batch, ...)`, of all rows of this process, and
        the specs of what else it takes: in training with several workers, how
        many rows all of them have in the step.
    """
    if not is_distributed(model):
        return functools.partial(step, weight=None), []
    strategy = model.distribute_strategy
    is_weighed = is_training and reductions(model) != {"sum"}
    is_shared = is_training and worker_count(strategy) > 1
    more = [_COUNT] if is_shared else []
    is_read = is_shared and running_fit.reads_batch_logs(model)

    def on_replica(total, *leaves):
        share, row_count = _share_of(strategy, leaves)
        weight = None
        if is_weighed:
            total = row_count if total is None else total
            weight = _weight(strategy, share[0], total)
        return step(*share, weight=weight)

    def run(*leaves):
        leaves, total = (leaves[:-1], leaves[-1]) if more else (leaves, None)
        logs = strategy.run(on_replica, args=(total, *leaves))
        if is_read:  # who stops by logs of its own leaves others waiting
            return workers.mean_of_logs(logs, strategy)
        return keras.tree.map_structure(_averaged, logs)

    return run, more


def loss_of_share(loss, row_count):
    """Returns the loss of one replica's rows alone, 0 if it has none."""
    loss = unscale_loss(loss)
    if tf.distribute.has_strategy():
        loss = tf.where(row_count > 0, loss, tf.zeros_like(loss))
        return tf.reduce_sum(loss)  # eagerly, no rows have a vector for a loss
    return loss


def _share_of(strategy, leaves):
    """Returns this replica's rows of some tensors, and how many there are."""
    count = local_replica_count(strategy)
    context = tf.distribute.get_replica_context()
    place = tf.cast(context.replica_id_in_sync_group, tf.int32) % count
    with tf.device("CPU:0"):  # a share is sent to a GPU, not the batch
        rows = tf.shape(leaves[0])[0]
        size, more = rows // count, rows % count
        begin = place * size + tf.minimum(place, more)
        end = begin + size + tf.cast(place < more, tf.int32)
        return [leaf[begin:end] for leaf in leaves], rows


def _weight(strategy, share, row_count):
    replicas = float(strategy.num_replicas_in_sync)
    rows = tf.cast(tf.shape(share)[0], "float32")
    return rows * replicas / tf.cast(row_count, "float32")


def _with_rows(tensor, share):
    """Cuts a tensor off that has not one row for each of the share."""
    if not isinstance(tensor, tf.Tensor) or not tensor.shape.rank:
        return None
    rows = tf.shape(tensor)[0]
    return tensor[: tf.where(rows == tf.shape(share)[0], rows, 0)]


def _joined(value):
    if not isinstance(value, tf.distribute.DistributedValues):
        return value
    parts = value.values
    if isinstance(parts[0], tf.Tensor) and parts[0].shape.rank:
        return tf.concat(parts, 0)
    return value


def _averaged(value):
    if not isinstance(value, tf.distribute.DistributedValues):
        return value
    return tf.reduce_mean(tf.stack(value.values), axis=0)
