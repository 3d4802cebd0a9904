import image_models
import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras.training import interpolate
from aet_keras.training.interpolation import Interpolation, least_share

X = np.array([[1.0], [-1.0], [3.0]], "float32")


def line(slope):
    """Returns a model of one weight: its loss is a parabola of it."""
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, use_bias=False)]
    )
    model.compile("sgd", "mse", run_eagerly=True)
    model.set_weights(slope_of(slope))
    return model


def slope_of(value):
    return [np.array([[value]], "float32")]


@pytest.mark.parametrize(
    ("truth", "best"), [(1.2, 0.3), (9.0, 1.0), (-9.0, 0.0)]
)
def test_the_best_point_of_a_parabola_is_found(truth, best):
    """From 0 to 4: the best ratio is truth / 4, as far as it goes."""
    model = line(4.0)

    record = interpolate(model, slope_of(0.0), validation_data=(X, truth * X))

    assert record.best_ratio == best
    np.testing.assert_allclose(
        model.get_weights()[0], 4 * record.best_ratio, rtol=1e-6
    )
    wanted = [(4 * r - truth) ** 2 * 11 / 3 for r in record.ratios]
    np.testing.assert_allclose(record.losses, wanted, rtol=1e-4, atol=1e-4)


def test_ties_and_nan_keep_the_tuned_weights_bit_equal():
    for start in (4.0, np.nan):
        model = line(4.0)

        record = interpolate(
            model, slope_of(start), validation_data=(X, 3 * X), ratios=[0, 0.5]
        )

        assert (record.ratios, record.best_ratio) == ((0.0, 0.5, 1.0), 1.0)
        assert record.gain == 0.0
        assert model.get_weights()[0] == 4.0


def test_a_gain_is_the_fall_of_the_validation_loss():
    assert Interpolation((0.0, 1.0), (0.5, 0.75), 0.0).gain == 0.25


def test_validation_may_be_a_data_set_or_have_weights():
    y = np.array([[0.0], [0.0], [12.0]], "float32")  # the last row says 4
    data = tf.data.Dataset.from_tensor_slices((X, y, [0.0, 0.0, 1.0])).batch(2)

    records = [
        interpolate(line(2.0), slope_of(6.0), validation_data=each)
        for each in (data, (X, y, np.array([0.0, 0.0, 1.0])))
    ]

    assert [record.best_ratio for record in records] == [0.5, 0.5]


def test_a_failure_leaves_the_tuned_weights():
    model = line(4.0)

    with pytest.raises(ValueError):
        interpolate(model, slope_of(0.0), validation_data=(X, np.ones((2, 1))))

    assert model.get_weights()[0] == 4.0


def normalized(scale, mean):
    """Returns `scale * x`, normalised with statistics that a run left."""
    model = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.Dense(1, use_bias=False),
            keras.layers.BatchNormalization(center=False, scale=False),
        ]
    )
    model.compile("sgd", "mse", run_eagerly=True)
    model.set_weights([np.array([[scale]]), np.array([mean]), np.ones(1)])
    return model


def test_statistics_between_the_ends_are_those_of_the_training_data():
    start = normalized(1.0, 0.0).get_weights()
    tuned = normalized(3.0, 5.0)
    train = (np.array([[0.0], [1.0], [2.0], [5.0]]), np.zeros((4, 1)))
    inside = (train[0] - 2) / np.sqrt(3.5 + 1e-3 / 4)  # mean 2, variance 3.5

    record = interpolate(
        tuned,
        start,
        validation_data=(train[0], inside),
        train=train,
        ratios=[0.0, 0.5],
        batch_size=3,
    )

    assert record.best_ratio == 0.5
    assert record.losses[1] < 1e-10
    scale, mean, variance = tuned.get_weights()
    np.testing.assert_allclose(scale, 2.0)
    np.testing.assert_allclose(mean, 4.0, rtol=1e-6)  # 2 times 2
    np.testing.assert_allclose(variance, 14.0, rtol=1e-6)  # 2^2 times 3.5


def test_statistics_that_moved_ask_for_training_data():
    start = normalized(1.0, 0.0).get_weights()

    with pytest.raises(ValueError, match="Pass the training data"):
        interpolate(normalized(3.0, 5.0), start, validation_data=(X, X))


def test_statistics_that_stood_are_left_alone():
    model = image_models.compiled_classifier()
    start = [weight + 0.01 for weight in model.get_weights()]
    for i, weight in enumerate(model.weights):
        if "moving" in weight.path:
            start[i] = weight.numpy()

    record = interpolate(
        model, start, validation_data=image_models.noise_images(8), ratios=[0.5]
    )

    assert len(record.losses) == 2


@pytest.mark.parametrize(
    ("start", "ratios", "error", "advice"),
    [
        (None, [0.5], TypeError, "no group thawed"),
        ([np.ones(1)], [0.5], ValueError, "before `fit`"),
        (slope_of(1.0), [1.5], ValueError, "at most 1"),
    ],
    ids=["none", "another model's", "beyond the end"],
)
def test_what_cannot_be_meant_is_refused(start, ratios, error, advice):
    with pytest.raises(error, match=advice):
        interpolate(line(1.0), start, validation_data=(X, X), ratios=ratios)


def test_the_first_within_a_standard_error_of_the_best():
    # Differences from the best: mean 0.25, standard error 0.41; 1 and 0.5.
    best = np.zeros(4)
    near, far = np.array([-1.0, 1.0, 1.0, 0.0]), np.array([0.0, 0.0, 2.0, 2.0])

    assert least_share({0.0: far, 0.5: near, 1.0: best}) == 0.5
    assert least_share({0.0: far, 1.0: best}) == 1.0
    assert least_share({1.0: best, 0.5: near}) == 1.0
