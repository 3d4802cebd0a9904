"""Are padded rows replayed without padding, where that changes nothing?"""

import keras
import numpy as np
import pytest
from padded_rows import (
    COUNT,
    PADDING_EVENT,
    WIDTH,
    masked_mean,
    padded_rows,
    pooling_model,
    row_lengths,
    train_pooling_model,
)

from aet_keras import replay
from aet_keras.replay.padding import MaskLengths, Padding, find_padding


def columns(*arrays):
    """Returns the columns of a record that holds these arrays."""
    record = replay.FeatureCache("memory").new_record(
        arrays, feature_count=len(arrays), exact=range(len(arrays))
    )
    digests = [str(row).encode() for row in range(len(arrays[0]))]
    record.append(digests, arrays)
    return record.columns


def find(*arrays, is_raw):
    masks = [MaskLengths() if raw else None for raw in is_raw]
    return find_padding(columns(*arrays), masks)


def test_a_mask_says_how_wide_rows_are_and_what_is_padded():
    x, _ = padded_rows()
    features = np.ones((COUNT, WIDTH, 4), "float32")
    others = np.ones((COUNT, 5), "float32")

    found = find(
        features, others, x["padding_mask"], is_raw=[False, False, True]
    )

    np.testing.assert_array_equal(found.widths, row_lengths())
    assert found.padded == {0, 2}


def test_no_row_is_cut_narrower_than_those_that_are_tried():
    lengths = np.full(COUNT, 20)
    lengths[:3] = 5  # fewer than are tried
    mask = (np.arange(WIDTH) < lengths[:, None]).astype("int32")

    found = find(mask, is_raw=[True])

    assert set(found.widths) == {20}


def test_of_two_texts_in_a_row_the_longer_one_counts():
    first = padded_rows()[0]["padding_mask"]
    second = first[::-1].copy()

    found = find(first, second, is_raw=[True, True])

    longer = np.maximum(row_lengths(), row_lengths()[::-1])
    longer = np.maximum(longer, 8)  # as wide as those that are tried
    np.testing.assert_array_equal(found.widths, longer)


def test_a_mask_is_followed_while_the_record_grows():
    mask = padded_rows()[0]["padding_mask"]
    (column,) = columns(mask[:70])
    followed = MaskLengths()

    followed.of(column)
    column.all()[:] = 9  # rows that were looked at are not looked at again
    column.append(mask[70:])

    np.testing.assert_array_equal(followed.of(column), row_lengths())
    column.append(mask[:1, ::-1].copy())
    assert followed.of(column) is None


def little_padded():
    return (np.arange(WIDTH) < 30 + 0 * row_lengths()[:, None]).astype("int32")


@pytest.mark.parametrize(
    ("mask", "is_raw"),
    [
        (padded_rows()[0]["padding_mask"], False),
        (padded_rows(start=1)[0]["padding_mask"], True),
        (padded_rows()[0]["padding_mask"].astype("float32"), True),
        (2 * padded_rows()[0]["padding_mask"], True),
        (little_padded(), True),
        (padded_rows()[0]["padding_mask"][:, 0], True),
    ],
    ids=["learned", "in front", "floats", "twos", "little", "one axis"],
)
def test_what_is_no_mask_is_not_taken_for_one(mask, is_raw):
    assert find(mask, is_raw=[is_raw]) is None


