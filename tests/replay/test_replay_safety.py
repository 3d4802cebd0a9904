"""What makes the cache turn itself off, with its reason, and no harm done?"""

import keras
import numpy as np
import pytest
import replay_runs
import tensorflow as tf
from keras import layers, ops
from replay_runs import build_backbone, build_model

VALIDATION = {"validation_data": replay_runs.batches()}


def of_other_lengths():
    def generate():
        x, y = replay_runs.noise_rows()
        yield x[:8].reshape(8, 4, 2), y[:8]
        yield x[8:, :4].reshape(4, 2, 2), y[8:]

    signature = (
        tf.TensorSpec((None, None, 2), tf.float32),
        tf.TensorSpec((None,), tf.int32),
    )
    pairs = tf.data.Dataset.from_generator(generate, output_signature=signature)
    return pairs.apply(tf.data.experimental.assert_cardinality(2))


def of_sequences(*head):
    x = inputs = keras.Input((None, 2))
    for name in "abc":
        x = layers.Dense(5, "tanh", name=name)(x)
    for layer in head or [layers.GlobalAveragePooling1D()]:
        x = layer(x)
    made = keras.Model(inputs, layers.Dense(3, "softmax")(x))
    made.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    return made


def masked():
    x, y = replay_runs.noise_rows()
    return x.reshape(-1, 4, 2), y


def test_a_record_that_float16_held_at_first_is_replayed():
    x, y = replay_runs.noise_rows()
    rows = x * np.where(np.arange(len(x)) < 8, 1, 1e7)[:, None], y
    inputs = keras.Input((8,))
    wide = layers.Dense(6, name="a")(inputs)  # above 65504 in the last batch
    model = keras.Model(inputs, layers.Dense(3, "softmax")(wide))
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    callback = replay_runs.elastic_freezing(
        groups=[["a"]], cache_dtype="float16"
    )

    model.fit(
        *rows, batch_size=8, epochs=2, shuffle=False, verbose=0,
        callbacks=[callback],
    )  # fmt: skip

    assert [said for _, said in callback.cache_events] == [
        "records what a put out"
    ]


class OwnStep(keras.Model):
    def train_step(self, data):
        return super().train_step(data)


class OwnLoss(keras.Model):
    def compute_loss(self, *args, **settings):
        return 2 * super().compute_loss(*args, **settings)


class OwnCall(keras.Model):
    def call(self, *args, **settings):
        return super().call(*args, **settings) ** 1.1


class OwnBraces(keras.Model):
    def __call__(self, *args, **settings):
        return super().__call__(*args, **settings) ** 1.1


class Queue(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, number):
        place = slice(8 * number, 8 * number + 8)
        return tuple(each[place] for each in replay_runs.noise_rows())


class Counting(layers.Layer):
    def build(self, shape):
        self.count = self.add_weight(initializer="zeros", trainable=False)

    def call(self, x):
        self.count.assign_add(1.0)
        return x * ops.convert_to_tensor(self.count)


def minus_mean(_, x):
    return x - ops.mean(x, axis=0, keepdims=True)


def with_loss(layer, x):
    layer.add_loss(ops.mean(x**2))
    return x


def with_nan(rows):
    x, y = replay_runs.noise_rows()
    x[rows] = np.nan
    return x, y


def within(function):
    return lambda: build_model(
        build_backbone(replay_runs.CallFunction(function, name="own"))
    )


OFF = {
    "rows of other shapes": (
        {"make": of_sequences, "data": of_other_lengths},
        [0, 0],
        "the rows differ in their shapes",
    ),
    "a loss in the prefix": (
        {"make": within(with_loss)} | VALIDATION,
        [0, 0],
        "below the boundary `own` adds a loss",
    ),
    "rows that are mixed": (
        {"make": within(minus_mean), "data": replay_runs.shuffled_batches},
        [3, 0],
        "mixes the rows of a batch",
    ),
    "features that are no numbers": (
        {"data": lambda: with_nan(slice(None))},
        [3, 0],
        "is NaN or infinite: look for NaN in the data and the weights",
    ),
    "weights that the prefix writes": (
        {"make": lambda: build_model(build_backbone(Counting())), "epochs": 4}
        | VALIDATION,
        [3, 3, 0, 0],
        "frozen weights are written in every epoch",
    ),
    "a mask that crosses": (
        {
            "make": lambda: of_sequences(layers.Masking(), layers.LSTM(3)),
            "data": masked,
        },
        [0, 0],
        "has a mask, or is not a dense tensor",
    ),
    "no room": (
        {"own": {"cache_limit_bytes": 100}},
        [0, 0],
        "no cache: no room for",
    ),
}


