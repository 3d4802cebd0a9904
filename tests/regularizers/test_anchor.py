import copy
import json

import contracts
import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras import regularizers
from aet_keras.regularizers import AnchorPenalty

ANCHOR = np.array([[1.0, -2.0], [0.5, 4.0]], "float32")
FISHER = np.array([[1.0, 0.0], [2.0, 0.5]], "float32")
MOVED = np.array([[2.0, -2.0], [0.0, 1.0]], "float32")


def held(strength=0.3, fisher=None):
    penalty = AnchorPenalty(strength)
    penalty.hold(ANCHOR, fisher=fisher)
    return penalty


@pytest.mark.parametrize("name", regularizers.__all__)
def test_a_regularizer_is_found_by_its_name_in_json(name):
    penalty = getattr(regularizers, name)(0.3)

    data = json.dumps(keras.saving.serialize_keras_object(penalty))
    revived = keras.saving.deserialize_keras_object(json.loads(data))

    assert type(revived) is type(penalty)
    assert revived.get_config() == penalty.get_config()
    assert penalty.get_config().keys() == contracts.own_arguments(type(penalty))
    assert keras.saving.get_registered_name(type(penalty)) == (
        f"aet_keras>{name}"
    )


def test_the_penalty_is_zero_at_the_anchor():
    assert float(held(fisher=FISHER)(tf.constant(ANCHOR))) == 0.0


def test_a_penalty_that_was_never_anchored_is_zero():
    assert float(AnchorPenalty(9.0)(tf.constant(MOVED))) == 0.0


@pytest.mark.parametrize("fisher", [None, FISHER], ids=["even", "fisher"])
def test_value_and_gradient_are_those_of_the_formula(fisher):
    weights = 1.0 if fisher is None else fisher
    variable = keras.Variable(MOVED)
    penalty = held(0.3, fisher)

    with tf.GradientTape() as tape:
        value = penalty(variable)
    gradient = tape.gradient(value, variable.value)

    apart = MOVED - ANCHOR
    np.testing.assert_allclose(
        value, 0.15 * (weights * apart**2).sum(), rtol=1e-6
    )
    np.testing.assert_allclose(gradient, 0.3 * weights * apart, rtol=1e-6)


def test_the_anchor_stays_when_the_weight_moves():
    variable = keras.Variable(ANCHOR)
    penalty = AnchorPenalty(2.0)
    penalty.hold(variable)

    variable.assign(ANCHOR + 1)

    assert float(penalty(variable)) == 4.0  # 2 / 2 * four times 1


def test_a_half_precision_weight_is_measured_in_full():
    penalty = held(2.0)

    value = penalty(tf.cast(ANCHOR + 0.5, "bfloat16"))

    assert value.dtype == "float32"
    assert float(value) == 1.0


def test_a_copy_holds_the_same_anchor():
    copied = copy.deepcopy(held(fisher=FISHER))

    assert float(copied(MOVED)) == float(held(fisher=FISHER)(MOVED)) > 0


def test_a_saved_model_loads_free_until_it_is_anchored_anew(tmp_path):
    penalty = AnchorPenalty(0.5)
    layer = keras.layers.Dense(2, kernel_regularizer=penalty, name="a")
    model = keras.Sequential([keras.Input((2,)), layer])
    penalty.hold(layer.kernel)
    layer.kernel.assign_add(np.ones((2, 2)))
    model.save(tmp_path / "model.keras")

    loaded = keras.models.load_model(tmp_path / "model.keras").get_layer("a")

    assert float(sum(layer.losses)) == 1.0
    assert float(sum(loaded.losses)) == 0.0
    assert loaded.kernel_regularizer.strength == 0.5
    loaded.kernel_regularizer.hold(layer.kernel - 2.0)
    np.testing.assert_allclose(sum(loaded.losses), 4.0, rtol=1e-6)


def test_a_weight_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="Give each weight its own"):
        held()(np.ones((3, 2), "float32"))


@pytest.mark.parametrize(
    "fisher", [np.ones(2), -np.ones((2, 2))], ids=["shape", "sign"]
)
def test_a_fisher_that_cannot_weigh_is_refused(fisher):
    with pytest.raises(ValueError, match=r"shape \(2, 2\) and no negative"):
        AnchorPenalty().hold(ANCHOR, fisher=fisher)


def test_a_negative_strength_is_refused():
    with pytest.raises(ValueError, match="at least 0"):
        AnchorPenalty(-1.0)
