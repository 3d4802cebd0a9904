"""Are rows looked up where it is not proved that they stay what they were?"""

import keras
import numpy as np
import pytest
import replay_runs
import tensorflow as tf

from aet_keras.engine import Engine

pytestmark = pytest.mark.tuned  # whatever is read, as users read it

LOOKED_UP = "looks rows up in each epoch: "
X, Y = replay_runs.noise_rows(48)
PAIRS = tf.data.Dataset.from_tensor_slices((X, Y))
SIGNATURE = (
    tf.TensorSpec((None, 8), tf.float32),
    tf.TensorSpec((None,), tf.int32),
)


class Epochs(keras.utils.PyDataset):
    """Gives what a function returns for an epoch and a batch."""

    def __init__(self, function, count=3, **settings):
        super().__init__(**settings)
        self.function, self.count, self.epoch = function, count, 0

    def __len__(self):
        return self.count

    def __getitem__(self, batch):
        return self.function(self.epoch, batch)

    def on_epoch_end(self):
        self.epoch += 1


def mined(epoch, batch):
    """Returns the same first batch in each epoch, and other ones after it."""
    begin = 8 * (batch and 1 + (epoch * 2 + batch) % 5)
    return X[begin : begin + 8], Y[begin : begin + 8]


def relabelled(epoch, batch):
    rows = slice(8 * batch, 8 * batch + 8)
    return X[rows], (Y[rows] + (epoch if batch else 0)) % 3


def relabelled_and_weighed(epoch, batch):
    return *relabelled(epoch, batch), np.full(8, 1.0 + epoch * batch)


def of_other_sizes(epoch, batch):
    rows = slice(8 * batch, 8 * batch + 8 - (epoch if batch else 0))
    return X[rows], Y[rows]


def with_doubles(epoch, batch):
    rows = np.array([0, 0, 1, 2, 2, epoch, epoch, 40 - batch])
    return X[rows], Y[rows]


class Shrinking(Epochs):
    def __len__(self):
        return 3 if self.epoch < 1 else 2


def generated():
    """Returns batches of a generator that goes on where it was left."""
    epochs = iter(range(99))

    def generate():
        epoch = next(epochs)
        for batch in range(3):
            yield mined(epoch, batch)

    data = tf.data.Dataset.from_generator(generate, output_signature=SIGNATURE)
    return data.apply(tf.data.experimental.assert_cardinality(3))


def with_other_negatives():
    positives = PAIRS.take(8)
    negatives = PAIRS.skip(8).shuffle(40, seed=1).take(16)
    return positives.concatenate(negatives).batch(8)


# More that is not proved to stay: `tests/_keras/test_proofs.py`.
CASES = {
    "relabelled and weighed": lambda: Epochs(relabelled_and_weighed),
    "of other sizes, and shrinking": lambda: Shrinking(of_other_sizes),
    "with doubles": lambda: Epochs(with_doubles),
    "a generator": generated,
    "other negatives": with_other_negatives,
}


@pytest.mark.filterwarnings(replay_runs.RAN_OUT)
@pytest.mark.parametrize("case", CASES)
def test_rows_of_any_data_set_are_the_real_ones(case):
    plain, again = replay_runs.run_both(data=CASES[case])

    replay_runs.check_equal(plain, again, rtol=1e-5, atol=1e-5)
    assert again.cached == [3, 3, 2]
    assert again.why.startswith(LOOKED_UP)


