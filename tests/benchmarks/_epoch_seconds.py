"""Takes the time of each epoch of a `fit`."""

import _machine
import keras


class EpochSeconds(keras.callbacks.Callback):
    """Notes how long each epoch takes.

    Attributes:
        seconds: list of arrays: seconds of the clock, and of the processor.
    """

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self._begun = _machine.now()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(_machine.now() - self._begun)
