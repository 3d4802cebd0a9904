import numpy as np
from sklearn.linear_model import LogisticRegression

from aet_keras.drift.joint_head import solve_joint_head

RANDOM = np.random.default_rng(0)
NONE = np.zeros((4, 2), "float32"), np.zeros(2, "float32")


def rows(count, at=0.0, frequency=0.5):
    """Two classes along the first column, seen from another place."""
    labels = (RANDOM.uniform(size=count) < frequency).astype("int64")
    features = RANDOM.normal(size=(count, 4)) + at
    features[:, 0] += 2 * labels
    return features.astype("float32"), labels


def logits(found, features):
    return features @ found.kernel + found.bias


def test_it_is_what_scikit_learn_finds_on_weighted_rows():
    old, new = rows(400, frequency=0.25), rows(40, [0, 3, 0, 0], 0.6)
    found = solve_joint_head(new, old, NONE)

    features = np.concatenate([old[0], new[0]]).astype("float64")
    labels = np.concatenate([old[1], new[1]])
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    # New rows: a quarter of the old, and classes as frequent as there; one
    # row of each class is added to both counts.
    of_old, of_new = (np.bincount(each[1]) + 1.0 for each in (old, new))
    weights = (of_old / of_old.sum() / of_new)[new[1]]
    weights = np.append(np.ones(400), 0.25 * 400 * weights / weights.sum())
    # The logit is the difference of two columns: half of their penalty.
    strength = found.strength * weights.sum() / 2
    model = LogisticRegression(C=1 / strength, tol=1e-8)
    expected = model.fit(scaled, labels, weights).decision_function(scaled)

    one, two = logits(found, features).T
    np.testing.assert_allclose(two - one, expected, atol=0.02)


def test_few_rows_of_one_class_do_not_make_it_the_usual_answer():
    old = rows(600)
    new = rows(40, frequency=0.9)  # as before, with other frequencies
    found = solve_joint_head(new, old, NONE)

    answers = logits(found, rows(4000)[0]).argmax(axis=1)
    assert abs(answers.mean() - 0.5) < 0.05


def test_of_very_many_old_rows_some_are_taken(monkeypatch):
    old, new = rows(600), rows(40)
    few = old[0][::3], old[1][::3]
    monkeypatch.setattr("aet_keras.drift.joint_head._MOST_NUMBERS", 200 * 4 * 2)
    taken, given = (solve_joint_head(new, each, NONE) for each in (old, few))
    np.testing.assert_array_equal(taken.kernel, given.kernel)


def test_what_rows_do_not_tell_stays_as_it_was():
    """A column that is zero in all rows has no slope but the penalty's."""
    old, new = rows(200), rows(30)
    for features, _ in (old, new):
        features[:, 3] = 0
    head = np.full((4, 2), 0.5, "float32"), np.zeros(2, "float32")
    head[0][3] = 7, -7
    np.testing.assert_array_equal(
        solve_joint_head(new, old, head).kernel[3], [7, -7]
    )