def batches(seed, count=COUNT, left_out=1):
    """Returns rows in some order, and the batches they come in."""
    padding = Padding(8 + 8 * (np.arange(count) % 4), frozenset({0}))
    random = np.random.default_rng(seed)
    order = random.permutation(count)[left_out:]
    sizes = [4] * (len(order) // 4) + [len(order) % 4]
    return padding, order, padding.batch(order, sizes, random)


def test_batches_have_rows_of_like_width_and_each_row_once():
    padding, order, found = batches(0)

    assert sorted(np.concatenate(found)) == sorted(order)
    assert sorted(map(len, found)) == [3] + 23 * [4]
    widths = [padding.widths[batch] for batch in found]
    assert np.mean([np.ptp(each) == 0 for each in widths]) > 0.4
    widest = [each.max() for each in widths]
    assert widest != sorted(widest)  # not from the short to the long


def test_each_epoch_has_other_batches_and_another_one_is_the_smaller():
    epochs = [batches(seed)[2] for seed in range(12)]

    sets = [{tuple(sorted(batch)) for batch in each} for each in epochs]
    assert len(sets[0] & sets[1]) <= 2
    padding = batches(0)[0]
    small = [min(each, key=len) for each in epochs]
    assert len({int(padding.widths[batch].max()) for batch in small}) > 1


def test_rows_that_no_batch_has_room_for_are_left_out_at_random():
    padding = Padding(8 + 8 * (np.arange(20) % 4), frozenset({0}))
    missed = set()
    for seed in range(30):
        random = np.random.default_rng(seed)
        found = padding.batch(random.permutation(20), [8, 8], random)
        missed |= set(range(20)) - set(np.concatenate(found))

    assert len(missed) > 15  # and not the widest ones alone


def test_rows_are_cut_after_the_widest_of_them():
    padding = Padding(np.array([8, 24, 16]), frozenset({1}))
    whole, padded = np.ones((2, 32)), np.ones((2, 32, 4))

    found = padding.trim([0, 2], [whole, padded])

    assert [each.shape for each in found] == [(2, 32), (2, 16, 4)]


def plain_mean(x, mask):
    return keras.layers.GlobalAveragePooling1D()(x)


def by_position(x, mask):
    hidden = keras.ops.where(mask[..., None] > 0, x, 0.0)
    return keras.layers.Flatten()(hidden)


class Gain(keras.layers.Layer):
    """Adds the plain mean with a weight that is zero at the start."""

    def build(self, shape):
        self.gain = self.add_weight(shape=(), initializer="zeros")

    def call(self, x):
        mean = keras.ops.mean(x, axis=1, keepdims=True)
        return x + self.gain * mean


def with_a_gain(x, mask):
    return masked_mean(Gain()(x), mask)


def with_a_loss(x, mask):
    return masked_mean(keras.layers.ActivityRegularization(l2=0.1)(x), mask)


def normalized(x, mask):
    return masked_mean(keras.layers.BatchNormalization()(x), mask)


def test_replayed_batches_are_as_wide_as_their_longest_row():
    _, seen, said = train_pooling_model(masked_mean)

    assert said.count(PADDING_EVENT) == 1
    trained = [width for width in seen.widths if width != WIDTH]
    assert len(trained) >= 3 * COUNT // 8  # and one was tried as it is
    assert set(trained) <= set(row_lengths()) and np.mean(trained) < 16


@pytest.mark.parametrize(
    "pool",
    [plain_mean, by_position, with_a_gain, with_a_loss, normalized],
    ids=lambda pool: pool.__name__,
)
def test_where_padding_makes_a_difference_it_stays(pool):
    _, seen, said = train_pooling_model(pool, epochs=2)

    assert PADDING_EVENT not in said
    # But for the one batch that was tried.
    assert sum(width != WIDTH for width in seen.widths) <= 1


def test_rows_in_their_own_order_stay_as_they_are():
    _, seen, said = train_pooling_model(masked_mean, shuffle=False, epochs=2)

    assert PADDING_EVENT not in said and set(seen.widths) == {WIDTH}


def test_without_padding_a_step_does_the_same():
    # Two trimmed steps: sums over other widths drift apart at such a rate.
    fit = {"batch_size": COUNT, "rate": 20.0, "epochs": 2}
    plain, _, _ = train_pooling_model(masked_mean, cache=None, **fit)

    trimmed, seen, said = train_pooling_model(
        masked_mean, run_eagerly=False, **fit
    )

    assert PADDING_EVENT in said and None in seen.widths  # traced for any width
    for expected, found in zip(plain.weights, trimmed.weights, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    start, _ = pooling_model(masked_mean)
    moved = start.get_weights()[1] - trimmed.get_weights()[1]
    assert np.abs(moved).max() > 0.05
