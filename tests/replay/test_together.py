"""Do workers with rows of their own find what one process finds?"""

import threading

import numpy as np
import pytest

from aet_keras.replay import lbfgs
from aet_keras.replay.together import Together


class Meeting:
    """Adds up what threads have."""

    def __init__(self, count):
        self._barrier = threading.Barrier(count, timeout=60)
        self._parts = {}

    def total(self, index, array):
        self._parts[index] = np.asarray(array, "float64")
        self._barrier.wait()
        total = sum(self._parts[key] for key in sorted(self._parts))
        self._barrier.wait()
        return total


class InThread(Together):
    """Is a worker among threads."""

    def __init__(self, meeting, index):
        super().__init__()
        self._is_alone = False
        self._is_chief = index == 0
        self._meeting, self._index = meeting, index

    def total(self, array):
        return self._meeting.total(self._index, array)


def rows(begin, end):
    random = np.random.default_rng(0)
    features = random.normal(size=(90, 4)).astype("float32")
    scores = features @ random.normal(size=(4, 3)) + random.normal(size=(90, 3))
    targets = np.eye(3, dtype="float32")[scores.argmax(axis=1)]
    part = slice(begin, end)
    return lbfgs.Rows(features[part], targets[part], np.ones(90)[part])


@pytest.mark.parametrize("kind", ["softmax", "linear"])
def test_the_head_of_three_workers_is_that_of_one_process(kind):
    expected = lbfgs.solve(rows(0, 60), rows(60, 90), kind=kind)
    meeting, found = Meeting(3), {}
    parts = [(0, 10, 60, 65), (10, 35, 65, 80), (35, 60, 80, 90)]

    def solve(index, begin, end, held, last):
        found[index] = lbfgs.solve(
            rows(begin, end),
            rows(held, last),
            kind=kind,
            together=InThread(meeting, index),
        )

    threads = [
        threading.Thread(target=solve, args=(index, *part))
        for index, part in enumerate(parts)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(found) == [0, 1, 2]
    for each in found.values():
        np.testing.assert_array_equal(each.kernel, found[0].kernel)
        np.testing.assert_allclose(each.kernel, expected.kernel, atol=1e-2)
        np.testing.assert_allclose(each.bias, expected.bias, atol=1e-2)
        assert each.loss == pytest.approx(expected.loss, rel=1e-4)
        assert each.strength == expected.strength


def test_an_obstacle_of_one_worker_is_counted_by_all():
    assert Together().count_of(None) == 0
    assert Together().count_of("no room") == 1
