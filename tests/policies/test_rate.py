"""Do the rate policies give the rate that their formulas give?"""

import math

import numpy as np
import pytest

from aet_keras.policies import (
    AdaptToTrend,
    DecayOnStall,
    Progress,
    WarmupCosine,
)
from aet_keras.policies.trend import Trend


def stalled(policy, values, *, start=1.0, moving=()):
    """Shows validation losses; returns the rate after each."""
    rate, rates = start, []
    for epoch, value in enumerate(values):
        progress = Progress(
            epoch=epoch + 1,
            logs={"val_loss": value},
            rate=rate,
            start_rate=1.0,
            trainable=moving[epoch] if moving else (),
        )
        rate = policy.decide(progress).rate or rate
        rates.append(rate)
    return pytest.approx(rates)


def test_the_rate_decays_after_each_patience():
    policy = DecayOnStall(rate_ratio=0.5, patience_epochs=2)

    rates = stalled(policy, [1.0, 1.0, 1.0, 1.0, 1.0])

    # the first sets the best; every second stall halves
    assert rates == [1.0, 1.0, 0.5, 0.5, 0.25]


def test_the_rate_stays_while_the_figure_improves():
    assert stalled(DecayOnStall(), [1.0, 0.9, 0.8, 0.7]) == [1.0] * 4


def test_a_thaw_starts_the_patience_anew():
    policy = DecayOnStall(rate_ratio=0.5, patience_epochs=2)
    moving = [(False,), (False,), (True,), (True,)]

    rates = stalled(policy, [1.0, 1.0, 1.0, 1.0], moving=moving)

    # without the thaw in the third epoch: 1.0, 1.0, 0.5, 0.5
    assert rates == [1.0, 1.0, 1.0, 0.5]


def test_the_rate_does_not_decay_below_its_floor():
    policy = DecayOnStall(rate_ratio=0.1, patience_epochs=1, least_ratio=0.05)

    assert stalled(policy, [1.0, 1.0, 1.0, 1.0]) == [1.0, 0.1, 0.05, 0.05]


def test_a_rate_below_the_floor_is_not_raised():
    policy = DecayOnStall(patience_epochs=1, least_ratio=0.5)

    assert stalled(policy, [1.0, 1.0], start=0.2) == [0.2, 0.2]


def test_the_start_of_a_run_is_no_stall():
    assert DecayOnStall(patience_epochs=1).decide(Progress()).rate is None


@pytest.mark.parametrize("warmup", [0, 1, 7])
@pytest.mark.parametrize("least", [0.0, 0.2])
def test_warmup_and_cosine_follow_their_formula_at_every_step(warmup, least):
    policy = WarmupCosine(warmup, least_ratio=least)
    steps = np.arange(40)

    rates = [
        policy.decide(
            Progress(step=int(step), step_count=40, start_rate=0.2)
        ).rate
        for step in steps
    ]

    done = (steps - warmup) / (40 - warmup)
    cosine = least + (1 - least) * (1 + np.cos(np.pi * done)) / 2
    expected = np.where(
        steps < warmup, (steps + 1) / max(warmup, 1), np.maximum(cosine, 1e-4)
    )
    np.testing.assert_allclose(rates, 0.2 * expected, rtol=1e-12)


def test_the_cosine_ends_above_zero():
    end = Progress(step=40, step_count=40, start_rate=0.2)

    late = Progress(step=90, step_count=40, start_rate=0.2)

    assert WarmupCosine().decide(end).rate == pytest.approx(0.2e-4)
    assert WarmupCosine().decide(late).rate == pytest.approx(0.2e-4)


def test_a_warmup_longer_than_the_run_never_divides_by_zero():
    policy = WarmupCosine(warmup_steps=40)

    rate = policy.decide(Progress(step=40, step_count=40)).rate

    assert rate == pytest.approx(1e-3)  # the start rate: warmed up, none done


def test_the_cosine_goes_by_epochs_while_steps_are_unknown():
    policy = WarmupCosine(warmup_steps=2)

    warming = policy.decide(Progress(step=0, epoch_count=4, start_rate=1.0))
    halfway = policy.decide(
        Progress(step=9, epoch=2, epoch_count=4, start_rate=1.0)
    )

    assert warming.rate == 0.5
    assert halfway.rate == pytest.approx(0.5)


def test_restarts_repeat_the_whole_cosine_every_few_epochs():
    short = WarmupCosine(4, least_ratio=0.1)
    again = WarmupCosine(4, least_ratio=0.1, every_epochs=2)

    once = [
        short.decide(Progress(step=step, step_count=20, epoch_count=2)).rate
        for step in range(20)
    ]
    rates = [
        again.decide(Progress(step=step, step_count=60, epoch_count=6)).rate
        for step in range(60)
    ]

    assert len(set(once)) == 19  # the warm-up ends where the cosine begins
    np.testing.assert_allclose(rates, once * 3, rtol=1e-12)


