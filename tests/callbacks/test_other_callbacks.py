"""What is said of callbacks of others that get in the way of ours?"""

import re
import warnings

import image_models
import interrupted_runs
import keras
import numpy as np
import pytest

from aet_keras import callbacks, policies
from aet_keras.callbacks import AdaptiveLearningRate, ElasticFreezing

RATE = "adaptive_learning_rate/rate"


def test_keras_bar_needs_no_second_line_for_our_figures(capsys):
    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(6, name="a")]
    )
    model.add(keras.layers.Dense(3, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    ours = [
        ElasticFreezing(groups=[["a"]]),
        AdaptiveLearningRate(),
        callbacks.ElasticAnchor(groups=[["a"]]),
    ]
    rows = interrupted_runs.noise_rows(8)

    history = model.fit(*rows, validation_data=rows, callbacks=ours)

    printed = capsys.readouterr().out.replace("\b", "")
    last = re.sub(r"\x1b\[\d+m", "", printed).rstrip().split("\r")[-1]
    assert "val_loss" in last and "/step" in last
    assert len(last) <= 80
    assert len([key for key in history.history if "/" in key]) == 5


class MySchedule(keras.callbacks.LearningRateScheduler):
    """A user's own kind of a scheduler."""


def tenth(epoch, rate):
    return rate / 10


OTHERS = {
    "LearningRateScheduler": keras.callbacks.LearningRateScheduler(tenth),
    "ReduceLROnPlateau": keras.callbacks.ReduceLROnPlateau("loss"),
    "MySchedule (LearningRateScheduler)": MySchedule(tenth),
    "AdaptiveLearningRate": AdaptiveLearningRate(),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("order", [1, -1], ids=["after", "before"])
def test_two_callbacks_that_write_the_rate_are_refused(name, order):
    both = [AdaptiveLearningRate(), OTHERS[name]][::order]

    with pytest.raises(ValueError, match="Drop ") as caught:
        image_models.fit(image_models.linear_classifier(), *both)

    assert f"Received: {name} in the same `fit`" in str(caught.value)


def test_others_may_write_the_rate_beside_elastic_freezing():
    scheduler = keras.callbacks.LearningRateScheduler(tenth)
    model = image_models.compiled_classifier(
        keras.optimizers.SGD(0.1), run_eagerly=True
    )

    history = image_models.fit(
        model, ElasticFreezing(cache=None), scheduler, epochs=2
    )

    rates = history.history["learning_rate"]
    np.testing.assert_allclose(rates, [1e-2, 1e-3], rtol=1e-5)


class Write(keras.callbacks.Callback):
    """Writes the rate where it is told to, as users' own callbacks do."""

    def __init__(self, moment):
        super().__init__()
        self.moment, self.used = moment, []

    def on_train_begin(self, logs=None):
        self._write("train begin")

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self._write("epoch begin")

    def on_train_batch_begin(self, batch, logs=None):
        self._write("batch begin")
        self.rate = float(self.model.optimizer.learning_rate)

    def on_epoch_end(self, epoch, logs=None):
        self.used.append(self.rate)
        self._write("epoch end")

    def _write(self, moment):
        if moment == self.moment:
            rate = float(self.model.optimizer.learning_rate)
            self.model.optimizer.learning_rate = 0.7 * rate


@pytest.mark.parametrize(
    "moment", ["train begin", "epoch begin", "batch begin", "epoch end"]
)
@pytest.mark.parametrize("order", [1, -1], ids=["after", "before"])
def test_the_logged_rate_is_the_one_that_batches_use(moment, order):
    write = Write(moment)
    both = [AdaptiveLearningRate(policies.WarmupCosine()), write][::order]
    model = image_models.linear_classifier(
        keras.optimizers.SGD(0.1), run_eagerly=True
    )

    is_unknown = (moment, order) != ("train begin", -1)
    if is_unknown:
        with pytest.warns(UserWarning, match="other code writes") as said:
            history = image_models.fit(model, *both, epochs=3)
        assert len(said) == 1
        since = 1 if moment == "epoch end" else 0
        np.testing.assert_allclose(
            history.history[RATE][since:], write.used[since:], rtol=1e-6
        )
    else:  # what it found was the rate to start from
        history = image_models.fit(model, *both, epochs=3)
        np.testing.assert_allclose(
            history.history[RATE][0], 0.07 * 0.75, rtol=1e-5
        )


def test_a_policy_of_freezing_does_not_write_the_rate_of_another():
    model = image_models.compiled_classifier(
        keras.optimizers.SGD(0.1), run_eagerly=True
    )
    freezing = ElasticFreezing(policies.TrainHeadThenAll(), cache=None)
    adaptive = AdaptiveLearningRate(policies.WarmupCosine())

    with pytest.warns(UserWarning, match="Drop AdaptiveLearningRate") as said:
        history = image_models.fit(model, freezing, adaptive, epochs=2).history

    assert len(said) == 1
    np.testing.assert_allclose(history[RATE], [0.05, 1e-5], rtol=1e-5)


def test_a_policy_of_freezing_does_not_write_the_rate_of_a_scheduler():
    model = image_models.compiled_classifier(
        keras.optimizers.SGD(0.1), run_eagerly=True
    )
    freezing = ElasticFreezing(policies.TrainHeadThenAll(), cache=None)
    scheduler = keras.callbacks.LearningRateScheduler(tenth)

    with pytest.warns(UserWarning, match="Drop LearningRateScheduler") as said:
        history = image_models.fit(model, freezing, scheduler, epochs=2).history

    assert sum("ElasticFreezing" in str(each.message) for each in said) == 1
    np.testing.assert_allclose(history["learning_rate"], [1e-2, 1e-3], 1e-5)


def model(is_frozen):
    made = interrupted_runs.build_model()
    made.get_layer("a").trainable = not is_frozen
    return made


def freezing():
    return [ElasticFreezing(groups=interrupted_runs.GROUPS, cache=None)]


def fit(made, listed, **settings):
    settings = {"epochs": 2, "verbose": 0} | settings
    return made.fit(
        **interrupted_runs.array_arguments(), callbacks=listed, **settings
    )


def test_a_backup_that_would_lose_the_optimizers_state_is_said(tmp_path):
    backup = keras.callbacks.BackupAndRestore(tmp_path)

    with pytest.warns(UserWarning, match=r"List `BackupAndRestore` after"):
        fit(model(is_frozen=True), [backup, *freezing()])


def test_a_backup_that_loses_nothing_is_not_warned_of(tmp_path):
    backup = keras.callbacks.BackupAndRestore(tmp_path)

    fit(model(is_frozen=True), [*freezing(), backup])
    fit(model(is_frozen=False), [backup, *freezing()])


def test_a_backup_of_averages_is_said(tmp_path):
    backup = keras.callbacks.BackupAndRestore(tmp_path)

    with pytest.warns(UserWarning, match="Use `ElasticCheckpoint`"):
        fit(model(is_frozen=False), [callbacks.AverageWeights(), backup])


def test_a_checkpoint_refuses_averages_in_the_place_of_weights(tmp_path):
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    made = interrupted_runs.build_model(
        optimizer=keras.optimizers.Adam(use_ema=True)
    )
    checkpoint = callbacks.ElasticCheckpoint(tmp_path / "run")

    with pytest.raises(ValueError, match="Pass `swap_on_epoch=False`"):
        fit(made, [swap, checkpoint])

    assert list(tmp_path.iterdir()) == []


def test_a_resumed_run_goes_on_with_its_own_rate(tmp_path):
    settings = {"save_freq": 2, "epochs": 3}
    whole, saves = interrupted_runs.run_and_copy(tmp_path, [(1, 3)], **settings)

    run = interrupted_runs.run(saves[1, 3], **settings)  # warnings are errors

    assert not run.callbacks[1]._is_left_alone
    interrupted_runs.check_equal(whole, run)


@pytest.mark.parametrize("order", [1, -1], ids=["after", "before"])
def test_another_that_has_the_last_word_on_the_weights_is_said(order):
    stopping = keras.callbacks.EarlyStopping("loss", restore_best_weights=True)
    both = [callbacks.KeepBest("loss"), stopping][::order]

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image_models.fit(image_models.linear_classifier(), *both)

    said = [str(each.message) for each in caught]
    assert any("has the last word" in each for each in said) == (order == 1)
