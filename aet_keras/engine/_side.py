"""How is one side of a `fit`, training or validation, recorded and replayed?"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from aet_keras._keras.halves import Cut, Halves, LossBelow
from aet_keras._keras.steps import (
    Signature,
    lower_function,
    trial_function,
)
from aet_keras.engine import _guards
from aet_keras.engine._padding import MaskLengths, Padding, find_padding
from aet_keras.engine._shelf import Shelf

# Rounding aside, equal rows must give equal features in any batch.
_EXACT = 1e-4
_TOLERANCE = {"float16": 1e-2, "bfloat16": 5e-2}


class Side:
    """Runs steps of one kind, on fresh batches or on recorded features.

    Args:
        halves: `Halves` of the model.
        cache: makes records and sums of rows: `new_record`, `digests`.
        make_step: function of `(halves, cut, crossing, targets)` that makes
            the step above a cut.
        training: bool. What layers are told.
        shelf: optional `Shelf`. Has features of earlier runs.
    """

    def __init__(
        self,
        halves: Halves,
        cache,
        make_step: Callable,
        *,
        training: bool,
        shelf: Shelf | None = None,
    ):
        self._halves = halves
        self._shelf = shelf
        self._cache = cache
        self._make_step = make_step
        self._training = training
        self._lowers = {}
        self._steps = {}
        self._inputs = self._targets = None
        self.is_skipping = False  # record as asked, but run no step
        self._batch_rows = 1  # of the largest batch that was read
        self.record = None
        self.keys = self._asked = ()
        self.forget()

    def forget(self) -> None:
        """Drops the record."""
        self.record = None
        self.keys = ()
        self._dtypes = []
        self._is_checked = False
        # To what padded rows may be cut, a cut; None where that fails.
        self.narrowest: dict[Cut, int | None] = {}
        self._masks = {}
        if self._shelf is not None:
            self._shelf.forget()

    def keep(self) -> tuple[int, int]:
        """Leaves what was recorded to other runs.

        Returns:
            How many rows came from other runs, and how many are new to them.
        """
        if self._shelf is None or self.record is None:
            return 0, 0
        count = self._shelf.keep(self.record, self.keys, self._dtypes)
        taken, self._shelf.read_count = self._shelf.read_count, 0
        return taken, count

    def has(self, cut: Cut) -> bool:
        """Says whether all that crosses a cut is recorded."""
        if self.record is None:
            return False
        places = {key: i for i, key in enumerate(self.keys)}
        return all(
            key in places and self.record.has(places[key]) for key in cut.keys
        )

    def keep_only(self, keys) -> None:
        """Frees the room of features that no cut will ask for any more."""
        for position, key in enumerate(self.keys):
            if key not in keys:
                self.record.drop(position)

    def run(self, batch, cut: Cut, tag, *, keys, expected=0, only=None):
        """Runs a step on a batch of the data set, and records the batch.

        Args:
            batch: what the iterator gave.
            cut: where the step is cut.
            tag: what the step function was made for; another one is made
                where it differs.
            keys: tuple of `Key`. What to record; the cut's own come first.
            expected: int >= 0. Rows that are to come, 0 if not known.
            only: optional list of int. The rows to record; all if not given.

        Returns:
            The logs.
        """
        tensors = self.add(batch, cut, keys, expected=expected, only=only)
        return self.run_on(tensors, cut, tag)

    def run_on(self, tensors, cut: Cut, tag):
        """Runs a step on what `add` returned, and returns the logs."""
        crossing, targets = tensors
        return self._step(cut, tag, crossing)(*crossing, *targets)

    @property
    def held_keys(self):
        """The keys of the features that were not dropped."""
        held = enumerate(self.keys)
        return tuple(key for place, key in held if self.record.has(place))

    def add(self, batch, cut: Cut, keys, *, expected=0, only=None):
        """Records a batch as `run` does, and runs no step.

        Returns:
            The tensors that cross the cut, and those of targets and weights.
        """
        x, targets = self._read(batch)
        features = self._obtain(x, cut, keys)
        self._append(x, targets, features, cut, expected, only)
        if self._shelf is not None:  # as a later run will read them
            count = self.record.count
            rows = range(count - len(x[0]), count)
            rows = list(rows) if only is None else self.find(batch)
            return self._crossing(rows, cut), targets
        return [features[key] for key in cut.keys], targets

    def replay(self, rows, cut: Cut, tag, *, padding: Padding | None = None):
        """Runs a step on some rows of the record, and returns the logs.

        Args:
            rows: the rows' numbers.
            cut: where the step is cut.
            tag: as in `run`.
            padding: optional `Padding`, which batches are rid of.
        """
        crossing = self._crossing(rows, cut, padding)
        target_columns = range(len(self.keys), len(self.record.columns))
        arrays = self.record.take(rows, target_columns)
        targets = [tf.convert_to_tensor(array) for array in arrays]
        step = self._step(cut, tag, crossing, padding)
        return step(*crossing, *targets)

    def run_on_all(self, cut: Cut, tag) -> None:
        """Runs steps on all that `recorded` returns, in batches as read."""
        taken = [self.recorded(key) for key in cut.keys]
        _, y, sample_weight = taken[0]
        targets = self._targets.flatten((y, sample_weight))
        dtypes = [self._dtypes[place] for place in self._places(cut)]
        count = len(taken[0][0])
        for begin in range(0, count, self._batch_rows):
            part = slice(begin, begin + self._batch_rows)
            crossing = [
                tf.cast(tf.convert_to_tensor(features[part]), dtype)
                for (features, *_), dtype in zip(taken, dtypes, strict=True)
            ]
            given = [tf.convert_to_tensor(each[part]) for each in targets]
            self.run_on((crossing, given), cut, tag)

    def padding(self, cut: Cut) -> Padding | None:
        """Returns how recorded rows are padded, if that makes no difference.

        Tried on a few rows, once a cut: a model that does not mask what it
        pools or attends to would learn something else from shorter rows.
        """
        found = self.find_padding(cut)
        if found is None:
            return None
        if cut not in self.narrowest:
            is_inert = self._is_inert(found, cut)
            narrowest = int(found.widths.min())
            self.narrowest[cut] = narrowest if is_inert else None
        narrowest = self.narrowest[cut]
        return None if narrowest is None else found.at_least(narrowest)

    def find_padding(self, cut: Cut) -> Padding | None:
        """Returns how recorded rows are padded, whatever that changes."""
        # XLA would compile the step once for each width.
        if self._halves.model.jit_compile:
            return None
        columns = [self.record.columns[i] for i in self._places(cut)]
        masks = [
            self._masks.setdefault(key, MaskLengths())
            if key in self._halves.raw
            else None
            for key in cut.keys
        ]
        return find_padding(columns, masks)

    def _is_inert(self, padding, cut):
        """Whether the part above gives the same for rows without padding."""
        if _guards.mixes_positions(self._halves.upper_layers(cut)):
            return False
        rows = padding.tried
        whole = self._crossing(rows, cut)
        signature = Signature(whole, open_leaves=padding.padded)
        compute = trial_function(self._halves, cut, signature)
        try:
            expected = compute(*whole)
            outputs = compute(*self._crossing(rows, cut, padding))
        # A layer that knows the width fails in a way of its own.
        except Exception:
            return False
        pairs = zip(expected, outputs, strict=True)
        return all(_is_close(a.numpy(), b.numpy(), _EXACT) for a, b in pairs)

    def _places(self, cut):
        places = {key: i for i, key in enumerate(self.keys)}
        return [places[key] for key in cut.keys]

    def _crossing(self, rows, cut, padding=None):
        """Returns the recorded tensors that cross a cut, of some rows."""
        columns = self._places(cut)
        arrays = self.record.take(rows, columns)
        if padding is not None:
            arrays = padding.trim(rows, arrays)
        return [
            tf.cast(tf.convert_to_tensor(array), self._dtypes[column])
            for array, column in zip(arrays, columns, strict=True)
        ]

    def recorded(self, key):
        """Returns all recorded features of a key, targets and weights.

        Targets or weights that there are none of are `None`.
        """
        arrays = [column and column.all() for column in self.record.columns]
        y, sample_weight = self._targets.pack(arrays[len(self.keys) :])
        return arrays[self.keys.index(key)], y, sample_weight

    def row_count(self, batch) -> int:
        """Returns how many rows a batch has."""
        inputs, _ = self._read(batch)
        return int(inputs[0].shape[0])

    def find(self, batch):
        """Returns the numbers of a batch's rows in the record, or Nones."""
        x, targets = self._read(batch)
        return self.record.find(self._cache.digests(_arrays([*x, *targets])))

    def check(self, batch, rows, cut: Cut) -> None:
        """Raises an `Unsafe` if known rows give other features now.

        Once a record: what no flag shows (a layer that mixes the rows of a
        batch, or draws without a seed) shows here.
        """
        if self._is_checked:
            return
        self._is_checked = True
        x, _ = self._read(batch)
        known = [i for i, row in enumerate(rows) if row is not None]
        traced = (cut, self._asked) in self._lowers
        fresh = self._features(x, cut, self._asked if traced else cut.keys)
        held = self.record.take([rows[i] for i in known], self._places(cut))
        for key, old in zip(cut.keys, held, strict=True):
            tolerance = _TOLERANCE.get(str(old.dtype), _EXACT)
            if not _is_close(fresh[key].numpy()[known], old, tolerance):
                raise _guards.Unsafe(
                    "the frozen layers give other features for the same rows: "
                    "one of them draws at random or mixes the rows of a batch"
                )

    def _read(self, batch):
        """Returns the leaves of the inputs, and of targets and weights."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        if self._inputs is None:
            _guards.check_leaves(_present((x, y, sample_weight)))
            self._inputs = Signature(x)
            self._targets = Signature((y, sample_weight))
        inputs = self._inputs.flatten(x)
        targets = self._targets.flatten((y, sample_weight))
        _guards.check_leaves([*inputs, *targets])
        if not (self._inputs.fits(inputs) and self._targets.fits(targets)):
            raise _guards.Unsafe("the rows differ in their shapes")
        self._batch_rows = max(self._batch_rows, int(inputs[0].shape[0]))
        return inputs, targets

    def _obtain(self, x, cut, keys):
        """Returns features as `_features` does, computed or kept before."""
        if self._shelf is None:
            return self._features(x, cut, keys)
        digests = self._cache.digests(_arrays(x))
        found = self._shelf.find(keys, digests)
        if all(key in found for key in cut.keys):
            self._shelf.read_count += len(x[0])
            return {key: found.get(key) for key in keys}
        return self._shelf.settle(self._features(x, cut, keys), digests)

    def _features(self, x, cut, keys):
        """Returns a dict from keys to features, None if they cannot be kept."""
        if (cut, keys) not in self._lowers:
            self._lowers[cut, keys] = lower_function(
                self._halves, cut, keys, self._inputs, training=self._training
            )
        try:
            found = self._lowers[cut, keys](*x)
        except LossBelow as error:
            raise _guards.Unsafe(f"below the cut {error}") from error
        features = dict(zip(keys, found, strict=True))
        for key, tensor in features.items():
            if tensor is not None and not _has_rows(tensor, len(x[0])):
                features[key] = None
        if any(features[key] is None for key in cut.keys):
            raise _guards.Unsafe(
                "what the frozen layers put out has a mask, or is not a dense "
                "tensor with one row for each row of the batch"
            )
        return features

    def _append(self, x, targets, features, cut, expected, only):
        arrays = {k: f.numpy() for k, f in features.items() if f is not None}
        if self.record is None:
            self._asked = tuple(features)
            self._start(arrays, _arrays(targets), cut, expected)
            self._dtypes = [features[key].dtype for key in self.keys]
        for place, key in enumerate(self.keys):
            if key not in arrays:
                self.record.drop(place)
        digests = self._cache.digests(_arrays([*x, *targets]))
        columns = [arrays.get(key) for key in self.keys] + _arrays(targets)
        if only is not None:
            digests = [digests[i] for i in only]
            columns = [None if c is None else c[only] for c in columns]
        self.record.append(digests, columns)
        if self._shelf is not None:
            sums = self._cache.digests(_arrays(x))
            sums = sums if only is None else [sums[i] for i in only]
            self._shelf.note(sums, self.record, self.keys)

    def _start(self, arrays, targets, cut, expected):
        self.keys = tuple(arrays)
        raw = self._halves.raw
        self.record = self._cache.new_record(
            [*arrays.values(), *targets],
            feature_count=len(arrays),
            required=len(cut.keys),
            exact=[i for i, key in enumerate(self.keys) if key in raw],
            expected=expected,
        )

    def _step(self, cut, tag, crossing, padding=None):
        if self.is_skipping:
            return lambda *_: None
        padded = frozenset() if padding is None else padding.padded
        if (cut, tag, padded) not in self._steps:
            signature = Signature(crossing, open_leaves=padded)
            self._steps[cut, tag, padded] = self._make_step(
                self._halves, cut, signature, self._targets
            )
        return self._steps[cut, tag, padded]


def _is_close(expected, found, tolerance):
    """Whether the largest error is small beside the largest value."""
    if expected.shape != found.shape:
        return False
    expected = expected.astype("float64")
    size = max(1e-12, np.abs(expected).max(initial=0.0))
    error = np.abs(expected - found.astype("float64")).max(initial=0.0)
    return error <= tolerance * size


def _has_rows(tensor, count):
    return tensor.shape.rank and tensor.shape[0] == count


def _present(structure):
    flat = keras.tree.flatten(structure)
    return [leaf for leaf in flat if leaf is not None]


def _arrays(tensors):
    return [tensor.numpy() for tensor in tensors]
