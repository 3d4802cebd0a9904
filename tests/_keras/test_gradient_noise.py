import keras
import numpy as np

from aet_keras._keras.gradient_noise import GradientNoise


def linear_model():
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(1, use_bias=False)]
    )
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.optimizer.build(model.trainable_variables)
    model.set_weights([np.zeros((2, 1))])
    return model


def test_both_norms_are_those_of_the_gradients():
    model = linear_model()
    noise = GradientNoise(model)
    noise.install()
    x = np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]], "float32")
    y = np.array([[1.0], [1.0], [-1.0]], "float32")

    model.fit(x, y, batch_size=1, shuffle=False, verbose=0)
    found = noise.read()

    gradients = -2.0 * y * x  # of (w x - y)^2 at w = 0, a row a batch
    np.testing.assert_allclose(
        found["gradient_square_norms"], (gradients**2).sum(axis=1).mean()
    )
    np.testing.assert_allclose(
        found["mean_gradient_square_norm"],
        (gradients.mean(axis=0) ** 2).sum(),
        rtol=1e-6,
    )
    assert found["interval_batches"] == 3


def test_a_new_interval_starts_from_nothing():
    model = linear_model()
    noise = GradientNoise(model)
    noise.install()
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)

    noise.reset()

    assert noise.read()["interval_batches"] == 0
    assert noise.read()["mean_gradient_square_norm"] == 0.0


def test_the_optimizer_gets_its_method_back():
    model = linear_model()
    before = dict(vars(model.optimizer))

    noise = GradientNoise(model)
    noise.install()
    noise.uninstall()

    assert vars(model.optimizer).keys() == before.keys()
