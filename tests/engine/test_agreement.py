"""Do all workers do what the chief decides, and say so if they cannot?"""

import re

import distributed_runs as runs
import numpy as np
import pytest
import worker_groups


@pytest.fixture
def two():
    return worker_groups.two()


def test_numbers_are_told_exactly(two):
    for index, told in enumerate(two.run(runs.numbers_told)):
        assert told == (
            2,
            index,
            [[10, 2**60], [11, 2**60 + 1]],
            {"of": 0, "rate": 0.1, "none": None},
        )


def test_the_chief_decides_what_thaws(two):
    alone = runs.dense_run(epochs=2)

    for run in two.run(runs.chief_decides):
        assert run["maps"] == alone["maps"]
        for part, expected in zip(
            run["weights"], alone["weights"], strict=True
        ):
            np.testing.assert_allclose(part, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("index", "epochs"), [(0, 1), (1, 2)], ids=["chief", "follower"]
)
def test_the_chief_decides_when_to_stop(two, index, epochs):
    assert two.run(runs.one_stops, index) == [epochs, epochs]


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (runs.one_hurries, "same place in the run.*another rate in worker 1"),
        (runs.other_data, "same start.*another data or seed of their order in"),
        (runs.other_seed, "same start.*another data or seed of their order in"),
        (runs.unseeded_data, "must come in the same order in every worker"),
        (runs.generated_data, "of which they come from a generator"),
        (runs.one_row, "a row for each worker.*1 rows for 2 workers"),
    ],
    ids=[
        "other rate",
        "other rows",
        "other seed",
        "no seed",
        "generator",
        "one row",
    ],
)
def test_what_differs_is_said_by_every_worker(two, function, sentence):
    for said in two.run(function):
        assert said is not None
        assert_says(said, sentence)


def assert_says(said, sentence):
    assert re.search(f"(?s)fit: .*{sentence}", said), said
