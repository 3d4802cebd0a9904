"""Finds and makes the distribution strategy that a model lives under."""

import contextlib

import keras
import tensorflow as tf

from aet_keras import _cluster
from aet_keras._keras import workers

# The kinds whose replicas hold the same weights and train in step; no other
# class, as a subclass may do something else.
_MIRRORED = (
    tf.distribute.MirroredStrategy,
    tf.distribute.MultiWorkerMirroredStrategy,
)
_MADE: dict[_cluster.Cluster, tf.distribute.Strategy | None] = {}


def scope(
    strategy: tf.distribute.Strategy | None = None,
) -> contextlib.AbstractContextManager:
    """Returns the scope in which to build and compile a model.

    The same script then runs on a laptop and on eight machines. If the
    environment variable `TF_CONFIG` names several processes, it is the scope of
    a `tf.distribute.MultiWorkerMirroredStrategy`: start the script once on
    each machine, with `TF_CONFIG` as the cluster sets it. Else, on several
    GPUs, it is the scope of a `tf.distribute.MirroredStrategy`. Else it does
    nothing.

    `batch_size` is that of all replicas together, and every process must be
    given the same data, with `keras.utils.set_random_seed` called first. The
    weights after `fit` are those of one process to within rounding, also where
    replicas get unequal numbers of rows, except where layers draw random
    numbers (dropout) or depend on the other rows of a batch (BatchNormalization
    sees those of all replicas, other such layers do not), and where shuffled
    rows are replayed: each worker then shuffles its own.

    Args:
        strategy: optional `tf.distribute.Strategy` of your own, to be used
            instead.

    Raises:
        ValueError: if `TF_CONFIG` is no JSON, names a task that is not in it,
            or a port that is in use.
        RuntimeError: if TensorFlow has computed something already, and cannot
            join other processes any more.

    Example:

    >>> with aet_keras.scope():
    ...     model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    ...     model.compile("adam", "mse")
    >>> _ = model.fit(np.ones((8, 3)), np.ones((8, 1)), verbose=0)
    """
    if strategy is None:
        strategy = made_for_here()
    if strategy is None:
        return contextlib.nullcontext()
    if strategy.num_replicas_in_sync > 1:
        workers.mend()
    return strategy.scope()


def made_for_here() -> tf.distribute.Strategy | None:
    """Returns the strategy that suits this process, made once."""
    cluster = _cluster.here()
    if cluster not in _MADE:
        _MADE[cluster] = _make(cluster)
    return _MADE[cluster]


def scope_of(model: keras.Model) -> contextlib.AbstractContextManager:
    """Returns the scope in which a model's variables must be made."""
    strategy = model.distribute_strategy
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def has_scope() -> bool:
    """Says whether what is made here is made under a strategy."""
    return tf.distribute.has_strategy()


def is_distributed(model: keras.Model) -> bool:
    """Says whether a model was made under a distribution strategy."""
    return model._distribute_strategy is not None


def is_mirrored(model: keras.Model) -> bool:
    """Says whether all replicas of a distributed model train in step."""
    return type(model._distribute_strategy) in _MIRRORED


def local_replica_count(strategy: tf.distribute.Strategy) -> int:
    """Returns how many replicas of a strategy this process has."""
    return len(strategy.extended.worker_devices)


def _make(cluster):
    if not cluster.is_several:
        is_several = len(tf.config.list_physical_devices("GPU")) > 1
        return tf.distribute.MirroredStrategy() if is_several else None
    cluster.check_port()
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        if "program startup" not in str(error):
            raise
        raise RuntimeError(
            "scope: it must be called before TensorFlow computes anything, "
            "because the processes must find each other first. Received: a "
            "process that has computed. Move `aet_keras.scope()` to the "
            "start of the script, before models and data sets are made."
        ) from error
