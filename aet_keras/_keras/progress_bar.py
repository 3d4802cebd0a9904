"""Keeps figures out of the progress bar of `fit`.

Keras prints all that is in the logs when an epoch ends, in one line. Figures
with long names make it wrap. Keras offers no way to leave one out.
"""

from collections.abc import Collection

import keras

from aet_keras._keras.running_fit import callbacks_of


class _WithoutKeys:
    """Stands in for `on_epoch_end` of a progress bar.

    Args:
        bar: `keras.callbacks.ProgbarLogger`.

    Attributes:
        keys: set of str. Keys of the logs that are not printed.
    """

    def __init__(self, bar: keras.callbacks.ProgbarLogger):
        self._bar = bar
        self._hook = bar.on_epoch_end
        self.keys: set[str] = set()

    def __call__(self, epoch, logs=None):
        # `verbose=2` prints plain lines, for files: nothing wraps there.
        if self._bar.verbose == 1:
            logs = {k: v for k, v in (logs or {}).items() if k not in self.keys}
        self._hook(epoch, logs)


def leave_out(model: keras.Model, keys: Collection[str]) -> None:
    """Makes the progress bar of the calling `fit` leave some keys out.

    All other callbacks, and the history, get them as before. A bar of a class
    of the user's own prints what it likes.

    Args:
        model: the model that trains.
        keys: keys of the logs.
    """
    for bar in callbacks_of(model) or ():
        if type(bar) is not keras.callbacks.ProgbarLogger:
            continue
        if not isinstance(bar.on_epoch_end, _WithoutKeys):
            bar.on_epoch_end = _WithoutKeys(bar)
        bar.on_epoch_end.keys.update(keys)
