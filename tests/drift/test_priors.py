import keras
import numpy as np
import pytest
from scipy import optimize, special

from aet_keras.drift import priors

RANDOM = np.random.default_rng(0)
SOURCE = np.array([0.5, 0.3, 0.2])
TARGET = np.array([0.1, 0.2, 0.7])


def mixture(frequencies, count, random=RANDOM):
    """Draws rows of three normal classes; returns posteriors and labels."""
    labels = random.choice(3, count, p=frequencies)
    x = random.normal(1.5 * labels, 1.0)
    logs = -0.5 * (x[:, None] - 1.5 * np.arange(3)) ** 2 + np.log(SOURCE)
    return special.softmax(logs, axis=1), labels


def negative_likelihood(free, probabilities):
    ratio = np.append(free, 1 - free.sum()) / SOURCE
    return -np.log(probabilities @ ratio).sum()


def test_priors_are_those_of_the_highest_likelihood():
    probabilities, _ = mixture(TARGET, 400)

    found = priors.estimate_priors(probabilities, SOURCE)

    by_hand = optimize.minimize(
        negative_likelihood,
        [0.3, 0.3],
        (probabilities,),
        method="SLSQP",
        bounds=[(1e-6, 1)] * 2,
        constraints={"type": "ineq", "fun": lambda p: 1 - 1e-6 - p.sum()},
    ).x
    np.testing.assert_allclose(found[:2], by_hand, atol=2e-4)
    np.testing.assert_allclose(found, TARGET, atol=0.08)  # 400 rows


def test_one_row_and_certain_answers_give_finite_priors():
    sure = np.array([[1.0, 0.0, 0.0]])

    found = priors.estimate_priors(sure, SOURCE)

    np.testing.assert_allclose(found, [1, 0, 0], atol=1e-4)


def test_a_source_prior_of_zero_is_refused():
    with pytest.raises(ValueError, match="Leave classes out"):
        priors.estimate_priors([[0.5, 0.5]], [1.0, 0.0])


def penalised(parameters, probabilities, labels):
    temperature, biases = np.exp(parameters[0]), parameters[1:]
    calibrated = special.softmax(
        np.log(probabilities) / temperature + biases, axis=1
    )
    loss = -np.log(calibrated[np.arange(len(labels)), labels]).sum()
    return loss + 0.5 * parameters[0] ** 2 + 5 * np.square(biases).sum()


def test_calibration_is_the_minimum_of_its_loss():
    probabilities, labels = mixture(SOURCE, 300)
    too_sure = special.softmax(3 * np.log(probabilities), axis=1)

    found = priors.calibrate(too_sure, labels)

    by_hand = optimize.minimize(
        penalised,
        np.zeros(4),
        (too_sure, labels),
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 5000},
    ).x
    biases = by_hand[1:] - by_hand[1:].mean()
    np.testing.assert_allclose(found.temperature, np.exp(by_hand[0]), rtol=1e-3)
    np.testing.assert_allclose(found.biases, biases, atol=2e-3)
    assert 2 < found.temperature < 4


@pytest.mark.parametrize(
    ("probabilities", "labels"),
    [
        ([[1.0, 0.0, 0.0]], [0]),
        ([[1.0, 0.0, 0.0]], [1]),
        ([[0.5, 0.4, 0.1], [0.2, 0.7, 0.1]], [0, 1]),
    ],
    ids=["one row", "certain and wrong", "a class without rows"],
)
def test_little_data_give_a_finite_calibration(probabilities, labels):
    found = priors.calibrate(probabilities, labels)

    assert np.isfinite([found.temperature, *found.biases]).all()
    np.testing.assert_allclose(found.apply(probabilities).sum(1), 1)


def classifier():
    keras.utils.set_random_seed(0)
    head = keras.layers.Dense(3, activation="softmax")
    return keras.Sequential([keras.Input((4,)), head])


def test_folded_priors_are_bayes_on_calibrated_answers():
    model, x = classifier(), RANDOM.normal(size=(20, 4)).astype("float32")
    calibration = priors.Calibration(1.7, (0.2, -0.5, 0.3))
    posteriors = calibration.apply(model.predict(x, verbose=0))
    posteriors *= TARGET / SOURCE
    posteriors /= posteriors.sum(axis=1, keepdims=True)

    priors.fold_priors(model, TARGET, SOURCE, calibration=calibration)

    # float32 in the layer
    np.testing.assert_allclose(model.predict(x, verbose=0), posteriors, 1e-4)


def test_a_class_that_is_gone_keeps_a_finite_logit():
    model = classifier()

    priors.fold_priors(model, [1.0, 0.0, 0.0], SOURCE)

    expected = np.log([1 / 0.5, 1e-3, 1e-3])
    np.testing.assert_allclose(model.get_weights()[1], expected, rtol=1e-5)


def test_another_head_is_refused():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])

    with pytest.raises(ValueError, match="with `linear`"):
        priors.fold_priors(model, TARGET, SOURCE)
