"""Finds the distribution strategy that a model lives under."""

import contextlib

import keras
import tensorflow as tf

# The kinds whose replicas hold the same weights and train in step; no other
# class, as a subclass may do something else.
_MIRRORED = (
    tf.distribute.MirroredStrategy,
    tf.distribute.MultiWorkerMirroredStrategy,
)


def scope_of(model: keras.Model) -> contextlib.AbstractContextManager:
    """Returns the scope in which a model's variables must be made."""
    strategy = model.distribute_strategy
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def is_distributed(model: keras.Model) -> bool:
    """Says whether a model was made under a distribution strategy."""
    return model._distribute_strategy is not None


def is_mirrored(model: keras.Model) -> bool:
    """Says whether all replicas of a distributed model train in step."""
    return type(model._distribute_strategy) in _MIRRORED


def worker_count(model: keras.Model) -> int:
    """Returns how many processes train a model together."""
    strategy = model._distribute_strategy
    if strategy is None or not strategy.extended._in_multi_worker_mode():
        return 1
    return strategy.num_replicas_in_sync // local_replica_count(strategy)


def worker_index(model: keras.Model) -> int:
    """Returns which of them this process is, from 0 on."""
    if worker_count(model) == 1:
        return 0
    extended = model._distribute_strategy.extended
    return extended._make_input_context().input_pipeline_id


def local_replica_count(strategy: tf.distribute.Strategy) -> int:
    """Returns how many replicas of a strategy this process has."""
    return len(strategy.extended.worker_devices)
