"""How do rows of raw cells go through the two halves of a table model?"""

import keras
import numpy as np

from aet_keras import data, tasks

_ROWS_AT_ONCE = 65536
_LEAST = 1e-7


def encode(model: keras.Model, split: data.Split) -> np.ndarray:
    """Returns the rows of a split as the network takes them."""
    encoder = keras.Model(model.input, model.get_layer(tasks.ENCODED).output)
    found = []
    for start, stop in stretches(split.count):
        cells = {name: c[start:stop] for name, c in split.inputs.items()}
        # Not by `predict`: what it traces would be used once.
        found.append(encoder(data.as_tensors(cells), training=False))
    return np.concatenate([np.asarray(each) for each in found])


def predict(model: keras.Model, split: data.Split) -> np.ndarray:
    """Returns the probabilities of the rows of a split."""
    network = model.get_layer(tasks.NETWORK)
    return say(network, encode(model, split))


def stretches(count: int) -> list[tuple[int, int]]:
    """Returns where to cut rows, so that no call takes too many."""
    starts = range(0, count, _ROWS_AT_ONCE)
    return [(start, start + _ROWS_AT_ONCE) for start in starts]


def say(network: keras.Model, rows: np.ndarray) -> np.ndarray:
    """Returns the probabilities of encoded rows."""
    parts = [
        np.asarray(network(rows[start:stop], training=False))
        for start, stop in stretches(len(rows))
    ]
    return np.concatenate(parts)


def losses(
    network: keras.Model, rows: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Returns the cross-entropy of each encoded row."""
    said = say(network, rows)
    true = said[np.arange(len(labels)), labels]
    return -np.log(np.clip(true, _LEAST, 1))
