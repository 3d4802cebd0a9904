"""Do several workers end as one process does, where the chief works alone?"""

import types

import distributed_runs as runs
import keras
import numpy as np
import pytest
import worker_groups

from aet_keras.errors import TrainingError
from aet_keras.training.by_chief import by_chief


def test_workers_have_the_steps_that_few_rows_get():
    together = worker_groups.two().run(runs.few_rows_run)

    alone = runs.few_rows_run()
    said = f"trained for {runs.MORE_STEPS} more steps"
    assert alone["said"].startswith(said)
    for each in together:
        assert each["events"] == together[0]["events"]
        assert each["said"].startswith(said)
        assert each["best"] == pytest.approx(alone["best"], rel=1e-4)
        for part, expected, other in zip(
            each["weights"],
            alone["weights"],
            together[0]["weights"],
            strict=True,
        ):
            np.testing.assert_allclose(part, expected, atol=1e-4)
            np.testing.assert_array_equal(part, other)


@pytest.fixture
def told(monkeypatch):
    """Has this process be the chief; returns what it tells the others."""
    told = []
    chief = types.SimpleNamespace(
        worker_count=lambda strategy: 2,
        is_chief=lambda strategy: True,
        broadcast=lambda strategy, value: told.append(value) or value,
    )
    monkeypatch.setattr("aet_keras.training.by_chief.agreement", chief)
    return told


def test_the_others_are_told_that_the_chief_failed(told):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    run = types.SimpleNamespace(model=model, cache_events=[])

    def fail():
        raise MemoryError("no room for a copy")

    with pytest.raises(TrainingError, match="no room for a copy"):
        by_chief(run, lambda run: run, is_needed=fail)
    assert told == [{"failure": "MemoryError: no room for a copy"}]


def test_groups_that_were_given_have_no_copy_and_that_is_said(told):
    ended = runs.few_rows_run(has_groups=True)

    assert ended["said"] is None
    assert "its groups were given" in ended["events"][-1][1]
