"""Adapts the learning rate in the user's own `fit`."""

import dataclasses
import math
import warnings
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras import _log_keys as log_keys
from aet_keras._keras import graph, progress_bar, workers
from aet_keras.callbacks._batch_times import StepClock
from aet_keras.callbacks._others import check_only_rate_writer
from aet_keras.engine import Engine
from aet_keras.engine.measurements import NOISE
from aet_keras.policies import AdaptToTrend, Decision, Policy
from aet_keras.policies.policy import check_policy


class AdaptiveLearningRate(StepClock, keras.callbacks.Callback):
    """Lets a policy write the learning rate while a model trains.

    The rate that the model was compiled with is where it starts. Works with
    or without `ElasticFreezing`; with it, the rate is the head's, and thawed
    groups keep their share of it. After `fit` the optimizer has the rate it
    was compiled with again.

    One callback can write the rate. Those of Keras that do
    (`LearningRateScheduler`, `ReduceLROnPlateau`) are refused beside this one.
    If other code writes it while `fit` runs, that is said in a warning once,
    and the rate is left to that code until `fit` ends.

    Args:
        policy: optional `aet_keras.policies.Policy` that decides `rate`.
            Defaults to `AdaptToTrend()`.

    Logs:
        `adaptive_learning_rate/rate`: the rate at the end of the epoch.
            Where other code writes it, what the last batch used. The progress
            bar leaves it out.

    Raises:
        ValueError: at the start of `fit`, if the rate is a schedule, or a
            callback beside this one writes the rate too.

    Example:

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.SGD(0.1), "mse")
    >>> adaptive = aet_keras.callbacks.AdaptiveLearningRate(
    ...     aet_keras.policies.WarmupCosine()
    ... )
    >>> history = model.fit(
    ...     np.ones((8, 3)), np.ones((8, 1)), batch_size=2, epochs=2,
    ...     verbose=0, callbacks=[adaptive],
    ... )
    >>> [round(x, 4) for x in history.history["adaptive_learning_rate/rate"]]
    [0.05, 0.0]
    """

    def __init__(self, policy: Policy | None = None):
        super().__init__()
        workers.mend_if_needed()
        self.policy = check_policy(
            self,
            AdaptToTrend() if policy is None else policy,
            gathered=NOISE | {"batch_losses"},
            advice="or give a policy of groups to `ElasticFreezing`",
        )
        self._reads_losses = "batch_losses" in self.policy.needs
        self._reads_noise = bool(self.policy.needs & NOISE)
        self._begin(0.0, None)

    def on_train_begin(self, logs=None):
        engine = Engine.of(self.model)
        engine.check_rate_writable(self)
        check_only_rate_writer(self)
        self.policy.reset()
        engine.attach(self)
        engine.take_rate()
        engine.rate_owner = type(self).__name__
        self._begin(engine.rate, self.params.get("steps"))
        progress_bar.leave_out(self.model, log_keys.ALL)
        self._decide(is_epoch_end=True, logs={})

    def on_epoch_begin(self, epoch, logs=None):
        self._look_at_rate()
        if self._reads_noise:
            Engine.of(self.model).measurements.measure_noise()
        self._begin_epoch(epoch)
        self._losses = _BatchLosses()
        self._logs_means = None

    def on_train_batch_begin(self, batch, logs=None):
        self._used_rate = self._look_at_rate()

    def on_train_batch_end(self, batch, logs=None):
        self._used_rate = self._look_at_rate()
        is_due = self._end_step(batch, every=self.policy.every_batches)
        if self._reads_losses and logs and "loss" in logs:
            self._add_loss(batch + 1, float(logs["loss"]))
        if is_due:
            self._decide(is_epoch_end=False, logs={})

    def on_epoch_end(self, epoch, logs=None):
        logs = {} if logs is None else logs
        self._look_at_rate()
        self._epoch = epoch + 1  # policies count finished epochs
        self._end_epoch()
        self._decide(is_epoch_end=True, logs=dict(logs))
        rate = Engine.of(self.model).rate
        rate = self._used_rate if self._is_left_alone else rate
        logs[log_keys.RATE] = rate

    def on_train_end(self, logs=None):
        engine = Engine.of(self.model)
        if not self._is_left_alone:
            engine.apply(Decision(rate=self._start_rate))  # for the next `fit`
        engine.detach(self)

    def get_state(self) -> dict[str, Any]:
        """Returns what `fit` has taught it and its policy, for a save."""
        return {
            **self._clock_state(),
            "is_left_alone": self._is_left_alone,
            "losses": dataclasses.asdict(self._losses),
            "policy": self.policy.get_state(),
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Brings back what `get_state` returned."""
        check.entries(self, state, self.get_state())
        self._set_clock_state(state)
        self._is_left_alone = state["is_left_alone"]
        self._losses = check.record(_BatchLosses, state=state["losses"])
        self.policy.set_state(state["policy"])

    def _begin(self, rate, epoch_steps):
        """Forgets an earlier `fit`; the next one begins at a rate."""
        self._is_left_alone = False
        self._start_rate = self._used_rate = rate
        self._losses = _BatchLosses()
        self._logs_means: bool | None = None  # not known of one batch
        self._start_clock(epoch_steps)

    def _add_loss(self, count, loss):
        if self._logs_means is None and count > 1:
            self._logs_means = _is_mean(self.model, loss)
        if self._logs_means is False:
            self._losses.values.append(loss)
        else:
            self._losses.add(count, loss)

    def _look_at_rate(self):
        """Returns the rate, and leaves it alone once other code wrote it."""
        engine = Engine.of(self.model)
        rate = engine.rate
        if self._is_left_alone or rate == engine.own_rate:
            return rate
        self._is_left_alone = True
        warnings.warn(
            "AdaptiveLearningRate: other code writes the learning rate too: "
            f"{rate:.6g} was found. From here on the rate is left "
            "to that code, and the log shows what batches use. Drop that "
            "code, or drop AdaptiveLearningRate.",
            stacklevel=2,
        )
        return rate

    def _decide(self, *, is_epoch_end, logs):
        engine = Engine.of(self.model)
        if self._is_left_alone:
            engine.measurements.take_noise()
            return
        arrays = {}
        if self._reads_losses and is_epoch_end and self._epoch:
            arrays["batch_losses"] = np.asarray(self._losses.values)
        arrays.update(engine.measurements.take_noise())
        progress = self._progress(
            engine, is_epoch_end=is_epoch_end, logs=logs, arrays=arrays
        )
        decision = self.policy.decide(progress)
        decision = engine.workers.decision_of_chief(decision)
        engine.apply(Decision(rate=decision.rate, why=decision.why))


def _is_mean(model, loss):
    """Says whether a logged loss is the mean of all batches of the epoch.

    The train step of Keras logs that. One of the user's own may log the loss
    of the batch alone: a mean is what a metric of the model has, too.
    """
    if not graph.overridden(model, "train_step"):
        return True
    means = [m for m in model.metrics if isinstance(m, keras.metrics.Mean)]
    found = [float(each.result()) for each in means]
    return any(math.isclose(each, loss, rel_tol=1e-3) for each in found)


@dataclasses.dataclass
class _BatchLosses:
    """Gets the loss of each batch back from the running mean that is logged.

    Batches of one epoch weigh alike but for the last, which is smaller: what
    the mean over n batches times n gained is the batch's loss.
    """

    count: int = 0
    total: float = 0.0
    values: list[float] = dataclasses.field(default_factory=list)

    def add(self, count, mean):
        total = mean * count
        gained = count - self.count  # more than 1 a call in multi-step runs
        if gained > 0:
            self.values.append((total - self.total) / gained)
        self.total, self.count = total, count
