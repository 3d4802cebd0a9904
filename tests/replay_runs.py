"""Trains one model plainly and with a cache, and compares the ends."""

import dataclasses
import functools

import keras
import numpy as np
import tensorflow as tf

from aet_keras.callbacks import ElasticFreezing
from aet_keras.policies import ThawOnSchedule

GROUPS = (["a"], ["b"], ["c"])
# Keras says so at the end of every data set of unknown length.
RAN_OUT = "ignore:Your input ran out of data"


def noise_rows(count=12, classes=3):
    """Returns seeded noise `(count, 8)` and labels."""
    random = np.random.default_rng(0)
    x = random.normal(size=(count, 8)).astype("float32")
    return x, (np.arange(count) % classes).astype("int32")


def batches(count=12, size=8, **settings):
    """Returns `noise_rows` as a data set of batches, the last one smaller."""
    pairs = tf.data.Dataset.from_tensor_slices(noise_rows(count))
    return pairs.batch(size, **settings)


def repeated_batches(count=12, size=8):
    """Returns `batches` without an end, which are looked up."""
    return batches(count, size).repeat()


def shuffled_batches(count=12, size=8, **settings):
    """Returns `noise_rows` in another order in each pass."""
    pairs = tf.data.Dataset.from_tensor_slices(noise_rows(count))
    return pairs.shuffle(count, seed=1).batch(size, **settings)


class CallFunction(keras.layers.Layer):
    """Calls a function of the layer and its input."""

    def __init__(self, function, **settings):
        super().__init__(**settings)
        self.function = function

    def call(self, x):
        return self.function(self, x)


def build_backbone(*between, below=()):
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


def build_model(
    base=None, *, head=(), optimizer="sgd", of=keras.Model, **settings
):
    """Returns a compiled model: a nested backbone, a head, three classes."""
    inputs = keras.Input((8,))
    x = (base or build_backbone())(inputs)
    for layer in head or (keras.layers.Dropout(0.3),):
        x = layer(x)
    x = keras.layers.Dense(3, "softmax", dtype="float32", name="scores")(x)
    made = of(inputs, x)
    settings = {"run_eagerly": True} | settings
    made.compile(optimizer, "sparse_categorical_crossentropy", **settings)
    return made


def momentum():
    """Returns an optimizer with slots; Adam's are a third of a trace."""
    return keras.optimizers.SGD(0.01, momentum=0.9)


def compiled_model(base=None, **settings):
    """Returns `build_model` with functions that are traced."""
    settings = {"optimizer": momentum(), "metrics": ["accuracy"]} | settings
    return build_model(base, run_eagerly=False, **settings)


@dataclasses.dataclass(frozen=True)
class Run:
    """What one `fit` left behind."""

    model: keras.Model
    weights: list
    slots: list
    logs: dict
    said: list

    @property
    def cached(self):
        """How many groups were cached in each epoch."""
        return self.logs["elastic_freezing/cached_groups"]

    @property
    def why(self):
        """The last thing that the cache said."""
        return self.said[-1]


def elastic_freezing(cache="memory", *, groups=GROUPS, **settings):
    """Returns the callback: the head for two epochs, then one group more."""
    settings = {"cache_dtype": "float32", "solve_head": False} | settings
    policy = ThawOnSchedule(first_epoch=2, every_epochs=2)
    return ElasticFreezing(policy, groups=groups, cache=cache, **settings)


def run(
    make=build_model, data=batches, cache="memory", *, also=(), own=None, **fit
):
    """Trains for three epochs: the head twice, then `c` with it.

    Args:
        make: makes the model.
        data: makes arrays or a data set.
        cache: of `ElasticFreezing`, which has settings of its `own`.
        also: makers of more callbacks.
        **fit: arguments of `fit`.
    """
    keras.utils.set_random_seed(0)
    made, callback = make(), elastic_freezing(cache, **(own or {}))
    given = data()
    is_arrays = isinstance(given, tuple)
    if is_arrays:
        fit = {"batch_size": 8} | fit
    callbacks = [callback, *(each() for each in also)]
    fit = {"epochs": 3, "verbose": 0, "shuffle": False} | fit
    fit["callbacks"] = callbacks
    history = made.fit(*(given if is_arrays else (given,)), **fit)
    return Run(
        made,
        made.get_weights(),
        [np.array(v) for v in made.optimizer.variables],
        history.history,
        [sentence for _, sentence in callback.cache_events],
    )


def run_both(make=build_model, data=batches, **settings):
    """Trains plainly and with a cache."""
    return [run(make, data, cache, **settings) for cache in (None, "memory")]


@functools.cache
def run_plain():
    """Returns the run of `build_model` on `batches`, validated, uncached."""
    return run(cache=None, validation_data=batches())


def check_equal(plain, replayed, rtol=1e-6, atol=1e-6):
    """Asserts equal weights, optimizer variables and logs."""
    for kind in ("weights", "slots"):
        pairs = zip(getattr(plain, kind), getattr(replayed, kind), strict=True)
        for left, right in pairs:
            np.testing.assert_allclose(right, left, rtol=rtol, atol=atol)
    assert plain.logs.keys() == replayed.logs.keys()
    for key in plain.logs.keys() - {"elastic_freezing/cached_groups"}:
        left, right = plain.logs[key], replayed.logs[key]
        np.testing.assert_allclose(right, left, rtol=rtol, atol=atol)
