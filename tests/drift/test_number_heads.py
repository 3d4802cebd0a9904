"""Is the head of a number or of tags the one that scikit-learn finds?"""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from aet_keras.drift import number_heads, tag_heads
from aet_keras.drift.number_heads import shift_head, solve_number_head
from aet_keras.drift.tag_heads import solve_tag_head

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(80, 5)) * [1, 2, 3, 1, 1] + 4
SLOPES = np.array([1.0, -1.0, 0.5, 0.0, 2.0])
Y = X @ SLOPES + 3 + RANDOM.normal(size=80)
NOTHING = np.zeros((5, 1)), np.zeros(1)


def test_new_rows_alone_are_a_ridge(monkeypatch):
    monkeypatch.setattr(number_heads, "_STRENGTHS", (0.1,))
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    ridge = Ridge(0.1 * 80).fit(scaled, Y)  # that of a mean, of a sum there

    found = solve_number_head((X, Y), NOTHING)

    said = X @ found.kernel[:, 0] + found.bias
    np.testing.assert_allclose(said, ridge.predict(scaled), rtol=1e-5)


def test_old_rows_weigh_four_times_what_few_new_ones_do(monkeypatch):
    monkeypatch.setattr(number_heads, "_STRENGTHS", (0.1,))
    new, old = (X[:10], Y[:10] + 9), (X[10:], Y[10:])
    both = np.concatenate([old[0], new[0]])
    scaled = (both - both.mean(axis=0)) / both.std(axis=0)
    weights = np.repeat([0.8 / 70, 0.2 / 10], [70, 10])
    wanted = np.concatenate([old[1], new[1]])
    ridge = Ridge(0.1).fit(scaled, wanted, sample_weight=weights)

    found = solve_number_head(new, NOTHING, old=old)

    said = both @ found.kernel[:, 0] + found.bias
    np.testing.assert_allclose(said, ridge.predict(scaled), rtol=1e-5)


def test_few_rows_of_many_features_keep_what_the_head_knew():
    """24 rows of 200 features: a ridge from nothing cannot know them."""
    random = np.random.default_rng(1)
    x, slopes = random.normal(size=(400, 200)), random.normal(size=(200, 1))
    y = (x @ slopes)[:, 0] * 1.5 + 20

    found = solve_number_head((x[:24], y[:24]), (slopes, np.zeros(1)))

    off = np.abs(x[24:] @ found.kernel[:, 0] + found.bias - y[24:])
    assert found.start == "scaled" and off.mean() < 0.1 * np.std(y)


def test_a_bias_is_moved_by_the_mean_error():
    kernel, bias = shift_head(
        np.zeros((3, 1)), np.array([[1.0], [2.0], [6.0]]), NOTHING
    )

    assert bias == pytest.approx(3.0) and kernel is NOTHING[0]


def test_each_tag_is_a_logistic_regression(monkeypatch):
    monkeypatch.setattr(tag_heads, "_STRENGTHS", (0.01,))
    monkeypatch.setattr(tag_heads, "_TOLERANCE", 1e-12)
    tags = np.stack([Y > np.median(Y), X[:, 1] > 5], axis=1).astype(int)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)

    found = solve_tag_head((X, tags), (np.zeros((5, 2)), np.zeros(2)))

    said = X @ found.kernel + found.bias
    for place, tag in enumerate(tags.T):
        regression = LogisticRegression(C=1 / (0.01 * 80), tol=1e-8)
        wanted = regression.fit(scaled, tag).decision_function(scaled)
        np.testing.assert_allclose(said[:, place], wanted, atol=5e-3)
    assert found.held_out.shape == tags.shape
    assert ((found.held_out > 0.5) == tags).mean() > 0.85
