"""Does every exported policy keep the contract?"""

import inspect

import contracts
import pytest

from aet_keras import policies

CASES = {
    "AdaptToNoise": [{}, {"every_batches": 4, "smoothing": 0.5}],
    "AdaptToTrend": [{}, {"significance": 0.5, "hold_ratio": 1.0}],
    "AttendToGradients": [{}, {"temperature": 0.5, "every_batches": 2}],
    "DecayOnStall": [{}, {"monitor": "val_accuracy", "patience_epochs": 1}],
    "FreezeOnSchedule": [{}, {"power": 1, "scaled": False}],
    "FreezeSettled": [
        {},
        {"floor": None, "patience_intervals": 1, "thaw_ratio": None},
        {"floor": 0.9, "patience_intervals": 1, "thaw_ratio": 0.0},
    ],
    "FreezeSlow": [{}, {"threshold": 0.1, "patience_intervals": 1}],
    "FreezeWhenItPays": [
        {"then": policies.FreezeOnSchedule()},
        {"then": policies.FreezeSettled(0.9), "least_gain": 3.0},
    ],
    "ThawAll": [
        {},
        {"rate_ratio": 0.5, "depth_ratio": 0.9, "frozen_ratio": 0.3},
    ],
    "ThawBetweenCycles": [{}, {"first_epoch": 2, "spread": 10.0}],
    "ThawByTrial": [{}, {"head_epochs": 2, "monitor": "val_loss"}],
    "ThawOnSchedule": [{}, {"every_epochs": 2, "depth_ratio": 0.5}],
    "ThawOnStall": [{}, {"monitor": "val_accuracy", "patience_epochs": 2}],
    "ThawTopThenAll": [{}, {"monitor": "val_accuracy", "rate_ratio": 0.5}],
    "TrainHeadThenAll": [{}, {"first_epoch": 0, "rate_ratio": 0.5}],
    "WarmupCosine": [
        {},
        {"warmup_steps": 6, "least_ratio": 0.1, "every_epochs": 1},
    ],
}
FLAT = [(name, kwargs) for name in CASES for kwargs in CASES[name]]


def exported_policies():
    every = {name: getattr(policies, name) for name in policies.__all__}
    classes = {n: each for n, each in every.items() if inspect.isclass(each)}
    return [
        name
        for name, cls in classes.items()
        if issubclass(cls, policies.Policy) and cls is not policies.Policy
    ]


@pytest.mark.parametrize("name", exported_policies())
def test_an_exported_policy_has_cases(name):
    assert name in CASES, (
        f"`policies.{name}` is exported but never checked. Add it to `CASES` "
        f"in {__file__}: a list of dicts of its arguments."
    )


@pytest.mark.parametrize(
    ("name", "kwargs"),
    FLAT,
    ids=[f"{name}-{'-'.join(kwargs) or 'defaults'}" for name, kwargs in FLAT],
)
def test_a_policy_keeps_the_contract(name, kwargs):
    contracts.check_policy(getattr(policies, name), kwargs)