def test_a_variable_that_a_map_reads_may_change():
    def run(cache):
        shift = tf.Variable(0.0)
        data = PAIRS.take(16).map(lambda x, y: (x + shift, y)).batch(8)

        class Change(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                shift.assign(float(epoch % 2))

        return replay_runs.run(data=lambda: data, cache=cache, also=[Change])

    plain, again = run(None), run("memory")

    replay_runs.check_equal(plain, again, rtol=1e-5, atol=1e-5)
    assert again.why == f"{LOOKED_UP}a `map` reads a variable or a table"


def test_arrays_that_are_written_between_epochs_are_as_keras_sees_them():
    def run(cache):
        x, y = X[:16].copy(), Y[:16].copy()

        class Write(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                x[8:], y[8:] = 0.0, 0

        data = {"data": lambda: (x, y), "validation_data": (x, y)}
        return replay_runs.run(cache=cache, also=[Write], **data)

    plain, again = run(None), run("memory")

    replay_runs.check_equal(plain, again, rtol=1e-5, atol=1e-5)
    assert again.said == ["records what a to c put out"]


def test_validation_that_changes_has_the_right_loss():
    plain, again = (
        replay_runs.run(cache=cache, validation_data=Epochs(relabelled))
        for cache in (None, "memory")
    )

    replay_runs.check_equal(plain, again, rtol=1e-5, atol=1e-5)
    assert len(set(again.logs["val_loss"])) == 3
    assert "looks rows of validation up" in again.why


def noisy(epoch, batch):
    rows = slice(8 * batch, 8 * batch + 8)
    return X[rows] + 0.1 * epoch, Y[rows]


def test_rows_that_never_come_again_end_the_recording():
    plain, again = replay_runs.run_both(
        data=lambda: Epochs(noisy),
        validation_data=replay_runs.batches(),
    )

    replay_runs.check_equal(plain, again, rtol=1e-5, atol=1e-5)
    assert again.cached == [3, 3, 0]
    assert again.why == (
        "stops recording rows of training: of 24 rows of the last epoch 0 had "
        "been seen before (augmentation, for example)"
    )


def test_half_of_the_rows_coming_again_is_enough():
    def flipped(epoch, batch):
        rows = slice(8 * batch, 8 * batch + 8)
        sign = np.where((np.arange(8) + epoch) % 3, 1.0, -1.0)[:, None]
        return X[rows] * sign, Y[rows]

    plain, again = replay_runs.run_both(data=lambda: Epochs(flipped))

    replay_runs.check_equal(plain, again, rtol=1e-5, atol=1e-5)
    assert again.cached == [3, 3, 2]


def test_an_epoch_of_a_part_waits_for_the_rest_of_the_data():
    def data():
        return PAIRS.repeat().batch(8)

    plain, again = replay_runs.run_both(data=data, steps_per_epoch=2, epochs=7)

    replay_runs.check_equal(plain, again, rtol=1e-5, atol=1e-5)
    assert again.cached[:5] == [3, 3, 2, 2, 1]


def test_the_frozen_layers_run_on_new_rows_alone():
    computed = []

    def note(_, x):
        computed.append(x.shape[0])
        return x

    def make():
        return replay_runs.build_model(
            replay_runs.build_backbone(replay_runs.CallFunction(note))
        )

    replay_runs.run(make, lambda: Epochs(with_doubles), epochs=2)

    # To set up the graph; new rows; a batch held against the record; new ones.
    assert computed == [None, 4, 8, 1, 1]


def test_with_and_without_room_the_features_are_the_same():
    own = {"cache_dtype": "float16"}
    whole = replay_runs.run(data=lambda: Epochs(mined), own=own, epochs=2)

    full = replay_runs.run(
        data=lambda: Epochs(mined),
        own=own | {"cache_limit_bytes": 24 * 5 * 2 + 10},
        epochs=2,
    )

    replay_runs.check_equal(whole, full, rtol=1e-7, atol=1e-7)
    assert whole.cached == full.cached == [3, 3]


def test_layers_that_mix_rows_are_noticed_in_other_batches():
    def minus_mean(_, x):
        return x - keras.ops.mean(x, axis=0, keepdims=True)

    def moved(epoch, batch):
        rows = (np.arange(8) * (1 + 2 * epoch) + 8 * batch) % 24
        return X[rows], Y[rows]

    def make():
        return replay_runs.build_model(
            replay_runs.build_backbone(replay_runs.CallFunction(minus_mean))
        )

    plain, again = replay_runs.run_both(make, lambda: Epochs(moved), epochs=3)

    replay_runs.check_equal(plain, again, rtol=1e-5, atol=1e-5)
    assert again.cached == [3, 0, 0]
    assert "mixes the rows of a batch" in again.why


def test_a_head_is_given_the_rows_of_the_last_whole_pass():
    found = []

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            recorder, _ = Engine.of(self.model).replay.recorders
            found.append(recorder.recorded(recorder.keys[0]))

    replay_runs.run(data=lambda: Epochs(relabelled), also=[Look], epochs=2)

    (old, before, _), (new, after, sample_weight) = found
    np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(after[:8], before[:8])
    np.testing.assert_array_equal(after[8:], (before[8:] + 1) % 3)
    assert sample_weight is None


def test_a_head_is_solved_on_rows_that_are_looked_up():
    own = {"solve_head": True}
    settings = {"own": own, "epochs": 2, "validation_data": (X, Y)}

    known = replay_runs.run(data=lambda: (X[:24], Y[:24]), **settings)
    again = replay_runs.run(
        data=lambda: Epochs(lambda _, batch: relabelled(0, batch)), **settings
    )

    replay_runs.check_equal(known, again, rtol=1e-4, atol=1e-4)
    solved = [said for said in again.said if said.startswith("solved")]
    assert solved and solved == [s for s in known.said if s in solved]


def test_an_iterator_that_goes_on_keeps_one_pass():
    held = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            state = Engine.of(self.model).replay.get_state()
            held.append(state["train"]["feed"]["pass_length"])

    replay_runs.run(
        data=lambda: PAIRS.batch(16).repeat(),
        also=[Look],
        epochs=3,
        steps_per_epoch=2,
    )

    assert held == [1, 2, 3, 1, 2, 3]
