"""Is the head solved again after training where that helps, and only there?"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import aet_keras
from aet_keras.policies import ThawAll
from aet_keras.training import last_head

RANDOM = np.random.default_rng(0)
PLACES = np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]])


def rows(count, width=6):
    """Returns points around three places, the rest of the columns noise."""
    y = np.arange(count) % 3
    x = RANDOM.normal(size=(count, width)) * 0.5
    x[:, :2] += PLACES[y]
    return x.astype("float32"), y


TRAIN, HELD = rows(30), rows(60)


def build(**settings):
    """Returns a classifier of one frozen layer, which hands its rows on."""
    same = keras.layers.Dense(6, kernel_initializer="identity", name="old")
    head = keras.layers.Dense(3, "softmax", **settings)
    model = keras.Sequential([keras.Input((6,)), same, head])
    model.compile(
        keras.optimizers.SGD(1e-3),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        run_eagerly=True,
    )
    return model


def solve(model, train=TRAIN, held=HELD, logged=None, **settings):
    if logged is None:
        logged = model.evaluate(*HELD, verbose=0)[0]
    return last_head.solve_again(
        model, train, held, epoch=2, logged=logged, settings=settings
    )


def tune(model, **settings):
    keras.utils.set_random_seed(0)
    return aet_keras.fine_tune(
        model,
        TRAIN,
        validation_data=HELD,
        epochs=2,
        verbose=0,
        freezing=aet_keras.callbacks.ElasticFreezing(ThawAll(), **settings),
    )


def test_a_run_whose_groups_moved_ends_with_a_solved_head():
    run = tune(build())

    assert run.is_best_solved
    assert run.solved.before == pytest.approx(min(run.history["val_loss"]))
    loss, accuracy = run.model.evaluate(*HELD, verbose=0)
    assert loss == pytest.approx(run.solved.after, rel=1e-4)
    assert loss < run.solved.before - 0.1
    assert run.best_figures["val_loss"] == pytest.approx(loss)
    assert run.best_figures["val_accuracy"] == pytest.approx(accuracy)
    epoch, said = run.cache_events[-1]
    assert epoch == 2 and said.startswith("solved the head again: validation")


def test_nothing_is_solved_that_was_not_to_be():
    run = tune(build(), solve_head=False)

    assert not run.is_best_solved and run.solved is None
    loss = run.model.evaluate(*HELD, verbose=0)[0]
    assert loss == pytest.approx(min(run.history["val_loss"]), rel=1e-4)


def test_the_head_is_that_of_a_logistic_regression():
    linear_model = pytest.importorskip("sklearn.linear_model")
    model = build()

    solve(model)

    kernel, bias = model.layers[-1].get_weights()
    x, y = TRAIN
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    gaps = []
    for strength in last_head.lbfgs.STRENGTHS:  # of the kernel, halved
        other = linear_model.LogisticRegression(
            C=1 / (strength * len(y)), max_iter=1000
        ).fit(scaled, y)
        probabilities = other.predict_proba(scaled)
        scores = x @ kernel + bias
        ours = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        gaps.append(np.abs(ours - probabilities).max())
    assert min(gaps) < 5e-3, gaps


def test_a_head_that_is_no_better_is_not_kept():
    model = build()
    solve(model)
    before = model.get_weights()
    noise = TRAIN[0], RANDOM.permutation(TRAIN[1])

    found = solve(model, train=noise)

    assert found.solved is None
    assert found.sentence.startswith("did not keep the head solved again")
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_batches_are_read_as_arrays_are():
    heads = []
    for given in (TRAIN, tf.data.Dataset.from_tensor_slices(TRAIN).batch(7)):
        model = build(kernel_initializer="zeros")
        solve(model, train=given)
        heads.append(model.layers[-1].get_weights())

    for one, other in zip(*heads, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_class_weights_are_weights_of_rows():
    heads = []
    factors = np.array([1.0, 5.0, 0.5])
    for given, settings in (
        ((*TRAIN, factors[TRAIN[1]]), {}),
        (TRAIN, {"class_weight": dict(enumerate(factors))}),
        (TRAIN, {}),
    ):
        model = build(kernel_initializer="zeros")
        solve(model, train=given, **settings)
        heads.append(model.layers[-1].get_weights()[0])

    np.testing.assert_allclose(heads[0], heads[1], atol=1e-5)
    assert np.abs(heads[0] - heads[2]).max() > 0.05


def unknown(rows):
    """Returns a data set that does not say how many batches it has."""
    batches = tf.data.Dataset.from_tensor_slices(rows).batch(7)
    return batches.filter(lambda x, y: True)


@pytest.mark.parametrize(
    ("settings", "given"),
    [
        ({}, {"train": rows(last_head.MOST_ROWS + 1)}),
        ({}, {"held": (HELD[0][:9], HELD[1][:9])}),
        ({}, {"train": unknown(TRAIN)}),
        ({}, {"train": (TRAIN[0].tolist(), TRAIN[1].tolist())}),
        ({}, {"train": (TRAIN[0], {"dense": TRAIN[1]})}),
        ({}, {"logged": 0.3}),
        ({}, {"steps_per_epoch": 2}),
        ({"kernel_regularizer": "l2"}, {}),
        ({"use_bias": False}, {}),
    ],
    ids=[
        "many rows",
        "few validation rows",
        "batches not counted",
        "lists",
        "a dict of targets",
        "another loss was logged",
        "not all rows",
        "a penalty",
        "no bias",
    ],
)
def test_a_head_is_left_alone_where_the_problem_is_another_one(settings, given):
    model = build(**settings)
    before = model.get_weights()

    assert solve(model, **given) is None

    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
