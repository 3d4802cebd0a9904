import keras
import numpy as np
import pytest

from aet_keras.drift import heads, wide_head
from aet_keras.drift.wide_head import widen_head

RANDOM = np.random.default_rng(0)


def classifier(width=4, classes=2):
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Dense(6, activation="tanh"),
        keras.layers.Dense(classes, activation="softmax", name="head"),
    ]
    return keras.Sequential([keras.Input((width,)), *layers])


def points(count, centers):
    """Rows around some centers, as many around each."""
    labels = np.arange(count) % len(centers)
    x = RANDOM.normal(size=(count, 4)) + 3 * np.eye(4)[centers][labels]
    return x.astype("float32"), labels


def test_features_are_what_the_head_is_given():
    model = classifier()
    x, _ = points(10, [0, 1])
    hidden, _, *_ = model.get_weights()

    found = heads.read_features(model, model.get_layer("head"), x)

    # float32, two orders of summation; the bias of the layer is 0
    np.testing.assert_allclose(found, np.tanh(x @ hidden), atol=1e-5)


def test_a_solved_head_beats_the_prior_on_rows_it_has_not_seen():
    x, y = points(60, [0, 1, 2])
    new_x, new_y = points(300, [0, 1, 2])

    found = heads.solve_head(x, y, 3)

    answers = (new_x @ found.kernel + found.bias).argmax(axis=1)
    assert np.mean(answers == new_y) > 0.9


def test_few_noisy_rows_are_solved_with_a_strong_penalty():
    x, y = points(60, [0, 1])
    noise = RANDOM.integers(0, 2, 60)

    assert heads.solve_head(x, noise, 2).strength >= 0.3
    assert heads.solve_head(x, y, 2).strength < 0.3


def test_the_start_is_what_few_rows_say():
    old = 2 * np.eye(4, 3), np.zeros(3)
    x, y = points(30, [0, 1, 2])
    other = np.array([2, 0, 1])

    same, renamed = (
        heads.solve_head(x, each, 3, old=old) for each in (y, other[y])
    )

    assert (same.start, renamed.start) == ("old", "renamed")
    new_x, new_y = points(300, [0, 1, 2])
    answers = (new_x @ renamed.kernel + renamed.bias).argmax(axis=1)
    # Who knew the centers would be right 0.966 times; here 30 rows told.
    assert np.mean(answers == other[new_y]) > 0.9


def test_a_solved_head_is_the_minimum_of_its_penalised_loss():
    x, y = points(12, [0, 1, 2])
    wide = np.hstack([x, RANDOM.normal(size=(12, 20))])  # wider than rows
    old = RANDOM.normal(size=(24, 3)), RANDOM.normal(size=3)
    problem = heads._Problem.of(wide, y, 3, old)
    kernel, bias = problem.solution("old", 0.1)
    scale = wide.std(axis=0)[:, None]

    def loss(kernel, bias):
        scores = wide @ kernel + bias
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        penalty = np.square((kernel - old[0]) * scale).sum()
        return 0.05 * penalty - logs[np.arange(12), y].mean()

    for _ in range(20):
        step = 1e-2 * RANDOM.normal(size=(24, 3))
        nearby = loss(kernel + step, bias + step[0])
        assert loss(kernel, bias) < nearby


def test_a_widened_head_keeps_old_logits_and_learns_the_new_class():
    model = classifier()
    model.compile("adam", "sparse_categorical_crossentropy")
    old_x, old_y = points(200, [0, 1])
    model.fit(old_x, old_y, epochs=30, verbose=0)
    new_x, _ = points(20, [2])
    x = np.concatenate([old_x, new_x])
    y = np.concatenate([old_y, np.full(20, 2)])
    head = model.get_layer("head")

    wide = widen_head(model, head, heads.read_features(model, head, x), y)

    before, after = (each.predict(old_x, verbose=0) for each in (model, wide))
    kernel, bias = wide.get_layer("head").get_weights()
    np.testing.assert_array_equal(kernel[:, :2], head.get_weights()[0])
    np.testing.assert_array_equal(bias[:2], head.get_weights()[1])
    assert np.mean(before.argmax(1) == after.argmax(1)) >= 0.97
    test_x, _ = points(200, [2])
    assert np.mean(wide.predict(test_x, verbose=0).argmax(1) == 2) > 0.8


def test_new_columns_are_the_minimum_by_hand():
    logits = RANDOM.normal(size=(40, 3))
    rows = (
        RANDOM.normal(size=(40, 3)),
        logits,
        np.arange(40) % 3,
        RANDOM.uniform(0.5, 2, 40),
    )
    flat = RANDOM.normal(size=4)

    loss, gradient = heads.column_loss(flat, rows, 1, 0.1)

    step = 1e-6
    for place in range(4):
        more = flat.copy()
        more[place] += step
        slope = (heads.column_loss(more, rows, 1, 0.1)[0] - loss) / step
        np.testing.assert_allclose(gradient[place], slope, atol=1e-5)


def test_new_columns_of_few_wide_rows_are_those_of_all_numbers():
    features = RANDOM.normal(size=(20, 60)).astype("float32")
    labels = np.arange(20) % 3
    features[:, :3] += 2 * np.eye(3)[labels]
    hidden = keras.Input((60,))
    head = keras.layers.Dense(2, activation="softmax", name="head")
    model = keras.Model(hidden, head(hidden))
    scaled, mean, scale = heads.standardised(features)
    offsets = np.pad(features @ head.get_weights()[0], [(0, 0), (0, 1)])
    rows = scaled, offsets, labels, np.full(20, 20 / 21)
    rows[3][labels == 2] *= 7 / 6

    wide = widen_head(model, head, features, labels)

    expected = wide_head._best_columns(rows, 1, 0)
    more = expected[:-1, 0] / scale
    kernel, bias = wide.get_layer("head").get_weights()
    np.testing.assert_allclose(kernel[:, 2], more, atol=1e-4)
    assert bias[2] == pytest.approx(expected[-1, 0] - mean @ more, abs=1e-4)


def test_a_new_class_needs_rows_of_old_ones():
    model = classifier()
    x, _ = points(20, [2])

    with pytest.raises(ValueError, match="Give `old=` rows"):
        widen_head(
            model,
            model.get_layer("head"),
            np.zeros((20, 6), "float32"),
            np.full(20, 2),
        )
