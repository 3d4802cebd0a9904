"""Which weights had layers when something was recorded above them?"""

import hashlib

import numpy as np


def sums_of(layers) -> dict[int, bytes]:
    """Returns a sum of the weights of each layer, by its id."""
    sums = {}
    for layer in layers:
        found = hashlib.sha1(usedforsecurity=False)
        for weight in layer.weights:
            found.update(np.ascontiguousarray(weight.numpy()))
        sums[id(layer)] = found.digest()
    return sums
