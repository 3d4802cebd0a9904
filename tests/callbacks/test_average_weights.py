import math

import image_models
import keras
import numpy as np
import pytest

import aet_keras
from aet_keras import callbacks, policies


class Weights(keras.callbacks.Callback):
    """Keeps the weights after each batch, and as validation begins."""

    def on_train_begin(self, logs=None):
        self.after, self.judged, self.begun = [], [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.begun.append(self.model.get_weights())

    def on_train_batch_end(self, batch, logs=None):
        self.after.append(self.model.get_weights())

    def on_test_begin(self, logs=None):
        self.judged.append(self.model.get_weights())


def averages(weights, power, every=1):
    """Averages lists of weights; the n-th counts C(n + power - 1, power)."""
    made = []
    for end in range(every, len(weights) + 1, every):
        seen = weights[every - 1 : end : every]
        shares = [
            math.comb(n + power - 1, power) for n in range(1, len(seen) + 1)
        ]
        made.append(
            [
                np.average(np.stack(same), axis=0, weights=shares)
                for same in zip(*seen, strict=True)
            ]
        )
    return made


def check_equal(ours, wanted, rtol=1e-6):
    for left, right in zip(ours, wanted, strict=True):
        np.testing.assert_allclose(left, right, rtol=rtol, atol=1e-7)


@pytest.mark.parametrize("every", [1, 2])
def test_the_average_is_the_one_computed_by_hand(every):
    model, seen = image_models.linear_classifier(), Weights()
    average = callbacks.AverageWeights(2, every_batches=every)

    image_models.fit(
        model,
        average,
        seen,
        epochs=3,
        validation_data=image_models.noise_images(),
    )

    made = averages(seen.after, 2, every)  # four batches an epoch
    for epoch, judged in enumerate(seen.judged):
        check_equal(judged, made[(epoch + 1) * 4 // every - 1])
    check_equal(model.get_weights(), made[-1])


def test_training_goes_on_from_the_weights_to_the_bit():
    trained = []
    for average in ([], [callbacks.AverageWeights(every_batches=1)]):
        keras.utils.set_random_seed(0)
        model, seen = image_models.linear_classifier(), Weights()
        image_models.fit(
            model,
            *average,
            seen,
            epochs=3,
            validation_data=image_models.noise_images(),
        )
        trained.append(seen.after)

    for plain, averaged in zip(*trained, strict=True):
        for left, right in zip(plain, averaged, strict=True):
            np.testing.assert_array_equal(left, right)


def test_what_is_kept_and_logged_is_of_the_average():
    data = image_models.noise_images()
    model, keep = (
        image_models.linear_classifier(keras.optimizers.SGD(0.5)),
        callbacks.KeepBest(),
    )
    average = callbacks.AverageWeights(every_batches=1)

    run = image_models.fit(model, average, keep, epochs=4, validation_data=data)

    best = min(run.history["val_loss"])
    assert keep.best == pytest.approx(best)
    assert model.evaluate(*data, verbose=0) == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize("steps", [1, 2])
def test_it_begins_at_a_thaw_and_anew_at_the_next(steps):
    model, seen = (
        image_models.compiled_classifier(
            steps_per_execution=steps, run_eagerly=steps == 1
        ),
        Weights(),
    )
    freezing = image_models.gradual_freezing()
    average = callbacks.AverageWeights(every_batches=1)

    image_models.fit(
        model, average, freezing, seen, epochs=3,
        validation_data=image_models.noise_images(),
    )  # fmt: skip

    assert [sum(epoch) for epoch in freezing.history] == [0, 1, 2]
    count = 4 // steps
    check_equal(seen.judged[0], seen.after[count - 1])  # the head: no averages
    for epoch in (1, 2):
        alone = seen.after[epoch * count : (epoch + 1) * count]
        check_equal(seen.judged[epoch], averages(alone, 4)[-1])


def test_replayed_features_are_judged_with_the_average():
    data = image_models.noise_images()
    policy = policies.ThawOnSchedule(first_epoch=0, every_epochs=9)
    histories = []
    for cache in (None, "memory"):
        keras.utils.set_random_seed(0)
        freezing = callbacks.ElasticFreezing(
            policy, cache=cache, cache_dtype="float32"
        )
        average = callbacks.AverageWeights()
        run = image_models.fit(
            image_models.compiled_classifier(run_eagerly=True),
            average, freezing, epochs=4,
            validation_data=data, shuffle=False,
        )  # fmt: skip
        histories.append(run.history["val_loss"])

    assert run.history["elastic_freezing/cached_groups"][-1] == 2
    np.testing.assert_allclose(*histories, rtol=1e-5)


def test_frozen_weights_keep_every_bit():
    model = image_models.compiled_classifier(run_eagerly=True)
    before = {v.path: v.numpy() for v in model.variables}
    freezing = image_models.gradual_freezing()

    image_models.fit(
        model, callbacks.AverageWeights(), freezing, epochs=2,
        validation_data=image_models.noise_images(),
    )  # fmt: skip

    lowest = model.get_layer("old").get_layer("a_conv").kernel
    np.testing.assert_array_equal(lowest, before[lowest.path])


def test_two_replicas_average_alike():
    with image_models.two_replicas().scope():
        model = image_models.linear_classifier()
    average = callbacks.AverageWeights(every_batches=1)

    image_models.fit(
        model, average, epochs=2, validation_data=image_models.noise_images()
    )

    for variable in model.trainable_variables:
        first, second = variable.value.values
        np.testing.assert_array_equal(first.numpy(), second.numpy())


def test_it_has_to_come_before_freezing():
    with pytest.raises(ValueError, match="Put it first"):
        image_models.fit(
            image_models.compiled_classifier(),
            image_models.gradual_freezing(),
            callbacks.AverageWeights(),
        )


def test_it_may_come_again_with_another_fit_of_the_model():
    model = image_models.compiled_classifier(run_eagerly=True)
    seen = Weights()

    for _ in range(2):
        image_models.fit(
            model,
            callbacks.AverageWeights(),
            image_models.gradual_freezing(),
            seen,
            epochs=2,
        )

    check_equal(model.get_weights(), seen.after[-1])


@pytest.mark.parametrize(
    "settings", [{"power": -1.0}, {"power": "4"}, {"every_batches": 0}]
)
def test_a_setting_out_of_range_is_refused(settings):
    with pytest.raises((TypeError, ValueError), match="AverageWeights"):
        callbacks.AverageWeights(**settings)


def test_one_call_judges_and_keeps_averages():
    model, data = (
        image_models.compiled_classifier(keras.optimizers.SGD(0.1)),
        image_models.noise_images(),
    )
    seen = Weights()
    policy = policies.ThawOnSchedule(first_epoch=0, every_epochs=9)

    run = aet_keras.fine_tune(
        model,
        data,
        validation_data=data,
        epochs=3,
        batch_size=8,
        verbose=0,
        freezing=callbacks.ElasticFreezing(policy, solve_head=False),
        average=callbacks.AverageWeights(every_batches=1),
        callbacks=[seen],
    )

    judged = seen.judged[run.best_epoch - 1]
    check_equal(model.get_weights(), judged)
    assert model.evaluate(*data, verbose=0) == pytest.approx(
        min(run.history["val_loss"]), rel=1e-5
    )
    last = averages(seen.after, 4)
    check_equal(judged, last[run.best_epoch * 4 - 1])
