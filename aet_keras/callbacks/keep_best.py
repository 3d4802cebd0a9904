"""Keeps the weights of the best epoch, whatever happens."""

import math
import warnings
from collections.abc import Mapping
from typing import Any

import keras

from aet_keras import _check as check
from aet_keras import _log_keys as log_keys
from aet_keras._keras import workers
from aet_keras.callbacks._others import warn_of_restored_after
from aet_keras.engine import Engine
from aet_keras.policies.stall import is_direction_known, is_higher_better

_SETTLED_RATIO = 0.15  # below it a step changes little, and a stall stays one


class KeepBest(keras.callbacks.Callback):
    """Keeps the weights of the best epoch, and stops where the loss is NaN.

    Unlike `keras.callbacks.EarlyStopping(restore_best_weights=True)` it never
    keeps weights that hold NaN: a run that fails in its first epoch gives
    back the weights it began with. `restore()` may be called after an
    interrupted `fit` too.

    Args:
        monitor: str. A key of the logs. Defaults to `"val_loss"`; `loss`
            stands in for it where there is no validation.
        mode: optional `"min"` or `"max"`: whether lower or higher is better.
            Defaults to what the name of the figure says; of a figure of your
            own it may say nothing.
        patience_epochs: optional int >= 1. Stop after so many epochs without
            a better one, counted anew when groups thaw. Defaults to never.
        settled_epochs: optional int >= 1. The same once
            `AdaptiveLearningRate` has let the rate fall below 0.15 of the
            highest since the last thaw: a stall at a high rate is noise that
            passes when it falls, one at a low rate stays. Defaults to never.

    A head that `ElasticFreezing` solves is judged too, as it is before it
    trains on: by the same figure, measured on the validation rows. Without
    validation, or by a figure of training, there is nothing to judge it by.

    `EarlyStopping(restore_best_weights=True)` has the last word if it is
    listed after this one; that is said in a warning.

    A figure that is not finite, though the training loss is, is said in a
    warning, and so is a `fit` that never validates: that one keeps its last
    weights.

    Of epochs that are equally good, the one with the lower `val_loss` is
    kept: an accuracy on few images has many equals.

    Attributes:
        best: float or None. The best value; `None` before the first epoch.
        best_epoch: int. The epoch it came from, counted from 1; 0 means the
            weights that `fit` began with.
        is_best_solved: bool. Whether the best weights are those of
            `best_epoch` with the head that was solved after it.
        stopped: str or None. Why the run was stopped.
        failed: bool. Whether that was because the loss was not finite.

    Raises:
        ValueError: at the end of an epoch, if it has no such figure, or
            `mode` is needed.

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

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        mode: str | None = None,
        patience_epochs: int | None = None,
        settled_epochs: int | None = None,
    ):
        super().__init__()
        workers.mend_if_needed()
        self.monitor = check.instance(self, of=str, monitor=monitor)
        self.mode = mode and check.one_of(self, mode=mode, among=("min", "max"))
        self.patience_epochs = patience_epochs
        if patience_epochs is not None:
            check.positive_int(self, patience_epochs=patience_epochs)
        self.settled_epochs = settled_epochs
        if settled_epochs is not None:
            check.positive_int(self, settled_epochs=settled_epochs)
        self._forget()

    def on_train_begin(self, logs=None):
        self._forget()
        self._weights = self.model.get_weights()
        engine = Engine.of(self.model)
        engine.attach(self)
        engine.choose_end()
        warn_of_restored_after(self)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        # Here every callback has begun its epoch, whatever their order.
        if batch:
            return
        solved = Engine.of(self.model).solved
        if solved is not None and solved.epoch != self._solved_epoch:
            self._solved_epoch = solved.epoch
            key = self._watched or self.monitor
            if key in solved.logs and not self.stopped:
                self._compare(key, solved.logs, solved.epoch, is_solved=True)

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss) and self.stopped is None:
            name = "NaN" if math.isnan(loss) else "inf"
            self.stopped = f"the loss became {name} in epoch {self._epoch + 1}"
            self.failed = True
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        self._has_trained = True
        key = self._key(logs or {})
        if self.stopped or key is None:
            return
        if key != self._watched:  # the first validation after some epochs
            self._watched, self._least = key, (math.inf, math.inf)
        if not _is_finite(key, logs):
            self._warn_of_odd(key, epoch + 1)
            return  # an accuracy stays finite where the outputs do not
        self._wait += 1
        # From the engine, too: a callback that comes later has not logged yet.
        engine = Engine.of(self.model)
        moving = logs.get(log_keys.TRAINED_GROUPS), engine.trainable
        if self._are_others(moving):
            self._wait, self._highest_rate = 0, 0.0
        self._moving = moving
        self._compare(key, logs, epoch + 1, is_solved=False)
        rate = engine.rate if engine.rate_owner else math.inf
        if self._wait >= self._patience(logs.get(log_keys.RATE, rate)):
            self.stopped = f"nothing became better in {self._wait} epochs"
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        if self._has_trained and self._watched is None and not self.failed:
            warnings.warn(
                f"KeepBest: no epoch had `{self.monitor}`, because `fit` ended "
                "before it validated. The weights stay those of the last "
                "epoch. Validate sooner: `validation_freq`.",
                stacklevel=2,
            )
            self._weights = None
        self.restore()
        Engine.of(self.model).detach(self)

    def get_state(self) -> dict[str, Any]:
        """Returns what `fit` has taught it, the best weights too."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "epoch": self._epoch,
            "failed": self.failed,
            "highest_rate": self._highest_rate,
            "is_best_solved": self.is_best_solved,
            "least": self._least,
            "moving": self._moving,
            "solved_epoch": self._solved_epoch,
            "stopped": self.stopped,
            "wait": self._wait,
            "watched": self._watched,
            "weights": self._weights,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Brings back what `get_state` returned."""
        check.entries(self, state, self.get_state())
        self.best = state["best"]
        self.best_epoch = state["best_epoch"]
        self._epoch = state["epoch"]
        self.failed = state["failed"]
        self._highest_rate = state["highest_rate"]
        self.is_best_solved = state["is_best_solved"]
        self._least = state["least"]
        self._moving = state["moving"]
        self._solved_epoch = state["solved_epoch"]
        self.stopped = state["stopped"]
        self._wait = state["wait"]
        self._watched = state["watched"]
        self._weights = state["weights"]

    def restore(self) -> None:
        """Gives the model the weights of the best epoch, if there is one."""
        if self._weights is not None:
            self.model.set_weights(self._weights)

    def _compare(self, key, logs, epoch, *, is_solved):
        """Keeps the weights of this moment if their figures are the best."""
        if not _is_finite(key, logs):
            return
        value, loss = logs[key], _loss(logs)
        mode = self.mode or self._mode_of(key)
        cost = (value if mode == "min" else -value, loss)
        if not cost < self._least:
            return
        self._weights = self.model.get_weights()
        self._least = cost
        self.best, self.best_epoch = value, epoch
        self.is_best_solved = is_solved
        self._wait = 0

    def _warn_of_odd(self, key, epoch):
        """Says once that an epoch cannot be kept: all may be lost by it."""
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(
                f"KeepBest: `{key}` or its loss is not finite after epoch "
                f"{epoch}, so that its weights are not kept, nor those of "
                "other such epochs. The validation rows may hold NaN: look "
                "for it there.",
                stacklevel=2,
            )

    def _mode_of(self, key):
        if not is_direction_known(key):
            raise ValueError(
                "KeepBest: `mode` must be given, because the name of the "
                "figure does not say whether higher or lower is better. "
                f"Received: monitor={key!r}. Say `mode='max'` or 'min'."
            )
        return "max" if is_higher_better(key) else "min"

    def _are_others(self, moving):
        """Says whether other groups move than in the epoch before."""
        before = self._moving
        if isinstance(before, tuple):
            return moving != before
        return moving[0] != before  # saves of 0.10.0 hold how many

    def _patience(self, rate):
        """Returns how many epochs without a better one are the end."""
        patience = self.patience_epochs or math.inf
        self._highest_rate = max(self._highest_rate, rate)
        if self.settled_epochs and rate < _SETTLED_RATIO * self._highest_rate:
            return min(patience, self.settled_epochs)
        return patience

    def _forget(self):
        self.best: float | None = None
        self.best_epoch = 0
        self.stopped: str | None = None
        self.failed = False
        self.is_best_solved = False
        self._epoch = self._wait = self._solved_epoch = 0
        self._highest_rate = 0.0
        self._moving = None
        self._weights = None
        self._watched = None
        self._least = (math.inf, math.inf)
        self._has_trained = self._has_warned = False

    def _key(self, logs):
        """Returns the key to judge an epoch by, or None to pass it over."""
        if self.monitor in logs:
            return self.monitor
        if self.monitor == "val_loss" and self._watched != "val_loss":
            return "loss" if "loss" in logs else None
        validated = any(key.startswith("val_") for key in logs)
        if validated or not self.monitor.startswith("val_"):
            raise ValueError(
                f"KeepBest: no `{self.monitor}` in the logs, which have "
                f"{sorted(logs)}. Name one of them as `monitor`."
            )
        return None


def _is_finite(key, logs):
    return math.isfinite(logs[key]) and math.isfinite(_loss(logs))


def _loss(logs):
    return logs.get("val_loss", logs.get("loss", 0.0))
