import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras.training import find_learning_rate


def rows():
    return np.ones((4, 2), "float32"), np.ones((4, 1), "float32")


def compiled(optimizer="sgd"):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model


def test_a_schedule_is_refused():
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    model = compiled(keras.optimizers.SGD(schedule))

    with pytest.raises(ValueError, match="find_learning_rate: .*CosineDecay"):
        find_learning_rate(model, rows())


def test_a_model_that_is_not_compiled_or_built_is_refused():
    model = keras.Sequential([keras.layers.Dense(1)])

    with pytest.raises(ValueError, match=r"model.compile"):
        find_learning_rate(model, rows())
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"model\(x\[:1\]\)"):
        find_learning_rate(model, rows())


@pytest.mark.parametrize(
    ("data", "settings", "advice"),
    [
        ((1,), {}, "tuple of arrays must be"),
        (iter([]), {}, "a generator cannot be given back"),
        (tf.data.Dataset.range(2), {"batch_size": 2}, "Drop it"),
        (rows(), {"batch_size": 0}, "batch_size"),
        (rows(), {"least_rate": 0.0}, "least_rate"),
        (rows(), {"least_rate": 1.0, "most_rate": 0.5}, "most_rate"),
        (rows(), {"steps": 1}, "steps"),
        (rows(), {"smoothing": 1.0}, "smoothing"),
    ],
)
def test_what_makes_no_test_is_refused(data, settings, advice):
    model = compiled()

    with pytest.raises((TypeError, ValueError), match=advice):
        find_learning_rate(model, data, **settings)
