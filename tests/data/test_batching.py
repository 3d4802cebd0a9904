import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras.data import Split, build_augmentation, make_batches
from aet_keras.data.image_storage import allocate


def numbered(count=10, limit_bytes=10**6):
    """Returns a split whose row i is filled with i, labelled i."""
    inputs = allocate((count, 4, 4, 3), limit_bytes=limit_bytes)
    inputs[:] = np.arange(count)[:, None, None, None]
    names = tuple(map(str, range(count)))
    return Split(inputs, np.arange(count, dtype="int32"), names)


def epoch(dataset):
    return np.concatenate([labels for _, labels in dataset])


@pytest.mark.parametrize("limit_bytes", [10**6, 10], ids=["memory", "disk"])
def test_rows_keep_their_labels_and_their_type(limit_bytes):
    split = numbered(limit_bytes=limit_bytes)

    dataset = make_batches(split, batch_size=4, shuffle_seed=0)

    for inputs, labels in dataset:
        assert inputs.dtype == tf.uint8 and labels.dtype == tf.int32
        np.testing.assert_array_equal(inputs[:, 0, 0, 0], labels)


def test_shapes_and_the_number_of_batches_are_known():
    dataset = make_batches(numbered(), batch_size=4)

    assert len(dataset) == 3
    assert dataset.element_spec[0].shape.as_list() == [None, 4, 4, 3]


def test_without_a_seed_the_order_is_the_order_of_the_split():
    assert epoch(make_batches(numbered(), batch_size=4)).tolist() == list(
        range(10)
    )


def test_each_epoch_has_all_rows_in_another_order():
    dataset = make_batches(numbered(), batch_size=4, shuffle_seed=0)

    first, second = epoch(dataset), epoch(dataset)

    assert sorted(first) == sorted(second) == list(range(10))
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize("name", ["none", "light"])
def test_two_runs_of_one_seed_see_the_same(name):
    def run():
        keras.utils.set_random_seed(0)
        augment = build_augmentation(name, image_size=(4, 4), seed=3)
        dataset = make_batches(
            numbered(), batch_size=4, shuffle_seed=3, augment=augment
        )
        return [np.asarray(inputs) for _ in range(2) for inputs, _ in dataset]

    for one, other in zip(run(), run(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_drawn_depends_on_the_epoch_and_the_batch_alone():
    def images(is_read):
        keras.utils.set_random_seed(0)
        augment = build_augmentation("light", image_size=(4, 4), seed=3)
        dataset = make_batches(numbered(), batch_size=4, augment=augment)
        begun = iter(dataset)  # of the first epoch
        first = [np.asarray(x) for x, _ in begun] if is_read else []
        augment(np.zeros((4, 4, 4, 3), "float32"), training=True)
        return first, [np.asarray(x) for x, _ in dataset]

    (first, second), (_, alone) = images(True), images(False)

    for one, other, before in zip(second, alone, first, strict=True):
        np.testing.assert_array_equal(one, other)
        assert np.any(one != before)
    assert np.any(first[0] - first[0][0] != first[1] - first[1][0])


def test_augmented_rows_are_float32_of_0_to_255():
    augment = build_augmentation("light", image_size=(4, 4), seed=0)

    inputs, _ = next(
        iter(make_batches(numbered(), batch_size=4, augment=augment))
    )

    assert inputs.dtype == tf.float32
    assert inputs.shape == (4, 4, 4, 3)


def test_a_model_learns_from_batches():
    dataset = make_batches(numbered(), batch_size=4, shuffle_seed=0)
    model = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)

    history = model.fit(dataset, epochs=2, shuffle=False, verbose=0)

    assert len(history.history["loss"]) == 2


def test_a_batch_size_of_0_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        make_batches(numbered(), batch_size=0)
