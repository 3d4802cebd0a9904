"""What becomes of a cache when a `fit` does not go its usual way?"""

import functools
import os
import tempfile

import keras
import numpy as np
import pytest
import replay_runs

from aet_keras._progress import listening

VALIDATION = {"validation_data": replay_runs.batches()}


def stop_at(step):
    """Returns a callback that ends the run after some steps."""

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            done = int(self.model.optimizer.iterations.numpy())
            self.model.stop_training = done == step

    return Stop


def break_in(method, count):
    """Returns a callback that breaks the run off when called so often."""

    class Break(keras.callbacks.Callback):
        left = count

    def fail(self, *args, **settings):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt

    setattr(Break, method, fail)
    return Break


class Evaluate(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        x, y = replay_runs.noise_rows()
        for name, factor in (("own", 1), ("other", 3)):
            loss = self.model.evaluate(factor * x, y, batch_size=8, verbose=0)
            logs[name] = loss


class OnBatch(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        x, y = replay_runs.noise_rows(4)
        self.model.test_on_batch(3 * x, y)
        self.model.train_on_batch(3 * x, y)
        self.model.reset_metrics()


def write_in(method, when=1):
    class Write(keras.callbacks.Callback):
        pass

    def write(self, epoch, logs=None):
        if epoch == when:
            layer = self.model.get_layer("old").get_layer("b")
            layer.kernel.assign(1.5 * layer.kernel)

    setattr(Write, method, write)
    return Write


@pytest.mark.parametrize("step", [1, 3])
def test_a_stop_in_the_middle_ends_like_a_plain_one(step):
    plain, again = replay_runs.run_both(also=[stop_at(step)], **VALIDATION)

    replay_runs.check_equal(plain, again)
    assert again.slots[0] == step


def test_early_stopping_sees_the_same_figures():
    def stop():
        return keras.callbacks.EarlyStopping(
            min_delta=9, patience=1, restore_best_weights=True
        )

    plain, again = replay_runs.run_both(also=[stop], **VALIDATION)

    replay_runs.check_equal(plain, again)
    assert again.cached == [3, 3]


def test_evaluations_of_a_callback_are_real():
    plain, again = replay_runs.run_both(also=[Evaluate], **VALIDATION)

    replay_runs.check_equal(plain, again)
    assert again.logs["own"] == pytest.approx(again.logs["val_loss"], rel=1e-6)
    assert again.cached == [3, 3, 2]
    assert again.said == ["records what a to c put out"]


def test_batches_that_a_callback_trains_on_are_its_own():
    plain, again = replay_runs.run_both(also=[OnBatch], **VALIDATION)

    replay_runs.check_equal(plain, again)
    assert again.cached == [3, 3, 2]


@pytest.mark.parametrize("method", ["on_epoch_begin", "on_epoch_end"])
def test_frozen_weights_that_a_callback_writes_are_recorded_again(method):
    plain, again = replay_runs.run_both(also=[write_in(method)], **VALIDATION)

    replay_runs.check_equal(plain, again)
    assert again.cached == [3, 3, 2]
    assert again.why == "frozen weights were written: records again"


class WriteOnce(keras.callbacks.Callback):
    """Turns the frozen kernel round in the middle of an epoch."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            kernel = self.model.get_layer("old").get_layer("b").kernel
            kernel.assign(kernel[::-1])


@pytest.mark.parametrize(
    ("data", "at"),
    [
        (replay_runs.batches, (0, 0)),
        (replay_runs.batches, (1, 1)),
        (replay_runs.repeated_batches, (0, 0)),
        (replay_runs.repeated_batches, (1, 1)),
    ],
)
def test_frozen_weights_that_are_written_within_an_epoch_are_used(data, at):
    plain, again = replay_runs.run_both(
        data=functools.partial(data, 24),
        also=[functools.partial(WriteOnce, at)],
        steps_per_epoch=None if data is replay_runs.batches else 3,
    )

    replay_runs.check_equal(plain, again)
    assert again.why == "no cache: frozen weights are written within an epoch"


class WriteInValidation(WriteOnce):
    on_test_batch_end = WriteOnce.on_train_batch_end
    on_train_batch_end = keras.callbacks.Callback.on_train_batch_end


@pytest.mark.parametrize("at", [(0, 1), (1, 1)])
def test_weights_that_are_written_within_a_validation_are_used(at):
    plain, again = replay_runs.run_both(
        also=[functools.partial(WriteInValidation, at)],
        validation_data=replay_runs.batches(24),
    )

    replay_runs.check_equal(plain, again)


class Swap(keras.callbacks.Callback):
    """Validates the third epoch and later ones with other frozen weights."""

    def on_epoch_begin(self, epoch, logs=None):
        self.kernel = self.model.get_layer("old").layers[1].kernel
        self.value, self.epoch = self.kernel.numpy(), epoch

    def on_test_begin(self, logs=None):
        if self.epoch > 1:
            self.kernel.assign(3.0 * self.value)

    def on_test_end(self, logs=None):
        self.kernel.assign(self.value)


def test_weights_that_are_swapped_for_validation_are_validated():
    plain, again = replay_runs.run_both(also=[Swap], **VALIDATION)

    replay_runs.check_equal(plain, again)
    assert again.why == (
        "validation is not cached: frozen weights were written within an epoch"
    )


def test_a_head_is_not_solved_on_features_of_other_weights():
    also, own = [write_in("on_epoch_end", 0)], {"solve_head": True}

    again = replay_runs.run(also=also, own=own, epochs=2, **VALIDATION)

    assert again.said == [
        "records what a to c put out",
        "frozen weights were written: records again",
    ]


def test_a_second_fit_with_the_same_callback_records_anew():
    model, freezing = replay_runs.build_model(), replay_runs.elastic_freezing()
    x, y = replay_runs.noise_rows()

    for _ in range(2):
        model.fit(x, y, epochs=2, verbose=0, callbacks=[freezing])

    said = [sentence for _, sentence in freezing.cache_events]
    assert said == ["records what a to c put out"]


@pytest.mark.parametrize(
    ("method", "count"),
    [
        ("on_train_batch_end", 3),
        ("on_test_batch_begin", 3),
        ("on_epoch_begin", 2),
    ],
)
def test_a_fit_after_a_broken_one_is_plain(method, count):
    model, freezing = replay_runs.build_model(), replay_runs.elastic_freezing()
    x, y = replay_runs.noise_rows()
    settings = {"batch_size": 8, "verbose": 0, "shuffle": False}
    callbacks = [freezing, break_in(method, count)()]
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=3, callbacks=callbacks, **VALIDATION, **settings)
    twin = replay_runs.build_model()
    twin.set_weights(model.get_weights())
    for one in ("a", "b", "c"):
        twin.get_layer("old").get_layer(one).trainable = False
    new = 3 * x, (y + 1) % 3
    keras.utils.set_random_seed(0)
    expected = twin.evaluate(*new, verbose=0)
    own = model.evaluate(*new, verbose=0)

    history = model.fit(*new, validation_data=new, **settings)

    assert own == pytest.approx(expected, rel=1e-6)
    ours = [getattr(f, "__self__", None) for f in functions_of(model)]
    assert ours == [None, None]
    assert history.history["val_loss"][-1] == pytest.approx(
        model.evaluate(*new, batch_size=8, verbose=0), rel=1e-6
    )


class FreezesHead(keras.callbacks.Callback):
    """Freezes the last layer for the second epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.get_layer("scores").trainable = epoch != 1


def test_steps_in_which_nothing_moves_say_what_to_do():
    with pytest.warns(UserWarning, match="trainable weights"):
        plain = replay_runs.run(cache=None, also=[FreezesHead])

    with pytest.warns(UserWarning, match="Set `trainable = True` of one"):
        again = replay_runs.run(also=[FreezesHead])

    replay_runs.check_equal(plain, again)
    assert again.cached == [3, 3, 2]


def functions_of(model):
    return model.train_function, model.test_function


def test_a_run_leaves_the_model_as_any_model_is():
    model, freezing = replay_runs.build_model(), replay_runs.elastic_freezing()
    x, y = replay_runs.noise_rows()
    inside = list(model._flatten_layers())
    before = [len(layer._inbound_nodes) for layer in inside]
    settings = {"epochs": 3, "verbose": 0, "callbacks": [freezing]}

    history = model.fit(x, y, **settings, **VALIDATION)

    nodes = [len(layer._inbound_nodes) for layer in inside]
    scores = model.predict(x, verbose=0)
    loss = keras.losses.sparse_categorical_crossentropy(y, scores)
    assert nodes == before
    assert model.train_function is None
    assert not hasattr(model.test_function, "__self__")
    assert history.history["val_loss"][-1] == pytest.approx(
        float(np.mean(loss)), rel=1e-5
    )
    assert model.evaluate(x, y, verbose=0) == pytest.approx(
        float(np.mean(loss)), rel=1e-5
    )


def test_plain_epochs_keep_their_train_function():
    functions = []

    class Note(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            functions.append(self.model.train_function)

    own = {"groups": (["c"],)}
    again = replay_runs.run(also=[Note], epochs=4, own=own)

    assert again.cached == [0, 0, 0, 0]  # `a` and `b` belong to the head
    assert len(set(functions[:4])) == len(set(functions[4:])) == 1


def test_what_does_not_fit_in_memory_goes_to_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = {"cache_limit_bytes": 100}

    again = replay_runs.run(cache="auto", own=own, **VALIDATION)

    replay_runs.check_equal(replay_runs.run_plain(), again)
    assert again.cached == [3, 3, 0]  # what a thaw would need is left out
    assert os.listdir(tmp_path) == []


def test_a_cache_on_disk_leaves_no_files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    again = replay_runs.run(cache="disk", **VALIDATION)

    replay_runs.check_equal(replay_runs.run_plain(), again)
    assert again.cached == [3, 3, 2]
    assert [each for _, _, files in os.walk(tmp_path) for each in files] == []


def test_dropped_remainders_go_on_and_are_looked_up():
    def data():
        return replay_runs.shuffled_batches(17, size=4, drop_remainder=True)

    plain, again = replay_runs.run_both(data=data, epochs=4)

    assert again.cached == [3, 3, 2, 2]
    assert "`drop_remainder` leaves out other rows" in again.why
    replay_runs.check_equal(plain, again, rtol=1e-5)
    assert again.slots[0] == plain.slots[0] == 4 * 4


def test_an_epoch_that_records_says_so_and_no_other():
    steps = []
    with listening(lambda step: steps.append(step.what)):
        replay_runs.run(replay_runs.build_model, replay_runs.batches, epochs=3)

    said = [what for what in steps if what.startswith("recording")]
    assert said == ["recording what the frozen layers put out"]
