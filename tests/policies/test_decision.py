"""What does a decision leave alone?"""

import dataclasses

import pytest

from aet_keras.policies import Decision


def test_an_empty_decision_asks_for_nothing():
    asked = dataclasses.asdict(Decision())

    assert (asked.pop("why"), asked.pop("undo")) == ("", False)
    assert set(asked.values()) == {None}


def test_a_decision_cannot_be_changed_on_its_way():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Decision().rate = 1.0