@pytest.mark.parametrize("case", OFF)
def test_the_cache_turns_itself_off_with_its_reason(case):
    settings, cached, reason = OFF[case]

    plain, again = replay_runs.run_both(**{"epochs": 2} | settings)

    replay_runs.check_equal(plain, again)
    assert again.cached == cached
    assert reason in again.why


class Fill(layers.Layer):
    """Puts what it learns in the place of NaN."""

    def build(self, shape):
        self.value = self.add_weight(shape=shape[1:])

    def call(self, x):
        return ops.where(ops.isnan(x), self.value, x)


def test_rows_with_nan_that_a_layer_above_replaces_are_replayed():
    plain, again = replay_runs.run_both(
        lambda: build_model(head=[Fill()]), lambda: with_nan([0, 5]), epochs=2
    )

    assert np.isfinite(plain.logs["loss"]).all()
    replay_runs.check_equal(plain, again)
    assert again.cached == [3, 3]


# Endless data sets, and rows that never come again: test_row_lookup.py.
LOOKED_UP = {
    "part of the arrays": (
        {"data": lambda: replay_runs.noise_rows(32), "steps_per_epoch": 2},
        [3, 3],
        "`steps_per_epoch` or `validation_steps` splits the data set",
    ),
    "workers": (
        {"data": lambda: Queue(workers=2)},
        [3, 3],
        "a `PyDataset` may give other rows",
    ),
}


@pytest.mark.parametrize("case", LOOKED_UP)
def test_rows_are_looked_up_with_the_reason(case):
    settings, cached, reason = LOOKED_UP[case]

    plain, again = replay_runs.run_both(**{"epochs": 2} | settings)

    replay_runs.check_equal(plain, again, rtol=1e-5)
    assert again.cached == cached
    assert reason in again.why


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (OwnStep, "train_step"),
        (OwnLoss, "compute_loss"),
        (OwnCall, "call"),
        (OwnBraces, "__call__"),
    ],
)
def test_steps_of_the_models_own_are_not_passed_by(kind, name):
    own = {"solve_head": True}
    again = replay_runs.run(lambda: build_model(of=kind), own=own, epochs=2)

    reason = f"the model has its own `{name}`, which replay would pass by"
    assert again.said == [f"no cache: {reason}"]
    assert again.cached == [0, 0]


def test_noise_below_all_groups_leaves_nothing_to_cache():
    noise = layers.GaussianNoise(1.0, name="noise")

    again = replay_runs.run(
        lambda: build_model(build_backbone(below=[noise])), epochs=2
    )

    assert again.cached == [0, 0]
    assert again.said == [
        "caches nothing: `noise` is random, trains, or adds to the loss or "
        "the logs"
    ]


def test_features_drawn_at_random_are_noticed_on_the_first_batch():
    def draw(_, x):
        return x + tf.random.normal(tf.shape(x))

    again = replay_runs.run(within(draw), epochs=2)

    assert again.cached == [3, 0]
    assert "one of them draws at random" in again.why


def test_draws_with_a_seed_are_noticed_before_anything_is_recorded():
    def draw(_, x):
        return x + tf.random.normal(tf.shape(x), seed=1)

    base = build_backbone(replay_runs.CallFunction(draw, name="own"))

    again = replay_runs.run(lambda: replay_runs.compiled_model(base), epochs=2)

    assert again.cached == [0, 0]
    assert "below the boundary a layer draws at random" in again.why


def test_a_strategy_that_is_not_mirrored_turns_the_cache_off():
    def make():
        with tf.distribute.OneDeviceStrategy("CPU:0").scope():
            return build_model()

    again = replay_runs.run(make, epochs=1)

    assert again.said == [
        "no cache: the model is distributed by a `OneDeviceStrategy`"
    ]


def test_a_subclassed_model_has_no_cache():
    class Hidden(keras.Model):
        def __init__(self):
            super().__init__()
            self.old = build_backbone()
            self.scores = layers.Dense(3, "softmax")

        def call(self, x):
            return self.scores(self.old(x))

    def make():
        made = Hidden()
        made(replay_runs.noise_rows(1)[0])
        made.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
        return made

    again = replay_runs.run(make, epochs=1)

    assert again.said == ["no cache: Hidden is subclassed and hides its graph"]
