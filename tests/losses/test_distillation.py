"""Does a taught loss cost what its formula says, by labels and a teacher?"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras.losses.distillation import Distillation
from aet_keras.losses.of_labels import OfLabels

RANDOM = np.random.default_rng(0)
SCORES = RANDOM.normal(size=(5, 3)).astype("float32") * 3
TEACHER = RANDOM.dirichlet([1, 1, 1], 5).astype("float32")
LABELS = np.array([0, 2, 1, 1, 0])
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
BOTH = np.hstack([ONE_HOT, TEACHER])
WEIGHTS = np.array([1.0, 0.0, 2.0, 0.5, 1.0], "float32")


def softmax(scores):
    raised = np.exp(np.float64(scores))
    return raised / raised.sum(axis=1, keepdims=True)


def costs(share, temperature, label=ONE_HOT):
    """The formula of the docstring, row by row, in float64."""
    hard = -(label * np.log(softmax(SCORES))).sum(axis=1)
    wanted = softmax(np.log(np.float64(TEACHER)) / temperature)
    found = softmax(SCORES / temperature)
    soft = (wanted * np.log(wanted / found)).sum(axis=1)
    return (1 - share) * hard + share * temperature**2 * soft


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighed"])
def test_the_cost_is_that_of_the_formula(from_logits, weights):
    loss = Distillation(0.6, temperature=3.0, from_logits=from_logits)
    y_pred = SCORES if from_logits else softmax(SCORES).astype("float32")

    cost = loss(BOTH, y_pred, weights)

    expected = costs(0.6, 3.0) * (1.0 if weights is None else weights)
    np.testing.assert_allclose(cost, expected.mean(), rtol=1e-5)


def test_a_row_without_label_is_taught_by_the_teacher_alone():
    both = np.hstack([np.zeros_like(ONE_HOT), TEACHER])

    cost = Distillation(0.7)(both, softmax(SCORES).astype("float32"))

    expected = costs(0.7, 2.0, np.zeros((5, 3))).mean()
    np.testing.assert_allclose(cost, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "labels", [LABELS, LABELS[:, None], ONE_HOT], ids=["flat", "column", "hot"]
)
def test_labels_alone_cost_their_cross_entropy(labels):
    y_pred = softmax(SCORES).astype("float32")

    cost = Distillation()(labels, y_pred)

    plain = keras.losses.SparseCategoricalCrossentropy()(LABELS, y_pred)
    np.testing.assert_allclose(cost, plain, rtol=1e-5)


def test_gradients_are_finite_where_the_model_is_certain_and_wrong():
    scores = tf.constant([[90.0, -90.0, 0.0]])
    both = np.array([[0, 1, 0, 0.1, 0.9, 0]], "float32")

    with tf.GradientTape() as tape:
        tape.watch(scores)
        cost = Distillation()(both, tf.nn.softmax(scores))

    assert np.isfinite(tape.gradient(cost, scores)).all()


def test_targets_of_another_width_are_refused():
    with pytest.raises(ValueError, match="6 numbers a row for 3 classes"):
        Distillation()(BOTH[:, :5], softmax(SCORES).astype("float32"))


def test_a_share_of_one_leaves_nothing_to_the_labels():
    with pytest.raises(ValueError, match="`share` must be below 1"):
        Distillation(1.0)


def test_it_comes_back_from_its_config():
    loss = Distillation(0.4, temperature=5.0, from_logits=True, name="taught")

    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    )

    assert again.get_config() == loss.get_config()


@pytest.mark.parametrize("is_sparse", [True, False])
def test_a_metric_sees_labels_alone_and_leaves_out_rows_without_one(is_sparse):
    both = BOTH.copy()
    both[0, :3] = 0
    kind = "Sparse" if is_sparse else ""
    made = getattr(keras.metrics, f"{kind}CategoricalAccuracy")("accuracy")
    metric = OfLabels(made, is_sparse=is_sparse)

    metric.update_state(both, SCORES)
    metric.update_state(LABELS, SCORES)

    right = SCORES.argmax(axis=1) == LABELS
    expected = (right[1:].sum() + right.sum()) / 9
    assert float(metric.result()) == pytest.approx(expected)
