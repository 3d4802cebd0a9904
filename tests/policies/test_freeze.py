"""Do groups freeze once they have settled, and thaw when they should?"""

import numpy as np
import pytest

from aet_keras.policies import FreezeSettled, FreezeSlow, Progress

PEER = {"floor": None, "patience_intervals": 1, "thaw_ratio": None}


def run(policy, rows, *, logs=(), rates=()):
    """Shows a policy a dict of arrays an epoch; returns the maps."""
    groups = len(next(iter(rows[0].values())))
    trainable, maps = (True,) * groups, []
    policy.decide(Progress(trainable=trainable))
    for index, arrays in enumerate(rows):
        frozen = ~np.array(trainable)
        arrays = {k: np.where(frozen, np.nan, v) for k, v in arrays.items()}
        progress = Progress(
            epoch=index + 1,
            trainable=trainable,
            arrays=arrays,
            logs=logs[index] if logs else {},
            rate=rates[index] if rates else 1e-3,
        )
        trainable = policy.decide(progress).trainable or trainable
        maps.append(trainable)
    return maps


def net(*rows):
    return [{"net_gradient_norms": np.array(row, float)} for row in rows]


def frozen(maps):
    return [each.count(False) for each in maps]


def peers_rule(rows):
    """Returns how many groups AutoFreeze freezes after each interval."""
    start, before, counts = 0, None, []
    for now in rows:
        if before is not None:
            eta = np.abs(before - now) / before
            bound = np.median(eta[start:])
            start += next(i for i, e in enumerate(eta[start:]) if e >= bound)
        before = now
        counts.append(start)
    return counts


def test_a_hand_worked_interval_of_autofreeze():
    # eta: 0.1, 0.05, 0.5, 0.02, 0.4; median 0.1 over all five.
    # Group 0 is not below it: nothing. Then eta: 0.01, 0.1, 0.2, 0.3, 0.3;
    # median 0.2: groups 0 and 1 freeze, group 2 is not below it.
    rows = net(
        [100, 100, 100, 100, 100],
        [90, 95, 50, 98, 60],
        [89.1, 85.5, 40, 127.4, 42],
    )

    assert frozen(run(FreezeSettled(**PEER), rows)) == [0, 0, 2]


@pytest.mark.parametrize("seed", range(5))
def test_without_floor_and_patience_it_is_the_peers_rule(seed):
    # The peer judges over all groups from the first moving one on.
    values = np.random.default_rng(seed).uniform(1, 2, size=(10, 8))

    maps = run(FreezeSettled(**PEER), net(*values))

    assert frozen(maps) == peers_rule(values)
    assert frozen(maps)[-1] > 0


def test_the_peers_rule_freezes_what_has_not_settled_and_the_floor_does_not():
    rows = net([1, 1, 1], [5, 9, 9], [1, 9, 9])  # eta of group 0: 4, then 0.8

    assert frozen(run(FreezeSettled(**PEER), rows)) == [0, 1, 1]
    assert frozen(run(FreezeSettled(**{**PEER, "floor": 0.1}), rows)) == [0] * 3


def test_patience_waits_for_calm_intervals_in_a_row():
    # group 0 is calm (1 % against 50 %), restless once, then calm again
    first = [100, 101, 102, 300, 303, 306]
    second = [100, 150, 225, 230, 345, 517]
    policy = FreezeSettled(patience_intervals=2, thaw_ratio=None)

    maps = run(policy, net(*zip(first, second, strict=True)))

    assert frozen(maps) == [0, 0, 1, 1, 1, 1]
    restless = [(100, 100), (101, 150), (300, 152), (303, 228), (306, 342)]
    again = FreezeSettled(patience_intervals=2, thaw_ratio=None)
    assert frozen(run(again, net(*restless))) == [0, 0, 0, 0, 1]


def test_changes_keep_their_distance():
    # eta 0.01, 0.02, 1 all along: medians 0.02, then 0.51, then 1
    rows = net(*([1.01**n, 1.02**n, 2.0**n] for n in range(7)))
    slow = FreezeSettled(**PEER, least_intervals=3)

    assert frozen(run(FreezeSettled(**PEER), rows)) == [0, 1, 2, 2, 2, 2, 2]
    assert frozen(run(slow, rows)) == [0, 0, 0, 1, 1, 1, 2]


def test_an_interval_without_measurement_judges_nothing():
    rows = net([100, 100], [np.nan, np.nan], [101, 200])

    # group 0 changed by 1 % from the interval before the gap
    assert frozen(run(FreezeSettled(**PEER), rows)) == [0, 0, 1]


def losses(*values):
    return [{"val_loss": value} for value in values]


SETTLED = net([100, 100], [101, 150], [102, 151], [103, 152], [104, 153])


def test_all_thaw_when_validation_falls_back():
    policy = FreezeSettled(patience_intervals=1, thaw_ratio=0.05)

    maps = run(policy, SETTLED, logs=losses(0.5, 0.4, 0.41, 0.43, 0.43))

    # 0.41 is within 5 % of 0.4, 0.43 is not; then the best counts anew
    assert frozen(maps)[:4] == [0, 1, 1, 0]


def test_an_accuracy_falls_when_it_is_lower():
    policy = FreezeSettled(
        patience_intervals=1, thaw_ratio=0.05, monitor="val_accuracy"
    )
    logs = [{"val_accuracy": value} for value in (0.5, 0.8, 0.9, 0.8, 0.9)]

    assert frozen(run(policy, SETTLED, logs=logs))[:4] == [0, 1, 1, 0]


def test_all_thaw_when_the_rate_has_dropped_tenfold():
    policy = FreezeSettled(patience_intervals=1)
    rates = [1e-2, 1e-2, 1e-2, 1e-3, 1e-3]

    assert frozen(run(policy, SETTLED, rates=rates))[:4] == [0, 1, 1, 0]


def test_it_never_thaws_where_that_is_not_wanted():
    policy = FreezeSettled(patience_intervals=1, thaw_ratio=None)

    maps = run(policy, SETTLED, logs=losses(0.5, 0.4, 0.9, 0.9, 0.9))

    assert frozen(maps) == [0, 1, 1, 1, 1]


def test_groups_freeze_at_the_ends_of_epochs_only():
    policy = FreezeSettled(**PEER, every_batches=4)
    rows = SETTLED[:2]

    decisions = [
        policy.decide(
            Progress(
                epoch=1, trainable=(True, True), is_epoch_end=end, arrays=row
            )
        )
        for row, end in zip([*rows, {}], (False, False, True), strict=True)
    ]

    assert [each.trainable for each in decisions] == [None, None, (False, True)]


def test_a_floor_of_zero_is_refused():
    with pytest.raises(ValueError, match="`floor` must be .* above 0"):
        FreezeSettled(0.0)


def test_slow_groups_freeze_by_update_over_weight():
    # 2e-4 / 4 = 5e-5 is slow, 1e-3 / 4 = 2.5e-4 is not
    rows = [
        {"update_norms": np.array(row), "weight_norms": np.array([4.0, 4.0, 4])}
        for row in ([2e-4, 1e-3, 1e-5], [2e-4, 2e-4, 1e-5], [2e-4, 2e-4, 1.0])
    ]

    assert frozen(run(FreezeSlow(patience_intervals=2), rows)) == [0, 1, 2]
    assert frozen(run(FreezeSlow(1e-6), rows)) == [0, 0, 0]
