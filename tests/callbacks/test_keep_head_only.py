import image_models
import keras
import numpy as np
import pytest

from aet_keras.callbacks import ElasticFreezing, KeepHeadOnly
from aet_keras.policies import ThawOnSchedule
from aet_keras.training import interpolate


@pytest.mark.parametrize("is_first", [True, False])
def test_the_weights_before_the_first_thaw_are_kept_in_either_order(is_first):
    model, head_only = (
        image_models.compiled_classifier(run_eagerly=True),
        KeepHeadOnly(),
    )
    freezing, snapshots = (
        image_models.gradual_freezing(),
        image_models.WeightSnapshots(),
    )
    order = [head_only, freezing] if is_first else [freezing, head_only]

    image_models.fit(model, *order, snapshots, epochs=3)

    assert freezing.history[0] == (False, False, False)
    assert head_only.epoch == 1
    before_thaw = snapshots.taken[1]
    for weight, kept in zip(model.weights, head_only.weights, strict=True):
        np.testing.assert_array_equal(kept, before_thaw[weight.path])


def test_a_fit_that_thaws_nothing_keeps_nothing():
    head_only = KeepHeadOnly()
    freezing = ElasticFreezing(ThawOnSchedule(every_epochs=9))

    image_models.fit(
        image_models.compiled_classifier(run_eagerly=True),
        freezing,
        head_only,
        epochs=1,
    )

    assert (head_only.weights, head_only.epoch) == (None, None)


def test_a_fit_without_freezing_keeps_what_it_began_with():
    model, head_only = (
        image_models.compiled_classifier(run_eagerly=True),
        KeepHeadOnly(),
    )
    start = model.get_weights()

    image_models.fit(model, head_only, epochs=1)

    assert head_only.epoch == 0
    for left, right in zip(start, head_only.weights, strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_tuned_model_goes_back_where_the_head_alone_was_better():
    model, head_only = (
        image_models.compiled_classifier(
            keras.optimizers.SGD(1.0), run_eagerly=True
        ),
        KeepHeadOnly(),
    )
    x, y = image_models.noise_images()
    freezing = image_models.gradual_freezing(warmup_steps=0)
    image_models.fit(model, freezing, head_only, epochs=3)
    before = model.evaluate(x[:8], y[:8], verbose=0)

    record = interpolate(
        model, head_only.weights, validation_data=(x[:8], y[:8])
    )

    after = model.evaluate(x[:8], y[:8], verbose=0)
    assert after == pytest.approx(min(record.losses), rel=1e-5)
    assert record.gain == pytest.approx(before - after, abs=1e-5)
