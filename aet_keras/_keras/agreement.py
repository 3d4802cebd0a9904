"""Lets the workers of a multi-worker strategy tell each other numbers.

Each function must be called by every worker at the same place: it waits for
the others. Without several workers it returns what it was given.
"""

import json
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from aet_keras._keras import workers

_SUMS: dict[tuple, Callable] = {}


def worker_count(strategy) -> int:
    """Returns how many processes a strategy spans, at least 1."""
    if strategy is None or not workers.is_multi_worker(strategy):
        return 1
    return strategy.num_replicas_in_sync // _local_count(strategy)


def worker_index(strategy) -> int:
    """Returns the place of this process among them; 0 is the chief."""
    if worker_count(strategy) == 1:
        return 0
    return strategy.extended._id_in_cluster


def is_chief(strategy) -> bool:
    """Says whether this process decides and writes."""
    return worker_index(strategy) == 0


def gather(strategy, numbers) -> np.ndarray:
    """Returns the whole numbers of all workers: `(workers, numbers)`.

    Args:
        strategy: `tf.distribute.Strategy` or None.
        numbers: sequence of int, as many for each worker.
    """
    row = np.asarray(numbers, "int64").ravel()
    count = worker_count(strategy)
    table = np.zeros((count, len(row)), "int64")
    table[worker_index(strategy)] = row
    return table if count == 1 else _sum(strategy, table)


def broadcast(strategy, value):
    """Returns the chief's value.

    Args:
        strategy: `tf.distribute.Strategy` or None.
        value: what JSON can hold. Tuples come back as lists.
    """
    if worker_count(strategy) == 1:
        return value
    known = json.dumps(value, default=_plain) if is_chief(strategy) else ""
    text = known.encode()
    length = int(gather(strategy, [len(text)])[0, 0])
    codes = np.zeros(length, "int64")
    codes[: len(text)] = list(text)
    codes = _sum(strategy, codes)
    return json.loads(bytes(codes.astype("uint8")))


def total(strategy, numbers) -> np.ndarray:
    """Returns the sum over workers of an array of floats that each has.

    Args:
        strategy: `tf.distribute.Strategy` or None.
        numbers: array of numbers, of the same shape in each worker.
    """
    array = np.asarray(numbers, "float64")
    return array if worker_count(strategy) == 1 else _sum(strategy, array)


def wait_for_all(strategy) -> None:
    """Returns once every worker has come here."""
    gather(strategy, [1])


def _plain(number):
    return number.item()  # of NumPy


def _local_count(strategy):
    return max(1, len(strategy.extended.worker_devices))


def _sum(strategy, array):
    key = strategy, array.dtype
    if key not in _SUMS:
        _SUMS[key] = _sum_function(*key)
    return _SUMS[key](tf.constant(array)).numpy()


def _sum_function(strategy, dtype):
    """Makes a function of an array; eager TensorFlow would start threads.

    The first replica of each worker gives its array, the others zeros.
    """
    local_count = _local_count(strategy)

    def give(values):
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        return values * tf.cast(number % local_count == 0, values.dtype)

    @tf.function(input_signature=[tf.TensorSpec(None, dtype)])
    def add(values):
        given = strategy.run(give, args=(values,))
        return strategy.reduce("SUM", given, axis=None)

    return add