def test_the_warmup_of_a_short_cycle_takes_no_more_than_a_fifth_of_it():
    policy = WarmupCosine(10, every_epochs=1)

    rates = [
        policy.decide(
            Progress(step=step, step_count=20, epoch_count=2, start_rate=1.0)
        ).rate
        for step in range(10)
    ]

    np.testing.assert_allclose(rates[:3], [0.5, 1.0, 1.0])
    assert rates[-1] < 0.1


def test_restarts_go_by_epochs_while_steps_are_unknown():
    policy = WarmupCosine(every_epochs=2)

    rates = [
        policy.decide(Progress(epoch=epoch, epoch_count=5, start_rate=1.0)).rate
        for epoch in range(5)
    ]

    np.testing.assert_allclose(rates, [1.0, 0.5, 1.0, 0.5, 1.0])


ROUGH = np.array([0.1, -0.1, -0.1, 0.1] * 2)  # no slope; noise below
NOISE = math.sqrt(8 * 0.1**2 / 6)
ERROR = NOISE * math.sqrt(2 / 8)  # of a difference of two mean losses


def shares(policy, levels, *, moving=None, done=0.0):
    """Shows epochs of rough losses; returns the rates for a start of 1."""
    decisions = [
        policy.decide(
            Progress(
                epoch=epoch + 1,
                step=int(1000 * done),
                step_count=1000,
                start_rate=1.0,
                trainable=moving[epoch] if moving else (),
                arrays={"batch_losses": level + ROUGH},
            )
        )
        for epoch, level in enumerate(levels)
    ]
    return [each.rate for each in decisions], decisions[-1].why


def test_the_rough_losses_have_the_noise_that_is_reckoned_with():
    assert Trend.of(ROUGH + 1.0).noise == pytest.approx(NOISE)


def test_a_falling_loss_holds_the_rate():
    falls = [1.0, 1.0 - 2.01 * ERROR, 1.0 - 4.02 * ERROR]

    rates, why = shares(AdaptToTrend(), falls)

    assert rates == [1.0, 1.0, 1.0] and why == "the loss falls"


def test_a_fall_lost_in_five_epochs_lowers_the_rate_by_the_complexity():
    levels = [1.0, 0.99, 1.0, 0.99, 1.0]

    rates, why = shares(AdaptToTrend(), levels)
    longer, said = shares(AdaptToTrend(), [*levels, 1.0, 1.0, 1.0])

    assert rates == pytest.approx([1.0] * 4 + [1 / (1 + NOISE)])
    assert why == "the loss is lost in its noise"
    # it takes as long again to be shown once more
    assert longer == pytest.approx([*rates, rates[-1], rates[-1], rates[-1]])
    assert said == "the loss is followed"


@pytest.mark.parametrize(
    ("level", "why"),
    [(0.9, "the loss falls"), (1.1, "the loss rises"), (1.0, "followed")],
)
def test_without_noise_any_change_is_certain(level, why):
    policy = AdaptToTrend()
    for each in (1.0, level):
        decision = policy.decide(
            Progress(epoch=1, arrays={"batch_losses": [each] * 4})
        )

    assert decision.why.endswith(why)


@pytest.mark.parametrize(("fall", "is_held"), [(0.7, True), (0.6, False)])
def test_a_slow_fall_holds_the_rate_once_five_epochs_show_it(fall, is_held):
    # the slope of 5 losses has the error s / sqrt(10): 2 of them are 0.632 s
    error = NOISE / math.sqrt(8)
    levels = 1.0 - fall * error * np.arange(9)

    rates, why = shares(AdaptToTrend(), levels)

    assert (rates == [1.0] * 9) is is_held
    assert why.startswith("the loss falls") is is_held


def test_older_saves_begin_a_new_line():
    policy = AdaptToTrend()

    policy.set_state(
        {"level": 0.7, "share": 0.5, "moving": [1], "thawed_at": 0.2}
    )

    assert policy.state["levels"] == [] and policy.state["share"] == 0.5


def test_a_rising_loss_halves_the_rate():
    rises = [1.0, 1.0 + 2.01 * ERROR, 1.0 + 4.02 * ERROR]

    rates, why = shares(AdaptToTrend(), rises)

    assert rates == [1.0, 0.5, 0.25] and why == "the loss rises"


def test_a_thaw_brings_the_rate_back_to_the_top():
    moving = [(False,), (False,), (True,), (True,), (True,)]

    rates, _ = shares(AdaptToTrend(), [1.0, 2.0, 3.0, 4.0, 5.0], moving=moving)

    # other groups have another loss: the next epoch is the first to compare
    assert rates == [1.0, 0.5, 1.0, 1.0, 0.5]


