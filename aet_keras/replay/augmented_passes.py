"""Records augmented passes over the data, and replays them."""

import numpy as np

from aet_keras import _check as check
from aet_keras._keras.split_graph import Boundary
from aet_keras.replay.recorder import Recorder
from aet_keras.replay.replay_safety import Unsafe, check_iterator


class AugmentedPasses:
    """Records some passes over a data set, then replays one in each epoch.

    Rows that are augmented are others in each pass, so that none can be
    found again: a pass is replayed as a whole, freshly shuffled. It stands
    where `PassReader` stands for rows that stay as they are.

    Args:
        recorder: `Recorder`.
        count: int >= 2. How many passes to record.
    """

    padding = None
    holds_pass = True  # what is recorded is whole passes
    unused = None  # it never reads ahead
    postponed = None  # it reads from iterators

    def __init__(self, recorder: Recorder, count: int):
        self.recorder = recorder
        self.place = None
        self._count = count
        self._views: list[list[int]] = []  # the sizes of each pass's batches
        self._turn = 0
        self._is_over = True
        self._is_cut_short = False

    def get_state(self) -> dict:
        """Returns no passes: a resumed run records other views.

        A resumed run records its views anew: others, drawn as the first were.
        """
        return {"passes": []}

    def set_state(self, state: dict) -> None:
        """Brings back what `get_state` returned, which is nothing."""
        check.entries(self, state, ("passes",))

    def begin(
        self, boundary: Boundary, *, batch_count: int = 0, seed=0
    ) -> None:
        """Starts a pass; the arguments are those of `PassReader.begin`."""
        self._boundary = boundary
        self._batch_count, self._seed = batch_count, seed
        if self.recorder.record is None:
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
        """Notes what the pass reads from; arguments as `RowLookup`."""
        if goes_on:
            raise Unsafe("`steps_per_epoch` splits the data set")
        check_iterator(iterator)

    def surrender(self) -> None:
        """Never gives up, as `RowLookup` does: views are what was asked for."""

    def end(self) -> None:
        """Notes that the data set has no more batches."""
        self._is_over = True

    @property
    def wants_batch(self) -> bool:
        """Whether the next step needs a batch of the data set itself."""
        return self.is_recording

    def step(self, batch, later=None):
        """Runs the next step, and returns its logs; as `PassReader.step`."""
        if self._is_cut_short:
            raise Unsafe("a recorded pass was not a whole one")
        if self.is_recording:
            return self._record(batch)
        if self._rest is None:
            self._rest = self._shuffled()
        return self.recorder.replay(next(self._rest), self._boundary)

    def _record(self, batch):
        sizes = self._views[-1]
        sizes.append(self.recorder.row_count(batch))
        self._is_over = len(sizes) == self._batch_count
        boundary = self._boundary
        if self.recorder.record is not None:
            boundary = boundary.recording(self.recorder.held_keys)
        expected = self._count * self._batch_count * sizes[0]
        tensors = self.recorder.add(batch, boundary, expected=expected)
        return self.recorder.run_on(tensors, boundary)

    def _shuffled(self):
        """Returns an iterator over the rows of each batch of the next view."""
        number = self._turn % len(self._views)
        self._turn += 1
        sizes = self._views[number]
        first = sum(sum(view) for view in self._views[:number])
        order = np.random.default_rng(self._seed).permutation(sum(sizes))
        return iter(np.split(first + order, np.cumsum(sizes)[:-1]))
