"""Makes points of three classes, and shifts of them."""

import keras
import numpy as np
import tensorflow as tf

CENTERS = 2.5 * np.eye(6)[:3]
PERMUTED = np.array([1, 2, 0])


def points(seed, frequencies=(1 / 3, 1 / 3, 1 / 3), count=300):
    """Rows around the centers of three classes."""
    random = np.random.default_rng(seed)
    labels = random.choice(3, count, p=frequencies)
    x = CENTERS[labels] + random.normal(size=(count, 6))
    return x.astype("float32"), labels


def shifted(x):
    """The same rows in front of another sensor."""
    return (0.4 * x + [3, -2, 0, 1, 0, 2]).astype("float32")


OLD = points(0, count=600)
NEW_X, NEW_Y = points(1)


def batches(*arrays):
    """A data set of such rows, without labels if one array is given."""
    rows = arrays if len(arrays) > 1 else arrays[0]
    return tf.data.Dataset.from_tensor_slices(rows).batch(64)


def network():
    keras.utils.set_random_seed(0)
    backbone = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(16, activation="relu"),
        ],
        name="backbone",
    )
    head = keras.layers.Dense(3, activation="softmax", name="head")
    return keras.Sequential([keras.Input((6,)), backbone, head])


def accuracy(model, x, y):
    return np.mean(model.predict(x, verbose=0).argmax(axis=1) == y)
