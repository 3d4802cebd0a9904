"""Is a classifier of KerasHub replayed, whose `__call__` is its own?"""

import keras
import numpy as np
import pytest
import replay_runs
import tensorflow as tf

hub = pytest.importorskip("keras_hub")


def tokens(count=12, length=4):
    random = np.random.default_rng(0)
    x = {
        "token_ids": random.integers(0, 20, (count, length)),
        "padding_mask": random.integers(0, 2, (count, length)),
        "segment_ids": np.zeros((count, length), "int32"),
    }
    return x, np.arange(count) % 3


def batches():
    return tf.data.Dataset.from_tensor_slices(tokens()).batch(8)


def classifier(kind=hub.models.BertTextClassifier):
    encoder = hub.models.BertBackbone(
        vocabulary_size=20,
        num_layers=2,
        num_heads=1,
        hidden_dim=4,
        intermediate_dim=4,
        dropout=0.0,
        max_sequence_length=32,
    )
    made = kind(encoder, 3, preprocessor=None, dropout=0.2)
    made.compile(
        "adam",
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    return made


class Loud(hub.models.BertTextClassifier):
    def __call__(self, *args, **settings):
        return 2 * super().__call__(*args, **settings)


OWN = {"groups": None}  # found by themselves


def test_a_classifier_ends_like_a_plain_one():
    plain, again = replay_runs.run_both(
        classifier, batches, own=OWN, shuffle=None, validation_data=batches()
    )

    replay_runs.check_equal(plain, again)
    assert again.cached == [3, 3, 2]


def test_a_call_over_that_of_keras_hub_turns_the_cache_off():
    again = replay_runs.run(
        lambda: classifier(Loud), batches, own=OWN, shuffle=None, epochs=1
    )

    assert again.said == [
        "no cache: the model has its own `__call__`, which replay would pass by"
    ]


def padded():
    """Returns shuffled texts of one to sixteen words."""
    x, y = tokens(24, 32)
    lengths = 1 + np.arange(24) % 16
    x["padding_mask"] = (np.arange(32) < lengths[:, None]).astype("int32")
    rows = tf.data.Dataset.from_tensor_slices((x, y))
    return rows.shuffle(24, seed=1).batch(4)


def test_padded_texts_are_replayed_without_their_padding():
    again = replay_runs.run(classifier, padded, own=OWN, shuffle=None)

    said = "replays rows of like length together, without their padding"
    assert said in again.said
    assert np.isfinite(again.logs["loss"]).all()
