"""Does `ThawTopThenAll` thaw what the losses ask for, and no more?"""

import numpy as np
import pytest

from aet_keras import policies

COUNT = 4


def run(policy, epochs, *, solved_after=1, fan_in=90.0, steps=10):
    """Runs a policy through epochs of a `val_loss`; returns its decisions."""
    thawed, decisions = 0, []
    for epoch, loss in enumerate([None, *epochs]):
        logs = {} if loss is None else {"val_loss": loss}
        policy.judge(logs)
        decision = policy.decide(
            policies.Progress(
                epoch=epoch,
                epoch_count=20,
                step=epoch * steps,
                logs=logs,
                trainable=(False,) * (COUNT - thawed) + (True,) * thawed,
                is_head_solved=epoch == solved_after,
                arrays={"mean_fan_in": np.array(fan_in)},
            )
        )
        thawed = sum(decision.trainable)
        decisions.append(decision)
    return decisions


def thawed_of(decisions):
    return [sum(decision.trainable) for decision in decisions]


def test_all_join_once_the_top_stalls():
    losses = [1.0, 0.8, 0.7, 0.65, 0.64, 0.6]
    decisions = run(policies.ThawTopThenAll(), losses)
    # 0.8 -> 0.7 is more than 10 %, 0.7 -> 0.65 and 0.64 are less.
    assert thawed_of(decisions) == [0, 2, 2, 2, 2, 4, 4]
    assert decisions[5].why == "val_loss improved by less than 10 %"
    assert decisions[6].why == "all groups"


def test_patience_is_counted_from_the_thaw():
    losses = [1.0, 0.99, 0.98, 0.97]
    for patience, thawed in ((1, [0, 2, 4, 4, 4]), (2, [0, 2, 2, 4, 4])):
        policy = policies.ThawTopThenAll(patience_epochs=patience)
        assert thawed_of(run(policy, losses)) == thawed


def test_a_head_that_is_not_solved_has_two_epochs_at_most():
    falling = [2.0, 1.0, 0.5]
    decisions = run(policies.ThawTopThenAll(), falling, solved_after=None)
    assert thawed_of(decisions) == [0, 0, 2, 2]
    assert decisions[2].why == "the head had 2 epochs"


def test_an_epoch_of_many_steps_is_enough_for_the_head():
    falling = [2.0, 1.0, 0.5]
    for given, steps, thawed in (
        (None, 199, [0, 0, 2, 2]),
        (None, 200, [0, 2, 2, 2]),
        (3, 200, [0, 0, 0, 2]),
    ):
        policy = policies.ThawTopThenAll(head_epochs=given)
        decisions = run(policy, falling, solved_after=None, steps=steps)
        assert thawed_of(decisions) == thawed


def test_steps_of_epochs_before_a_fit_began_are_not_the_heads():
    late = policies.Progress(
        epoch=6,  # of a `fit` with `initial_epoch=5`
        epoch_count=9,
        step=6 * 40,
        logs={"val_loss": 1.0},
        trainable=(False,) * COUNT,
    )
    assert thawed_of([policies.ThawTopThenAll().decide(late)]) == [0]


@pytest.mark.parametrize(
    ("fan_in", "ratio"),
    [(60.0, 1.0), (240.0, 0.125), (50.0, 1.2**1.5), (5.0, 2.0), (1e4, 0.03)],
)
def test_the_rate_of_groups_falls_with_fan_in(fan_in, ratio):
    (decision,) = run(policies.ThawTopThenAll(), [], fan_in=fan_in)
    assert decision.multipliers == pytest.approx((ratio,) * COUNT)


def test_a_rate_that_was_asked_for_is_kept():
    (decision,) = run(policies.ThawTopThenAll(rate_ratio=0.7), [])
    assert decision.multipliers == (0.7,) * COUNT


def test_groups_without_kernels_count_as_of_a_usual_width():
    (decision,) = run(policies.ThawTopThenAll(), [], fan_in=np.nan)
    assert decision.multipliers == pytest.approx((0.4**1.5,) * COUNT)


def test_a_narrow_network_has_all_groups_thawed_at_once():
    for fan_in, thawed in ((60.0, COUNT), (60.1, 2)):
        decisions = run(policies.ThawTopThenAll(), [1.0], fan_in=fan_in)
        assert thawed_of(decisions) == [0, thawed]


def test_a_thaw_that_makes_things_worse_is_undone():
    losses = [1.0, 1.5, 1.6, 1.7]
    decisions = run(policies.ThawTopThenAll(), losses)
    assert thawed_of(decisions) == [0, 2, 2, 2, 0]
    assert decisions[-1].undo
    assert decisions[-1].why == (
        "val_loss was 1 before, and worse in each of the 3 epochs since"
    )
