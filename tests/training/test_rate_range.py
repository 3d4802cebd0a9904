import numpy as np
import pytest

from aet_keras.training import rate_range
from aet_keras.training.rate_range import RateRange

RATES = np.geomspace(1e-5, 10, 61)  # ten steps a tenfold


def test_the_suggestion_is_a_tenth_of_the_lowest_point():
    losses = (np.log10(RATES) + 1) ** 2 + 1  # lowest at 0.1

    found = RateRange.of(RATES, losses)

    assert found.suggestion == pytest.approx(
        0.02, rel=0.3
    )  # it lags by 3 steps
    assert found.why.endswith("before it rose")


@pytest.mark.parametrize("seed", range(3))
def test_noise_moves_the_suggestion_little(seed):
    noise = np.random.default_rng(seed).normal(scale=0.1, size=61)

    found = RateRange.of(RATES, (np.log10(RATES) + 1) ** 2 + 1 + noise)

    assert 0.007 < found.suggestion < 0.05


def test_a_loss_that_explodes_does_not_reach_back():
    losses = np.where(RATES < 0.5, 2 - 0.3 * np.log10(RATES), 1e30)

    found = RateRange.of(RATES, losses)

    assert 0.1 < 10 * found.suggestion < 0.5


def test_a_loss_that_still_falls_at_the_end_is_said():
    found = RateRange.of(RATES, -np.log10(RATES) + 2)

    assert found.suggestion == pytest.approx(1.0)
    assert "the last rate tried" in found.why


def test_a_loss_that_never_falls_suggests_nothing():
    found = RateRange.of(RATES, np.log10(RATES) + 9)

    assert found.suggestion is None
    assert "look at the loss" in found.why


def test_smoothed_losses_by_hand():
    # 1; (2 + 0.5 * 1) / 1.5; (4 + 0.5 * 2 + 0.25 * 1) / 1.75
    means = rate_range.smooth([1.0, 2.0, 4.0], 0.5)

    np.testing.assert_allclose(means, [1.0, 5 / 3, 3.0])


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([1.0, 0.5, 2.1], True),
        ([1.0, 0.5, 1.9], False),
        ([2.0, -1.0, 1.9], False),
        ([2.0, -1.0, 2.1], True),
        ([1.0, 1e-12, 1e-9], False),
        ([1.0, 1e-12, 1e-2], True),
        ([1.0, np.inf], True),
        ([1.0, np.nan], True),
        ([np.inf], True),
    ],
)
def test_divergence_by_hand(losses, expected):
    assert rate_range.has_diverged(losses) is expected
