"""Makes `fit`, `evaluate` and `predict` of Keras run on several replicas.

Keras 3 fails in two places under a `MultiWorkerMirroredStrategy`: it reduces a
batch to learn its shape, and it reduces scalars over an axis that they do not
have. Under any strategy it also takes the mean of the replicas' losses, though
they have unequal numbers of rows in the last batch of an epoch.
"""

import functools
import inspect
import threading

import keras
import tensorflow as tf
from keras.src.backend.tensorflow import trainer as keras_trainer

from aet_keras._keras import shared_moments

_Trainer = keras_trainer.TensorFlowTrainer
_OWN_BUILD = _Trainer._maybe_symbolic_build
_OWN_REDUCE = keras_trainer.reduce_per_replica
_OWN_MAKE = _Trainer._make_function
_MEANS = ("sum_over_batch_size", "mean")


def mend() -> None:
    """Mends what fails in Keras; what does not fail stays as it is.

    Call it where a strategy with several replicas is in use, before `fit`.
    Models without such a strategy run the code of Keras alone.
    """
    if reduces_a_batch():
        _Trainer._maybe_symbolic_build = _build_of_specs
    if reduces_scalars_over_rows():
        keras_trainer.reduce_per_replica = _reduce_per_replica
    _Trainer._make_function = _make_function
    shared_moments.mend()


def reduces_a_batch() -> bool:
    """Says whether Keras still reduces a batch to learn its shape."""
    return "distribute_strategy.reduce(" in inspect.getsource(_OWN_BUILD)


def reduces_scalars_over_rows() -> bool:
    """Says whether Keras still reduces the scalars of its logs over rows."""
    text = inspect.getsource(_OWN_REDUCE)
    return 'strategy.reduce("MEAN", v, axis=0)' in text


def is_multi_worker(strategy) -> bool:
    """Says whether a strategy spans several processes."""
    return keras_trainer._collective_all_reduce_multi_worker(strategy)


def has_collectives() -> bool:
    """Says whether a multi-worker strategy was made in this process."""
    from tensorflow.python.eager import context

    made = getattr(context.context(), "_collective_ops_server_def", None)
    return made is not None


def mend_if_needed() -> None:
    """Mends Keras for a strategy that the user has made.

    A callback comes too late for it, because `fit` fails before it calls one:
    their constructors call this.
    """
    strategy = tf.distribute.get_strategy()
    if strategy.num_replicas_in_sync > 1 or has_collectives():
        mend()


def row_weight(rows):
    """Returns what the loss of a replica counts for, of all replicas.

    Keras divides by the number of replicas. The share of a replica in the
    rows of a step, times that number, makes the sum of their gradients that of
    one process. It is 1 where all have the same number of rows.

    Args:
        rows: scalar tensor. The replica's number of rows; of sums of weights
            where the loss is divided by them.
    """
    replica = tf.distribute.get_replica_context()
    rows = tf.cast(rows, "float32")
    total = replica.all_reduce(tf.distribute.ReduceOp.SUM, rows)
    return tf.math.divide_no_nan(rows * replica.num_replicas_in_sync, total)


def _build_of_specs(self, iterator=None, data_batch=None):
    """Builds a model from the shapes of its data; no batch is read."""
    strategy = self.distribute_strategy
    if iterator is None or not is_multi_worker(strategy):
        return _OWN_BUILD(self, iterator=iterator, data_batch=data_batch)
    specs = iterator._distributed_dataset.element_spec
    batch = keras.tree.map_structure(_symbolic, specs)
    with strategy.scope():
        return self._symbolic_build(data_batch=batch)


def _symbolic(spec):
    """Returns the input of one replica that a spec describes."""
    spec = getattr(spec, "_value_specs", (spec,))[0]  # of each replica
    if spec is None or isinstance(spec, tf.OptionalSpec):
        return None  # no sample weights, for example
    shape = (None, *spec.shape[1:])
    return keras.KerasTensor(shape, keras.backend.standardize_dtype(spec.dtype))


