"""Chooses the rows of the next step: real ones or recorded ones."""

import itertools
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras._keras import sources
from aet_keras._keras.split_graph import Boundary
from aet_keras.errors import CacheFull
from aet_keras.replay.padding import WINDOW
from aet_keras.replay.recorder import Recorder
from aet_keras.replay.replay_safety import Unsafe


class PassReader:
    """Records the first pass over a data set, and replays it in later epochs.

    For data sets that are proved to give the same rows in each epoch. A pass
    that replays takes one real batch first: if its rows are known the rest is
    replayed, in the recorded order if the batch is the recorded
    first one, else freshly shuffled. Rows that `fit` shuffles and that end
    with padding come with those of like length, and are cut to the longest of
    their batch; the pass that records them is read a few batches ahead, so
    that this holds for it too.

    Args:
        recorder: `Recorder`.
    """

    what = "what"  # it records of the frozen groups, for a sentence
    holds_pass = True  # what is recorded is one whole pass
    postponed = None  # it reads from iterators

    def __init__(self, recorder: Recorder):
        self.recorder = recorder
        recorder.last_pass = None
        self._sizes: list[int] = []
        # Where recorded batches come from, so that a resumed run finds them.
        self.place = None
        self.is_shuffled = False  # whether any order of the rows will do
        self._passes: list[list] = []
        self._order = iter(())
        self._is_whole = False
        self.padding = None  # what the batches of this pass are rid of
        self._ahead: list[Any] = []  # the rows of batches that were read ahead
        self._obstacle = None  # what ended reading ahead
        self.unused = None  # the batch that did

    def begin(
        self, boundary: Boundary, *, batch_count: int = 0, seed=0
    ) -> None:
        """Starts a pass.

        Args:
            boundary: where the graph is split.
            batch_count: int >= 0. How many batches will come, if known.
            seed: of the order.
        """
        self._boundary = boundary
        self._batch_count = batch_count
        self._random = np.random.default_rng(seed)
        self.is_recording = self.recorder.record is None
        self._is_open = False
        self.padding = None
        self._ahead = []
        if self.is_recording:
            self._sizes = []
            self._is_whole = False

    def enter(self, iterator, *, goes_on: bool) -> None:
        """Notes what the pass reads from; arguments as `RowLookup`."""
        if goes_on:
            raise Unsafe("an epoch goes on where the one before ended")
        self.is_shuffled = sources.is_shuffled(iterator)

    def surrender(self) -> None:
        """Never gives up, as `RowLookup` does: all rows come again."""

    def end(self) -> None:
        """Notes that the data set has no more batches."""
        self._is_whole = True

    @property
    def wants_batch(self) -> bool:
        """Whether the next step needs a batch of the data set itself."""
        if self.is_recording:
            return not self._ahead and self._obstacle is None
        return not self._is_open

    def get_state(self) -> dict:
        """Returns what a resumed run has to know to record the same again."""
        return {
            "sizes": self._sizes,
            "is_whole": self._is_whole,
            "passes": self._passes,
        }

    def set_state(self, state: dict) -> None:
        """Brings back what `get_state` returned."""
        check.entries(self, state, ("sizes", "is_whole", "passes"))
        self._sizes = list(state["sizes"])
        self._is_whole = state["is_whole"]
        self._passes = [list(each) for each in state["passes"]]

    def record_again(self, batch, boundary: Boundary) -> None:
        """Records a batch that an interrupted run had recorded."""
        only = None
        if self.recorder.record is not None and (
            self.recorder.record.count >= sum(self._sizes)
        ):
            rows = self.recorder.find(batch)
            only = [i for i, row in enumerate(rows) if row is None]
        expected = sum(self._sizes)
        self.recorder.add(batch, boundary, expected=expected, only=only)

    def step(self, batch, later=None):
        """Runs the next step, and returns its logs.

        Args:
            batch: of the data set, if it `wants_batch`.
            later: iterator over the batches to come, which may be read ahead.

        Raises:
            StopIteration: if the pass is over.
            Unsafe: if replay would change the result; nothing has moved.
            CacheFull: if there is no room for what is to be recorded.
        """
        if self.is_recording:
            return self._record(batch, later)
        if not self._is_open:
            return self._open(batch)
        return self._replay(next(self._order))

    def _replay(self, rows):
        return self.recorder.replay(rows, self._boundary, padding=self.padding)

    def _record(self, batch, later):
        if not self._ahead:
            if self._obstacle is not None:
                raise self._obstacle
            tensors = self._add(batch)
            if not self._sorts():
                return self.recorder.run_on(tensors, self._boundary)
            self._read_ahead(later)
        return self._replay(self._ahead.pop(0))

    def _add(self, batch):
        count = self.recorder.row_count(batch)
        first, *_ = self._sizes or [count]
        tensors = self.recorder.add(
            batch,
            self._boundary,
            expected=self._batch_count * first,
        )
        if not self._sizes:
            self._passes = [[self.place, 0]]
        self._passes[-1][1] += 1
        self._sizes.append(count)
        self._is_whole = len(self._sizes) == self._batch_count
        return tensors

    def _sorts(self):
        """Whether this pass goes through rows of like length together."""
        if len(self._sizes) > 1:
            return self.padding is not None
        return self.is_shuffled and (
            self.recorder.find_padding(self._boundary) is not None
        )

    def _read_ahead(self, later):
        """Records some batches more, and sorts the rows of all of them."""
        begun = len(self._sizes) - 1
        # Of the epoch alone: `steps_per_epoch` may split the data set.
        left = max(0, self._batch_count - begun) or WINDOW
        for batch in itertools.islice(later, min(WINDOW, left) - 1):
            try:
                self._add(batch)
            except (Unsafe, CacheFull) as error:
                self._obstacle, self.unused = error, batch
                break
        first, sizes = sum(self._sizes[:begun]), self._sizes[begun:]
        rows = np.arange(first, first + sum(sizes))
        self.padding = None
        if self._obstacle is None:
            self.padding = self.recorder.padding(self._boundary)
        if self.padding is not None:
            self._ahead = self.padding.batch(
                rows, sizes, self._random, is_window=True
            )
        else:
            self._ahead = np.split(rows, np.cumsum(sizes)[:-1])

    def _open(self, batch):
        if not self._is_whole:
            raise Unsafe("the recorded pass was not a whole one")
        rows = self.recorder.find(batch)
        in_order = rows == list(range(self._sizes[0]))
        if None in rows or len(rows) not in self._sizes:
            raise Unsafe("the data set gives other rows than before")
        self.recorder.check(batch, rows, self._boundary)
        if self.is_shuffled or not in_order:
            self.padding = self.recorder.padding(self._boundary)
        self._order = self._rest(rows, in_order)
        self._is_open = True
        return self._replay(rows)

    def _rest(self, rows, in_order):
        """Returns an iterator over the rows of each batch but the first."""
        rest = np.setdiff1d(np.arange(self.recorder.record.count), rows)
        if self.padding is not None or not in_order:
            rest = self._random.permutation(rest)
        sizes = list(self._sizes)
        sizes.remove(len(rows))
        if self.padding is not None:
            return iter(self.padding.batch(rest, sizes, self._random))
        ends = np.cumsum(sizes, dtype=int)
        parts = np.split(rest, ends)[: len(ends)]
        return iter([part for part in parts if len(part)])
