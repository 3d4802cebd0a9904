"""Do the replicas of a strategy replay what one device would have trained?"""

import keras
import numpy as np
import pytest
import replay_runs
import tensorflow as tf
from image_models import two_replicas
from replay_runs import batches, build_model, noise_rows, repeated_batches

from aet_keras._keras import replicas


def model_of(scope=None, *, loss=None, optimizer=None):
    """Returns a maker of a model without random layers, under a strategy."""

    def make():
        with (scope or tf.distribute.get_strategy()).scope():
            model = build_model(
                head=(keras.layers.Identity(),),
                optimizer=optimizer or replay_runs.momentum(),
                run_eagerly=False,
                metrics=["accuracy"],
            )
            if loss is not None:
                model.compile(model.optimizer, loss, metrics=["accuracy"])
            return model

    return make


def compare(data, optimizer=None, **fit):
    """Trains plainly on one device, and with a cache on two replicas."""
    fit = {"validation_data": batches(5, 4)} | fit
    plain, again = (
        replay_runs.run(
            model_of(scope, optimizer=optimizer), data, cache, **fit
        )
        for scope, cache in ((None, None), (two_replicas(), "memory"))
    )
    replay_runs.check_equal(plain, again, rtol=1e-5, atol=1e-5)
    assert again.cached == [3, 3, 2]
    return again


def test_two_replicas_end_where_one_device_does():
    # All batches are shared evenly but the last, of one row.
    again = compare(lambda: batches(13, 4), "adam")

    assert again.said == ["records what a to c put out"]


def test_rows_are_looked_up_for_all_replicas():
    again = compare(repeated_batches, steps_per_epoch=2)

    assert again.said[-1].startswith("looks rows up in each epoch")


def test_sums_of_losses_are_not_weighed_by_rows():
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="sum")

    plain = replay_runs.run(model_of(loss=loss), lambda: batches(13, 8), None)
    again = replay_runs.run(
        model_of(two_replicas(), loss=loss), lambda: batches(13, 8)
    )

    # Keras logs sums as means over rows of what each replica has: not alike.
    for left, right in zip(plain.slots, again.slots, strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-4, atol=1e-5)
    assert again.cached == [3, 3, 2]


def test_the_head_is_solved_on_the_rows_of_all_replicas():
    own = {"own": {"solve_head": True}, "validation_data": batches(5, 4)}
    one, two = (
        replay_runs.run(model_of(scope), batches, epochs=2, **own)
        for scope in (None, two_replicas())
    )

    # L-BFGS stops where roundings lead it: the losses before are the same.
    before = [run.said[1].partition(" to ")[0] for run in (one, two)]
    assert before == ["solved the head: validation loss 1.4452"] * 2
    assert two.logs["val_loss"][1] < 0.2


def test_features_without_a_row_for_each_of_the_batch_are_cut_short():
    model = model_of(two_replicas())()

    def function(x):
        # Of both replicas together, the second has as many rows as the batch.
        return [2 * x, tf.zeros((2, 1)), None]

    spread = replicas.concatenated(model, tf.function(function))
    double, wrong, none = spread(
        tf.constant([[1.0], [2.0], [3.0], [4.0], [5.0]])
    )

    np.testing.assert_array_equal(double, [[2], [4], [6], [8], [10]])
    assert len(wrong) < 5
    assert none is None


@pytest.mark.parametrize(
    "loss, why",
    [
        (
            keras.losses.SparseCategoricalCrossentropy(
                reduction="mean_with_sample_weight"
            ),
            "its losses are reduced by 'mean_with_sample_weight'",
        ),
        (
            type(
                "Own",
                (keras.losses.SparseCategoricalCrossentropy,),
                {"__call__": lambda self, y, p, w=None: p[0, 0]},
            )(),
            "a loss of it has a `__call__` of its own",
        ),
    ],
)
def test_losses_that_rows_do_not_weigh_are_named(loss, why):
    model = model_of(loss=loss)()
    model.run_eagerly = True
    model.test_on_batch(*noise_rows(4))  # Keras makes losses with a batch

    assert replicas.reason_of_losses(model) == why


def test_an_optimizer_from_outside_the_scope_turns_the_cache_off():
    def make():
        model = model_of(two_replicas())()
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    again = replay_runs.run(make, epochs=1)

    assert again.said == [
        "no cache: the model is distributed, and its optimizer was made "
        "outside the strategy's scope"
    ]
