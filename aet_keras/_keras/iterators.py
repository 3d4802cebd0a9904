"""Gives a resumed `fit` the order of data that the old one had.

Each iterator over a shuffled data set comes with another order, and `fit`
makes more of them than it reads: one at the start of an epoch, one at its
end. So they are counted, and a resumed `fit` makes as many.
"""

import weakref
from collections.abc import Callable, Iterable

from aet_keras._keras.sources import Source

# Of one iterator: its number, the first batch, how many batches.
Pass = tuple[int, int, int]


class Order:
    """Counts the iterators of one split of a `fit`, and brings them back.

    Args:
        epoch_iterator: what `fit` draws its steps from.
    """

    def __init__(self, epoch_iterator):
        self._epochs = epoch_iterator
        self._data = epoch_iterator._get_iterator()
        self._made = 0
        self._skipped = None
        self.source = Source.of(epoch_iterator)
        if isinstance(self._data, Postponed):  # those that are made count
            self._data = self._data.go_below(self)
        else:
            epoch_iterator._get_iterator = lambda: self
        epoch_iterator._enumerate_iterator = self._enumerate

    def __iter__(self):
        iterator = iter(self._data)
        self._made += 1
        iterator._aet_place = self._made, 0
        return iterator

    @property
    def data(self):
        """What iterators are made of: it has an `element_spec`."""
        return self._data

    @property
    def current(self):
        """The iterator that the next epoch goes on with, if there is one."""
        return self._epochs._current_iterator

    @property
    def length(self) -> int | None:
        """How many steps an epoch has, if that is known."""
        return self._epochs.num_batches

    @property
    def state(self) -> dict:
        """Where it is between two epochs, as one JSON dict."""
        return {
            "made": self._made,
            "seen": self._epochs._steps_seen,
            "length": self._epochs._num_batches,
        }

    def restore(
        self,
        state: dict,
        passes: Iterable[Pass] = (),
        read: Callable | None = None,
    ) -> None:
        """Makes as many iterators as there were, before the first epoch.

        Args:
            state: what `state` was between two epochs.
            passes: batches to be read on the way.
            read: function of a batch, called for each of them in order.
        """
        goes_on = self._epochs.steps_per_epoch is not None and state["made"]
        for _ in range(state["made"] - bool(goes_on)):
            iterator = iter(self)
            ends = [b + n for at, b, n in passes if at == self._made]
            self._advance(iterator, max(ends, default=0), passes, read)
            if self._made == 1 and self.source.keeps_first_order:
                for _ in iterator:
                    pass
        if goes_on:
            self._epochs._current_iterator = iter(self)
            self._advance(self.current, state["seen"], passes, read)
            self._epochs._steps_seen = state["seen"]
        self._epochs._num_batches = state["length"]

    def skip(self, count: int, step: Callable, done: Callable) -> None:
        """Makes the next epoch start in its middle.

        Args:
            count: int >= 1. Batches to skip.
            step: function of an iterator, called in place of a step; it
                reads what a step would read.
            done: function of the iterator, called before the first real
                step.
        """
        self._skipped = count, step, done

    def _advance(self, iterator, count, passes, read):
        for position in range(count):
            batch = next(iterator)
            for number, start, length in passes:
                inside = start <= position < start + length
                if number == self._made and inside:
                    read(batch)

    def _enumerate(self):
        size = self._epochs.steps_per_execution
        count, step, done = self._skipped or (0, None, None)
        self._skipped = None
        steps = type(self._epochs)._enumerate_iterator(self._epochs)
        for begin, end, iterator in steps:
            if begin == 0:
                number, _ = iterator._aet_place
                place = number, self._epochs._steps_seen - size
                iterator._aet_place = place
            if begin < count:
                for _ in range(size):
                    step(iterator)
                continue
            if begin == count and done is not None:
                done(iterator)
            yield begin, end, iterator


class Postponed:
    """Creates the iterators of a `fit` when they are read, not before.

    `fit` makes two an epoch. Under a strategy each takes tenths of a second,
    and begins to read ahead; steps that are replayed read from none.

    Args:
        epoch_iterator: what `fit` draws its steps from.

    Attributes:
        is_on: bool. Whether those that `fit` asks for from now on are
            postponed. Keras's own functions take none of these: `made`.
    """

    def __init__(self, epoch_iterator):
        self.is_on = False
        self._epochs = epoch_iterator
        self._data = epoch_iterator._get_iterator()
        epoch_iterator._get_iterator = lambda: self

    def go_below(self, order: Order):
        """Takes what counts iterators between; returns what it counts on."""
        data, self._data = self._data, order
        return data

    def __iter__(self):
        goes_on = self._epochs.steps_per_epoch is not None
        if not self.is_on or goes_on or not self._epochs.num_batches:
            return iter(self._data)
        return PostponedIterator(self._epochs, self._data)


class PostponedIterator:
    """Stands for an iterator of a `fit` until it is read from.

    Args:
        epoch_iterator: what `fit` draws its steps from. It goes on with the
            real one.
        data: what makes it.
    """

    def __init__(self, epoch_iterator, data):
        self._epochs = epoch_iterator
        self._data = data
        self._real = None
        self._aet_place = 0, 0  # nothing of it is recorded

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.made())

    def made(self):
        """Returns the real iterator, the same each time."""
        if self._real is None:
            self._real = iter(self._data)
            if self._epochs._current_iterator is self:
                self._epochs._current_iterator = self._real
        return self._real


def made(iterator):
    """Returns an iterator as Keras's own functions take it."""
    if isinstance(iterator, PostponedIterator):
        return iterator.made()
    return iterator


def is_same(reference: weakref.ref | None, iterator) -> bool:
    """Says whether a weak reference is to this iterator."""
    return reference is not None and reference() is iterator


def place_of(iterator) -> tuple[int, int] | None:
    """Returns an iterator's number, and where the epoch began in it.

    None if nothing counts.
    """
    return getattr(iterator, "_aet_place", None)
