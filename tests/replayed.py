"""How do the tests of the cache train a model plainly, and replayed?"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from aet_keras.callbacks import ElasticFreezing
from aet_keras.policies import ThawOnSchedule

GROUPS = (["a"], ["b"], ["c"])


def rows(count=20, classes=3):
    """Returns seeded noise `(count, 8)` and labels."""
    random = np.random.default_rng(0)
    x = random.normal(size=(count, 8)).astype("float32")
    return x, (np.arange(count) % classes).astype("int32")


def batches(count=20, size=8, **settings):
    """Returns `rows` as a data set of batches."""
    pairs = tf.data.Dataset.from_tensor_slices(rows(count))
    return pairs.batch(size, **settings)


def backbone(between=(), below=()):
    """Returns three layers, and others below the first and the second."""
    x = inputs = keras.Input((8,))
    for layer in below:
        x = layer(x)
    x = keras.layers.Dense(7, "tanh", name="a")(x)
    for layer in between:
        x = layer(x)
    x = keras.layers.Dense(6, "tanh", name="b")(x)
    x = keras.layers.Dense(5, "tanh", name="c")(x)
    return keras.Model(inputs, x, name="old")


def model(base=None, *, head=(), optimizer="adam", eager=True, **settings):
    """Returns a compiled model: a nested backbone, a head, three classes."""
    inputs = keras.Input((8,))
    x = (base or backbone())(inputs)
    for layer in head or (keras.layers.Dropout(0.3),):
        x = layer(x)
    x = keras.layers.Dense(3, "softmax", dtype="float32", name="scores")(x)
    made = keras.Model(inputs, x)
    settings = {"metrics": ["accuracy"], "run_eagerly": eager} | settings
    made.compile(optimizer, "sparse_categorical_crossentropy", **settings)
    return made


@dataclasses.dataclass(frozen=True)
class Run:
    """What one `fit` left behind."""

    model: keras.Model
    logs: dict
    freezing: ElasticFreezing

    @property
    def said(self):
        return [sentence for _, sentence in self.freezing.cache_events]

    @property
    def cached(self):
        return self.logs["elastic_freezing/cached_groups"]


def freezing(cache="memory", *, groups=GROUPS, **settings):
    """Returns the callback: the head for two epochs, then one group more."""
    settings = {"cache_dtype": "float32", "solve_head": False} | settings
    policy = ThawOnSchedule(first_epoch=2, every_epochs=2)
    return ElasticFreezing(policy, groups=groups, cache=cache, **settings)


def run(
    make=model, data=None, cache="memory", *, also=(), groups=GROUPS, **fit
):
    """Trains for three epochs: the head twice, then `c` too."""
    keras.utils.set_random_seed(0)
    made, callback = make(), freezing(cache, groups=groups)
    x, y = (rows() if data is None else data), None
    if isinstance(x, tuple):
        x, y = x
        fit.setdefault("batch_size", 8)
        fit.setdefault("shuffle", False)
    callbacks = [callback, *(each() for each in also)]
    fit = {"epochs": 3, "verbose": 0, "callbacks": callbacks} | fit
    history = made.fit(x, y, **fit)
    return Run(made, history.history, callback)


def both(make=model, data=rows, **fit):
    """Trains plainly and with a cache; `data` makes the data set anew."""
    return [run(make, data(), cache, **fit) for cache in (None, "memory")]


def check_equal(plain, replayed, rtol=1e-5, atol=1e-6):
    """Asserts equal weights, optimizer variables and logs."""
    for kind in (_weights, _slots):
        for left, right in zip(*map(kind, (plain, replayed)), strict=True):
            np.testing.assert_allclose(right, left, rtol=rtol, atol=atol)
    ours = "elastic_freezing/cached_groups"
    assert plain.logs.keys() == replayed.logs.keys()
    for key in plain.logs.keys() - {ours}:
        np.testing.assert_allclose(
            replayed.logs[key], plain.logs[key], rtol=rtol, atol=atol
        )


def _weights(run):
    return run.model.get_weights()


def _slots(run):
    return [v.numpy() for v in run.model.optimizer.variables]
