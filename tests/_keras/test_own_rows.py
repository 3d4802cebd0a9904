"""Does each worker read its own rows, and do the shares make up the batches?"""

import numpy as np
import pytest
import tensorflow as tf
from keras.src.backend.tensorflow.trainer import TFEpochIterator

from aet_keras._keras import proofs
from aet_keras._keras.own_rows import OwnRows


def rows(count=11):
    return tf.data.Dataset.range(count)


def paired(count=11):
    return tf.data.Dataset.zip((rows(count).map(lambda i: 2 * i), rows(count)))


def shares(x, worker_count=3, **settings):
    """Returns what each worker reads."""
    strategy = tf.distribute.get_strategy()
    epochs = TFEpochIterator(distribute_strategy=strategy, x=x, **settings)
    proof = proofs.Proof.of(epochs)
    return [
        OwnRows.of(epochs, proof, index=index, worker_count=worker_count)
        for index in range(worker_count)
    ]


def read(data):
    """Returns the rows of a data set of batches, as lists of numbers."""
    arrays = [np.stack(tf.nest.flatten(b), axis=-1) for b in data]
    return np.concatenate(arrays).reshape(sum(map(len, arrays)), -1).tolist()


def stepped(own):
    """Returns the rows of each step, those of all workers together."""
    left = [read(each.data) for each in own]
    steps = []
    for sizes in zip(*(each.sizes for each in own), strict=True):
        step = []
        for (count, _), rest in zip(sizes, left, strict=True):
            step += rest[:count]
            del rest[:count]
        assert len(step) == sizes[0][1]
        steps.append(sorted(step))
    assert not any(left)
    return steps


@pytest.mark.parametrize("worker_count", [1, 2, 3])
@pytest.mark.parametrize(
    "data",
    [
        rows().batch(4),
        rows(3).batch(4),
        rows().batch(4, drop_remainder=True),
        rows().take(9).batch(4),
        rows().skip(2).batch(4),
        rows().skip(2).take(7).skip(1).map(lambda i: 3 * i).batch(4),
        rows(5).concatenate(rows(4).map(lambda i: -i)).batch(4),
        rows(5).concatenate(rows(4)).skip(3).batch(4),
        rows().batch(4).map(lambda i: 2 * i),
        rows().map(lambda i: {"a": i, "b": i + 1}).batch(4).prefetch(1),
        paired().map(lambda i, j: (i, j + 1)).batch(4).cache(),
    ],
)
def test_shares_make_up_the_batches_of_one_process(data, worker_count):
    expected = [sorted(read([batch])) for batch in data]

    assert stepped(shares(data, worker_count)) == expected


def test_arrays_are_divided():
    own = shares(np.arange(11), batch_size=4, shuffle=True)

    assert [len(step) for step in stepped(own)] == [4, 4, 3]
    assert sorted(sum((read(each.data) for each in own), [])) == [
        [i] for i in range(11)
    ]


@pytest.mark.parametrize("width", [0, 1, 3], ids="as {} numbers".format)
def test_class_weights_go_with_their_rows(width):
    kinds = np.arange(11) % 3
    y = {0: kinds, 1: kinds[:, None], 3: np.eye(3)[kinds]}[width]
    data = tf.data.Dataset.from_tensor_slices((np.arange(11), y)).shuffle(11)

    own = shares(data.batch(4), class_weight={0: 5.0, 1: 6.0, 2: 7.0})

    found = {
        int(row): float(weight)
        for each in own
        for x, _, weights in each.data
        for row, weight in zip(x, weights, strict=True)
    }
    assert found == {row: 5.0 + row % 3 for row in range(11)}


def test_rows_that_are_shuffled_stay_with_their_worker():
    data = rows().shuffle(11, seed=3).batch(4)

    first, *_ = shares(data)

    assert read(first.data) == read(first.data) == [[0], [3], [6], [9]]


def test_a_worker_decodes_its_own_rows_alone():
    decoded = []

    def decode(i):
        decoded.append(int(i))
        return i

    mapped = rows(100).map(lambda i: tf.py_function(decode, [i], tf.int64))
    data = proofs.promise_by_row(mapped).cache().batch(8)

    _, second = shares(data, 2)
    read(second.data)

    assert sorted(decoded) == list(range(1, 100, 2))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (rows().batch(2).batch(2), "`batch` cannot be divided"),
        (rows().batch(4).take(2), "`take` of batches cannot be divided"),
        (rows().repeat(2).batch(4), "`repeat` cannot be divided"),
        (rows(), "`range` of batches cannot be divided"),
        (rows(2).batch(4), "2 rows are fewer than the workers"),
        (
            rows().batch(4).map(lambda i: i - tf.reduce_mean(i)),
            "a `map` of batches may mix their rows",
        ),
        (
            tf.data.Dataset.from_generator(
                lambda: iter([1]), output_signature=tf.TensorSpec((), "int64")
            ).batch(4),
            "may give other rows",
        ),
    ],
)
def test_what_cannot_be_divided_is_refused(data, why):
    with pytest.raises(proofs.Unproved, match=why):
        shares(data)
