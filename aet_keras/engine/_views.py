"""How are differently augmented passes over one data set replayed?"""

import numpy as np

from aet_keras.engine._guards import Unsafe, check_iterator
from aet_keras.engine._side import Side


class Views:
    """Records some passes over a data set, then replays one in each epoch.

    Rows that are augmented are others in each pass, so that none can be
    found again: a pass is replayed as a whole, freshly shuffled. It stands
    where `Feed` stands for rows that stay as they are.

    Args:
        side: `Side`.
        count: int >= 2. How many passes to record.
    """

    # A resumed run records its views anew: others, drawn as the first were.
    state = {"passes": []}
    padding = None
    holds_pass = True  # what is recorded is whole passes
    unused = None  # it never reads ahead

    def __init__(self, side: Side, count: int):
        self.side = side
        self.place = None
        self._count = count
        self._views: list[list[int]] = []  # the sizes of each pass's batches
        self._turn = 0
        self._is_over = True
        self._is_cut_short = False

    def begin(self, cut, tag, keys, *, batch_count=0, seed=0) -> None:
        """Starts a pass; the arguments are those of `Feed.begin`."""
        self._cut, self._tag, self._keys = cut, tag, keys
        self._batch_count, self._seed = batch_count, seed
        if self.side.record is None:
            self._views = []
        self._is_cut_short = bool(self._views) and not self._is_over
        self.is_recording = len(self._views) < self._count
        self._rest = None
        if self.is_recording:
            self._views.append([])

    @property
    def what(self) -> str:
        """What it records of the frozen groups, for a sentence."""
        return f"view {len(self._views)} of {self._count} of what"

    def enter(self, iterator, *, goes_on: bool) -> None:
        """Notes what the pass reads from; arguments are those of `Lookup`."""
        if goes_on:
            raise Unsafe("`steps_per_epoch` splits the data set")
        check_iterator(iterator)

    def surrender(self) -> None:
        """Never gives up, as `Lookup` does: views are what was asked for."""

    def end(self) -> None:
        """Notes that the data set has no more batches."""
        self._is_over = True

    @property
    def wants_batch(self) -> bool:
        """Whether the next step needs a batch of the data set itself."""
        return self.is_recording

    def step(self, batch, later=None):
        """Runs the next step, and returns its logs; raises as `Feed.step`."""
        if self._is_cut_short:
            raise Unsafe("a recorded pass was not a whole one")
        if self.is_recording:
            return self._record(batch)
        if self._rest is None:
            self._rest = self._shuffled()
        return self.side.replay(next(self._rest), self._cut, self._tag)

    def _record(self, batch):
        sizes = self._views[-1]
        sizes.append(self.side.row_count(batch))
        self._is_over = len(sizes) == self._batch_count
        is_first = self.side.record is None
        return self.side.run(
            batch,
            self._cut,
            self._tag,
            keys=self._keys if is_first else self.side.held_keys,
            expected=self._count * self._batch_count * sizes[0],
        )

    def _shuffled(self):
        """Returns an iterator over the rows of each batch of the next view."""
        number = self._turn % len(self._views)
        self._turn += 1
        sizes = self._views[number]
        first = sum(sum(view) for view in self._views[:number])
        order = np.random.default_rng(self._seed).permutation(sum(sizes))
        return iter(np.split(first + order, np.cumsum(sizes)[:-1]))
