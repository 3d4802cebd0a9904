"""Which epoch's weights does the user keep, whatever happens?"""

import math

import keras

from aet_keras import _check as check


class KeepBest(keras.callbacks.Callback):
    """Keeps the weights of the best epoch, and stops where the loss is NaN.

    Unlike `keras.callbacks.EarlyStopping(restore_best_weights=True)` it never
    keeps weights that hold NaN: a run that fails in its first epoch gives
    back the weights it began with. `restore()` may be called after an
    interrupted `fit` too.

    Args:
        monitor: str. A key of the logs. Defaults to `"val_loss"`; `loss`
            stands in for it where there is no validation.
        mode: `"min"` or `"max"`. Whether lower or higher is better. Defaults
            to `"min"`.

    Of epochs that are equally good, the one with the lower `val_loss` is
    kept: an accuracy on few pictures has many equals.

    Attributes:
        best: float. The best value; infinite before the first epoch.
        best_epoch: int. The epoch it came from, counted from 1; 0 means the
            weights that `fit` began with.
        stopped: str or None. Why the run was stopped.

    Cost: one copy of the weights in memory.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.SGD(1e30), "mse")
    >>> keep = aet_keras.callbacks.KeepBest()
    >>> _ = model.fit(
    ...     np.ones((4, 2)), np.zeros((4, 1)), batch_size=1, epochs=3,
    ...     verbose=0, callbacks=[keep],
    ... )
    >>> keep.stopped
    'the loss became inf in epoch 1'
    >>> bool(np.isfinite(model.predict(np.ones((1, 2)), verbose=0)))
    True
    """

    def __init__(self, monitor: str = "val_loss", *, mode: str = "min"):
        super().__init__()
        self.monitor = check.instance(self, of=str, monitor=monitor)
        self.mode = check.one_of(self, mode=mode, among=("min", "max"))

    def on_train_begin(self, logs=None):
        self.best = math.inf if self.mode == "min" else -math.inf
        self.best_epoch = 0
        self._least = (math.inf, math.inf)
        self.stopped = None
        self._epoch = 0
        self._weights = self.model.get_weights()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss) and self.stopped is None:
            name = "NaN" if math.isnan(loss) else "inf"
            self.stopped = f"the loss became {name} in epoch {self._epoch + 1}"
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        value = self._value(logs)
        loss = logs.get("val_loss", logs.get("loss", 0.0))
        if self.stopped or value is None:
            return
        if not (math.isfinite(value) and math.isfinite(loss)):
            return  # an accuracy stays finite where the outputs do not
        cost = (value if self.mode == "min" else -value, loss)
        if cost < self._least:
            self._weights = self.model.get_weights()
            self._least = cost
            self.best, self.best_epoch = value, epoch + 1

    def on_train_end(self, logs=None):
        self.restore()

    def restore(self) -> None:
        """Gives the model the weights of the best epoch."""
        self.model.set_weights(self._weights)

    def _value(self, logs):
        stand_in = "loss" if self.monitor == "val_loss" else None
        return logs.get(self.monitor, logs.get(stand_in))
