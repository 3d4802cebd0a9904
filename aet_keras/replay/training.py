"""Replaces the train function of a `fit`: records, then replays."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import keras

from aet_keras._keras import functions, iterators, running_fit
from aet_keras._keras.split_graph import Boundary
from aet_keras._progress import report
from aet_keras.errors import CacheFull
from aet_keras.replay.readers import postpone
from aet_keras.replay.recorder import Recorder
from aet_keras.replay.replay_safety import Unsafe
from aet_keras.replay.sums import FrozenWeights


class Training:
    """Runs the training of one `fit` on recorded features.

    Args:
        model: the model that trains.
        reader: chooses the rows of each step (`PassReader`, `RowLookup` or
            `AugmentedPasses`).
        recorders: sequence of `Recorder`: all that recorded what the frozen
            weights gave.
        weights: `FrozenWeights`.
        say: function of a sentence for the user, or `None` for nothing, and
            of `once`: whether it is said no second time.
        stop: function of a reason: gives the model its own functions back.

    Attributes:
        is_plain: bool. Whether it runs without a record, because too few of
            its rows come again.
        wasted_count: int. Records in a row that were of no use.
    """

    def __init__(
        self,
        model: keras.Model,
        reader,
        recorders: Sequence[Recorder],
        weights: FrozenWeights,
        *,
        say: Callable,
        stop: Callable[[str], None],
    ):
        self._model = model
        self._recorders = recorders
        self._weights = weights
        self._say = say
        self._stop = stop
        self.reader = reader
        self.is_plain = False
        self.wasted_count = 0
        self._is_on = True
        self._boundary: Any = None
        self._plain: Any = None
        self._unread_count = 0  # batches that were replayed and not read
        self._iterator: weakref.ref | None = None
        self._earlier: weakref.ref | None = None

    def begin_epoch(self, boundary: Boundary) -> None:
        """Notes where the graph is split until the next epoch begins."""
        self._boundary = boundary
        self._plain = None
        self._earlier, self._iterator = self._iterator, None

    def give_up_on_new_rows(self) -> None:
        """Trains plainly where the rows of an epoch are seldom known ones."""
        why = None if self.is_plain else self.reader.surrender()
        if why is not None:
            self._say(f"stops recording rows of training: {why}")
            self.is_plain = True
            self.reader.recorder.forget()

    def begin(self, *, batch_count: int, seed) -> None:
        """Starts an epoch that is recorded or replayed."""
        self._begin = {"batch_count": batch_count, "seed": seed}
        self.reader.begin(self._boundary, **self._begin)
        postpone(self.reader, True)

    def leave(self) -> None:
        """Lets the model's own function have the iterators that it takes."""
        postpone(self.reader, False)

    def run(self, iterator):
        """Does what a train function does, and returns its logs."""
        if functions.is_of_fit(iterator):
            return functions.run_steps(self._model, self._step, iterator)
        if self._plain is None:  # `train_on_batch`
            self._plain = functions.make_train_function(self._model)
        return self._plain(iterators.made(iterator))

    def skip(self, iterator) -> None:
        """Does to the record what a step does, and trains nothing."""
        self.reader.recorder.is_skipping = True
        try:
            self._step(iterator)
        finally:
            self.reader.recorder.is_skipping = False

    def reads(self, iterator) -> bool:
        """Says whether the epoch that ended has read from an iterator."""
        return iterator is not None and iterators.is_same(
            self._iterator, iterator
        )

    def go_on(self, iterator) -> None:
        """Notes what the epoch before has read from, or None."""
        self._iterator = None if iterator is None else weakref.ref(iterator)

    def _step(self, iterator):
        if not self._is_on:
            return self._model.train_function(iter([next(iterator)]))
        is_first = self._iterator is None
        self._iterator = weakref.ref(iterator)
        batch = None
        try:
            if is_first:
                self._enter(iterator)
            else:
                self._check_written(iterator)
            if self.reader.wants_batch:
                batch = self._next(iterator)
            logs = self.reader.step(batch, iterator)
            self._unread_count += batch is None
            if is_first:
                self._say_padding()
            return logs
        except (Unsafe, CacheFull) as error:
            self._is_on = False
            self._stop(str(error))
        if self.reader.unused is not None:
            batch, self.reader.unused = self.reader.unused, None
        batch = next(iterator) if batch is None else batch
        return self._model.train_function(iter([batch]))

    def _enter(self, iterator):
        """Does what comes before the first step of an epoch."""
        self.reader.place = iterators.place_of(iterator)
        self._check_weights()
        self._unread_count = 0
        self._weights.stop_watching()
        if running_fit.acts_within_epochs(self._model):
            self._weights.watch(self._boundary)
        goes_on = iterators.is_same(self._earlier, iterator)
        self.reader.enter(iterator, goes_on=goes_on)
        if self.reader.is_recording:
            report("recording what the frozen layers put out")

    def _check_weights(self):
        """Records again if frozen weights were written since the record.

        At the first step, not at the start of an epoch: a callback that
        begins its epoch after ours may write them.
        """
        if self.reader.recorder.record is None:
            self._weights.note(self._boundary)
            return
        if not self._weights.are_written(self._boundary):
            self.wasted_count = 0
            return
        self.wasted_count += 1
        if self.wasted_count > 1:
            raise Unsafe("frozen weights are written in every epoch")
        self._say("frozen weights were written: records again")
        for each in self._recorders:
            each.forget()
        self.reader.begin(self._boundary, **self._begin)
        self._weights.note(self._boundary)

    def _check_written(self, iterator):
        """Goes on plainly, with the batches to come, if weights are others."""
        if not self._weights.sees_change():
            return
        if not self.reader.is_recording:
            for _ in range(self._unread_count):
                next(iterator)
        raise Unsafe("frozen weights are written within an epoch")

    def _next(self, iterator):
        try:
            return next(iterator)
        except StopIteration:
            self.reader.end()
            raise

    def _say_padding(self):
        if self.reader.padding is not None:
            self._say(
                "replays rows of like length together, without their padding",
                once=True,
            )
