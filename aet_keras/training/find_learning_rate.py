"""Finds a learning rate for a model and its data."""

import math

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras._keras import detached, snapshot
from aet_keras.engine import Engine
from aet_keras.errors import TrainingError
from aet_keras.policies import Decision
from aet_keras.training import rate_range
from aet_keras.training.rate_range import RateRange

_OWNER = "find_learning_rate"


def find_learning_rate(
    model: keras.Model,
    data,
    *,
    least_rate: float = 1e-7,
    most_rate: float = 10.0,
    steps: int = 100,
    smoothing: float = 0.8,
    batch_size: int | None = None,
) -> RateRange:
    """Trains a model at rising rates, suggests one, and takes it all back.

    Runs Keras's own `fit` with the model as it is compiled, the rate growing
    by the same factor at each step, until the smoothed loss exceeds four
    times its lowest value so far or is not finite.

    Whether the test ends, fails or is interrupted, the model is then as it
    was, bit by bit: weights, statistics of BatchNormalization, the
    optimizer's slots, count and rate (if it was not built, it is not),
    metrics, the seeds of layers, and the random state of Keras, Python, NumPy
    and TensorFlow. A `tf.data.Dataset` is read from a copy, so that its own
    shuffles stay where they were. Out of reach are: what the functions in a
    data pipeline remember, TensorFlow operations with a fixed seed that were
    run outside of a graph (they start again), and the order of a data set that
    holds more than 256 MB of tensors.

    Args:
        model: a built and compiled `keras.Model`, its rate a number. The
            layers to be trained are those that are trainable now.
        data: `tf.data.Dataset` of batches, or a tuple of arrays `(x, y)` or
            `(x, y, sample_weight)`. Repeated where it is shorter than the
            test.
        least_rate: float > 0. The first rate. Defaults to `1e-7`.
        most_rate: float > `least_rate`. The last rate. Defaults to `10.0`.
        steps: int >= 2. Steps from the first rate to the last: batches, or
            calls of the train function where the model was compiled with
            `steps_per_execution`. Defaults to `100`.
        smoothing: float from 0 to less than 1. What a step's loss weighs beside
            that of the next one. Defaults to `0.8`.
        batch_size: int >= 1, for arrays only. Defaults to 32.

    Returns:
        A `RateRange`: rates, losses, a suggestion, and `draw(path)`.

    Raises:
        TypeError: if `data` is neither a data set nor a tuple of arrays.
        ValueError: if the model is not built or not compiled, its rate is a
            schedule, or a number is out of its range.
        TrainingError: if there is not one batch, or the loss of the first is
            not finite already: the rate is not to blame then.

    Cost: `steps` training steps, one copy of weights and optimizer slots, and
    a copy of what the data set holds in memory.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> model.compile(keras.optimizers.SGD(0.01), "mse")
    >>> x = np.eye(2, dtype="float32").repeat(16, axis=0)
    >>> found = aet_keras.training.find_learning_rate(model, (x, x[:, :1]))
    >>> 0.02 < found.suggestion < 0.5  # it diverges above 1
    True
    >>> round(float(model.optimizer.learning_rate.numpy()), 6)
    0.01

    Reference:
        [Smith, 2017](https://arxiv.org/abs/1506.01186).
    """
    _check_model(model)
    source = _check_data(data, batch_size)
    check.positive(_OWNER, least_rate=least_rate)
    check.number(_OWNER, above=least_rate, most_rate=most_rate)
    check.whole(_OWNER, least=2, steps=steps)
    check.number(_OWNER, least=0, most=0.999, smoothing=smoothing)
    rates = np.geomspace(least_rate, most_rate, steps).tolist()
    test = _RangeTest(rates, smoothing)
    with snapshot.kept(model):
        model.fit(
            **source,
            epochs=steps,  # short data are repeated: a batch an epoch is enough
            verbose=0,
            callbacks=[test],
        )
    _check_losses(test.losses)
    return RateRange.of(
        rates[: len(test.losses)], test.losses, smoothing=smoothing
    )


class _RangeTest(keras.callbacks.Callback):
    """Raises the rate before each step and notes the loss after it."""

    def __init__(self, rates, smoothing):
        super().__init__()
        self.losses = []
        self._rates = rates
        self._smoothing = smoothing

    def on_train_batch_begin(self, batch, logs=None):
        self.model.reset_metrics()  # else the loss logged is a running mean
        rate = self._rates[len(self.losses)]
        Engine.of(self.model).apply(Decision(rate=rate))

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(float(logs["loss"]))
        smoothed = rate_range.smooth(self.losses, self._smoothing)
        is_last = len(self.losses) == len(self._rates)
        if is_last or rate_range.has_diverged(smoothed):
            self.model.stop_training = True


def _check_model(model):
    engine = Engine.of(model)
    if not model.built:
        raise ValueError(
            f"{_OWNER}: the model must be built, because its first weights "
            f"are given back. Received: {type(model).__name__}, not built. "
            "Call it once on a few rows of your data, `model(x[:1])`."
        )
    engine.check_rate_writable(_OWNER)


def _check_data(data, batch_size):
    if isinstance(data, tuple):
        if len(data) not in (2, 3):
            raise ValueError(
                f"{_OWNER}: a tuple of arrays must be `(x, y)` or `(x, y, "
                f"sample_weight)`. Received: {len(data)} of them."
            )
        size = 32 if batch_size is None else batch_size
        check.positive_int(_OWNER, batch_size=size)
        names = ("x", "y", "sample_weight")
        return dict(zip(names, data, strict=False), batch_size=size)
    if not detached.is_dataset(data):
        raise TypeError(
            f"{_OWNER}: `data` must be a `tf.data.Dataset` of batches or a "
            "tuple of arrays, because a generator cannot be given back. "
            f"Received: a {type(data).__name__}."
        )
    if batch_size is not None:
        raise ValueError(
            f"{_OWNER}: `batch_size` must be None, because a data set comes "
            f"in batches. Received: batch_size={batch_size!r}. Drop it."
        )
    return {"x": detached.detached(data), "shuffle": False}


def _check_losses(losses):
    if losses and math.isfinite(losses[0]):
        return
    what = (
        f"the loss of the first is {losses[0]}" if losses else "there is none"
    )
    raise TrainingError(
        f"{_OWNER}: the first batch must have a finite loss; {what}. Look at "
        "the data and the loss function: the rate has not acted yet."
    )
