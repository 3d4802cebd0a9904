"""Records the own rows of one of several workers, and replays them."""

import keras
import numpy as np
import tensorflow as tf

from aet_keras import _check as check
from aet_keras._keras.iterators import Postponed
from aet_keras._keras.own_rows import OwnRows
from aet_keras._keras.split_graph import Boundary
from aet_keras.errors import CacheFull
from aet_keras.replay.recorder import Recorder
from aet_keras.replay.replay_safety import Unsafe
from aet_keras.replay.together import Together


class WorkerReader:
    """Replays the rows of one worker, in step with all others.

    All rows are recorded before the first step: no worker waits for another
    one's pictures, and whatever keeps one of them from recording is known to
    all before they train. Then each worker's share of a batch comes from its
    own rows: in the order of the data set, where the batches are then those of
    one process, or freshly shuffled where the data set is. It stands where
    `PassReader` stands for one process.

    Args:
        recorder: `Recorder`.
        rows: `OwnRows` of this worker.
        model: the model that trains.
        is_in_order: bool. Whether the data set has a fixed order.
        postponed: `Postponed`. Of the iterators, which it never reads from.
    """

    what = "what"  # it records of the frozen groups, for a sentence
    holds_pass = True  # what is recorded is one whole pass
    wants_batch = False  # it reads its rows by itself
    padding = None
    unused = None  # it never reads ahead

    def __init__(
        self,
        recorder: Recorder,
        rows: OwnRows,
        model: keras.Model,
        *,
        is_in_order: bool,
        postponed: Postponed,
    ):
        self.recorder = recorder
        self.postponed = postponed
        recorder.last_pass = None
        self.place = None
        self._rows = rows
        self._together = Together(model)
        self._is_in_order = is_in_order

    def begin(
        self, boundary: Boundary, *, batch_count: int = 0, seed=0
    ) -> None:
        """Starts an epoch; the arguments are those of `PassReader.begin`."""
        self._boundary = boundary
        self._seed = seed
        self._steps = None
        self.is_recording = self.recorder.record is None

    def enter(self, iterator, *, goes_on: bool) -> None:
        """Does nothing, as the iterator is not read."""

    def surrender(self) -> None:
        """Never gives up, as `RowLookup` does: all rows come again."""

    def end(self) -> None:
        """Does nothing, as the iterator is not read."""

    def get_state(self) -> dict:
        """Returns that nothing is recorded again.

        A resumed run records its rows anew before its first step.
        """
        return {"passes": []}

    def set_state(self, state: dict) -> None:
        """Brings back what `get_state` returned, which is nothing."""
        check.entries(self, state, ("passes",))

    def step(self, batch, later=None):
        """Runs the next step, and returns its logs; as `PassReader.step`."""
        if self._steps is None:
            self._agree(self._obstacle() if self.is_recording else None)
            self.is_recording = False
            self._steps = self._shares()
        rows, total = next(self._steps)
        return self.recorder.replay(rows, self._boundary, total=total)

    def _obstacle(self):
        """Records all rows; returns what kept it from that, or None."""
        try:
            self._record()
        except (Unsafe, CacheFull) as error:
            return str(error)
        return None

    def _record(self):
        own = sum(count for count, _ in self._rows.sizes)
        first = None
        for batch in self._rows.data:
            self.recorder.add(batch, self._boundary, expected=own)
            first = batch if first is None else first
        if self.recorder.record.count != own:
            raise Unsafe(
                f"a worker has {self.recorder.record.count} rows, and the data "
                f"set said {own}"
            )
        self._check(first)

    def _check(self, batch):
        """Computes some rows anew, in another batch than before.

        What no flag shows (a layer that mixes the rows of a batch, or draws
        without a seed) shows here.
        """
        rows = np.arange(self.recorder.row_count(batch))[::-2].copy()
        some = keras.tree.map_structure(
            lambda each: None if each is None else tf.gather(each, rows), batch
        )
        self.recorder.compare(some, rows.tolist(), self._boundary)

    def _agree(self, obstacle):
        """Raises an `Unsafe` in all workers if one of them cannot record."""
        count = self._together.count_of(obstacle)
        if count:
            raise Unsafe(obstacle or f"{count} of the workers cannot record")

    def _shares(self):
        """Returns an iterator over each step's own rows, and their total."""
        sizes = self._rows.sizes
        order = np.arange(self.recorder.record.count)
        if not self._is_in_order:
            seed = np.atleast_1d(self._seed)
            random = np.random.default_rng([*seed, self._rows.index])
            order = random.permutation(order)
        parts = np.split(order, np.cumsum([count for count, _ in sizes])[:-1])
        totals = [total for _, total in sizes]
        return iter(list(zip(parts, totals, strict=True)))
