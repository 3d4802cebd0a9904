"""Does a group whose workers were killed end with the same weights?"""

import functools
import tempfile

import distributed_runs as runs
import image_models
import numpy as np
import pytest
import worker_groups

CHIEF = 0


@pytest.fixture
def start_group(tmp_path):
    """Returns a function that starts two workers; the last one closes all."""
    groups = []

    def start():
        number = len(groups)
        groups.append(worker_groups.Group(2, tmp_path / f"group{number}"))
        return groups[-1]

    yield start
    for each in groups:
        each.close()


def end_by_kill(group, folder, index, batches):
    """Has one worker die; the other one must notice."""
    group.begin(runs.saved_run, folder, index, batches)
    assert group.workers[index].process.wait(timeout=300) == -9
    with pytest.raises(AssertionError, match="Unavailable|Aborted|it ended"):
        group.wait_for(1 - index)
    group.close()


@pytest.mark.slow
def test_a_group_started_again_ends_with_the_same_weights(
    tmp_path, start_group
):
    folder = str(tmp_path / "saves")

    end_by_kill(start_group(), folder, CHIEF, 9)
    together = start_group().run(runs.saved_run, folder)

    for run in together:
        assert run["resumed_from"] == (1, 2)
        check_same(run, alone())


def test_replicas_of_one_process_end_with_the_same_weights(tmp_path):
    folder, strategy = str(tmp_path / "saves"), image_models.two_replicas()

    with pytest.raises(runs.Killed):
        runs.saved_run(folder, 0, 9, strategy)
    run = runs.saved_run(folder, strategy=strategy)

    assert run["resumed_from"] == (1, 2)
    check_same(run, alone())


@functools.cache
def alone():
    with tempfile.TemporaryDirectory() as folder:
        return runs.saved_run(folder)


def check_same(run, alone):
    assert run["maps"] == alone["maps"]
    for part, expected in zip(run["weights"], alone["weights"], strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-5)
    for key, values in alone["logs"].items():
        np.testing.assert_allclose(run["logs"][key], values, rtol=1e-4)
