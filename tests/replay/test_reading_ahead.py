"""Are padded rows recorded some batches ahead, and is none lost by it?"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from interrupted_runs import CopySaves
from padded_rows import (
    COUNT,
    PADDING_EVENT,
    WIDTH,
    masked_mean,
    padded_rows,
    train_pooling_model,
)

from aet_keras.callbacks import ElasticCheckpoint


class Labels:
    """A loss that notes which rows it was asked about."""

    def __init__(self):
        self.noted = []

    def __call__(self, labels, scores):
        self.noted += labels.numpy().ravel().astype(int).tolist()
        return keras.ops.mean(scores[:, :1], axis=-1)

    def epochs(self):
        """Returns the rows of each epoch."""
        return np.reshape(self.noted, (-1, COUNT))


def named_rows():
    return padded_rows()[0], np.arange(COUNT)


def dataset(size=8):
    x, y = named_rows()
    pairs = tf.data.Dataset.from_tensor_slices((x, y))
    return pairs.shuffle(COUNT, seed=1).batch(size)


def train_on_data_set(labels, **fit):
    settings = {"batch_size": None, "shuffle": False, "loss": labels}
    return train_pooling_model(masked_mean, **settings, **fit)


def test_each_row_is_trained_once_an_epoch_the_first_one_included():
    labels = Labels()

    _, seen, _ = train_pooling_model(
        masked_mean, data=named_rows(), loss=labels
    )

    # But for the model's making, and the one batch that was tried.
    assert seen.widths.count(WIDTH) == 2
    for epoch in labels.epochs():
        assert sorted(epoch) == list(range(COUNT))


@pytest.mark.parametrize("batch_count", [1, 5])
def test_what_there_is_no_room_for_is_trained_on_all_the_same(batch_count):
    labels = Labels()
    bytes_of_row = WIDTH * 4 * 4 + WIDTH * 4

    _, seen, said = train_pooling_model(
        masked_mean,
        data=named_rows(),
        loss=labels,
        limit=bytes_of_row * 8 * batch_count + COUNT * 8,
        epochs=2,
    )

    assert said[-1].startswith("no cache: ")
    assert seen.widths.count(WIDTH) >= 2 * COUNT // 8
    for epoch in labels.epochs():
        assert sorted(epoch) == list(range(COUNT))


@pytest.mark.tuned
@pytest.mark.parametrize("narrow", [1, 5])
def test_a_batch_of_another_width_is_trained_on_all_the_same(narrow):
    labels = Labels()
    x, y = named_rows()
    starts = range(0, COUNT, 8)
    widths = [16 if start == 8 * narrow else WIDTH for start in starts]

    def batches():
        for start, width in zip(starts, widths, strict=True):
            rows = slice(start, start + 8)
            yield {key: each[rows, :width] for key, each in x.items()}, y[rows]

    spec = {key: tf.TensorSpec((None, None), tf.int32) for key in x}
    data = tf.data.Dataset.from_generator(
        batches, output_signature=(spec, tf.TensorSpec((None,), tf.int32))
    )
    counted = data.apply(tf.data.experimental.assert_cardinality(len(starts)))

    data = counted.shuffle(1), None
    _, _, said = train_on_data_set(labels, data=data, width=None, epochs=2)

    assert said[-1] == "no cache: the rows differ in their shapes"
    for epoch in labels.epochs():
        assert sorted(epoch) == list(range(COUNT))


@pytest.mark.tuned
def test_an_epoch_reads_no_batch_of_the_next_one():
    labels = Labels()

    data = dataset(), None
    train_on_data_set(labels, data=data, steps_per_epoch=4, epochs=3)

    assert sorted(labels.noted) == list(range(COUNT))


@pytest.mark.tuned
def test_a_data_set_that_ends_early_ends_the_epoch():
    labels = Labels()

    data = dataset(), None
    with pytest.warns(UserWarning, match="ran out of data"):
        train_on_data_set(labels, data=data, steps_per_epoch=20, epochs=1)

    assert sorted(labels.noted) == list(range(COUNT))


MOMENTS = [(0, 4), (0, 33), (1, 4)]


def train_and_save(folder, *also):
    saves = ElasticCheckpoint(folder, save_freq=4)
    return train_pooling_model(
        masked_mean, also=[saves, *also], batch_size=2, epochs=2
    )


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Returns weights of a run, what it said, and its saves at `MOMENTS`."""
    folder = tmp_path_factory.mktemp("runs")
    saves = {moment: folder / str(moment) for moment in MOMENTS}
    whole = folder / "whole"
    model, _, said = train_and_save(whole, CopySaves(whole, saves))
    return model.get_weights(), said, saves


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_that_was_killed_ends_as_if_it_had_not(moment, uninterrupted):
    weights, said, saves = uninterrupted

    again, seen, _ = train_and_save(saves[moment])

    assert PADDING_EVENT in said and len(seen.widths) < 3 * COUNT // 2
    for expected, found in zip(weights, again.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
