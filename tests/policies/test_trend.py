"""Does the trend measure level and noise as NumPy's line fit does?"""

import math

import numpy as np
import pytest

from aet_keras.policies.trend import Trend


@pytest.mark.parametrize("count", [3, 4, 50])
def test_noise_is_what_a_fitted_line_leaves(count):
    steps = np.arange(count)
    losses = 2.0 - 0.01 * steps + 0.1 * np.random.normal(size=count)

    trend = Trend.of(losses)

    line = np.polyval(np.polyfit(steps, losses, 1), steps)
    noise = math.sqrt(np.sum((losses - line) ** 2) / (count - 2))
    assert trend.count == count
    assert trend.level == pytest.approx(losses.mean())
    assert trend.noise == pytest.approx(noise, rel=1e-6)


def test_a_straight_fall_is_not_noise():
    trend = Trend.of([4.0, 3.0, 2.0, 1.0])

    assert trend.noise == pytest.approx(0.0, abs=1e-12)
    assert trend.complexity == pytest.approx(0.0, abs=1e-12)


def test_two_losses_have_a_level_but_no_noise():
    assert Trend.of([3.0, 1.0]) == Trend(level=2.0, noise=0.0, count=2)


def test_losses_that_are_not_finite_do_not_count():
    trend = Trend.of([1.0, math.nan, 2.0, math.inf, 1.0, 2.0])

    assert trend == Trend.of([1.0, 2.0, 1.0, 2.0])


@pytest.mark.parametrize(
    "losses", [[], [math.nan] * 4], ids=["no batch", "only NaN"]
)
def test_no_finite_loss_is_no_level(losses):
    trend = Trend.of(losses)

    assert trend.count == 0 and math.isnan(trend.level)


def test_the_error_of_a_level_is_that_of_a_mean():
    assert Trend(level=1.0, noise=0.2, count=16).error == pytest.approx(0.05)


def test_complexity_is_noise_over_level():
    assert Trend(level=-2.0, noise=0.5, count=8).complexity == 0.25
