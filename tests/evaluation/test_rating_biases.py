"""Are the biases those of regularised least squares?"""

import numpy as np
import pytest

from aet_keras.evaluation.rating_biases import fit_biases


def ratings(count=200, seed=0):
    random = np.random.default_rng(seed)
    users, items = random.integers(1, 9, count), random.integers(1, 6, count)
    said = 3 + users / 8 - items / 3 + random.normal(size=count)
    return users, items, said


def fitted():
    users, items, said = ratings()
    return fit_biases(
        users,
        items,
        said,
        validation=ratings(seed=1),
        user_count=9,
        item_count=6,
    )


def test_they_solve_the_normal_equations():
    users, items, said = ratings()

    biases = fitted()

    left = said - biases.predict(users, items)
    for codes, values, strength in (
        (users, biases.users, biases.user_strength),
        (items, biases.items, biases.item_strength),
    ):
        sums = np.bincount(codes, left, len(values))
        # Users are solved before items: they are off by the last sweep.
        np.testing.assert_allclose(sums, strength * values, atol=1e-3)


def test_the_strengths_are_the_best_on_validation():
    users, items, said = ratings(seed=1)

    biases = fitted()

    own = np.mean((biases.predict(users, items) - said) ** 2)
    assert own < np.var(said)


def test_the_unknown_get_the_mean():
    biases = fitted()

    assert biases.predict([0], [0]).item() == pytest.approx(biases.mean)


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="for each rating"):
        fit_biases(
            [1],
            [1, 1],
            [2.0],
            validation=([1], [1], [2.0]),
            user_count=2,
            item_count=2,
        )
