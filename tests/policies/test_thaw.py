"""Do the thaw policies thaw when, what and as fast as they say?"""

import math

import pytest

from aet_keras.policies import Progress, ThawAll, ThawOnSchedule, ThawOnStall


def run(policy, rows, *, groups=3, epochs=100):
    """Shows a policy one dict of logs an epoch; returns its decisions."""
    moving = (False,) * groups
    decisions = []
    for epoch, logs in enumerate([{}, *rows]):
        progress = Progress(
            epoch=epoch, epoch_count=epochs, logs=logs, trainable=moving
        )
        decisions.append(policy.decide(progress))
        moving = decisions[-1].trainable or moving
    return decisions


def one_by_one(monitor="auto", **kwargs):
    """Returns a policy that thaws one group after each epoch that stalls."""
    settings = {
        "patience_epochs": 1,
        "first_count": 1,
        "group_count": 1,
        "frozen_ratio": 0.4,
        "head_ratio": 1.0,
        "latest_ratio": 1.0,
    }
    return ThawOnStall(monitor, **{**settings, **kwargs})


def losses(*values):
    return [{"val_loss": value} for value in values]


def thawed(decisions):
    """Returns how many groups each decision lets move, all at the top."""
    counts = [sum(decision.trainable) for decision in decisions]
    for decision, count in zip(decisions, counts, strict=True):
        assert decision.trainable[len(decision.trainable) - count :] == (
            (True,) * count
        )
    return counts


def test_thaw_all_moves_every_group_from_the_start():
    first, *later = run(ThawAll(rate_ratio=0.5), losses(0.9, 0.8))

    assert first.trainable == (True, True, True)
    assert first.multipliers == (0.5, 0.5, 0.5)
    assert all(each.trainable is None for each in later)


def test_thaw_all_leaves_a_share_of_the_lowest_groups_frozen():
    policy = ThawAll(rate_ratio=0.5, depth_ratio=0.5, frozen_ratio=0.4)

    first, *later = run(policy, losses(0.9, 0.8), groups=5)

    assert first.trainable == (False, False, True, True, True)
    assert first.multipliers[2:] == (0.125, 0.25, 0.5)
    assert all(each.trainable is None for each in later)


@pytest.mark.parametrize(
    ("kwargs", "counts"),
    [
        ({}, [0, 1, 2, 3, 3]),
        ({"first_epoch": 0}, [1, 2, 3, 3, 3]),
        ({"first_epoch": 2}, [0, 0, 1, 2, 3]),
        ({"every_epochs": 2}, [0, 1, 1, 2, 2]),
        ({"group_count": 2}, [0, 2, 3, 3, 3]),
    ],
    ids=["defaults", "at once", "a later start", "slower", "two at a time"],
)
def test_the_schedule_thaws_from_the_top_in_time(kwargs, counts):
    assert thawed(run(ThawOnSchedule(**kwargs), [{}] * 4)) == counts


@pytest.mark.parametrize("cls", [ThawAll, ThawOnSchedule, ThawOnStall])
def test_each_group_is_slower_than_the_one_above(cls):
    policy = cls(rate_ratio=0.4, depth_ratio=0.5)

    (decision,) = run(policy, [])

    # top 0.4, then 0.4 * 0.5, then 0.4 * 0.5 * 0.5; given while frozen too
    assert decision.multipliers == pytest.approx((0.1, 0.2, 0.4))


def test_nothing_thaws_while_the_figure_improves():
    # each is more than 10 % below the one before
    decisions = run(one_by_one(), losses(1.0, 0.89, 0.8, 0.7, 0.6))

    assert thawed(decisions) == [0] * 6


def test_a_stall_thaws_the_top_groups():
    # 0.95 is less than 10 % below 1.0
    decisions = run(one_by_one(first_count=2), losses(1.0, 0.95))

    assert thawed(decisions) == [0, 0, 2]
    assert decisions[-1].why == "val_loss improved by less than 10 %"


def test_patience_is_how_many_epochs_may_stall():
    policy = one_by_one(patience_epochs=3)

    decisions = run(policy, losses(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0))

    # the first sets the best; three stalls a thaw
    assert thawed(decisions) == [0, 0, 0, 0, 1, 1, 1, 2]


def test_a_group_never_freezes_again():
    values = [1.0, 1.0, 0.5, 0.2, 0.1, 0.1, 2.0, 0.01, math.nan, 0.001]

    counts = thawed(run(one_by_one(), losses(*values)))

    # 0.4 of 3 groups, rounded down, stay frozen for good: 1
    assert counts == sorted(counts) and counts[-1] == 2