@pytest.mark.parametrize(
    "policy",
    [DecayOnStall(rate_ratio=0.5, patience_epochs=2), AdaptToTrend()],
    ids=["stall", "trend"],
)
def test_as_many_other_groups_begin_anew(policy):
    trial, other = (True, False), (False, True)
    rows = [[trial] * 2 + [other] * 2, [trial] * 4]

    found = []
    for moving in rows:
        policy.reset()
        arrays = [{"batch_losses": level + ROUGH} for level in range(1, 5)]
        found.append(
            [
                policy.decide(
                    Progress(
                        epoch=epoch + 1,
                        epoch_count=1000,
                        start_rate=1.0,
                        logs={"val_loss": 1.0},
                        trainable=moving[epoch],
                        arrays=arrays[epoch],
                    )
                ).rate
                for epoch in range(4)
            ]
        )

    anew, as_before = found
    assert anew[:2] == as_before[:2]
    assert anew[2] != as_before[2] and anew[2] in (None, pytest.approx(1.0))


@pytest.mark.parametrize(("moved", "is_lower"), [(1, True), (2, False)])
def test_saves_that_hold_how_many_groups_moved_go_on(moved, is_lower):
    policy = DecayOnStall(rate_ratio=0.5, patience_epochs=2)
    saved = {"monitor": "val_loss", "best": 0.5, "wait": 1, "moving": moved}
    policy.set_state(saved)

    decision = policy.decide(
        Progress(epoch=2, logs={"val_loss": 0.6}, trainable=(False, True))
    )

    assert (decision.rate is not None) is is_lower
    assert policy.state["moving"] == [1]


def test_what_moves_settles_while_others_are_frozen():
    policy = AdaptToTrend(hold_ratio=1.0, cycle_ratio=0.4)

    rates = [
        policy.decide(
            Progress(
                step=step,
                step_count=10,
                is_epoch_end=False,
                start_rate=1.0,
                trainable=trainable,
            )
        ).rate
        for step, trainable in (
            (2, (False, True)),
            (4, (False, True)),
            (6, (False, True)),
            (7, (True, True)),
        )
    ]

    # thawed at 0.2: halfway and all the way down 0.1 + 0.9 (1 + cos) / 2
    assert rates == pytest.approx([1.0, 0.55, 0.1, 1.0])


def test_significance_is_how_sure_a_rise_must_be():
    rise = [1.0, 1.0 + 2.5 * ERROR]

    assert shares(AdaptToTrend(significance=2.4), rise)[0][-1] == 0.5
    assert shares(AdaptToTrend(significance=2.6), rise)[0][-1] == 1.0


@pytest.mark.parametrize(
    ("done", "share"),
    [(0.0, 1.0), (0.4, 1.0), (0.7, 0.5), (0.999, 0.01), (1.0, 0.01)],
)
def test_the_rate_ends_along_a_cosine_whatever_the_trend(done, share):
    # the cosine begins at 0.4; 0.7 is halfway through the rest
    (rate,), _ = shares(AdaptToTrend(hold_ratio=0.4), [1.0], done=done)

    assert rate == pytest.approx(share)


def test_a_hold_ratio_of_one_leaves_the_cosine_out():
    assert shares(AdaptToTrend(hold_ratio=1.0), [1.0], done=1.0)[0] == [1.0]


def test_between_epochs_the_trend_has_no_say():
    policy = AdaptToTrend()
    amid = Progress(epoch=1, epoch_count=9, is_epoch_end=False)

    assert policy.decide(amid).rate == 1e-3
    assert policy.state == AdaptToTrend.start_state


def test_an_epoch_without_a_finite_loss_teaches_nothing():
    policy = AdaptToTrend()

    rates, why = shares(policy, [1.0, math.nan])

    assert rates == [1.0, 1.0] and why == "no loss was finite"
    (level,) = policy.state["levels"]
    assert level == pytest.approx([1.0, NOISE / math.sqrt(8)])


REFUSED = [
    (DecayOnStall, {"monitor": 3}, TypeError, "a `str`"),
    (DecayOnStall, {"rate_ratio": 1.0}, ValueError, "at most 0.999"),
    (DecayOnStall, {"rate_ratio": 0.0}, ValueError, "above 0"),
    (DecayOnStall, {"patience_epochs": 0}, ValueError, "at least 1"),
    (DecayOnStall, {"least_ratio": -1}, ValueError, "at least 0"),
    (WarmupCosine, {"warmup_steps": -1}, ValueError, "at least 0"),
    (WarmupCosine, {"warmup_steps": 1.5}, TypeError, "an int"),
    (WarmupCosine, {"least_ratio": 2}, ValueError, "at most 1"),
    (WarmupCosine, {"every_epochs": 0}, ValueError, "at least 1"),
    (AdaptToTrend, {"significance": 0}, ValueError, "above 0"),
    (AdaptToTrend, {"hold_ratio": "0.4"}, TypeError, "finite number"),
    (AdaptToTrend, {"least_ratio": 0}, ValueError, "above 0"),
]


@pytest.mark.parametrize(
    ("cls", "kwargs", "error", "advice"),
    REFUSED,
    ids=[f"{cls.__name__} with {kwargs}" for cls, kwargs, *_ in REFUSED],
)
def test_an_argument_out_of_range_is_refused(cls, kwargs, error, advice):
    (name,) = kwargs

    with pytest.raises(error, match=f"{cls.__name__}: `{name}`.*{advice}"):
        cls(**kwargs)
