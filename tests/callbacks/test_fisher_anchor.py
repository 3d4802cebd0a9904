"""Does the Fisher information hold what an old task needs, and let go else?"""

import copy

import keras
import numpy as np
import tensorflow as tf

from aet_keras.callbacks import ElasticAnchor

# Two linear tasks. The old one reads the first input, the new one is about
# the second, and the first is noise in it that by chance says the opposite.
OLD_X = np.array([[1, 0], [-1, 0], [2, 0], [-2, 0]], "float32")
OLD_Y = np.array([[2], [-2], [4], [-4]], "float32")
NEW_X = np.array([[1, 1], [-1, 1], [1, -1], [-1, -1]], "float32")
NEW_Y = np.array([[0], [4], [-4], [0]], "float32")


def linear():
    """Returns the model that the old task is solved by, nearly: 1.9 x_0."""
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(1, use_bias=False)]
    )
    model.compile(keras.optimizers.SGD(0.05), "mse")
    model.set_weights([np.array([[1.9], [0.0]])])
    return model


def fitted(*callbacks):
    """Returns the two weights after the new task, whose solution is -2, 2."""
    model = linear()
    model.fit(
        np.tile(NEW_X, (60, 1)),  # 60 steps, each on all rows
        np.tile(NEW_Y, (60, 1)),
        batch_size=4,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
    )
    weights = model.get_weights()[0][:, 0]
    return weights, np.square(OLD_X @ weights - OLD_Y[:, 0]).mean()


def test_ewc_keeps_an_old_task_where_plain_training_and_l2sp_lose_it():
    """By hand: the loss is (w0 + 2)^2 + (w1 - 2)^2, for the inputs are even.

    The squared gradients (2 x (y - 1.9 x))^2 of the old rows are 0.04 and,
    for x = 2, 0.64: F = (0.34, 0). With strength s the minimum is at
    w0 = (s F 1.9 - 4) / (2 + s F), w1 = 2: for s = 100 at 1.6833.
    """
    free, loss_free = fitted()
    even, loss_even = fitted(ElasticAnchor(1.0, head_strength=None))
    ewc, loss_ewc = fitted(
        ElasticAnchor(100.0, head_strength=None, fisher_data=(OLD_X, OLD_Y))
    )

    np.testing.assert_allclose(free, [-2, 2], atol=1e-2)
    np.testing.assert_allclose(even, [-0.7, 4 / 3], atol=1e-2)
    np.testing.assert_allclose(ewc, [(64.6 - 4) / 36, 2], atol=1e-2)
    assert loss_ewc < 0.3 < loss_even < loss_free


def test_old_data_may_be_a_data_set_of_which_few_rows_are_read():
    data = tf.data.Dataset.from_tensor_slices((OLD_X, OLD_Y)).batch(4).repeat()
    few = ElasticAnchor(
        100.0, head_strength=None, fisher_data=data, fisher_count=2
    )

    weights, _ = fitted(few)

    # Two rows of x = 1: F = 0.04, w0 = (4 * 1.9 - 4) / (2 + 4).
    np.testing.assert_allclose(weights, [0.6, 2], atol=1e-2)


def test_an_anchor_with_old_data_can_be_copied():
    data = (OLD_X, OLD_Y)

    copied = copy.deepcopy(
        ElasticAnchor(1.0, head_strength=None, fisher_data=data)
    )

    np.testing.assert_array_equal(copied.fisher_data[0], OLD_X)
