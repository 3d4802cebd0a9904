"""Do several looks at the same labels let no more useless changes pass?"""

import numpy as np
import pytest
from scipy import stats

from aet_keras.drift.paired_gain import count_looks, paired_gain

SHARES = np.array([1, 2, 3, 4]) / 4


def looks(random, *, gain=0.0, rows=250, differ=0.3):
    """Four points on the way of a training: each has changed more answers.

    Returns `(4, rows)`: 1 where an answer is right now, -1 where it is wrong.
    """
    moved = random.random(rows) < differ
    begins = random.random(rows)
    is_gained = random.random(rows) < (1 + gain / differ) / 2
    signs = np.where(is_gained, 1.0, -1.0)
    return np.stack([signs * (moved & (begins < share)) for share in SHARES])


def share_that_passes(count, *, draws=1500, **settings):
    random = np.random.default_rng(0)
    known, passed = {}, 0
    for _ in range(draws):
        found = looks(random, **settings)
        best = found[found.sum(axis=1).argmax()]
        key = int((best > 0).sum()), int((best < 0).sum()), count(found)
        if key not in known:
            gained, lost, many = key
            low = paired_gain(gained, lost, len(best), many).low
            known[key] = low > 0
        passed += known[key]
    return passed / draws


def test_the_best_of_four_useless_looks_rarely_passes():
    counted = share_that_passes(count_looks)
    as_one = share_that_passes(lambda found: 1)

    assert counted <= 0.05 < as_one


def test_looks_that_are_alike_cost_less_power_than_as_many_changes():
    gain = {"gain": 0.08, "draws": 800}

    counted = share_that_passes(count_looks, **gain)
    as_four = share_that_passes(len, **gain)

    assert counted > as_four + 0.03


@pytest.mark.parametrize("count", [1, 2, 5])
def test_changes_of_other_rows_count_one_each(count):
    random = np.random.default_rng(0)
    differences = np.zeros((count, 40 * count))
    for change, row in enumerate(differences):
        row[40 * change : 40 * change + 40] = random.choice([-1, 1], 40)

    assert count_looks(differences) == count


def test_half_correlated_changes_count_as_their_normal_law_says():
    """By hand: P(max of two > x) = 0.05 at x = 1.9163 where rho is 0.5."""
    base = np.array([[1.0, 0, 0], [0.5, np.sqrt(0.75), 0]])
    law = stats.multivariate_normal([0, 0], base @ base.T)

    wanted = 0.05 / stats.norm.sf(1.9163)

    assert 1 - law.cdf([1.9163, 1.9163]) == pytest.approx(0.05, abs=1e-4)
    assert count_looks(base) == int(np.ceil(wanted))


def test_what_changes_nothing_does_not_count():
    differences = np.zeros((3, 30))
    differences[0, :9] = 1

    assert count_looks(differences) == 1
    assert count_looks(np.zeros((2, 30))) == 1
