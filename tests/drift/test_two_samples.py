"""Are the tests of two samples those of SciPy, and weights those of rows?"""

import numpy as np
import pytest
from scipy import stats

from aet_keras.drift import two_samples


def samples(first=200, second=90, columns=3, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(first, columns)), random.normal(
        0.2, size=(second, columns)
    )


def test_p_values_are_those_of_scipy():
    first, second = samples()

    found = two_samples.ks_p_values(first, second)

    known = [
        stats.ks_2samp(first[:, c], second[:, c], method="asymp").pvalue
        for c in range(3)
    ]
    np.testing.assert_allclose(found, known, rtol=1e-9)


@pytest.mark.parametrize("count", [1, 2])
def test_few_rows_outside_all_others_have_scipys_exact_p_value(count):
    first, second = np.arange(24.0)[:, None], np.full((count, 1), 99.0)

    found = two_samples.ks_p_values(first, second)

    known = stats.ks_2samp(first[:, 0], second[:, 0], method="exact")
    assert found[0] == pytest.approx(known.pvalue)


def test_equal_weights_change_nothing():
    first, second = samples()

    weighted = two_samples.ks_p_values(first, second, np.full(200, 3.0))

    np.testing.assert_allclose(
        weighted, two_samples.ks_p_values(first, second), rtol=1e-9
    )


def test_a_row_of_weight_zero_is_not_there():
    first, second = samples()
    weights = np.repeat([1.0, 0.0], [150, 50])

    weighted = two_samples.ks_p_values(first, second, weights)

    np.testing.assert_allclose(
        weighted, two_samples.ks_p_values(first[:150], second), rtol=1e-9
    )


def of_two_classes(low, high):
    """Returns rows of two normal classes, as evenly as can be."""
    parts = [
        place + stats.norm.ppf((np.arange(count) + 0.5) / count)
        for place, count in ((0, low), (4, high))
    ]
    return np.concatenate(parts)[:, None]


def test_weights_undo_a_change_of_shares():
    first, second = of_two_classes(900, 100), of_two_classes(30, 270)
    weights = np.repeat([1 / 9, 9.0], [900, 100])

    plain = two_samples.ks_p_values(first, second)[0]
    weighted = two_samples.ks_p_values(first, second, weights)[0]

    assert plain < 1e-6
    assert weighted > 0.9


@pytest.mark.parametrize("count", [50, 300])
def test_alarms_are_false_in_five_of_a_hundred_cases(count):
    random = np.random.default_rng(0)
    p = [
        two_samples.bonferroni(
            two_samples.ks_p_values(
                random.normal(size=(341, 16)), random.normal(size=(count, 16))
            )
        )
        for _ in range(100)
    ]

    assert np.mean(np.array(p) <= 0.05) <= 0.08  # 5 and a standard error


def test_categories_are_tested_as_scipy_tests_their_table():
    first = ["a"] * 60 + ["b"] * 40
    second = ["a"] * 20 + ["b"] * 30

    found = two_samples.chi_squared_p(first, second)

    known = stats.chi2_contingency([[60, 40], [20, 30]], correction=False)
    assert found == pytest.approx(known.pvalue)


def test_rare_categories_count_as_one():
    first = ["a"] * 100 + list("bcdefg")
    second = ["a"] * 100 + list("hijklm")

    assert two_samples.chi_squared_p(first, second) == pytest.approx(1)


def test_one_category_alone_cannot_have_moved():
    assert two_samples.chi_squared_p(["a"] * 9, ["a"] * 4) == 1
