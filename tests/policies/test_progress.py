"""How much of the plan is done?"""

import dataclasses

import pytest

from aet_keras.policies import Progress


@pytest.mark.parametrize(
    ("progress", "ratio"),
    [
        (Progress(step=3, step_count=12, epoch=1, epoch_count=2), 0.25),
        (Progress(step=13, step_count=12), 1.0),
        (Progress(epoch=1, epoch_count=4, step=7), 0.25),
        (Progress(epoch=5, epoch_count=4), 1.0),
    ],
    ids=["batches", "batches too many", "epochs", "epochs too many"],
)
def test_done_ratio_goes_by_batches_where_they_are_planned(progress, ratio):
    assert progress.done_ratio == ratio


def test_progress_cannot_be_changed_by_a_policy():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Progress().epoch = 3
