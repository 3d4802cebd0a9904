"""What does every policy get from its parent?"""

import pytest

from aet_keras.policies import (
    DecayOnStall,
    Decision,
    Policy,
    Progress,
    ThawOnSchedule,
    ThawOnStall,
)


class Count(Policy):
    start_state = {"seen": [], "epoch": 0}

    def decide(self, progress):
        self.state["seen"].append(progress.epoch)
        return Decision()


def test_a_policy_without_a_decision_says_what_to_define():
    with pytest.raises(TypeError, match=r"Policy: .* `decide\(progress\)`"):
        Policy().decide(Progress())


def test_two_policies_do_not_share_what_they_learned():
    first, second = Count(), Count()

    first.decide(Progress(epoch=4))

    assert first.state["seen"] == [4]
    assert second.state["seen"] == [] and Count.start_state["seen"] == []


def test_reset_forgets():
    policy = Count()
    policy.decide(Progress(epoch=4))

    policy.reset()

    assert policy.state == Count.start_state


def test_an_assigned_state_is_a_copy():
    policy, state = Count(), {"seen": [1], "epoch": 2}

    policy.state = state
    policy.decide(Progress(epoch=4))

    assert state == {"seen": [1], "epoch": 2}


@pytest.mark.parametrize(
    "state",
    [DecayOnStall().state, {}, {"monitor": None}],
    ids=["another policy's", "empty", "a part"],
)
def test_a_state_of_another_policy_is_refused(state):
    with pytest.raises(ValueError, match="ThawOnStall: .* another policy"):
        ThawOnStall().state = state


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(ThawOnSchedule()) == "ThawOnSchedule()"
    assert repr(ThawOnSchedule(2, depth_ratio=0.5)) == (
        "ThawOnSchedule(every_epochs=2, depth_ratio=0.5)"
    )
