import numpy as np
import pytest
import tensorflow as tf

from aet_keras._keras import detached


def order(data):
    return [int(x) for x in data]


def shuffled():
    return tf.data.Dataset.range(9).shuffle(9, seed=1)


@pytest.mark.parametrize(
    "make",
    [
        shuffled,
        lambda: shuffled().shuffle(3, seed=2).prefetch(2),
        lambda: tf.data.Dataset.range(3).flat_map(
            lambda i: tf.data.Dataset.range(3 * i, 3 * i + 3).shuffle(3, seed=1)
        ),
        lambda: (
            tf.data.Dataset.random(seed=1, rerandomize_each_iteration=True)
            .take(9)
            .enumerate()
            .map(lambda i, x: (i + tf.cast(x, tf.int64) % 9) % 9)
            .unique()
            .concatenate(tf.data.Dataset.range(9))
            .unique()
        ),
    ],
    ids=["one shuffle", "two", "inside a function", "random numbers"],
)
def test_a_shuffled_data_set_keeps_its_next_order(make):
    untouched, read = make(), make()
    _ = order(untouched), order(read)

    copied = order(detached.detached(read))

    assert sorted(copied) == list(range(9))
    assert order(read) == order(untouched)


def test_a_data_set_with_functions_and_structure_is_copied():
    rows = {"a": np.arange(4), "b": np.ones((4, 2))}
    factor = tf.Variable(2, dtype=tf.int64)
    data = tf.data.Dataset.from_tensor_slices(rows)
    data = data.map(lambda row: (row["b"], factor * row["a"])).batch(2)

    copied = detached.detached(data)

    assert copied is not data
    assert copied.element_spec == data.element_spec
    assert [list(y.numpy()) for _, y in copied] == [[0, 2], [4, 6]]


def test_a_data_set_that_fills_the_memory_is_not_copied(monkeypatch):
    data = tf.data.Dataset.from_tensor_slices(np.ones(100)).batch(2)
    monkeypatch.setattr(detached, "_MOST_COPIED_BYTES", 799)

    assert detached.detached(data) is data


def test_a_cache_is_filled_in_an_order_of_its_own():
    untouched, read = shuffled().cache(), shuffled().cache()

    first = order(detached.detached(read))
    second = order(detached.detached(read))

    assert first == second == order(untouched) == order(read)


def test_what_cannot_be_copied_is_read_itself(monkeypatch):
    def refuse(**_):
        raise tf.errors.InvalidArgumentError(None, None, "no")

    monkeypatch.setattr(tf.raw_ops, "DatasetToGraphV2", refuse)
    data = shuffled()

    assert detached.detached(data) is data


def test_a_data_set_is_told_from_arrays():
    assert detached.is_dataset(tf.data.Dataset.range(2))
    assert not detached.is_dataset((np.ones(2), np.ones(2)))
