"""Is what the solver minimises the loss that Keras computes?"""

import numpy as np
import pytest
import tensorflow as tf

from aet_keras.losses.distillation import Distillation
from aet_keras.replay import lbfgs
from aet_keras.replay.head_loss import KnownLoss, NotSolved
from aet_keras.replay.taught_loss import TaughtLoss

RANDOM = np.random.default_rng(0)
LABELS = np.arange(40) % 3
LABEL = np.eye(3, dtype="float32")[LABELS]
LABEL[::5] = 0  # rows that the teacher alone teaches
TEACHER = RANDOM.dirichlet([1, 1, 1], 40).astype("float32")
BOTH = np.hstack([LABEL, TEACHER])
LOSS = Distillation(0.7, temperature=2.0)


@pytest.mark.parametrize("y", [BOTH, LABELS], ids=["both", "labels alone"])
def test_values_and_slopes_are_those_of_keras(y):
    scores = tf.constant(RANDOM.normal(size=(40, 3)) * 3, tf.float32)
    known = TaughtLoss.of(LOSS)

    losses, slopes = known(scores.numpy(), known.targets(y, 3))

    with tf.GradientTape() as tape:
        tape.watch(scores)
        cost = LOSS(y, tf.nn.softmax(scores))
    assert losses.mean() == pytest.approx(float(cost), rel=1e-5)
    expected = 40 * tape.gradient(cost, scores)
    np.testing.assert_allclose(slopes, expected, atol=1e-5)


def test_the_solved_layer_is_where_the_gradient_of_keras_vanishes():
    features = RANDOM.normal(size=(40, 4)).astype("float32")
    known = KnownLoss.of(LOSS)
    rows = lbfgs.Rows(features, known.targets(BOTH, 3), np.ones(40, "float32"))

    *_, found = lbfgs.path(rows, kind=known.solved_as)

    kernel, bias = tf.constant(found.kernel), tf.constant(found.bias)
    with tf.GradientTape() as tape:
        tape.watch([kernel, bias])
        cost = LOSS(BOTH, tf.nn.softmax(features @ kernel + bias))
    slopes = tape.gradient(cost, [kernel, bias])
    assert max(float(tf.reduce_max(tf.abs(each))) for each in slopes) < 1e-2


def test_targets_that_are_neither_are_not_solved():
    with pytest.raises(NotSolved, match="neither labels nor a teacher's"):
        KnownLoss.of(LOSS).targets(BOTH[:, :5], 3)
    with pytest.raises(NotSolved, match="neither labels nor a teacher's"):
        KnownLoss.of(LOSS).targets(np.array([0, 3]), 3)


class Own(Distillation):
    """Is another loss, in a class of the same kind."""


def test_a_subclass_is_not_known():
    with pytest.raises(NotSolved, match="not a loss of Keras's own"):
        KnownLoss.of(Own())
