"""Checks what must hold for every callback of ours."""

import copy
import re

import keras
import numpy as np


def check_callback(make, make_model, fit):
    """Two fits of one callback object behave alike; it logs its own keys.

    What it knows after them is what another one knows that is given it.

    Args:
        make: function without arguments. Returns the callback.
        make_model: function without arguments. Returns a compiled model,
            the same weights each time.
        fit: function of a model and a callback. Returns the `History`.
    """
    callback, other = make(), make()
    revived = copy.deepcopy(callback)  # KerasTuner copies before each trial
    prefix = snake_case(type(callback).__name__) + "/"
    runs = []

    for each in (callback, callback, revived):
        keras.utils.set_random_seed(1)
        runs.append(fit(make_model(), each).history)

    assert runs[0] == runs[1] == runs[2]
    own = {key for key in runs[0] if "/" in key}
    assert all(key.startswith(prefix) for key in own)
    assert {"loss", "val_loss"} <= runs[0].keys()
    other.set_state(callback.get_state())
    np.testing.assert_equal(other.get_state(), callback.get_state())


def snake_case(name):
    """Returns `ElasticFreezing` as `elastic_freezing`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
