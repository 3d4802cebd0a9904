"""What proves that a data set gives the same rows in each epoch?"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.backend.tensorflow.trainer import TFEpochIterator

from aet_keras._keras.proofs import Proof
from aet_keras.data import Split, make_batches

pytestmark = pytest.mark.tuned  # whatever is read, as users read it

X, Y = np.zeros((6, 2), "float32"), np.zeros(6, "int32")
ROWS = tf.data.Dataset.from_tensor_slices((X, Y))
VARIABLE = tf.Variable(1.0)
TABLE = tf.lookup.StaticHashTable(
    tf.lookup.KeyValueTensorInitializer([0], [1]), 0
)


def proof(x, y=None, **settings):
    strategy = tf.distribute.get_strategy()
    return Proof.of(
        TFEpochIterator(distribute_strategy=strategy, x=x, y=y, **settings)
    )


@tf.function
def halved(x):
    return tf.cond(tf.reduce_sum(x) > 0, lambda: x / 2, lambda: x)


@tf.function
def with_noise(x):
    return x + tf.random.normal([2])


PROVED = {
    "in order": (ROWS.batch(2), True),
    "shuffled": (ROWS.shuffle(6).batch(2).prefetch(2), False),
    "mapped": (ROWS.map(lambda x, y: (halved(x), y)).batch(2), True),
    "mapped after a shuffle": (
        ROWS.shuffle(6).map(lambda x, y: (x / 2, y), 2).batch(2),
        False,
    ),
    "batches scaled after a shuffle": (
        ROWS.shuffle(6)
        .batch(2)
        .map(lambda x, y: (tf.cast(x, "float64") / 255.0 - 0.5, y)),
        False,
    ),
    "this package's own batches": (
        make_batches(
            Split(np.zeros((6, 2)), Y, tuple("abcdef")),
            batch_size=2,
            shuffle_seed=0,
            class_weights=[1.0],
        ),
        False,
    ),
    "parts in order": (
        ROWS.take(2).concatenate(ROWS.skip(3)).batch(2, drop_remainder=True),
        True,
    ),
    "nothing dropped": (ROWS.shuffle(6).batch(3, drop_remainder=True), False),
    "cached": (ROWS.shuffle(6).cache().repeat(2).batch(2), False),
    "zipped": (
        tf.data.Dataset.zip(
            tf.data.Dataset.from_tensor_slices(X),
            tf.data.Dataset.range(6),
        ).batch(2),
        True,
    ),
    "stateless noise": (
        ROWS.map(
            lambda x, y: (x + tf.random.stateless_normal([2], [1, 2]), y)
        ).batch(2),
        True,
    ),
}


@pytest.mark.parametrize("case", PROVED)
def test_what_is_made_of_fixed_rows_is_proved(case):
    data, is_in_order = PROVED[case]

    found = proof(data)

    assert found.reason is None
    assert found.is_in_order == is_in_order


def generated():
    return tf.data.Dataset.from_generator(
        lambda: iter([(X, Y)]), output_signature=ROWS.batch(2).element_spec
    )


def in_python(x, y):
    return tf.numpy_function(lambda a: a, [x], "float32", stateful=False), y


def from_file(x, y):
    return tf.io.read_file("/nowhere") + "", y


def any_order():
    options = tf.data.Options()
    options.deterministic = False
    return ROWS.with_options(options).batch(2)


NOT_PROVED = {
    "a generator": (generated, "may give other rows"),
    "a take after a shuffle": (
        lambda: ROWS.shuffle(6).take(4).batch(2),
        "`take` may pick other rows after `shuffle`",
    ),
    "a take of what is kept after a shuffle": (
        lambda: ROWS.shuffle(6).cache().take(4).batch(2),
        "`take` may pick other rows after `shuffle`",
    ),
    "batches taken apart": (
        lambda: ROWS.shuffle(6).batch(2).unbatch().take(4).batch(2),
        "`Unbatch` may give",
    ),
    "a part after a shuffle": (
        lambda: ROWS.take(2).concatenate(ROWS.shuffle(6).take(2)).batch(2),
        "`take` may pick",
    ),
    "rows zipped with shuffled ones": (
        lambda: tf.data.Dataset.zip(ROWS, ROWS.shuffle(6)).batch(2),
        "`zip` may pick",
    ),
    "a rest that is dropped": (
        lambda: ROWS.shuffle(6).batch(4, drop_remainder=True),
        "`drop_remainder` leaves out other rows",
    ),
    "shuffled batches of batches": (
        lambda: ROWS.shuffle(6).batch(2).batch(2),
        "batched once more",
    ),
    "whole batches shuffled": (
        lambda: ROWS.batch(2).shuffle(3).map(lambda x, y: (x / 2, y)),
        "moves whole batches",
    ),
    "slices that are batches, shuffled": (
        lambda: tf.data.Dataset.from_tensor_slices(
            (X.reshape(3, 2, 2), Y.reshape(3, 2))
        ).shuffle(3),
        "moves whole batches",
    ),
    "a shuffle of few rows": (
        lambda: ROWS.shuffle(5).batch(2),
        "draws from fewer rows",
    ),
    "a map of shuffled batches": (
        lambda: ROWS.shuffle(6).batch(2).map(lambda x, y: (x[::-1], y)),
        "may mix their rows",
    ),
    "a product of shuffled batches": (
        lambda: (
            ROWS.shuffle(6)
            .batch(2)
            .map(lambda x, y: (x * tf.cast(y, "float32"), y))
        ),
        "may mix their rows",
    ),
    "noise": (
        lambda: ROWS.map(lambda x, y: (x + tf.random.normal([2]), y)).batch(2),
        "`RandomStandardNormal`",
    ),
    "noise in an inner function": (
        lambda: ROWS.map(lambda x, y: (with_noise(x), y)).batch(2),
        "`RandomStandardNormal`",
    ),
    "noise in a branch": (
        lambda: ROWS.map(
            lambda x, y: (tf.cond(y > 0, lambda: with_noise(x), lambda: x), y)
        ).batch(2),
        "`RandomStandardNormal`",
    ),
    "Python code": (lambda: ROWS.map(in_python).batch(2), "`PyFuncStateless`"),
    "a file": (lambda: ROWS.map(from_file).batch(2), "`ReadFile`"),
    "a variable": (
        lambda: ROWS.map(lambda x, y: (x * VARIABLE, y)).batch(2),
        "reads a variable or a table",
    ),
    "a table": (
        lambda: ROWS.map(lambda x, y: (x, TABLE.lookup(y))).batch(2),
        "reads a variable or a table",
    ),
    "any order": (any_order, "in any order"),
    "any order of a map": (
        lambda: ROWS.map(
            lambda x, y: (x, y), num_parallel_calls=2, deterministic=False
        ).batch(2),
        "in any order",
    ),
    "a cache in a file": (
        lambda: ROWS.cache("/nowhere/rows").batch(2),
        "in a file",
    ),
    "unlisted": (lambda: ROWS.batch(2).shard(2, 0), "`Shard` may give"),
}


@pytest.mark.parametrize("case", NOT_PROVED)
def test_what_may_give_other_rows_is_not_proved(case):
    make, reason = NOT_PROVED[case]

    assert reason in proof(make()).reason


def test_arrays_are_proved_unless_an_epoch_has_a_part_of_them():
    assert proof(X, Y, batch_size=2).reason is None
    assert proof(X, Y, batch_size=2, steps_per_epoch=3).reason is None
    part = proof(X, Y, batch_size=2, steps_per_epoch=2)
    assert "splits the data set" in part.reason
    assert part.pass_count == 3


def test_a_py_dataset_is_not_proved():
    class Rows(keras.utils.PyDataset):
        def __len__(self):
            return 1

        def __getitem__(self, number):
            return X, Y

    assert "a `PyDataset` may give other rows" in proof(Rows()).reason


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (ROWS.repeat().batch(2), 3),
        (ROWS.batch(4).repeat().prefetch(1), 2),
        (ROWS.shuffle(6).repeat().batch(4), 2),
    ],
    ids=["rows", "batches", "shuffled"],
)
def test_it_is_known_how_long_an_endless_data_set_is(data, count):
    assert proof(data, steps_per_epoch=1).pass_count == count


def test_what_nobody_knows_is_not_proved():
    assert Proof.of(None).reason == "it is not known where they come from"
