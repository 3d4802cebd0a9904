"""Trains a table's network on its cells alone, before it sees labels."""

import keras
import numpy as np
from keras import ops

from aet_keras.training.table_encoding import Rows, dense

_MASKED_RATIO = 0.3
_RATE = 1e-3


def guess_masked_cells(
    network: keras.Model,
    rows: Rows,
    *,
    epochs: int,
    batch_size: int,
    seed: int,
) -> list[float]:
    """Trains a network below its head to guess cells from the others.

    Of each row other cells are masked in each epoch: all columns that encode
    a masked cell are 0. The loss is the mean square by which they are missed.

    Args:
        network: the layer `network` of a table classifier. Its two outputs,
            `change` and `linear`, stay as they are.
        rows: float array or sparse array `(count, columns)`, encoded.
        epochs: int >= 1.
        batch_size: int >= 1.
        seed: int >= 0. Of the order and the masks.

    Returns:
        List of floats, the loss of each epoch.
    """
    guesses = keras.layers.Dense(rows.shape[1], name="guesses")(
        network.get_layer("hidden").output
    )
    guesser = keras.Model(network.input, guesses)
    guesser.compile(keras.optimizers.Adam(_RATE), _missed)
    widths = network.get_layer("tokens").widths
    rows = rows.astype("float32")
    masked = _MaskedRows(rows, widths, batch_size, seed)
    history = guesser.fit(masked, epochs=epochs, verbose=0, shuffle=False)
    return history.history["loss"]


class _MaskedRows(keras.utils.PyDataset):
    """Gives batches of masked rows, and what stood there beside the mask."""

    def __init__(self, rows, widths, batch_size, seed):
        super().__init__()
        self._rows, self._widths = rows, widths
        self._batch_size = batch_size
        self._random = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self):
        return -(-self._rows.shape[0] // self._batch_size)

    def __getitem__(self, index):
        start = index * self._batch_size
        chosen = self._order[start : start + self._batch_size]
        rows = dense(self._rows[chosen])
        shape = (len(rows), len(self._widths))
        cells = self._random.random(shape) < _MASKED_RATIO
        mask = np.repeat(cells, self._widths, axis=1).astype("float32")
        return rows * (1 - mask), np.concatenate([rows, mask], axis=1)

    def on_epoch_end(self):
        self._order = self._random.permutation(self._rows.shape[0])


def _missed(wanted, guesses):
    rows, mask = ops.split(wanted, 2, axis=-1)
    squares = ops.sum(mask * (rows - guesses) ** 2, axis=-1)
    return squares / ops.maximum(ops.sum(mask, axis=-1), 1.0)
