"""Small searches, which the tests of tuning share."""

import keras
import numpy as np

from aet_keras import tuning

X = np.linspace(-1, 1, 24, dtype="float32").reshape(8, 3)
Y = X.sum(axis=1, keepdims=True)
FIT_ARGUMENTS = {
    "x": X,
    "y": Y,
    "validation_data": (X, Y),
    "epochs": 1,
    "verbose": 0,
}


def build_model(hp=None):
    """Returns a compiled backbone of one layer with a head."""
    old = keras.Sequential([keras.layers.Dense(2)], name="old")
    model = keras.Sequential([keras.Input((3,)), old, keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    return model


def hypermodel(dimensions=None, build=build_model):
    """Returns an `ElasticHyperModel` that tunes the rate alone."""
    dimensions = dimensions or {"rate": ["WarmupCosine", "DecayOnStall"]}
    space = tuning.ElasticSpace(dimensions, others="fixed")
    return tuning.ElasticHyperModel(build, space)


def search(out, model=None, **settings):
    """Searches for the lowest `val_loss`; epochs are one."""
    settings = {
        "objective": "val_loss",
        "max_trials": 2,
        **FIT_ARGUMENTS,
        **settings,
    }
    return tuning.search(model or hypermodel(), out, **settings)
