"""Is a thaw undone once it has made things worse, and only then?"""

import json

import pytest

from aet_keras.policies import (
    FreezeWhenItPays,
    Progress,
    ThawAll,
    ThawOnSchedule,
    ThawOnStall,
)


def thaw(**settings):
    """Returns a policy that thaws all three groups when the head is solved."""
    settings = {
        "patience_epochs": 2,
        "first_count": 3,
        "frozen_ratio": 0.0,
        "head_ratio": 1.0,
        "latest_ratio": 1.0,
        **settings,
    }
    return ThawOnStall(**settings)


def run(policy, figures, *, key="val_loss", solved=1.0):
    """Shows a policy a first epoch, a solved head, and figures after it."""
    policy.judge({key: 1.5})
    policy.judge({key: solved})
    moving, decisions = (False,) * 3, []
    for epoch, figure in enumerate([None, *figures], start=1):
        logs = {key: 1.5 if figure is None else figure}
        if figure is not None:
            policy.judge(logs)
        decisions.append(policy.decide(progress(epoch, logs, moving)))
        moving = decisions[-1].trainable or moving
    return decisions


def progress(epoch, logs, moving):
    return Progress(
        epoch=epoch,
        epoch_count=20,
        logs=logs,
        trainable=moving,
        is_head_solved=epoch == 1,
    )


def test_epochs_that_are_all_worse_undo_the_thaw():
    # 2.4 to 1.9 is a gain of 0.5; once more, that would be 1.4
    *_, before, last = run(thaw(), [2.4, 1.9])

    assert before.trainable == (True, True, True) and not before.undo
    assert last.trainable == (False, False, False) and last.undo
    assert last.why == (
        "val_loss was 1 before, and worse in each of the 2 epochs since"
    )


@pytest.mark.parametrize(
    "figures",
    [
        [2.0, 0.99, 2.0, 2.0],
        [2.0, 1.0, 2.0, 2.0],
        [2.0, 1.09, 2.0, 2.0],
        [1.9, 1.4],
        [2.0],
    ],
    ids=["better once", "equal once", "hardly worse", "nearly there", "soon"],
)
def test_a_thaw_on_which_the_verdict_is_open_stays(figures):
    assert not any(each.undo for each in run(thaw(), figures))


def test_an_undone_thaw_is_not_tried_again():
    decisions = run(thaw(), [2.0, 2.1, *[1.2] * 9])

    assert [each.undo for each in decisions].count(True) == 1
    assert decisions[-1].trainable == (False, False, False)


def test_nothing_more_thaws_while_the_last_thaw_is_worse():
    policy = thaw(first_count=1, group_count=1, patience_epochs=9)
    policy.latest_ratio = 0.1  # of 20 epochs: a thaw every other one

    moving = [sum(d.trainable) for d in run(policy, [4.0, 3.0, 2.0, 1.5])]

    assert moving == [1, 1, 1, 1, 1]


def test_the_second_thaw_is_undone_alone():
    policy = thaw(first_count=1, group_count=1)

    decisions = run(policy, [0.5, 0.5, 0.5, 2.0, 2.0])

    assert [sum(each.trainable) for each in decisions] == [1, 1, 1, 2, 2, 1]
    assert decisions[-1].undo


def test_an_accuracy_is_worse_when_it_is_lower():
    policy = thaw(monitor="val_accuracy")

    *_, last = run(policy, [0.5, 0.4], key="val_accuracy", solved=1.6)

    assert last.undo


def test_epochs_that_are_not_finite_are_worse():
    *_, last = run(thaw(), [float("nan"), float("inf")])

    assert last.undo


@pytest.mark.parametrize(
    ("figures", "undoes"), [([1.01], True), ([1.01, 0.9, 2.0], False), ([], 0)]
)
def test_the_end_undoes_what_was_never_as_good(figures, undoes):
    policy = thaw()
    run(policy, figures)

    decision = policy.finish(progress(9, {}, (True,) * 3))

    assert decision.undo == undoes


def test_it_can_be_turned_off():
    policy = thaw(undo_thaw=False)

    decisions = run(policy, [2.0] * 5)

    assert not any(each.undo for each in decisions)
    assert not policy.finish(progress(9, {}, (True,) * 3)).undo


def test_what_it_knows_survives_json():
    policy, other = thaw(), thaw()
    run(policy, [2.0, float("nan")][:1])

    other.state = json.loads(json.dumps(policy.state, allow_nan=False))
    decided = []
    for each in (policy, other):
        each.judge({"val_loss": float("nan")})
        decided.append(
            each.decide(progress(3, {"val_loss": float("nan")}, (True,) * 3))
        )

    assert decided[0] == decided[1] and decided[0].undo


def test_a_state_of_a_version_that_undid_nothing_is_taken():
    state = {"monitor": "val_loss", "best": 0.5, "wait": 1}

    policy = thaw()
    policy.state = {**state, "thawed": 1, "since": 2}

    assert policy.state["kept"] is None and policy.state["thawed"] == 1


def test_a_policy_that_weighs_costs_passes_it_on():
    policy = FreezeWhenItPays(thaw())

    *_, last = run(policy, [2.0, 2.1])

    assert last.undo and last.trainable == (False, False, False)


@pytest.mark.parametrize("policy", [ThawAll(), ThawOnSchedule()])
def test_other_policies_undo_nothing(policy):
    assert not policy.judge({"val_loss": 0.1})
    assert not policy.finish(Progress()).undo
