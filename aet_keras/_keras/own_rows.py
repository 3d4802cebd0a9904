"""Lets each of several workers read its own rows of a data set alone.

TensorFlow divides a data set after its last transformation: every worker
would decode all rows. Here it is made again, divided where it begins. Row `i`
belongs to worker `i % count`, so that the workers' shares of a batch are
together the batch that one process would read.
"""

import dataclasses

import numpy as np
import tensorflow as tf
from keras.src.trainers.data_adapters import (
    array_data_adapter,
    data_adapter_utils,
)
from tensorflow.python.data.util import structure

from aet_keras._keras.proofs import Proof, Unproved, maps_by_row
from aet_keras._keras.sources import original_of

_SLICES = {"_RangeDataset", "_TensorSliceDataset"}
_MAPS = {"_MapDataset", "_ParallelMapDataset"}
_BATCHES = {"_BatchDataset", "_ParallelBatchDataset"}
# They change neither rows nor their order, once the order does not matter.
_LEFT_OUT = {
    "CacheDataset",
    "_OptionsDataset",
    "_PrefetchDataset",
    "_ShuffleDataset",
}


@dataclasses.dataclass(frozen=True)
class OwnRows:
    """One worker's rows of what a split of a `fit` reads.

    Args:
        data: `tf.data.Dataset` of batches of them, in a fixed order.
        row_count: int. Rows of all workers in an epoch.
        batch_size: int. Rows of all workers in a step.
        index: int. Which worker.
        worker_count: int. How many there are.
    """

    data: tf.data.Dataset
    row_count: int
    batch_size: int
    index: int
    worker_count: int

    @classmethod
    def of(
        cls, epoch_iterator, proof: Proof, *, index: int, worker_count: int
    ) -> "OwnRows":
        """Divides the data set of a `fit`.

        Args:
            epoch_iterator: what `fit` draws its steps from.
            proof: what is known of it.
            index: int >= 0. Which worker asks.
            worker_count: int >= 1. How many there are.

        Raises:
            Unproved: if it cannot be divided so that the same rows are read
                once.
        """
        if proof.reason is not None:
            raise Unproved(proof.reason)
        make = _of_arrays
        if type(epoch_iterator.data_adapter).__name__ == "TFDatasetAdapter":
            make = _of_dataset
        data, row_count, batch_size = make(epoch_iterator, index, worker_count)
        if row_count < worker_count:
            raise Unproved(f"{row_count} rows are fewer than the workers")
        return cls(data, row_count, batch_size, index, worker_count)

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Of each step, how many rows are this worker's, and of all workers."""
        begins = np.arange(0, self.row_count, self.batch_size)
        ends = np.minimum(begins + self.batch_size, self.row_count)
        divided = _Divided(self.index, self.worker_count)
        own = divided.own_before(ends) - divided.own_before(begins)
        return list(zip(own.tolist(), (ends - begins).tolist(), strict=True))


def _of_arrays(epoch_iterator, index, worker_count):
    adapter = epoch_iterator.data_adapter
    x, y, sample_weight = data_adapter_utils.unpack_x_y_sample_weight(
        tf.nest.map_structure(
            lambda array: array[index::worker_count], adapter._inputs
        )
    )
    own = array_data_adapter.ArrayDataAdapter(
        x, y, sample_weight, batch_size=adapter._batch_size, shuffle=False
    )
    return own.get_tf_dataset(), adapter._num_samples, adapter._batch_size


def _of_dataset(epoch_iterator, index, worker_count):
    data = original_of(epoch_iterator)
    above = []
    while type(data).__name__ not in _BATCHES:
        if type(data).__name__ in _MAPS:
            above.append(data)
        elif type(data).__name__ not in _LEFT_OUT:
            raise Unproved(
                f"{_name(data)} of batches cannot be divided by rows"
            )
        (data,) = data._inputs()
    (rows,) = data._inputs()
    size, count = int(data._batch_size), _length(rows)
    if bool(data._drop_remainder):
        count -= count % size
    own = _Divided(index, worker_count).rows_of(rows, count)
    own = own.batch(size)
    for each in reversed(above):
        if not maps_by_row(each):
            raise Unproved("a `map` of batches may mix their rows")
        own = _mapped(own, each)
    return own.prefetch(tf.data.AUTOTUNE), count, size


@dataclasses.dataclass(frozen=True)
class _Divided:
    """Makes data sets again, with the rows of one worker.

    Args:
        index: int. Which rows: those whose number leaves this remainder.
        worker_count: int.
    """

    index: int
    worker_count: int

    def rows_of(self, data, limit=None):
        """Returns the own rows of a data set, of the first ones only."""
        own = self._made(data)
        return own if limit is None else own.take(self.own_before(limit))

    def _made(self, data):
        kind = type(data).__name__
        inputs = data._inputs()
        if kind in _SLICES:
            return data.shard(self.worker_count, self.index)
        if kind in _MAPS:
            return _mapped(self.rows_of(inputs[0]), data)
        if kind in _LEFT_OUT:
            return self.rows_of(inputs[0])
        if kind == "_ZipDataset":
            parts = tf.nest.map_structure(self.rows_of, data._datasets)
            return tf.data.Dataset.zip(parts)
        if kind == "_TakeDataset":
            count = int(data._count)
            return self.rows_of(inputs[0], count if count >= 0 else None)
        if kind == "_SkipDataset":
            return self._after(inputs[0], int(data._count))
        if kind == "_ConcatenateDataset":
            first, second = inputs
            later = self._shifted(-_length(first))
            return self.rows_of(first).concatenate(later.rows_of(second))
        raise Unproved(f"{_name(data)} cannot be divided by rows")

    def _after(self, data, count):
        total = _length(data)
        count = total if count < 0 else min(count, total)
        earlier = self._shifted(count)
        return earlier.rows_of(data).skip(earlier.own_before(count))

    def _shifted(self, count):
        """Returns what divides rows that are numbered from another one on."""
        index = (self.index + count) % self.worker_count
        return dataclasses.replace(self, index=index)

    def own_before(self, row):
        """Counts own rows among the first ones; `row` may be an array."""
        return (row - self.index + self.worker_count - 1) // self.worker_count


def _length(data):
    count = int(data.cardinality())
    if count < 0:
        raise Unproved("it is not known how many rows there are")
    return count


def _mapped(data, like):
    """Maps other elements by the function that a data set was mapped with."""
    traced = like._map_func

    def call(*elements):
        spec = data.element_spec
        given = elements if isinstance(spec, tuple) else elements[0]
        flat = structure.to_tensor_list(spec, given)
        found = traced.function(*flat)
        found = [found] if isinstance(found, tf.Tensor) else list(found)
        return structure.from_compatible_tensor_list(
            traced.output_structure, found
        )

    return data.map(call, num_parallel_calls=tf.data.AUTOTUNE)


def _name(data):
    return f"`{type(data).__name__.strip('_').removesuffix('Dataset').lower()}`"
