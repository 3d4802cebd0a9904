"""Is what waits run together, and does each get its own?"""

import concurrent.futures
import threading

import numpy as np
import pytest

from aet_keras.serving._batching import Batching


class Doubling:
    """Doubles numbers, notes the batches, and refuses negative ones."""

    def __init__(self):
        self.batches = []
        self.go = threading.Event()
        self.go.set()
        self.is_begun = threading.Event()

    def __call__(self, arrays):
        self.is_begun.set()
        assert self.go.wait(20)
        self.batches.append(len(arrays["x"]))
        if (arrays["x"] < 0).any():
            raise ValueError("negative")
        return {"y": 2 * arrays["x"]}


def rows(*values):
    return {"x": np.array(values, "float32")}


def at_once(double, batching, calls):
    """Makes calls of which all but the first wait for it."""
    double.go.clear()
    double.is_begun.clear()
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        first = pool.submit(batching, calls[0])
        assert double.is_begun.wait(20)
        rest = [pool.submit(batching, call) for call in calls[1:]]
        while len(batching._waiting) < len(rest):
            pass
        double.go.set()
        concurrent.futures.wait([first, *rest])
    return [first, *rest]


def test_a_call_alone_goes_alone():
    double = Doubling()

    outputs = Batching(double)(rows(1, 2))

    assert outputs["y"].tolist() == [2, 4]
    assert double.batches == [2]


def test_those_that_wait_are_run_together():
    double = Doubling()
    calls = [rows(1), rows(2, 3), rows(4), rows(5)]

    done = at_once(double, Batching(double), calls)

    found = [each.result()["y"].tolist() for each in done]
    assert found[0] == [2]
    assert found[1:] == [[4, 6], [8], [10]]
    assert double.batches == [1, 4]


def test_a_batch_is_no_larger_than_allowed():
    double = Doubling()
    calls = [rows(k) for k in range(8)]

    done = at_once(double, Batching(double, most_rows=3), calls)

    assert sorted(each.result()["y"][0] for each in done) == [*range(0, 16, 2)]
    assert double.batches == [1, 3, 3, 1]


def test_a_large_call_is_cut():
    double = Doubling()

    outputs = Batching(double, most_rows=3)(rows(*range(8)))

    assert outputs["y"].tolist() == [*range(0, 16, 2)]
    assert double.batches == [3, 3, 2]


def test_other_shapes_are_not_mixed():
    double = Doubling()
    wide = {"x": np.ones((1, 2), "float32")}

    done = at_once(double, Batching(double), [rows(1), rows(2), wide, rows(3)])

    assert done[2].result()["y"].tolist() == [[2, 2]]
    assert double.batches == [1, 1, 1, 1]


def test_nobody_suffers_for_another():
    double = Doubling()

    done = at_once(double, Batching(double), [rows(1), rows(2), rows(-1)])

    assert done[1].result()["y"].tolist() == [4]
    with pytest.raises(ValueError, match="negative"):
        done[2].result()


def test_who_is_done_does_not_wait_for_the_next_batch():
    double, may_end = Doubling(), threading.Event()

    def slow_if_wide(arrays):
        if arrays["x"].ndim > 1:
            assert may_end.wait(20)
        return double(arrays)

    batching = Batching(slow_if_wide)
    wide = {"x": np.ones((1, 2), "float32")}
    double.go.clear()
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        done = []
        for call in [*[rows(k) for k in range(8)], wide]:
            done.append(pool.submit(batching, call))
            while len(batching._waiting) < len(done) - 1:
                pass
            assert double.is_begun.wait(20)
        double.go.set()
        found = [each.result(20)["y"][0] for each in done[:-1]]
        is_wide_done = done[-1].done()
        may_end.set()

    assert found == [*range(0, 16, 2)]
    assert not is_wide_done
    assert double.batches == [1, 7, 1]


def test_many_threads_each_get_their_own():
    batching = Batching(Doubling(), most_rows=4)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda k: batching(rows(k))["y"], range(500)))

    assert np.concatenate(found).tolist() == [*range(0, 1000, 2)]