def test_a_thaw_comes_without_a_stall_in_time():
    policy = one_by_one(head_ratio=0.2, latest_ratio=0.3)
    falling = losses(*(0.5**k for k in range(5)))

    decisions = run(policy, falling, epochs=10)

    # 0.2 of 10 epochs for the head, 0.3 for the first group
    assert thawed(decisions) == [0, 0, 1, 1, 1, 2]
    assert decisions[2].why == "no thaw for 2 epochs"


def test_the_first_thaw_may_be_of_fewer_groups():
    policy = ThawOnStall(
        head_ratio=0.0, latest_ratio=0.0, frozen_ratio=0.0, first_count=1
    )

    # one group, then two at a time, by default
    assert thawed(run(policy, losses(1.0, 0.5))) == [0, 1, 3]


def test_the_top_two_of_five_groups_thaw_at_once_by_default():
    policy = ThawOnStall(head_ratio=0.0, latest_ratio=0.0)

    # 0.6 of 5 groups stay frozen for good: 3
    counts = thawed(run(policy, losses(1.0, 0.5, 0.2), groups=5))
    assert counts == [0, 2, 2, 2]


def test_ratios_of_zero_thaw_after_each_epoch():
    policy = one_by_one(head_ratio=0.0, latest_ratio=0.0, frozen_ratio=0.0)

    decisions = run(policy, losses(1.0, 0.5, 0.2))

    assert thawed(decisions) == [0, 1, 2, 3]


def test_the_stem_stays_frozen_for_good():
    policy = ThawOnStall(head_ratio=0.0, first_count=9, frozen_ratio=0.7)

    # 0.7 of 3 groups, rounded down: 2
    assert thawed(run(policy, losses(1.0, 0.5, 0.2))) == [0, 1, 1, 1]


def test_a_solved_head_needs_no_stall():
    progress = Progress(
        epoch=1,
        epoch_count=20,
        logs={"val_loss": 1.0},
        trainable=(False,) * 3,
        is_head_solved=True,
    )

    decision = ThawOnStall().decide(progress)

    assert decision.trainable == (False, True, True)
    assert decision.why == "the head is solved"


def test_ratios_of_one_leave_it_to_the_stall():
    policy = one_by_one()
    falling = losses(*(0.5**k for k in range(9)))

    assert thawed(run(policy, falling, epochs=10)) == [0] * 10


def test_epochs_without_validation_are_no_stall():
    rows = [{"loss": 9.0}, *losses(1.0), {"loss": 9.0}, *losses(0.5)]

    assert thawed(run(one_by_one(), [*rows, {"loss": 9.0}]))[2:] == [0] * 4


def test_a_run_without_validation_goes_by_its_loss():
    decisions = run(one_by_one(), [{"loss": 1.0}, {"loss": 0.99}])

    assert thawed(decisions) == [0, 0, 1]
    assert decisions[-1].why.startswith("loss improved")


def test_an_accuracy_stalls_when_it_stops_rising():
    policy = one_by_one("val_accuracy")

    # 0.6 is 20 % above 0.5, 0.65 less than 10 % above 0.6
    rows = [{"val_accuracy": value} for value in (0.5, 0.6, 0.65)]

    assert thawed(run(policy, rows)) == [0, 0, 0, 1]


def test_a_loss_that_is_not_a_number_is_a_stall():
    policy = one_by_one()

    assert thawed(run(policy, losses(1.0, math.nan))) == [0, 0, 1]


def test_a_mistyped_monitor_is_refused_with_what_there_is():
    policy = ThawOnStall("acuracy")

    with pytest.raises(ValueError, match=r"ThawOnStall.*'loss'.*Name one"):
        run(policy, [{"loss": 1.0}])


def test_no_groups_need_no_thaw():
    decisions = run(ThawOnStall(), losses(1.0, 1.0), groups=0)

    assert [decision.trainable for decision in decisions] == [()] * 3


REFUSED = [
    (ThawAll, {"rate_ratio": 0}, ValueError, "finite number above 0"),
    (ThawAll, {"frozen_ratio": 1.5}, ValueError, "at most 1"),
    (ThawOnSchedule, {"every_epochs": 0}, ValueError, "at least 1"),
    (ThawOnSchedule, {"first_epoch": -1}, ValueError, "at least 0"),
    (ThawOnSchedule, {"group_count": 1.5}, TypeError, "an int"),
    (ThawOnSchedule, {"depth_ratio": 1.1}, ValueError, "at most 1"),
    (ThawOnStall, {"monitor": None}, TypeError, "a `str`"),
    (ThawOnStall, {"patience_epochs": 0}, ValueError, "at least 1"),
    (ThawOnStall, {"min_improvement": -0.1}, ValueError, "at least 0"),
    (ThawOnStall, {"latest_ratio": 2}, ValueError, "at most 1"),
    (ThawOnStall, {"rate_ratio": math.nan}, ValueError, "finite"),
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
