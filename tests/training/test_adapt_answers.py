"""Is a model adapted or refused as what it answers with asks for?"""

import functools

import keras
import numpy as np
import pytest
from shifted_points import NEW_X, OLD

import aet_keras

TWO = OLD[1] < 2
BINARY = OLD[0][TWO], OLD[1][TWO]


def below(*ends):
    below = [keras.Input((6,)), keras.layers.Dense(8, activation="relu")]
    return keras.Sequential([*below, *ends])


@functools.cache
def learned():
    """Weights of a model of two classes, whose two units are logits."""
    keras.utils.set_random_seed(0)
    model = below(keras.layers.Dense(2))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-2), loss)
    model.fit(*BINARY, epochs=8, verbose=0)
    return model.get_weights()


def binary(*ends):
    """A model of two classes that ends so, and has learned them."""
    model, (*body, kernel, bias) = below(*ends), learned()
    if model.output_shape[1] == 1:
        kernel, bias = kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]
    model.set_weights([*body, kernel, bias])
    return model


def classes_of(outputs, is_logits):
    """The answers of a model of two classes, whatever it ends in."""
    if outputs.shape[1] > 1:
        return outputs.argmax(axis=1)
    return (outputs[:, 0] > (0 if is_logits else 0.5)).astype(int)


# A head with a sigmoid, and two logits: the two tests after it.
@pytest.mark.parametrize(
    ("units", "tail"),
    [
        (1, []),
        (1, [keras.layers.Activation("sigmoid")]),
        (2, [keras.layers.Softmax()]),
    ],
)
def test_the_head_is_solved_whatever_a_classifier_ends_in(units, tail):
    model = binary(keras.layers.Dense(units), *tail)
    x, y = BINARY

    adapted = aet_keras.adapt(model, x, 1 - y, old=BINARY, shift="output")

    outputs = adapted.model.predict(x, verbose=0)
    found = classes_of(outputs, is_logits=not tail)
    assert adapted.model is model
    assert adapted.kept == ("head",)
    assert outputs.shape[1] == units
    assert np.mean(found == 1 - y) > 0.95


def test_one_unit_learns_frequencies_as_two_would():
    x, y = BINARY
    rows = np.concatenate([np.flatnonzero(y == 1), np.flatnonzero(y == 0)[:20]])
    one = binary(keras.layers.Dense(1, activation="sigmoid"))
    two = keras.layers.Dense(2, activation="softmax")
    twin = keras.Model(one.inputs[0], two(one.layers[-1].input))
    kernel, bias = one.layers[-1].get_weights()
    two.set_weights([np.hstack([0 * kernel, kernel]), np.append(0, bias)])
    before = one.predict(x[rows], verbose=0)

    for model in (one, twin):
        aet_keras.adapt(model, x[rows], old=BINARY, shift="label")

    found, wanted = (m.predict(x[rows], verbose=0) for m in (one, twin))
    np.testing.assert_allclose(found[:, 0], wanted[:, 1], atol=1e-6)
    assert found.mean() > before.mean() + 0.01


def test_logits_stay_logits_when_the_head_is_widened():
    model = binary(keras.layers.Dense(2))
    before = model.predict(OLD[0], verbose=0)

    adapted = aet_keras.adapt(model, *OLD, old=BINARY)

    after = adapted.model.predict(OLD[0], verbose=0)
    assert after.shape[1] == 3
    np.testing.assert_array_equal(after[:, :2], before)
    assert np.mean(after.argmax(axis=1) == OLD[1]) > 0.85


def test_one_unit_has_no_place_for_a_third_class():
    model = binary(keras.layers.Dense(1, activation="sigmoid"))

    with pytest.raises(ValueError, match=r"Dense\(2, activation='softmax'\)"):
        aet_keras.adapt(model, *OLD, old=BINARY)


def test_answers_that_are_no_numbers_are_refused(model):
    x = NEW_X.copy()
    x[3] = np.nan

    with pytest.raises(ValueError, match="1 of 300 rows"):
        aet_keras.adapt(model, x, old=OLD)


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_answers_that_are_no_probabilities_are_refused(activation):
    head = keras.layers.Dense(3, activation=activation)
    model = keras.Sequential([keras.Input((6,)), head])

    with pytest.raises(ValueError, match="sum to 1"):
        aet_keras.adapt(model, NEW_X)
