"""Does a `fit` read its rows in a random order?"""

import numpy as np
import pytest
import tensorflow as tf
from keras.src.backend.tensorflow.trainer import TFEpochIterator

from aet_keras._keras.sources import is_shuffled

pytestmark = pytest.mark.tuned  # whatever is read, as users read it

X, Y = np.zeros((6, 2)), np.zeros(6)
ROWS = tf.data.Dataset.from_tensor_slices((X, Y))


def iterator(x, y=None, **settings):
    """Returns what `fit` reads its batches from."""
    strategy = tf.distribute.get_strategy()
    epochs = TFEpochIterator(distribute_strategy=strategy, x=x, y=y, **settings)
    return iter(epochs._get_iterator())


@pytest.mark.parametrize("shuffle", [True, False])
def test_arrays_are_shuffled_if_fit_is_told_so(shuffle):
    assert is_shuffled(iterator(X, Y, batch_size=2, shuffle=shuffle)) == shuffle


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (ROWS.batch(2), False),
        (ROWS.shuffle(6).batch(2), True),
        (ROWS.shuffle(6, seed=1).batch(2).map(lambda x, y: (x, y)), True),
        (ROWS.shuffle(6, reshuffle_each_iteration=False).batch(2), False),
        (
            ROWS.map(
                lambda x, y: (x + tf.random.normal([2], dtype="float64"), y)
            ).batch(2),
            False,
        ),
    ],
    ids=[
        "in order",
        "shuffled",
        "shuffled with a seed",
        "shuffled once",
        "noise is no order",
    ],
)
def test_data_sets_are_shuffled_if_one_of_their_parts_is(data, expected):
    data = data.map(lambda x, y: (tf.cast(x, "float32"), y))

    assert is_shuffled(iterator(data)) == expected


def test_what_is_no_data_set_has_no_order_of_its_own():
    assert not is_shuffled(iter([1, 2]))
