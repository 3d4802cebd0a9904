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


def test_all_groups_thaw_once_the_head_is_solved():
    decisions = run(ThawInCycles(), [1.0, 0.9, 0.8])

    assert thawed(decisions) == [0, 5, 5, 5]
    assert decisions[1].why == "the head is solved"


def test_a_head_that_is_not_solved_has_its_share_of_the_epochs():
    decisions = run(ThawInCycles(), [1.0] * 4, epochs=20, solved=None)

    assert thawed(decisions) == [0, 0, 0, 5, 5]


def test_a_thaw_after_which_no_epoch_was_as_good_is_undone_once():
    losses = [0.5, 0.9, 0.8, 0.7, 0.6, 0.9, 0.9, 0.9, 0.9]

    decisions = run(ThawInCycles(), losses)

    assert thawed(decisions) == [0, 5, 5, 5, 5, 0, 0, 0, 0, 0]
    assert [each.undo for each in decisions].index(True) == 5
    assert sum(each.undo for each in decisions) == 1
    assert decisions[5].why == (
        "val_loss was 0.5 before, and no epoch since was as good"
    )


def test_cycles_go_on_while_they_pay_and_then_the_top_groups_alone():
    first, second = [0.9, 0.8, 0.7, 0.6], [0.7, 0.6, 0.59, 0.6]

    decisions = run(ThawInCycles(), [1.0, *first, *second, 0.5, 0.4, 0.3])

    assert thawed(decisions) == [0, *[5] * 8, 2, 2, 2, 2]
    assert decisions[9].why == "the last cycle gained little"
    assert not any(each.undo for each in decisions)


def test_without_undoing_a_thaw_that_did_not_pay_ends_with_its_cycle():
    losses = [0.5, 0.9, 0.8, 0.7, 0.6, 0.9]

    decisions = run(ThawInCycles(undo_thaw=False), losses)

    assert thawed(decisions) == [0, 5, 5, 5, 5, 2, 2]
    assert not any(each.undo for each in decisions)


def test_a_figure_that_is_better_when_higher_pays_when_it_rises():
    policy = ThawInCycles("val_accuracy", cycle_epochs=1)
    moving, counts = (False,) * 5, []
    for epoch, value in enumerate([None, 0.5, 0.6, 0.7, 0.71]):
        logs = {} if value is None else {"val_accuracy": value}
        policy.judge(logs)
        progress = Progress(
            epoch=epoch, epoch_count=9, logs=logs, trainable=moving
        )
        moving = policy.decide(progress).trainable
        counts.append(sum(moving))

    assert counts == [0, 5, 5, 5, 2]


def test_the_end_of_a_run_undoes_a_thaw_that_did_not_pay():
    policy = ThawInCycles()
    run(policy, [0.5, 0.9, 0.8])

    decision = policy.finish(
        Progress(epoch=3, epoch_count=3, trainable=(True,) * 5)
    )

    assert decision.undo
    assert not any(decision.trainable)


def test_the_lowest_groups_may_stay_frozen():
    decisions = run(ThawInCycles(frozen_ratio=0.4), [1.0] * 2)

    assert thawed(decisions) == [0, 3, 3]


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


def test_a_thaw_begins_a_cycle_at_the_full_rate_and_the_next_has_half():
    found = rates(CosineRestarts(), [0] + [5] * 10)

    expected = [
        *[cosine(each / 28) for each in (1, 2)],
        *[cosine(each / 8) for each in range(1, 9)],
        *[cosine(each / 8, 0.5) for each in range(1, 9)],
        *[cosine(each / 10, 0.25) for each in range(1, 5)],  # 5 are left
    ]
    assert found == pytest.approx(expected)


def test_another_thaw_begins_again_at_the_full_rate():
    found = rates(CosineRestarts(), [2, 2, 5])

    assert found[4:] == pytest.approx([cosine(1 / 8), cosine(2 / 8)])


def test_an_undone_thaw_is_no_reason_for_the_full_rate():
    found = rates(CosineRestarts(), [2, 2, 5, 2])

    assert found[-2] == pytest.approx(cosine(1 / 8, 0.5))


@pytest.mark.parametrize("epochs", [3, 4, 5, 6, 7, 9, 12])
def test_the_last_cycle_takes_what_would_be_too_short_a_rest(epochs):
    found = rates(CosineRestarts(), [0] + [5] * (epochs - 1), epochs=epochs)

    assert found[-1] <= 0.01 + 1e-9  # a hundredth of its peak, at most 1


def test_without_groups_the_cosine_is_that_of_the_run():
    found = rates(CosineRestarts(), [0] * 14)

    assert found == pytest.approx([cosine(each / 28) for each in range(1, 29)])
