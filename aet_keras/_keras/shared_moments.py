"""Lets BatchNormalization see the rows of all replicas, as one process would.

Keras normalizes with the rows of a replica alone, and each replica keeps
averages of its own: several workers end with different models. Its
`synchronized=True` asks the others three times for each layer, and is off by
default. Here each layer asks once. A call with a mask is left to Keras.
"""

import keras
import tensorflow as tf

_Layer = keras.layers.BatchNormalization
_OWN_MOMENTS = _Layer._moments


def mend() -> None:
    """Lets all layers see the rows of all replicas, where there are several.

    Models without a strategy run the code of Keras alone.
    """
    _Layer._moments = _moments


def averages_are_local() -> bool:
    """Says whether Keras still keeps other averages in each replica."""
    layer = _Layer()
    layer.build((None, 1))
    return layer.moving_mean.aggregation == "none"


def _moments(self, inputs, mask):
    replica = tf.distribute.get_replica_context()
    is_alone = replica is None or replica.num_replicas_in_sync == 1
    if is_alone or mask is not None or self.synchronized:
        return _OWN_MOMENTS(self, inputs, mask)
    return _of_all(replica, inputs, self._reduction_axes, self.moving_mean)


def _of_all(replica, inputs, axes, moving_mean):
    """Returns mean and variance over the rows of all replicas.

    Sums are of differences from the moving average, which is near the mean:
    those of squares alone would lose digits. A replica may have no rows.
    """
    near = keras.ops.cast(moving_mean, inputs.dtype)
    shape = [1] * len(inputs.shape)
    (channels,) = [i for i in range(len(shape)) if i not in axes]
    shape[channels] = -1
    apart = inputs - tf.reshape(near, shape)
    count = tf.cast(tf.size(inputs) / tf.size(near), inputs.dtype)
    sums = [tf.reduce_sum(each, axes) for each in (apart, tf.square(apart))]
    given = tf.concat([*sums, [count]], 0)
    total = replica.all_reduce(tf.distribute.ReduceOp.SUM, given)
    mean, square = tf.split(total[:-1] / total[-1], 2)
    return near + mean, tf.maximum(square - tf.square(mean), 0.0)
