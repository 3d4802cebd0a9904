"""Does the rate go where relative gradients are large?"""

import numpy as np
import pytest

from aet_keras.policies import AttendToGradients, Progress


def measured(gradients, weights, **settings):
    settings = {"epoch": 1, "trainable": (True,) * len(weights), **settings}
    arrays = {"gradient_norms": gradients, "weight_norms": weights}
    return Progress(arrays=arrays, **settings)


def test_at_temperature_one_it_is_auto_rgn():
    # RGN: 0.3 / 30 = 0.01, 0.8 / 20 = 0.04, 0.2 / 10 = 0.02
    progress = measured([0.3, 0.8, 0.2], [30.0, 20.0, 10.0])

    decision = AttendToGradients(rate_ratio=0.5).decide(progress)

    assert decision.multipliers == pytest.approx((0.125, 0.5, 0.25))
    assert decision.trainable == (True, True, True)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_multipliers_are_a_softmax_over_the_groups(temperature):
    gradients, weights = np.array([0.3, 0.8, 0.2]), np.array([3.0, 2.0, 9.0])
    policy = AttendToGradients(temperature)

    multipliers = policy.decide(measured(gradients, weights)).multipliers

    scores = np.exp(np.log(gradients / weights) / temperature)
    attention = scores / scores.sum()
    assert multipliers == pytest.approx(attention / attention.max())


@pytest.mark.parametrize(
    ("temperature", "multipliers"),
    [(1e-3, (0.0, 1.0)), (1e6, (1.0, 1.0))],
    ids=["cold", "hot"],
)
def test_temperature_says_how_many_groups_learn(temperature, multipliers):
    progress = measured([1.0, 2.0], [1.0, 1.0])

    decision = AttendToGradients(temperature).decide(progress)

    assert decision.multipliers == pytest.approx(multipliers, abs=1e-5)


def test_groups_stand_still_until_they_are_measured():
    policy = AttendToGradients()
    nothing = [np.nan, np.nan]

    start = policy.decide(Progress(trainable=(False, False)))
    later = policy.decide(measured(nothing, nothing, multipliers=(0.3, 1.0)))

    assert start.trainable == (True, True)
    assert start.multipliers == (0.0, 0.0)
    assert later.multipliers is None


def test_a_group_without_a_measurement_keeps_its_multiplier():
    progress = measured(
        [np.nan, 1.0, 2.0], [1.0, 1.0, 1.0], multipliers=(0.7, 0.1, 0.1)
    )

    multipliers = AttendToGradients().decide(progress).multipliers

    assert multipliers == pytest.approx((0.7, 0.5, 1.0))


def test_weights_of_zero_have_no_relative_gradient():
    progress = measured([1.0, 1.0], [0.0, 1.0], multipliers=(0.2, 0.2))

    multipliers = AttendToGradients().decide(progress).multipliers

    assert multipliers == (0.2, 1.0)


def test_between_epochs_only_the_rates_change():
    progress = measured([1.0, 2.0], [1.0, 1.0], is_epoch_end=False)

    decision = AttendToGradients(every_batches=5).decide(progress)

    assert decision.trainable is None and decision.multipliers == (0.5, 1.0)
