"""Does a policy come back from what was written down of it?"""

import json

import pytest

from aet_keras.policies import FreezeSettled, FreezeWhenItPays, ThawOnStall
from aet_keras.policies.description import describe_policy, read_policy


@pytest.mark.parametrize(
    "policy",
    [ThawOnStall(patience_epochs=2), FreezeWhenItPays(FreezeSettled(0.5))],
    ids=["flat", "nested"],
)
def test_a_policy_survives_json(policy):
    written = json.loads(json.dumps(describe_policy(policy)))

    assert repr(read_policy(written)) == repr(policy)


def test_arguments_left_out_have_their_defaults():
    assert repr(read_policy({"policy": "ThawOnStall"})) == "ThawOnStall()"


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("ThawOnStall", "`policies.describe_policy"),
        ({"patience_epochs": 2}, "`policies.describe_policy"),
        ({"policy": "ThawOnStal"}, "Nearest: `ThawOnStall`"),
        (
            {"policy": "ThawOnStall", "patience": 2},
            "no ThawOnStall argument `patience`. Nearest: `patience_epochs`",
        ),
        ({"policy": "ThawOnStall", "patience_epochs": 0}, "at least 1"),
    ],
    ids=["no dict", "no name", "unknown name", "unknown argument", "range"],
)
def test_what_cannot_be_read_is_refused(written, advice):
    with pytest.raises((TypeError, ValueError), match=advice):
        read_policy(written)


def test_one_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="fit: no policy `ThawAll`"):
        read_policy({"policy": "ThawAll"}, among=("DecayOnStall",), owner="fit")
