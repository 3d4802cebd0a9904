import image_models
import keras
import numpy as np
import pytest

from aet_keras.callbacks import (
    AdaptiveLearningRate,
    ElasticFreezing,
    KeepBest,
)
from aet_keras.policies import ThawOnSchedule, WarmupCosine


class Script(keras.callbacks.Callback):
    """Sets a weight to the epoch's number, and its figure to the script."""

    def __init__(self, key, values):
        super().__init__()
        self.key, self.values = key, values

    def on_epoch_end(self, epoch, logs=None):
        bias = self.model.layers[-1].bias
        bias.assign(np.full(bias.shape, epoch + 1.0))
        logs[self.key] = self.values[epoch]


def trained(keep, key, values, learning_rate=0.0):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(learning_rate), "mse")
    data = np.ones((4, 2)), np.zeros((4, 1))
    script = Script(key, values)
    image_models.fit(model, script, keep, data=data, epochs=len(values))
    return model.layers[-1].bias.numpy()[0]


@pytest.mark.parametrize(
    ("key", "mode", "values", "best"),
    [
        ("val_loss", "min", [3.0, 1.0, 2.0], 2),
        ("val_accuracy", "max", [0.1, 0.3, 0.2], 2),
        ("val_loss", "min", [1.0, 1.0, 1.0], 1),
    ],
    ids=["lowest", "highest", "first of equals"],
)
def test_the_weights_of_the_best_epoch_come_back(key, mode, values, best):
    keep = KeepBest(key, mode=mode)

    bias = trained(keep, key, values)

    assert keep.best_epoch == best
    assert bias == best


def test_a_figure_that_is_nan_is_never_kept_and_said():
    keep = KeepBest()

    with pytest.warns(UserWarning, match="`val_loss` .* not finite after epo"):
        bias = trained(keep, "val_loss", [2.0, float("nan"), 3.0])

    assert (keep.best_epoch, bias) == (1, 1)


def test_of_a_fit_that_never_validates_the_last_weights_stay():
    keep = KeepBest("val_accuracy")

    with pytest.warns(UserWarning, match="no epoch had `val_accuracy`"):
        bias = trained(keep, "accuracy", [0.1, 0.2])

    assert (keep.best_epoch, bias) == (0, 2)


def test_of_a_name_that_says_nothing_the_mode_is_asked_for():
    with pytest.raises(ValueError, match="does not say whether higher"):
        trained(KeepBest("val_quality"), "val_quality", [0.1])


def test_of_equal_accuracies_the_lower_loss_is_kept():
    losses = Script("val_loss", [0.3, 0.1, 0.2])
    accuracies = Script("val_accuracy", [0.9, 0.9, 0.9])
    keep = KeepBest("val_accuracy", mode="max")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    data = np.ones((4, 2)), np.zeros((4, 1))

    image_models.fit(model, losses, accuracies, keep, data=data, epochs=3)

    assert keep.best_epoch == 2


def test_without_validation_the_loss_stands_in():
    keep = KeepBest()

    trained(keep, "loss", [2.0, 1.0, 3.0])

    assert keep.best_epoch == 2


def test_a_loss_that_is_nan_stops_and_gives_finite_weights_back():
    keep = KeepBest()
    model = image_models.linear_classifier(keras.optimizers.SGD(1e-3))
    images, labels = image_models.noise_images()
    images[20] = np.nan  # the third of four batches

    history = image_models.fit(model, keep, data=(images, labels), epochs=3)

    assert keep.stopped == "the loss became NaN in epoch 1"
    assert keep.best_epoch == 0
    assert len(history.epoch) == 1
    assert all(np.all(np.isfinite(w)) for w in model.get_weights())


def test_the_direction_is_read_from_the_name():
    keep = KeepBest("val_accuracy")

    trained(keep, "val_accuracy", [0.1, 0.3, 0.2])

    assert keep.best_epoch == 2


def test_epochs_without_validation_are_passed_over():
    keep = KeepBest()

    image_models.fit(
        image_models.linear_classifier(keras.optimizers.SGD(0.0)),
        keep,
        epochs=4,
        validation_data=image_models.noise_images(8),
        validation_freq=2,
    )

    assert keep.best_epoch == 2


def test_a_figure_that_is_not_logged_is_refused_with_what_is():
    with pytest.raises(ValueError, match="which have .'loss'"):
        trained(KeepBest("val_acuracy"), "val_accuracy", [0.1])


def test_a_word_that_is_no_mode_is_refused():
    with pytest.raises(ValueError, match="one of 'min', 'max'"):
        KeepBest(mode="auto")


def epochs_of(keep, *others, is_first):
    """Returns how many epochs pass where nothing becomes better."""
    figures = Script("val_loss", [1.0] + [2.0] * 9)
    listed = [keep, *others] if is_first else [*others, keep]
    model = image_models.compiled_classifier(keras.optimizers.SGD(1e-9))
    fit = image_models.fit(model, figures, *listed, epochs=10)
    return len(fit.epoch)


@pytest.mark.parametrize("is_first", [True, False])
def test_thaws_begin_the_patience_anew_wherever_it_stands(is_first):
    policy = ThawOnSchedule(first_epoch=2, group_count=9)
    freezing = ElasticFreezing(policy, backbone="old", cache=None)

    # All thaw after two epochs, and three more pass.
    count = epochs_of(KeepBest(patience_epochs=3), freezing, is_first=is_first)

    assert count == 6


@pytest.mark.parametrize("is_first", [True, False])
def test_a_rate_that_has_fallen_is_seen_wherever_it_stands(is_first):
    slow = AdaptiveLearningRate(WarmupCosine())

    count = epochs_of(KeepBest(settled_epochs=2), slow, is_first=is_first)

    assert 5 < count < 10


class Rates(keras.callbacks.Callback):
    """Logs a rate for each epoch, as `AdaptiveLearningRate` does."""

    def __init__(self, rates, moving):
        super().__init__()
        self.rates, self.moving = rates, moving

    def on_epoch_end(self, epoch, logs=None):
        logs["adaptive_learning_rate/rate"] = self.rates[epoch]
        logs["elastic_freezing/trained_groups"] = self.moving[epoch]


@pytest.mark.parametrize(
    ("rates", "moving", "epochs"),
    [
        ([1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [1] * 6, 6),
        ([1.0, 1.0, 0.1, 0.1, 0.1, 0.1], [1] * 6, 3),
        ([1.0, 0.1, 0.1, 0.1, 0.1, 0.1], [1, 2, 2, 2, 2, 2], 6),
        ([1.0, 0.1, 1.0, 0.1, 0.1, 0.1], [1, 2, 2, 2, 2, 2], 4),
    ],
    ids=["a high rate", "fallen", "low from the thaw on", "fallen since"],
)
def test_a_stall_at_a_low_rate_ends_a_run_sooner(rates, moving, epochs):
    keep = KeepBest("val_loss", settled_epochs=2)
    figures = Script("val_loss", [1.0, 2.0, 2.0, 2.0, 2.0, 2.0])
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    data = np.ones((4, 2)), np.zeros((4, 1))

    history = image_models.fit(
        model, figures, Rates(rates, moving), keep, data=data, epochs=6
    )

    assert len(history.epoch) == epochs
