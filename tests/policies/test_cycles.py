"""Do the policies that train in cycles thaw and anneal when they say?"""

import math

import numpy as np
import pytest

from aet_keras.policies import CosineRestarts, Progress, ThawInCycles


def run(policy, losses, *, epochs=14, groups=5, solved=1, fan_in=None):
    """Shows a policy the losses of epochs; returns its decisions."""
    arrays = {} if fan_in is None else {"fan_in": np.asarray(fan_in)}
    moving, decisions = (False,) * groups, []
    for epoch in range(len(losses) + 1):
        logs = {"val_loss": losses[epoch - 1]} if epoch else {}
        if epoch:
            policy.judge(logs)
        progress = Progress(
            epoch=epoch,
            epoch_count=epochs,
            logs=logs,
            trainable=moving,
            is_head_solved=epoch == solved,
            arrays=arrays,
        )
        decisions.append(policy.decide(progress))
        moving = decisions[-1].trainable
    return decisions


def thawed(decisions):
    return [sum(each.trainable) for each in decisions]


def test_the_top_groups_have_a_cycle_and_then_all():
    decisions = run(ThawInCycles(), [1.0, 0.9, 0.8, 0.7, 0.6])

    assert thawed(decisions) == [0, 2, 2, 5, 5, 5]
    assert decisions[1].trainable == (False, False, False, True, True)
    assert decisions[1].why == "the head is solved"


def test_a_head_that_is_not_solved_has_its_share_of_the_epochs():
    decisions = run(ThawInCycles(), [1.0] * 4, epochs=20, solved=None)

    assert thawed(decisions) == [0, 0, 0, 2, 2]


def test_a_thaw_after_which_no_epoch_was_as_good_is_undone_once():
    losses = [1.0, 0.9, 0.5, 0.9, 0.8, 0.7, 0.6, 0.9, 0.9, 0.9, 0.9]

    decisions = run(ThawInCycles(), losses)

    assert thawed(decisions) == [0, 2, 2, 5, 5, 5, 5, 2, 2, 2, 2, 2]
    assert [each.undo for each in decisions].index(True) == 7
    assert sum(each.undo for each in decisions) == 1
    assert decisions[7].why == (
        "val_loss was 0.5 before, and no epoch since was as good"
    )


def test_a_thaw_that_paid_in_one_epoch_stays():
    losses = [1.0, 0.9, 0.5, 0.9, 0.4, 0.7, 0.6, 0.9]

    decisions = run(ThawInCycles(), losses)

    assert thawed(decisions)[-1] == 5
    assert not any(each.undo for each in decisions)


def test_a_cycle_of_all_that_gains_little_is_the_last():
    paid = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4]  # half of what was there

    decisions = run(ThawInCycles(), [*paid, 0.5, 0.39, 0.5, 0.5, 0.5, 0.5])

    assert thawed(decisions) == [0, 2, 2, *[5] * 8, 2, 2, 2]
    assert decisions[11].why == "the last cycle gained little"
    assert not any(each.undo for each in decisions)


def test_without_undoing_a_thaw_that_did_not_pay_ends_with_its_cycle():
    losses = [1.0, 0.9, 0.5, 0.9, 0.8, 0.7, 0.6, 0.9]

    decisions = run(ThawInCycles(undo_thaw=False), losses)

    assert thawed(decisions) == [0, 2, 2, 5, 5, 5, 5, 2, 2]
    assert not any(each.undo for each in decisions)


def test_the_end_of_a_run_undoes_a_thaw_that_did_not_pay():
    policy = ThawInCycles()
    run(policy, [1.0, 0.9, 0.5, 0.9])

    decision = policy.finish(
        Progress(epoch=4, epoch_count=4, trainable=(True,) * 5)
    )

    assert decision.undo
    assert sum(decision.trainable) == 2


def test_top_groups_that_gain_nothing_are_no_reason_to_stop():
    losses = [0.5, 0.9, 0.8, 0.7, 0.6, 0.55, 0.6, 0.9]

    decisions = run(ThawInCycles(), losses)

    assert thawed(decisions) == [0, 2, 2, 5, 5, 5, 5, 0, 0]
    assert decisions[7].undo
    assert decisions[8].why == "the deeper groups have had their time"


def test_the_lowest_groups_may_stay_frozen():
    decisions = run(ThawInCycles(frozen_ratio=0.4), [1.0] * 4)

    assert thawed(decisions) == [0, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("fan_in", "ratio"),
    [(100, 0.5), (10, 3.0), (1, 3.0), (1e5, 0.01), (math.nan, 0.3)],
)
def test_the_rate_falls_with_the_inputs_of_a_neuron(fan_in, ratio):
    decision = run(ThawInCycles(), [], fan_in=fan_in)[0]

    assert decision.multipliers == pytest.approx((ratio,) * 5)


def test_a_given_ratio_is_taken():
    decision = run(ThawInCycles(rate_ratio=0.7), [], fan_in=120)[0]

    assert decision.multipliers == (0.7,) * 5


def rates(policy, moving, *, steps=8, epochs=14):
    """Returns the rate at the end of each half of each epoch, as shares."""
    found = []
    for epoch, count in enumerate(moving):
        for part in (1, 2):
            progress = Progress(
                epoch=epoch + part // 2,
                epoch_count=epochs,
                step=epoch * steps + part * steps // 2,
                step_count=steps * epochs,
                is_epoch_end=part == 2,
                start_rate=1.0,
                trainable=(False,) * (5 - count) + (True,) * count,
            )
            found.append(policy.decide(progress).rate)
    return found


def cosine(done, peak=1.0):
    share = (1 + math.cos(math.pi * done)) / 2
    return peak * (0.01 + 0.99 * share)


def test_each_thaw_begins_a_cycle_at_the_full_rate():
    found = rates(CosineRestarts(), [0, 2, 2, 5, 5, 5, 5])

    expected = [
        *[cosine(each / 28) for each in (1, 2)],
        *[cosine(each / 4) for each in (1, 2, 3, 4)],
        *[cosine(each / 8) for each in range(1, 9)],
    ]
    assert found == pytest.approx(expected)


def test_a_cycle_without_a_thaw_begins_at_half_the_rate():
    found = rates(CosineRestarts(), [5] * 8)

    expected = [
        *[cosine(each / 4) for each in (1, 2, 3, 4)],
        *[cosine(each / 8, 0.5) for each in range(1, 9)],
        *[cosine(each / 8, 0.25) for each in range(1, 5)],
    ]
    assert found == pytest.approx(expected)


def test_an_undone_thaw_is_no_reason_for_the_full_rate():
    found = rates(CosineRestarts(), [2, 2, 5, 2])

    assert found[-2] == pytest.approx(cosine(1 / 8, 0.5))


@pytest.mark.parametrize(("epochs", "last"), [(5, 3), (6, 4), (7, 5), (8, 4)])
def test_the_last_cycle_takes_what_would_be_too_short_a_rest(epochs, last):
    found = rates(CosineRestarts(), [2] * 2 + [5] * last, epochs=epochs)

    assert found[-1] == pytest.approx(0.01)


def test_without_groups_the_cosine_is_that_of_the_run():
    found = rates(CosineRestarts(), [0] * 14)

    assert found == pytest.approx([cosine(each / 28) for each in range(1, 29)])
