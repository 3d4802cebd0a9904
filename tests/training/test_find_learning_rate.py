import json

import image_models
import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aet_keras.errors import TrainingError
from aet_keras.training import find_learning_rate
from aet_keras.training.rate_range import RateRange


def quadratic(curvature=1.0, *, run_eagerly=True):
    """Returns a model and a batch of loss curvature / 2 * w . w + noise.

    Plain gradient descent on it converges below rate 2 / curvature, and
    diverges above.
    """
    inputs = keras.Input((2,))
    outputs = keras.layers.Dense(1, use_bias=False)(inputs)
    model = keras.Model(inputs, outputs)
    settings = {"run_eagerly": run_eagerly, "jit_compile": False}
    model.compile(keras.optimizers.SGD(0.01), "mse", **settings)
    x = np.eye(2, dtype="float32") * np.sqrt(curvature)  # mean of 2 squares
    return model, (x, np.zeros((2, 1), "float32"))


def noisy(**settings):
    x = inputs = keras.Input((4,))
    x = keras.layers.Dense(3)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.compile("adam", "mse", **{"jit_compile": False} | settings)
    return model


def rows():
    x = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
    return x, x[:, :1]


def shuffled():
    return tf.data.Dataset.from_tensor_slices(rows()).shuffle(12, seed=1)


def state(model):
    held = (*model.variables, *model.optimizer.variables)
    return [v.numpy().copy() for v in held]


def equal(left, right):
    pairs = zip(left, right, strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("curvature", [0.1, 100.0])
def test_the_suggestion_is_below_what_gradient_descent_bears(curvature):
    # Best is half the limit of 2 / curvature, which solves it in one step.
    model, data = quadratic(curvature, run_eagerly=False)
    limit = 2 / curvature

    found = find_learning_rate(
        model, data, least_rate=1e-5 * limit, most_rate=1e3 * limit, steps=60
    )

    assert limit / 30 < found.suggestion < limit / 1.5
    assert limit < found.rates[-1] < 100 * limit  # stopped soon after


def test_rates_grow_by_one_factor():
    model, data = quadratic()

    found = find_learning_rate(
        model, data, least_rate=1e-4, most_rate=1e-2, steps=5
    )

    np.testing.assert_allclose(np.log10(found.rates), [-4, -3.5, -3, -2.5, -2])


def test_each_loss_is_that_of_its_own_step():
    # w_{k+1} = (1 - rate_k) w_k, so the loss shrinks by (1 - rate_k)^2.
    model, data = quadratic()

    found = find_learning_rate(
        model, data, least_rate=0.01, most_rate=0.5, steps=4
    )

    shrink = (1 - np.array(found.rates[:-1])) ** 2
    losses = np.array(found.losses)
    np.testing.assert_allclose(losses[1:] / losses[:-1], shrink, rtol=1e-5)


def test_a_fit_afterwards_ends_where_it_would_have_on_arrays():
    ends = []
    for is_tried in (False, True):
        keras.utils.set_random_seed(1)
        model = noisy(run_eagerly=True)
        if is_tried:
            find_learning_rate(model, rows(), steps=5, batch_size=4)
        model.fit(*rows(), batch_size=4, epochs=2, verbose=0)
        ends.append(state(model))

    assert equal(*ends)


def test_a_fit_afterwards_ends_where_it_would_have_on_shuffles():
    ends = []
    for is_tried in (False, True):
        keras.utils.set_random_seed(1)
        model, data = noisy(run_eagerly=True), shuffled().batch(4)
        if is_tried:
            find_learning_rate(model, data, steps=5)
        model.fit(data, shuffle=False, epochs=2, verbose=0)
        ends.append(state(model))

    assert equal(*ends)


def test_a_test_in_the_middle_of_training_gives_all_back():
    model = noisy(run_eagerly=True)
    model.fit(*rows(), verbose=0)
    before = state(model)

    find_learning_rate(model, rows(), steps=5)

    assert equal(state(model), before)


def test_an_interrupted_test_gives_all_back(monkeypatch):
    model = noisy(run_eagerly=True)
    model.fit(*rows(), verbose=0)
    before, calls = state(model), []

    def interrupt():
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(model, "reset_metrics", interrupt)
    with pytest.raises(KeyboardInterrupt):
        find_learning_rate(model, rows(), steps=9)

    assert equal(state(model), before)


def test_data_shorter_than_the_test_are_repeated():
    model, data = quadratic()
    batches = tf.data.Dataset.from_tensors(data)

    found = find_learning_rate(model, batches, most_rate=1e-3, steps=7)

    assert len(found.losses) == 7


def test_data_without_an_end_are_not_read_to_it():
    model, data = quadratic()
    batches = tf.data.Dataset.from_tensors(data).repeat()

    found = find_learning_rate(model, batches, most_rate=1e-3, steps=7)

    assert len(found.losses) == 7


def test_sample_weights_count():
    model, (x, y) = quadratic()
    weights = np.array([2.0, 2.0])

    plain = find_learning_rate(model, (x, y), most_rate=1e-3, steps=3)
    heavy = find_learning_rate(model, (x, y, weights), most_rate=1e-3, steps=3)

    assert heavy.losses[0] == pytest.approx(2 * plain.losses[0])


def test_a_model_compiled_for_several_steps_a_call_is_tried():
    model, data = quadratic()
    model.compile("sgd", "mse", steps_per_execution=2, jit_compile=False)
    batches = tf.data.Dataset.from_tensors(data).repeat(4)

    found = find_learning_rate(model, batches, most_rate=1e-3, steps=5)

    assert len(found.losses) == 5


def test_a_loss_that_is_not_finite_ends_the_test():
    model, data = quadratic()

    found = find_learning_rate(
        model, data, least_rate=1e30, most_rate=1e31, steps=4
    )

    assert found.losses[1:] == (np.inf,)
    assert found.suggestion is None
    assert "start lower" in found.why


def test_a_loss_that_was_never_finite_is_not_the_rates_fault():
    model, (x, y) = quadratic()

    with pytest.raises(TrainingError, match="the rate has not acted yet"):
        find_learning_rate(model, (x * np.nan, y))


def test_data_without_a_batch_are_refused():
    model, data = quadratic()
    batches = tf.data.Dataset.from_tensors(data).take(0)

    with (
        pytest.raises(TrainingError, match="there is none"),
        pytest.warns(UserWarning, match="ran out of data"),
    ):
        find_learning_rate(model, batches)


def test_a_model_under_a_strategy_is_tried_and_comes_back():
    with image_models.two_replicas().scope():
        model = noisy(run_eagerly=True)
    before = state(model)

    found = find_learning_rate(model, shuffled().batch(4), steps=5)

    # Threads draw dropout in any order, and four rows may end the test early.
    assert 2 <= len(found.losses) <= 5
    assert equal(state(model), before)


@pytest.mark.drawn
def test_a_record_is_written_as_a_chart_and_as_json(tmp_path):
    found = RateRange.of([1e-3, 1e-2, 0.1], [2.0, 1.0, np.inf], smoothing=0)

    chart = found.draw(tmp_path / "range.png")
    saved = json.loads(found.save(tmp_path / "range.json").read_text())

    with Image.open(chart) as image:
        assert image.size == (880, 550)
    assert saved["losses"] == [2.0, 1.0, None]
    assert saved["suggestion"] == pytest.approx(1e-3)
