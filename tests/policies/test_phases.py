"""Do plans run as those who published them wrote them down?"""

import math

import pytest

from aet_keras.policies import (
    FreezeOnSchedule,
    Progress,
    ThawBetweenCycles,
    TrainHeadThenAll,
)
from aet_keras.policies.phases import _cycle


def at(step, *, epochs=5, batches=10, groups=2, start_rate=2e-3):
    return Progress(
        epoch=step // batches,
        epoch_count=epochs,
        step=step,
        step_count=epochs * batches,
        is_epoch_end=step % batches == 0,
        start_rate=start_rate,
        trainable=(True,) * groups,
    )


def test_the_head_goes_first_then_all_at_a_small_rate():
    policy = TrainHeadThenAll(first_epoch=2, rate_ratio=0.1)

    decisions = [policy.decide(at(10 * epoch)) for epoch in range(4)]

    assert [each.trainable[0] for each in decisions] == [
        False,
        False,
        True,
        True,
    ]
    assert [each.rate for each in decisions] == pytest.approx(
        [2e-3, 2e-3, 2e-4, 2e-4]
    )
    assert policy.decide(at(5)).rate is None


def test_a_cycle_is_fastais():
    # fastai's own test: combined_cos(0.25, 0.5, 1, 0) at 0, 0.1, 0.25, 0.5, 1
    shares = [_cycle(done, 0.25, 2.0) for done in (0, 0.1, 0.25, 0.5, 1)]

    assert shares == pytest.approx([0.5, 0.67275, 1.0, 0.75, 0.0], abs=2e-5)


def test_rates_of_fine_tune():
    # fine_tune(4, 2e-3): one epoch from 2e-3 / 25 up to 2e-3 at 99 %, then
    # four from 1e-3 / 5 up to 1e-3 at 30 % of 40 batches, down to 1e-8.
    policy = ThawBetweenCycles()

    rates = [policy.decide(at(step)).rate for step in (0, 10, 22, 50)]

    assert rates == pytest.approx([8e-5, 2e-4, 1e-3, 1e-8])
    top = policy.decide(at(99, epochs=2, batches=100)).rate
    assert top == pytest.approx(2e-3)


def test_groups_thaw_after_the_first_cycle():
    policy = ThawBetweenCycles()

    assert policy.decide(at(0)).trainable == (False, False)
    assert policy.decide(at(5)).trainable is None
    assert policy.decide(at(10)).trainable == (True, True)


def test_rates_of_groups_are_fastais_even_multiples():
    # fastai's even_mults(2, 8, 3) is [2, 4, 8]: two groups and the head
    multipliers = ThawBetweenCycles(spread=4.0).decide(at(0)).multipliers

    assert multipliers == pytest.approx((2 / 8, 4 / 8))


@pytest.mark.parametrize(
    ("power", "ends"),
    [(1, (0.5, 0.625, 0.75, 0.875)), (3, (0.125, 0.24414, 0.42188, 0.66992))],
    ids=["linear", "cubic"],
)
def test_groups_stop_at_the_times_of_freezeout(power, ends):
    # t_0 = 0.5 and four layers below the last: 0.5, 0.625, ...; then cubed
    policy = FreezeOnSchedule(0.5, power=power)

    for row, end in enumerate(ends):
        before = policy.decide(at(int(1e4 * end) - 1, batches=2000, groups=4))
        after = policy.decide(at(int(1e4 * end) + 1, batches=2000, groups=4))
        assert before.multipliers[row] > 0 == after.multipliers[row]


def test_freezeout_freezes_at_the_end_of_the_epoch():
    policy = FreezeOnSchedule()  # 0.512 and 0.729 of the run

    maps = [policy.decide(at(step)).trainable for step in (20, 26, 30, 40)]

    assert maps == [(True, True), None, (False, True), (False, False)]


@pytest.mark.parametrize("scaled", [True, False], ids=["scaled", "unscaled"])
def test_rates_are_freezeouts_cosines(scaled):
    # 0.05 / t_i * (1 + cos(pi j / j_i)) for a rate of 0.1, head included
    policy = FreezeOnSchedule(scaled=scaled)

    decision = policy.decide(at(17, start_rate=0.1))

    rates = [decision.rate * each for each in (*decision.multipliers, 1.0)]
    expected = [
        0.05 / (end if scaled else 1) * (1 + math.cos(math.pi * 17 / 50 / end))
        for end in (0.8**3, 0.9**3, 1.0)
    ]
    assert rates == pytest.approx(expected)
