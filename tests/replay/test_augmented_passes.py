"""Are augmented passes recorded as often as asked, then replayed as such?"""

import itertools

import keras
import pytest
import replay_runs
import tensorflow as tf
from keras import layers

from aet_keras.callbacks import ElasticFreezing

TWO = {"own": {"views": 2}}


def moving(order, size=12):
    """Returns data whose rows are others in each pass: moved by a number."""
    x, y = replay_runs.noise_rows()

    def make():
        left = iter(order)

        def generate():
            moved = x + next(left)
            for start in range(0, len(x), size):
                yield moved[start : start + size], y[start : start + size]

        signature = (
            tf.TensorSpec((None, 8), tf.float32),
            tf.TensorSpec((None,), tf.int32),
        )
        found = tf.data.Dataset.from_generator(
            generate, output_signature=signature
        )
        count = -(-len(x) // size)
        return found.apply(tf.data.experimental.assert_cardinality(count))

    return make


class Noise(layers.GaussianNoise):
    """Counts how often it is called for training."""

    calls = 0

    def call(self, x, training=False):
        Noise.calls += bool(training)
        return super().call(x, training=training)


def exact():
    """Returns a model whose head does not care for the order of rows."""
    return replay_runs.build_model(head=(layers.Identity(),))


@pytest.fixture(autouse=True)
def count_anew():
    Noise.calls = 0


def test_the_recorded_passes_are_replayed_in_turn():
    passes = moving([0, 1, 0, 1, 0])
    plain = replay_runs.run(exact, passes, cache=None, epochs=5)

    again = replay_runs.run(exact, moving(itertools.count()), epochs=5, **TWO)

    replay_runs.check_equal(plain, again)
    assert again.cached == [3, 3, 2, 2, 1]


def test_a_view_is_shuffled_and_whole():
    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(int(self.model.optimizer.iterations.numpy()))

    data = moving(itertools.count(), size=5)
    again = replay_runs.run(data=data, epochs=4, also=[Look], **TWO)

    assert again.cached == [3, 3, 2, 2]
    assert seen == list(range(1, 13))  # four epochs of three batches


def test_random_layers_in_the_prefix_draw_once_a_view():
    def make():
        return replay_runs.build_model(replay_runs.build_backbone(Noise(0.1)))

    again = replay_runs.run(make, epochs=5, **TWO)

    assert again.cached == [3, 3, 2, 2, 1]
    assert Noise.calls == 4  # two epochs of two batches


def test_random_layers_of_the_head_draw_in_every_step():
    def make():
        return replay_runs.build_model(head=(Noise(0.1),))

    again = replay_runs.run(make, epochs=3, **TWO)

    assert again.cached == [3, 3, 2]
    assert Noise.calls == 6


def test_a_thaw_that_needs_other_features_records_its_views_anew():
    # Room for either of two features of 24 rows beside the targets, not both.
    own = {"views": 2, "cache_limit_bytes": 24 * 6 * 4 + 24 * 4}
    plain = replay_runs.run(exact, moving([0, 1, 2, 3]), cache=None, epochs=4)

    again = replay_runs.run(exact, moving(itertools.count()), epochs=4, own=own)

    replay_runs.check_equal(plain, again)
    assert again.said == [
        "records view 1 of 2 of what a to c put out",
        "records view 2 of 2 of what a to c put out",
        "records view 1 of 2 of what a to b put out",
        "records view 2 of 2 of what a to b put out",
    ]


def test_fewer_than_one_view_is_refused():
    with pytest.raises(ValueError, match=r"views.*Received: views=0"):
        ElasticFreezing(views=0)
