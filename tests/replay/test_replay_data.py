"""Whatever rows come in: a replayed run ends like a plain one."""

import keras
import numpy as np
import pytest
import replay_runs
import tensorflow as tf
from keras import layers

pytestmark = pytest.mark.tuned  # whatever is read, as users read it

VALIDATION = {"validation_data": replay_runs.noise_rows()}
BATCHES = {"validation_data": replay_runs.batches()}
SIGNATURE = (
    tf.TensorSpec((None, 8), tf.float32),
    tf.TensorSpec((None,), tf.int32),
)


def generated():
    """Returns batches whose number is not known."""

    def generate():
        x, y = replay_runs.noise_rows()
        for start in range(0, len(x), 8):
            yield x[start : start + 8], y[start : start + 8]

    return tf.data.Dataset.from_generator(generate, output_signature=SIGNATURE)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, number):
        place = slice(8 * number, 8 * number + 8)
        return tuple(each[place] for each in replay_runs.noise_rows())


def in_threes():
    return replay_runs.compiled_model(steps_per_execution=3)


CASES = {  # settings that do not touch each other share a run
    "sample weights": (
        {
            "data": replay_runs.noise_rows,
            "sample_weight": np.linspace(0, 2, 12),
            "validation_data": (
                *replay_runs.noise_rows(),
                np.linspace(1, 0, 12),
            ),
        },
        [3, 3, 2],
    ),
    "three steps at once": (
        {
            "make": in_threes,
            "data": lambda: replay_runs.noise_rows(30),
        }
        | VALIDATION,
        [3, 3, 2],
    ),
    "class weights, every second validation, a later start, two thaws": (
        {
            "class_weight": {0: 1.0, 1: 2.0, 2: 0.5},
            "validation_freq": 2,
            "initial_epoch": 1,
            "epochs": 5,
        }
        | BATCHES,
        [3, 2, 2, 1],
    ),
    "a split": (
        {"data": replay_runs.noise_rows, "validation_split": 0.3},
        [3, 3, 2],
    ),
    "one epoch of steps, validation steps": (
        {"steps_per_epoch": 2, "validation_steps": 1} | BATCHES,
        [3, 3, 2],
    ),
    "a PyDataset": (
        {"data": Batches, "shuffle": False, "validation_data": Batches()},
        [3, 3, 2],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_replayed_run_ends_like_a_plain_one(case):
    settings, cached = CASES[case]

    plain, again = replay_runs.run_both(**settings)

    replay_runs.check_equal(plain, again)
    assert plain.cached == [0] * len(cached)
    assert again.cached == cached


@pytest.mark.filterwarnings(replay_runs.RAN_OUT)
def test_batches_whose_number_is_not_known_are_replayed():
    plain, again = replay_runs.run_both(
        data=generated, validation_data=generated()
    )

    replay_runs.check_equal(plain, again)
    assert again.cached == [3, 3, 2]


def by_number():
    pixels, number = keras.Input((8,)), keras.Input(())
    user = layers.Embedding(5000, 4)(layers.Reshape((1,))(number))
    x = [replay_runs.build_backbone()(pixels), layers.Flatten()(user)]
    x = layers.Concatenate()(x)
    model = keras.Model([pixels, number], layers.Dense(3, "softmax")(x))
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    return model


def test_numbers_that_pass_by_as_floats_are_not_rounded():
    x, y = replay_runs.noise_rows()
    numbers = 2.0 * np.arange(12, dtype="float32") + 2901  # odd: no float16
    data = tf.data.Dataset.from_tensor_slices(((x, numbers), y)).batch(8)
    keras.utils.set_random_seed(0)
    start = max(by_number().get_weights(), key=np.size)

    own = {"cache_dtype": "float16"}
    again = replay_runs.run(by_number, lambda: data, own=own)

    moved = (max(again.weights, key=np.size) != start).any(axis=1)
    assert again.cached == [3, 3, 2]
    np.testing.assert_array_equal(np.flatnonzero(moved), numbers)


def numbers_of(data, **settings):
    """Returns the targets that a replayed run saw, in order."""
    seen = []

    def note(y, scores):
        seen.extend(tf.reshape(y, [-1]).numpy().tolist())
        return tf.reduce_mean(scores**2, axis=-1)

    def make():
        inputs = [
            keras.Input((8,)),
            replay_runs.build_backbone(),
            layers.Dense(4),
        ]
        model = keras.Sequential(inputs)
        model.compile("sgd", note, run_eagerly=True)
        return model

    again = replay_runs.run(make, lambda: data, **settings)
    assert 0 not in again.cached
    return seen


def shuffled_numbers(count, size, **settings):
    x, _ = replay_runs.noise_rows(count)
    pairs = tf.data.Dataset.from_tensor_slices((x, np.arange(count)))
    return pairs.shuffle(count, seed=1).batch(size, **settings)


def test_each_row_is_replayed_once_an_epoch_in_another_order():
    seen = numbers_of(shuffled_numbers(36, 8))

    epochs = [seen[:36], seen[36:72], seen[72:]]
    assert [sorted(epoch) for epoch in epochs] == [list(range(36))] * 3
    places = [epochs[0].index(number) for number in epochs[1][8:]]
    assert places != sorted(places)
    assert epochs[1] != epochs[2]


def test_rows_that_were_dropped_before_join_the_record_once():
    data = shuffled_numbers(17, 4, drop_remainder=True)

    seen = numbers_of(data, epochs=4)

    epochs = [set(seen[start : start + 16]) for start in (0, 16, 32, 48)]
    assert [len(epoch) for epoch in epochs] == [16] * 4
    assert epochs[0] != set.union(*epochs) == set(range(17))


@pytest.mark.filterwarnings(replay_runs.RAN_OUT)
def test_rows_that_a_data_service_serves_are_looked_up():
    service = tf.data.experimental.service
    dispatcher = service.DispatchServer()
    address = dispatcher.target.split("://")[1]
    worker = service.WorkerServer(service.WorkerConfig(address))
    served = service.distribute("distributed_epoch", dispatcher.target)

    # One batch: a service promises no order of them.
    plain, again = replay_runs.run_both(
        data=lambda: replay_runs.batches(8).apply(served), epochs=2
    )

    replay_runs.check_equal(plain, again)
    assert again.cached == [3, 3]
    assert any("looks rows up" in sentence for sentence in again.said)
    del worker
