import numpy as np
import pytest

from aet_keras.policies import Progress
from aet_keras.policies.noise_scale import AdaptToNoise


def progress(small, big, count=10, **settings):
    arrays = {
        "gradient_square_norms": small,
        "mean_gradient_square_norm": big,
        "interval_batches": count,
    }
    settings = {"start_rate": 0.1, **settings}
    return Progress(arrays=arrays, **settings)


def test_one_interval_by_hand():
    # n = 5: signal = (5 * 4 - 8) / 4 = 3, noise = (8 - 4) * 5 / 4 = 5,
    # rate = 0.1 / (1 + 5 / 3) = 0.0375.
    decision = AdaptToNoise().decide(progress(8.0, 4.0, count=5))

    assert decision.rate == pytest.approx(0.0375)
    assert decision.why == "noise is 1.67 x the signal"


def test_intervals_are_averaged_before_they_are_divided():
    # After (signal, noise) = (3, 5) comes (7, 5), of small 12, big 8:
    # averages at smoothing 0.5 are (0.25 * 3 + 0.5 * 7, 0.25 * 5 + 0.5 * 5),
    # so rate = 0.1 / (1 + 3.75 / 4.25) = 0.053125.
    policy = AdaptToNoise(smoothing=0.5)
    policy.decide(progress(8.0, 4.0, count=5))

    decision = policy.decide(progress(12.0, 8.0, count=5))

    assert decision.rate == pytest.approx(0.053125)


def test_groups_are_added_up():
    whole = AdaptToNoise().decide(progress(8.0, 4.0))
    parts = AdaptToNoise().decide(
        progress(np.array([5.0, 3.0]), np.array([1.0, 3.0]))
    )

    assert parts == whole


@pytest.mark.parametrize("batch", [4, 64])
@pytest.mark.parametrize("noise_scale", [1.0, 16.0, 256.0])
def test_a_known_noise_scale_is_found(batch, noise_scale):
    # Gradients of one example are normal about G with covariance S = s^2 I,
    # |G|^2 = 1, tr(S) = noise_scale; a batch's gradient has S / batch.
    random, size, count = np.random.default_rng(0), 200, 10
    true = np.full(size, size**-0.5)
    spread = np.sqrt(noise_scale / size / batch)
    policy = AdaptToNoise(smoothing=0.99, least_ratio=1e-6)

    for _ in range(400):
        gradients = random.normal(true, spread, size=(count, size))
        small = np.mean(np.sum(gradients**2, axis=1))
        big = np.sum(np.mean(gradients, axis=0) ** 2)
        decision = policy.decide(progress(small, big, count))

    # 0.1: some 200 intervals count, and each scatters as 1 / signal at most
    expected = 0.1 / (1 + noise_scale / batch)
    assert decision.rate == pytest.approx(expected, rel=0.1)


def test_gradients_without_noise_keep_the_rate():
    assert AdaptToNoise().decide(progress(4.0, 4.0)).rate == 0.1


def test_noise_without_a_signal_leaves_the_least_rate():
    decision = AdaptToNoise(least_ratio=0.2).decide(progress(4.0, 0.1))

    assert decision.rate == pytest.approx(0.02)


def test_gradients_that_vanish_keep_the_rate():
    assert AdaptToNoise().decide(progress(0.0, 0.0)).rate == 0.1


@pytest.mark.parametrize(
    ("small", "big", "count"),
    [(np.nan, 1.0, 10), (np.inf, 1.0, 10), (1.0, 1.0, 1), (0.0, 0.0, 0)],
    ids=["NaN", "inf", "one batch", "none"],
)
def test_an_interval_that_says_nothing_is_passed_over(small, big, count):
    policy = AdaptToNoise()

    decision = policy.decide(progress(small, big, count))

    assert decision.rate is None
    assert policy.state == policy.start_state


def test_between_intervals_nothing_changes():
    assert AdaptToNoise().decide(Progress()).rate is None


def test_a_thaw_starts_the_averages_anew():
    policy = AdaptToNoise()
    policy.decide(progress(8.0, 1.0, trainable=(False,)))

    thawed = policy.decide(progress(8.0, 4.0, count=5, trainable=(True,)))

    assert thawed.rate == pytest.approx(0.0375)


@pytest.mark.parametrize(
    "settings",
    [{"every_batches": 1}, {"smoothing": 1.0}, {"least_ratio": 0.0}],
    ids=lambda settings: next(iter(settings)),
)
def test_a_number_out_of_range_is_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        AdaptToNoise(**settings)
