"""Are padded rows replayed without padding, where that changes nothing?"""

import keras
import numpy as np
import pytest

from aet_keras import backbones
from aet_keras.callbacks import ElasticFreezing
from aet_keras.engine._padding import Padding, find_padding
from aet_keras.policies import ThawOnSchedule

COUNT, WIDTH = 96, 12
SAID = "replays rows of like length together, without their padding"


def lengths(most=8):
    return np.random.default_rng(0).integers(1, most + 1, COUNT)


def rows(most=8, start=0):
    """Returns padded rows of words, and labels; the padding is no zero."""
    random = np.random.default_rng(1)
    words = random.integers(0, 20, (COUNT, WIDTH)).astype("int32")
    place = np.arange(WIDTH)
    mask = (place >= start) & (place < start + lengths(most)[:, None])
    x = {"token_ids": words, "padding_mask": mask.astype("int32")}
    return x, (np.arange(COUNT) % 3).astype("int32")


def columns(*arrays):
    """Returns the columns of a record that holds these arrays."""
    record = backbones.FeatureCache("memory").new_record(
        arrays, feature_count=len(arrays), exact=range(len(arrays))
    )
    digests = [str(row).encode() for row in range(len(arrays[0]))]
    record.append(digests, arrays)
    return record.columns


def test_a_mask_says_how_long_rows_are_and_what_is_padded():
    x, _ = rows()
    features = np.ones((COUNT, WIDTH, 4), "float32")
    others = np.ones((COUNT, 5), "float32")

    found = find_padding(
        columns(features, others, x["padding_mask"]), [False, False, True]
    )

    np.testing.assert_array_equal(found.lengths, lengths())
    assert found.padded == {0, 2}


def none_padded():
    return (np.arange(WIDTH) < 11 + 0 * lengths()[:, None]).astype("int32")


@pytest.mark.parametrize(
    ("mask", "is_raw"),
    [
        (rows()[0]["padding_mask"], False),
        (rows(start=1)[0]["padding_mask"], True),
        (rows()[0]["padding_mask"].astype("float32"), True),
        (2 * rows()[0]["padding_mask"], True),
        (none_padded(), True),
        (rows()[0]["padding_mask"][:, 0], True),
    ],
    ids=["learned", "in front", "floats", "twos", "little", "one axis"],
)
def test_what_is_no_mask_is_not_taken_for_one(mask, is_raw):
    assert find_padding(columns(mask), [is_raw]) is None


def test_batches_have_rows_of_like_length_and_each_row_once():
    padding = Padding(lengths(), frozenset({0}))
    sizes = [8] * 11 + [7]

    def batches(seed):
        random = np.random.default_rng(seed)
        order = random.permutation(COUNT)[:-1]
        return order, padding.batch(order, sizes, random)

    order, found = batches(0)
    _, other = batches(1)

    assert sorted(np.concatenate(found)) == sorted(order)
    assert sorted(map(len, found)) == sorted(sizes)
    spreads = [np.ptp(padding.lengths[batch]) for batch in found]
    assert max(spreads) <= 2 and np.ptp(lengths()) == 7
    longest = [padding.lengths[batch].max() for batch in found]
    assert longest != sorted(longest)  # not from the short to the long
    assert {tuple(sorted(b)) for b in found} != {
        tuple(sorted(b)) for b in other
    }


def test_rows_are_cut_after_the_longest_of_them():
    padding = Padding(np.array([2, 5, 3]), frozenset({1}))
    whole, padded = np.ones((2, 9)), np.ones((2, 9, 4))

    found = padding.trim([0, 2], [whole, padded])

    assert [each.shape for each in found] == [(2, 9), (2, 3, 4)]


class Seen(keras.layers.Layer):
    """Notes how many positions it was given."""

    def __init__(self):
        super().__init__(name="seen")
        self.widths = []

    def call(self, x):
        self.widths.append(x.shape[1])
        return x


def masked_mean(x, mask):
    return keras.layers.GlobalAveragePooling1D()(x, mask=mask)


def plain_mean(x, mask):
    return keras.layers.GlobalAveragePooling1D()(x)


def by_position(x, mask):
    hidden = keras.ops.where(mask[..., None] > 0, x, 0.0)
    return keras.layers.Flatten()(hidden)


def model(pool, run_eagerly=True):
    """Returns a compiled model that pools words, and what its middle saw."""
    keras.utils.set_random_seed(0)
    tokens, mask = (
        keras.Input((WIDTH,), dtype="int32", name=name)
        for name in ("token_ids", "padding_mask")
    )
    x = keras.layers.Embedding(20, 4, name="a")(tokens)
    seen = Seen()
    x = seen(keras.layers.Dense(4, "tanh", name="b")(x))
    x = keras.layers.Dense(3, "softmax", name="scores")(pool(x, mask))
    made = keras.Model({"token_ids": tokens, "padding_mask": mask}, x)
    made.compile(
        keras.optimizers.SGD(20.0),
        "sparse_categorical_crossentropy",
        run_eagerly=run_eagerly,
    )
    return made, seen


def train(pool, *, cache="memory", data=None, run_eagerly=True, **fit):
    """Trains for three epochs, `b` and the head from the second on."""
    made, seen = model(pool, run_eagerly)
    freezing = ElasticFreezing(
        ThawOnSchedule(first_epoch=0, every_epochs=99, rate_ratio=1.0),
        groups=(["a"], ["b", "seen"]),
        cache=cache,
        cache_dtype="float32",
        warmup_steps=0,
    )
    x, y = rows() if data is None else data
    made.fit(
        x, y, epochs=3, verbose=0, callbacks=[freezing],
        **{"batch_size": 8, **fit},
    )  # fmt: skip
    said = [sentence for _, sentence in freezing.cache_events]
    return made, seen, said


def test_replayed_batches_are_as_wide_as_their_longest_row():
    _, seen, said = train(masked_mean)

    assert said.count(SAID) == 1
    replayed = seen.widths[COUNT // 8 :]
    trained = [width for width in replayed if width != WIDTH]
    assert len(trained) >= 2 * COUNT // 8  # and one was tried as it is
    assert max(trained) == 8 and np.mean(trained) < 6


@pytest.mark.parametrize("pool", [plain_mean, by_position])
def test_where_padding_makes_a_difference_it_stays(pool):
    _, seen, said = train(pool)

    assert SAID not in said
    # But for the one batch that was tried.
    assert sum(width != WIDTH for width in seen.widths) <= 1


def test_rows_in_their_own_order_stay_as_they_are():
    _, seen, said = train(masked_mean, shuffle=False)

    assert SAID not in said and set(seen.widths) == {WIDTH}


def test_without_padding_a_step_does_the_same():
    plain, _, _ = train(masked_mean, cache=None, batch_size=COUNT)

    trimmed, seen, said = train(
        masked_mean, batch_size=COUNT, run_eagerly=False
    )

    assert SAID in said and None in seen.widths  # traced for any width
    for expected, found in zip(plain.weights, trimmed.weights, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    start, _ = model(masked_mean)
    moved = start.get_weights()[1] - trimmed.get_weights()[1]
    assert np.abs(moved).max() > 0.05
