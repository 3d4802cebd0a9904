"""Replaces the test function of a `fit`: records, then replays."""

import weakref
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from aet_keras._keras import functions, iterators
from aet_keras._keras.proofs import Unproved
from aet_keras._keras.split_graph import Boundary
from aet_keras.errors import CacheFull
from aet_keras.replay.readers import postpone, reader_of_validation
from aet_keras.replay.recorder import Recorder
from aet_keras.replay.replay_safety import Unsafe
from aet_keras.replay.sums import FrozenWeights


class Validation:
    """Runs the validation of one `fit` on recorded features.

    Whatever else the test function is asked for goes to the model's own.

    Args:
        model: the model that trains.
        recorder: `Recorder` of validation.
        weights: `FrozenWeights`, which training notes and watches, too.
        say: function of a sentence for the user, or `None` for nothing, and
            of `once`: whether it is said no second time.
    """

    def __init__(
        self,
        model: keras.Model,
        recorder: Recorder,
        weights: FrozenWeights,
        say: Callable,
    ):
        self._model = model
        self._weights = weights
        self._say = say
        self.recorder = recorder
        self.is_on = True
        self.plain = functions.own_test_function(model)
        self._reader: Any = None  # not known before validation begins
        self._why_looked_up: str | None = None
        self._boundary: Any = None
        self._is_train_plain = self._is_begun = False
        self._unread_count = 0  # batches that were replayed and not read
        self._iterator: weakref.ref | None = None

    def begin_epoch(self, boundary: Boundary, *, is_train_plain: bool) -> None:
        """Notes where the graph is split until the next epoch begins.

        Args:
            boundary: where the graph is split.
            is_train_plain: bool. Whether training runs without a record, so
                that its first step does not look at the weights.
        """
        self._boundary, self._is_train_plain = boundary, is_train_plain
        self._is_begun = False

    def enter(self, function: Callable) -> None:
        """Gives the model a test function that calls `run`."""
        self._model.test_function = function
        postpone(self._reader, True)

    def leave(self) -> None:
        """Lets the model's own function have the iterators that it takes."""
        postpone(self._reader, False)

    def reader(self):
        """Returns what reads validation, once its data set is there."""
        source = functions.validation_iterator(self._model)
        if self._reader is None and source is not None and self.is_on:
            try:
                self._reader, self._why_looked_up = reader_of_validation(
                    self._model, self.recorder, source
                )
            except Unproved as error:
                self._leave(f"with several workers, {error}")
        return self._reader

    def run(self, iterator):
        """Does what a test function does, and returns its logs."""
        batch_count = functions.own_validation(self._model, iterator)
        if batch_count is None or not self.is_on:
            return self.plain(iterators.made(iterator))
        if not (self._is_begun and iterators.is_same(self._iterator, iterator)):
            self._begin(iterator, batch_count)
        if not self.is_on:
            return self.plain(iterators.made(iterator))
        return functions.run_steps(self._model, self._step, iterator)

    def measure(self, boundary: Boundary) -> dict[str, float]:
        """Returns what Keras measures on all recorded rows, as logs."""
        model = self._model
        model.reset_metrics()
        self.recorder.run_on_all(boundary)
        logs = {
            f"val_{name}": float(value)
            for name, value in model.get_metrics_result().items()
            if np.ndim(value) == 0
        }
        model.reset_metrics()
        return logs

    @property
    def holds_pass(self) -> bool:
        """Whether what is recorded is one whole pass."""
        return self._reader is not None and self._reader.holds_pass

    def _begin(self, iterator, batch_count):
        reader = self.reader()
        if reader is None:
            return
        self._is_begun = True
        self._unread_count = 0
        goes_on = iterators.is_same(self._iterator, iterator)
        self._iterator = weakref.ref(iterator)
        why = reader.surrender()
        if why is not None:
            self._leave(why)
            return
        if not self._check_weights():
            self._leave("frozen weights were written within an epoch")
            return
        reader.place = iterators.place_of(iterator)
        reader.begin(self._boundary, batch_count=batch_count)
        reader.enter(iterator, goes_on=goes_on)
        self._say(self._why_looked_up, once=True)

    def _check_weights(self):
        """Records again if weights were written while training was plain.

        Where it is not, its first step has looked at them: returns whether
        they are still the same. Averages may be swapped in for validation.
        """
        recorder, weights = self.recorder, self._weights
        if not self._is_train_plain:
            return not weights.are_written(self._boundary)
        if recorder.record is not None and weights.are_written(self._boundary):
            recorder.forget()
        if recorder.record is None:
            weights.note(self._boundary)
        return True

    def _step(self, iterator):
        batch = None
        if not self.is_on or self._reader.wants_batch:
            batch = next(iterator)
        try:
            if self.is_on:
                if self._weights.sees_change():
                    raise Unsafe("frozen weights were written within an epoch")
                logs = self._reader.step(batch)
                self._unread_count += batch is None
                return logs
        except (Unsafe, CacheFull) as error:
            self._leave(str(error))
            for _ in range(self._unread_count):
                next(iterator)
        batch = next(iterator) if batch is None else batch
        return self.plain(iter([batch]))

    def _leave(self, why):
        self._say(f"validation is not cached: {why}")
        self.is_on = False
        self.recorder.forget()
