"""Makes all workers of a `fit` do the same: the chief decides.

Workers that trained different groups would wait for each other for ever: each
would wait for gradients that the others do not have.
"""

import dataclasses
import hashlib
import importlib.metadata
import json

import keras
import numpy as np

from aet_keras._keras import agreement, running_fit
from aet_keras._keras.sources import Source
from aet_keras.errors import TrainingError
from aet_keras.policies import Decision

_PACKAGES = ("aet-keras", "keras", "tensorflow", "numpy")
_OURS = "aet_keras.callbacks"  # what shows progress is the chief's alone
_PARTS = ("epoch", "trainable", "multipliers", "rate", "path")


class Agreement:
    """Compares what the workers of one model do, and asks the chief.

    Args:
        strategy: the model's `tf.distribute.Strategy`, or None.
    """

    def __init__(self, strategy):
        self._strategy = strategy
        self.count = agreement.worker_count(strategy)
        self.is_chief = agreement.is_chief(strategy)

    @property
    def is_needed(self) -> bool:
        """Whether there are other workers."""
        return self.count > 1

    def of_chief(self, value):
        """Returns the chief's value of what JSON can hold."""
        return agreement.broadcast(self._strategy, value)

    def of_all(self, numbers) -> list[int]:
        """Returns whole numbers of all workers, those of the chief first."""
        return agreement.gather(self._strategy, numbers).ravel().tolist()

    def decision_of_chief(self, decision: Decision) -> Decision:
        """Returns the chief's decision; what others decided is dropped."""
        if not self.is_needed:
            return decision
        known = self.of_chief(dataclasses.asdict(decision))
        for name in ("trainable", "multipliers"):
            known[name] = known[name] and tuple(known[name])
        return Decision(**known)

    def check_same(self, what: str, parts: dict) -> None:
        """Raises a TrainingError, in all workers, if one of them differs.

        Args:
            what: str. What they were to agree about.
            parts: dict from str to what JSON can hold; the same keys, in the
                same order, in each worker.
        """
        if not self.is_needed:
            return
        sums = agreement.gather(self._strategy, list(map(_sum, parts.values())))
        for name, column in zip(parts, sums.T, strict=True):
            others = [at for at, each in enumerate(column) if each != column[0]]
            if others:
                raise TrainingError(
                    f"fit: all workers must have the same {what}, because "
                    "they would wait for each other for ever. Received: "
                    f"another {name} in worker {', '.join(map(str, others))} "
                    f"than in the chief (here {_shown(parts[name])}). Start "
                    "the same script with the same data, seeds and versions "
                    "on every machine."
                )


class Meeting(keras.callbacks.Callback):
    """Compares the workers of a `fit`; the last of its callbacks.

    Args:
        engine: the model's engine.
    """

    def __init__(self, engine):
        super().__init__()
        self._engine = engine
        self._workers = engine.workers

    def on_epoch_begin(self, epoch, logs=None):
        self._meet(f"epoch {epoch + 1}")

    def on_train_batch_end(self, batch, logs=None):
        pass  # that it is here keeps Keras from calling others in a thread

    def on_epoch_end(self, epoch, logs=None):
        stops = self._workers.of_chief(bool(self.model.stop_training))
        self.model.stop_training = stops

    def on_train_end(self, logs=None):
        self._meet("the end")

    def _meet(self, place):
        engine = self._engine
        known = (
            place,
            engine.trainable,
            engine.multipliers,
            engine.rate,
            engine.cached_count,
        )
        self._workers.check_same(
            "place in the run", dict(zip(_PARTS, known, strict=True))
        )


def begin(engine) -> None:
    """Adds a `Meeting` to the callbacks of the `fit` that begins.

    Raises:
        TrainingError: if they do not start from the same.
        ValueError: if the data cannot be shared among them.
    """
    model, workers = engine.model, engine.workers
    if not workers.is_needed:
        return
    callbacks = running_fit.callbacks_of(model)
    epochs = running_fit.epoch_iterator_of(model)
    if callbacks is None or epochs is None:
        return
    _check_shared(epochs, workers.count)
    kinds = [type(each) for each in callbacks]
    names = [kind.__name__ for kind in kinds if _OURS in kind.__module__]
    start = {
        "version": list(map(_version, _PACKAGES)),
        "list of callbacks": names,
        "data or seed of their order": _signature(epochs),
        "initial weight": [sum_of_array(v.numpy()) for v in model.weights],
    }
    workers.check_same("start", start)
    running_fit.call_last(model, callbacks, Meeting(engine))


def _check_shared(epochs, count):
    source = Source.of(epochs)
    if not source.is_ordered:
        raise ValueError(
            "fit: the data must come in the same order in every worker, "
            "because each takes its share of every batch. Received: data of "
            f"which {source.reason}. Pass arrays or a `tf.data.Dataset` of "
            "files or arrays, which TensorFlow shares among the workers, and "
            "call `keras.utils.set_random_seed` first."
        )
    if source.row_count is not None and source.row_count < count:
        raise ValueError(
            "fit: there must be a row for each worker, because each takes its "
            f"share. Received: {source.row_count} rows for {count} workers. "
            "Train in fewer processes."
        )


def _signature(epochs):
    source = Source.of(epochs)
    sums = [sum_of_array(each) for each in source.arrays]
    return [source.signature, sums, epochs.num_batches]


def _sum(value):
    text = json.dumps(value, default=str, sort_keys=True).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:7], "big")


def sum_of_array(array: np.ndarray) -> str:
    """Returns what tells an array from others."""
    if array.dtype == object:  # texts
        return hashlib.sha256(repr(array.tolist()).encode()).hexdigest()
    array = np.ascontiguousarray(array)
    return hashlib.sha256(array.tobytes()).hexdigest()


def _shown(value):
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # read from a checkout
        return None
