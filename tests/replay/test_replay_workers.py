"""Do several workers replay what one process would have trained?

Losses that are summed are weighed in one place for workers and for replicas:
test_replay_replicas.py.
"""

import functools

import distributed_replays as replays
import numpy as np
import pytest
import worker_groups

RECORDS = ["records what a to c put out"]


@pytest.fixture
def two():
    return worker_groups.two()


def check_same(run, alone, *, kinds=("weights", "slots")):
    for kind in kinds:
        for part, expected in zip(run[kind], alone[kind], strict=True):
            np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-5)
    for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(run["logs"][key], alone["logs"][key], 1e-4)


def check_equal(together):
    for each in together[1:]:
        assert each["said"] == together[0]["said"]
        for one, other in zip(
            together[0]["weights"], each["weights"], strict=True
        ):
            np.testing.assert_array_equal(one, other)


@functools.cache
def plain_run(name):
    return replays.run(name, is_plain=True)


def check_cases(group, names):
    ended = group.run(replays.runs, names)
    for number, name in enumerate(names):
        alone = plain_run(name)
        together = [each[number] for each in ended]
        check_equal(together)
        for each in together:
            assert each["said"] == RECORDS
            assert each["cached"] == [3, 3, 2]
            check_same(each, alone)


def test_two_workers_end_where_one_process_does(two):
    check_cases(two, ["arrays and class weights"])


def test_three_workers_end_where_one_process_does(tmp_path):
    group = worker_groups.Group(3, tmp_path)
    try:
        check_cases(group, ["a worker without rows at the end"])
    finally:
        group.close()


def test_shuffled_rows_come_in_an_order_of_each_worker(two):
    (one, steps), (other, others) = two.run(replays.shuffled_run)

    check_equal([one, other])
    together = [a + b for a, b in zip(steps, others, strict=True)]
    first, second, third = np.array_split(np.arange(len(together)), 3)
    for epoch in (first, second, third):
        rows = [row for step in epoch for row in together[step]]
        assert sorted(rows) == list(range(replays.COUNT))
    assert together[first[0]] != together[second[0]]
    alone = replays.run_in_order(together)
    for kind, parts in alone.items():
        for part, expected in zip(one[kind], parts, strict=True):
            np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-5)


def test_a_run_that_was_left_ends_as_if_it_had_not_been(two, tmp_path):
    moments = [(1, 3), (3, 4)]  # as it records, and as it replays

    for whole, resumed, began in two.run(
        replays.resumed_run, str(tmp_path), moments
    ):
        assert whole["cached"] == [3, 3, 2, 2]
        assert began == [None, (1, 2), (3, 4)]
        assert resumed["cached"] == whole["cached"]
        check_same(resumed, whole)


def test_the_head_is_solved_on_the_rows_of_all_workers(two):
    ((one,), (other,)) = two.run(replays.runs, ["a solved head"])

    check_equal([one, other])
    alone = replays.run("a solved head")
    parts = [run["said"][1].split(" to ") for run in (one, alone)]
    assert parts[0][0] == parts[1][0]
    assert parts[0][0].startswith("solved the head: validation loss")
    found, expected = (float(part[1].split()[0]) for part in parts)
    assert found == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "batches that are taken",
            "no cache with several workers: "
            "`take` of batches cannot be divided by rows; rows of",
        ),
        ("a worker without memory", "no cache: "),
    ],
)
def test_where_one_worker_cannot_replay_none_does(two, name, said):
    alone = plain_run(name)

    together = [ended for (ended,) in two.run(replays.runs, [name])]

    for each in together:
        assert each["said"][-1].startswith(said)
        assert each["cached"][-1] == 0
        check_same(each, alone)


def test_each_worker_decodes_its_own_rows_once(two):
    counted = two.run(replays.decoded_counts)

    own = [rows for _, _, rows in counted]
    assert sorted(own[0] + own[1]) == list(range(replays.COUNT))
    for train, held, _ in counted:
        assert train <= replays.COUNT / 2 + replays.BATCH
        assert held <= 21 / 2 + replays.BATCH


def test_a_step_reduces_what_moves_and_nothing_else(two):
    for found in two.run(replays.bytes_of_steps):
        assert [reduced for reduced, _ in found] == [
            4 * 18,
            4 * (18 + 35),
            4 * (18 + 35 + 48),
            4 * (18 + 35 + 48 + 63),
        ]
        assert all(reduced == moving for reduced, moving in found)
