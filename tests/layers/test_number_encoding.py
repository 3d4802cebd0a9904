"""Does a number say what scikit-learn would say of it?"""

import keras
import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from aet_keras.layers import NumberEncoding


def test_numbers_are_standardised_as_by_scikit_learn():
    x = np.array([[1.0], [4.0], [np.nan], [7.0], [20.0]], "float32")
    imputer = SimpleImputer(strategy="median")
    expected = make_pipeline(imputer, StandardScaler()).fit_transform(x)
    filled = imputer.transform(x)

    layer = NumberEncoding(
        mean=float(filled.mean()), scale=float(filled.std()), fill=5.5
    )

    found = np.asarray(layer(x))
    np.testing.assert_allclose(found[:, :1], expected, rtol=1e-5)
    np.testing.assert_array_equal(found[:, 1], [0, 0, 1, 0, 0])


def test_a_number_far_from_all_others_leaves_answers_finite():
    layer = NumberEncoding(mean=1.0, scale=2.0, knots=[0, 2, 10])
    far = np.float32([[9.96921e36], [-1e20], [2e5]])

    found = layer(far)
    levelled = keras.layers.LayerNormalization()(found)

    expected = [1e6, -1e6, (2e5 - 1) / 2]
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-6)
    assert np.isfinite(levelled).all()


def test_bins_fill_from_the_left():
    layer = NumberEncoding(knots=[0, 2, 10])

    found = np.asarray(layer(np.float32([[-1], [1], [4], [99]])))

    # 1 lies half way from 0 to 2, 4 a quarter of the way from 2 to 10.
    expected = [[0, 0], [0.5, 0], [1, 0.25], [1, 1]]
    np.testing.assert_allclose(found[:, 2:], expected)


def test_a_slip_of_the_decimal_point_is_no_farther_than_the_bounds():
    layer = NumberEncoding(low=0.0, high=10.0, knots=[0, 20], periods=[7])

    slip, bound, below = np.asarray(layer(np.float32([[318], [10], [-4]])))

    np.testing.assert_allclose(slip[:3], bound[:3])
    np.testing.assert_allclose(below[:3], [0, 0, 0])
    # a date stays in its place in the week: 318 = 45 * 7 + 3
    np.testing.assert_allclose(slip[3], np.sin(6 * np.pi / 7), atol=1e-4)
    with pytest.raises(ValueError, match="at most `high`"):
        NumberEncoding(low=2.0, high=1.0)


def test_a_period_returns():
    layer = NumberEncoding(periods=[7])

    monday, tuesday, next_monday = np.asarray(
        layer(np.float32([[4], [5], [11]]))
    )

    np.testing.assert_allclose(monday[2:], next_monday[2:], atol=1e-5)
    assert abs(monday[2] - tuesday[2]) > 0.1


@pytest.mark.parametrize("knots", [[1], [2, 1], [1, 1]])
def test_knots_that_do_not_ascend_are_refused(knots):
    with pytest.raises(ValueError, match="Sort them"):
        NumberEncoding(knots=knots)