def _reduce_per_replica(values, strategy, reduction):
    if reduction not in ("auto", "mean") or not is_multi_worker(strategy):
        return _OWN_REDUCE(values, strategy, reduction=reduction)
    return mean_of_logs(values, strategy)


def mean_of_logs(values, strategy):
    """Returns the means of logs over all replicas, reduced in one message.

    A worker that stopped by a log of its own would leave the others waiting.
    Metrics of an epoch are reduced when they are read.
    """
    flat = keras.tree.flatten(values)
    if not flat:
        return values

    def stack(*logs):
        return tf.stack([tf.reduce_mean(tf.cast(x, "float32")) for x in logs])

    means = strategy.reduce("MEAN", strategy.run(stack, args=flat), axis=None)
    return keras.tree.pack_sequence_as(values, tf.unstack(means))


def _make_function(self, step_function):
    strategy = self.distribute_strategy
    if self.steps_per_execution > 1 and is_multi_worker(strategy):
        raise ValueError(
            "fit: `steps_per_execution` must be 1 with several workers, "
            "because TensorFlow cannot reduce inside its loop of steps. "
            f"Received: steps_per_execution={self.steps_per_execution}. Leave "
            "it out of `compile`."
        )
    if strategy.num_replicas_in_sync > 1:
        if step_function == self.train_step and self.optimizer is not None:
            step_function = _weighed(self, step_function)
    return _OWN_MAKE(self, step_function)


class _Weight(threading.local):
    """Holds the weight of the replica that a thread traces."""

    value: tf.Tensor | None = None


_WEIGHT = _Weight()


def _weighed(model, train_step):
    """Returns a train step whose loss is weighed before its gradient.

    Afterwards it would be too late for penalties of weights, whose sum over
    replicas is right as it is; the logged loss counts rows already.
    """
    _scale_by_weight(model.optimizer)

    @functools.wraps(train_step)
    def step(data):
        _WEIGHT.value = _weight_of(model, data)
        try:
            return train_step(data)
        finally:
            _WEIGHT.value = None

    return step


def _scale_by_weight(optimizer):
    if getattr(optimizer.scale_loss, "weighs_rows", False):
        return
    scale_loss = optimizer.scale_loss

    def weighed(loss):
        if _WEIGHT.value is not None:
            loss = loss * tf.cast(_WEIGHT.value, loss.dtype)
        return scale_loss(loss)

    weighed.weighs_rows = True
    optimizer.scale_loss = weighed


def _weight_of(model, data):
    """Returns the weight of a replica's loss, or None if all are alike."""
    x, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    leaf = next(each for each in keras.tree.flatten(x) if each is not None)
    kinds = {each.reduction for each in _losses_of(model)}
    if kinds and kinds <= {"sum", "none", None}:
        return None  # a sum over replicas is the sum over rows
    if kinds == {"mean_with_sample_weight"} and sample_weight is not None:
        return row_weight(tf.reduce_sum(sample_weight))
    if leaf.shape[0] is not None:
        return None  # of all replicas: smaller batches are left out
    if not kinds <= {*_MEANS, "mean_with_sample_weight"} or (
        "mean_with_sample_weight" in kinds and sample_weight is not None
    ):
        raise ValueError(
            "fit: all losses must be averaged over rows alike under a "
            "distribution strategy, because replicas with unequal numbers of "
            f"rows are weighed. Received: reductions {sorted(map(str, kinds))}."
            ' Use `reduction="sum_over_batch_size"`, or batches that the '
            "replicas share evenly (`drop_remainder=True`)."
        )
    return row_weight(tf.shape(leaf)[0])


def _losses_of(model):
    compiled = model._compile_loss
    if compiled is None or not compiled.built:
        return []
    losses = [loss for _, loss, _, _ in compiled._flat_losses]
    return [each for each in losses if hasattr(each, "reduction")]
