"""Records and replays one side of a `fit`: training or validation."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras._keras.split_graph import Boundary, LossBelow, SplitGraph
from aet_keras._keras.steps import (
    Signature,
    lower_function,
    trial_function,
)
from aet_keras.replay import replay_safety
from aet_keras.replay.feature_reuse import FeatureReuse
from aet_keras.replay.padding import MaskLengths, Padding, find_padding

# Rounding aside, equal rows must give equal features in any batch.
_EXACT = 1e-4
_TOLERANCE = {"float16": 1e-2, "bfloat16": 5e-2}


class Recorder:
    """Runs steps of one kind, on fresh batches or on recorded features.

    Args:
        graph: `SplitGraph` of the model.
        cache: makes records and sums of rows: `new_record`, `digests`.
        make_step: function of `(graph, boundary, crossing, targets)` that makes
            the step above a boundary.
        training: bool. What layers are told.
        reuse: optional `FeatureReuse`. Has features of earlier runs.
    """

    def __init__(
        self,
        graph: SplitGraph,
        cache,
        make_step: Callable,
        *,
        training: bool,
        reuse: FeatureReuse | None = None,
    ):
        self._graph = graph
        self._reuse = reuse
        self._cache = cache
        self._make_step = make_step
        self._training = training
        self._lowers: dict[Any, Any] = {}
        self._steps: dict[Any, Any] = {}
        self._inputs: Any = None
        self._targets: Any = None
        self.is_skipping = False  # record as asked, but run no step
        # Numbers of rows, and targets, of the last whole pass, where those
        # are not columns of the record.
        self.last_pass: Callable | None = None
        self._batch_rows = 1  # of the largest batch that was read
        self.record: Any = None  # a `Record`, once rows have come
        self.keys: tuple[Any, ...] = ()
        self._asked: tuple[Any, ...] = ()
        self.forget()

    def forget(self) -> None:
        """Drops the record."""
        self.record = None
        self.keys = ()
        self._dtypes: list[Any] = []
        self._is_checked = False
        # To what padded rows may be cut, by boundary; None where that fails.
        self.narrowest: dict[Boundary, int | None] = {}
        self._masks: dict[Any, Any] = {}
        if self._reuse is not None:
            self._reuse.forget()

    def keep(self) -> tuple[int, int]:
        """Leaves what was recorded to other runs.

        Returns:
            How many rows came from other runs, and how many are new to them.
        """
        if self._reuse is None or self.record is None:
            return 0, 0
        count = self._reuse.keep(self.record, self.keys, self._dtypes)
        taken, self._reuse.read_count = self._reuse.read_count, 0
        return taken, count

    def has(self, boundary: Boundary) -> bool:
        """Says whether all that crosses a boundary is recorded."""
        if self.record is None:
            return False
        places = {key: i for i, key in enumerate(self.keys)}
        return all(
            key in places and self.record.has(places[key])
            for key in boundary.keys
        )

    def keep_only(self, keys) -> None:
        """Frees the room of features that no boundary will ask for any more."""
        for position, key in enumerate(self.keys):
            if key not in keys:
                self.record.drop(position)

    def run(
        self, batch, boundary: Boundary, tag, *, keys, expected=0, only=None
    ):
        """Runs a step on a batch of the data set, and records the batch.

        Args:
            batch: what the iterator gave.
            boundary: where the graph is split.
            tag: what the step function was made for; another one is made
                where it differs.
            keys: tuple of `Key`. What to record; what crosses comes first.
            expected: int >= 0. Rows that are to come, 0 if not known.
            only: optional list of int. The rows to record; all if not given.

        Returns:
            The logs.
        """
        tensors = self.add(batch, boundary, keys, expected=expected, only=only)
        return self.run_on(tensors, boundary, tag)

    def run_on(self, tensors, boundary: Boundary, tag):
        """Runs a step on what `add` returned, and returns the logs."""
        crossing, targets = tensors
        return self._step(boundary, tag, crossing)(*crossing, *targets)

    @property
    def held_keys(self):
        """The keys of the features that were not dropped."""
        held = enumerate(self.keys)
        return tuple(key for place, key in held if self.record.has(place))

    def add(self, batch, boundary: Boundary, keys, *, expected=0, only=None):
        """Records a batch as `run` does, and runs no step.

        Returns:
            The tensors that cross the boundary, rounded as they are recorded,
            and those of targets and weights.
        """
        x, targets = self.read(batch)
        features = self.obtain(x, boundary, keys)
        digests = self._cache.digests(_arrays([*x, *targets]))
        self.append(x, targets, features, boundary, expected, only, digests)
        return self.tensors(self.rounded(features, boundary), boundary), targets

    def rounded(self, features, boundary: Boundary) -> list[np.ndarray]:
        """Returns what crosses a boundary as the record keeps it."""
        columns = self.record.columns
        return [
            features[key].numpy().astype(columns[place].dtype, copy=False)
            for key, place in zip(
                boundary.keys, self._places(boundary), strict=True
            )
        ]

    def tensors(self, arrays, boundary: Boundary) -> list:
        """Returns recorded arrays of what crosses a boundary as tensors."""
        return [
            tf.cast(tf.convert_to_tensor(array), self._dtypes[place])
            for array, place in zip(arrays, self._places(boundary), strict=True)
        ]

    def held(self, rows, boundary: Boundary) -> list[np.ndarray]:
        """Returns recorded arrays of what crosses a boundary, of some rows."""
        return self.record.take(rows, self._places(boundary))

    def replay(
        self, rows, boundary: Boundary, tag, *, padding: Padding | None = None
    ):
        """Runs a step on some rows of the record, and returns the logs.

        Args:
            rows: the rows' numbers.
            boundary: where the graph is split.
            tag: as in `run`.
            padding: optional `Padding`, which batches are rid of.
        """
        crossing = self._crossing(rows, boundary, padding)
        target_columns = range(len(self.keys), len(self.record.columns))
        arrays = self.record.take(rows, target_columns)
        targets = [tf.convert_to_tensor(array) for array in arrays]
        step = self._step(boundary, tag, crossing, padding)
        return step(*crossing, *targets)

    def run_on_all(self, boundary: Boundary, tag) -> None:
        """Runs steps on all that `recorded` returns, in batches as read."""
        taken = [self.recorded(key) for key in boundary.keys]
        _, y, sample_weight = taken[0]
        targets = self._targets.flatten((y, sample_weight))
        count = len(taken[0][0])
        for begin in range(0, count, self._batch_rows):
            part = slice(begin, begin + self._batch_rows)
            crossing = self.tensors(
                [each[part] for each, *_ in taken], boundary
            )
            given = [tf.convert_to_tensor(each[part]) for each in targets]
            self.run_on((crossing, given), boundary, tag)

    def padding(self, boundary: Boundary) -> Padding | None:
        """Returns how recorded rows are padded, if that makes no difference.

        Tried on a few rows, once a boundary: a model that does not mask what it
        pools or attends to would learn something else from shorter rows.
        """
        found = self.find_padding(boundary)
        if found is None:
            return None
        if boundary not in self.narrowest:
            is_inert = self._is_inert(found, boundary)
            narrowest = int(found.widths.min())
            self.narrowest[boundary] = narrowest if is_inert else None
        least = self.narrowest[boundary]
        return None if least is None else found.at_least(least)

    def find_padding(self, boundary: Boundary) -> Padding | None:
        """Returns how recorded rows are padded, whatever that changes."""
        # XLA would compile the step once for each width.
        if self.is_compiled_by_size:
            return None
        columns = [self.record.columns[i] for i in self._places(boundary)]
        masks = [
            self._masks.setdefault(key, MaskLengths())
            if key in self._graph.raw
            else None
            for key in boundary.keys
        ]
        return find_padding(columns, masks)

    def _is_inert(self, padding, boundary):
        """Whether the part above gives the same for rows without padding."""
        if replay_safety.mixes_positions(self._graph.upper_layers(boundary)):
            return False
        rows = padding.tried
        whole = self._crossing(rows, boundary)
        signature = Signature(whole, open_leaves=padding.padded)
        compute = trial_function(self._graph, boundary, signature)
        try:
            expected = compute(*whole)
            outputs = compute(*self._crossing(rows, boundary, padding))
        # A layer that knows the width fails in a way of its own.
        except Exception:
            return False
        pairs = zip(expected, outputs, strict=True)
        return all(_is_close(a.numpy(), b.numpy(), _EXACT) for a, b in pairs)

    def _places(self, boundary):
        places = {key: i for i, key in enumerate(self.keys)}
        return [places[key] for key in boundary.keys]

    def _crossing(self, rows, boundary, padding=None):
        """Returns the recorded tensors that cross a boundary, of some rows."""
        arrays = self.held(rows, boundary)
        if padding is not None:
            arrays = padding.trim(rows, arrays)
        return self.tensors(arrays, boundary)

    def recorded(self, key):
        """Returns all recorded features of a key, targets and weights.

        Targets or weights that there are none of are `None`. Where rows are
        looked up, they are those of the last whole pass.
        """
        if self.last_pass is not None:
            rows, targets = self.last_pass()
            y, sample_weight = self._targets.pack(targets)
            column = self.record.columns[self.keys.index(key)]
            return column.take(rows), y, sample_weight
        arrays = [column and column.all() for column in self.record.columns]
        y, sample_weight = self._targets.pack(arrays[len(self.keys) :])
        return arrays[self.keys.index(key)], y, sample_weight

    @property
    def is_compiled_by_size(self) -> bool:
        """Whether XLA compiles a step anew for each number of rows."""
        return bool(self._graph.model.jit_compile)

    def row_count(self, batch) -> int:
        """Returns how many rows a batch has."""
        inputs, _ = self.read(batch)
        return int(inputs[0].shape[0])

    def find(self, batch):
        """Returns the numbers of a batch's rows in the record, or Nones."""
        x, targets = self.read(batch)
        return self.record.find(self._cache.digests(_arrays([*x, *targets])))

    def check(self, batch, rows, boundary: Boundary) -> None:
        """Raises an `Unsafe` if known rows give other features now.

        Once a record: what no flag shows (a layer that mixes the rows of a
        batch, or draws without a seed) shows here.
        """
        if not self._is_checked:
            self._is_checked = True
            self.compare(batch, rows, boundary)

    def compare(self, batch, rows, boundary: Boundary) -> None:
        """Raises an `Unsafe` if known rows give other features now."""
        x, _ = self.read(batch)
        known = [i for i, row in enumerate(rows) if row is not None]
        traced = (boundary, self._asked) in self._lowers
        fresh = self._features(
            x, boundary, self._asked if traced else boundary.keys
        )
        held = self.held([rows[i] for i in known], boundary)
        for key, old in zip(boundary.keys, held, strict=True):
            tolerance = _TOLERANCE.get(str(old.dtype), _EXACT)
            if not _is_close(fresh[key].numpy()[known], old, tolerance):
                raise replay_safety.Unsafe(
                    "the frozen layers give other features for the same rows: "
                    "one of them draws at random or mixes the rows of a batch"
                )

    def read(self, batch):
        """Returns the leaves of the inputs, and of targets and weights."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        if self._inputs is None:
            replay_safety.check_leaves(_present((x, y, sample_weight)))
            self._inputs = Signature(x)
            self._targets = Signature((y, sample_weight))
        inputs = self._inputs.flatten(x)
        targets = self._targets.flatten((y, sample_weight))
        replay_safety.check_leaves([*inputs, *targets])
        if not (self._inputs.fits(inputs) and self._targets.fits(targets)):
            raise replay_safety.Unsafe("the rows differ in their shapes")
        self._batch_rows = max(self._batch_rows, int(inputs[0].shape[0]))
        return inputs, targets

    def obtain(self, x, boundary, keys):
        """Returns features as `_features` does, computed or kept before."""
        if self._reuse is None:
            return self._features(x, boundary, keys)
        digests = self._cache.digests(_arrays(x))
        found = self._reuse.find(keys, digests)
        if all(key in found for key in boundary.keys):
            self._reuse.read_count += len(x[0])
            return {key: found.get(key) for key in keys}
        return self._reuse.settle(self._features(x, boundary, keys), digests)

    def _features(self, x, boundary, keys):
        """Returns a dict from keys to features, None if they cannot be kept."""
        if (boundary, keys) not in self._lowers:
            self._lowers[boundary, keys] = lower_function(
                self._graph,
                boundary,
                keys,
                self._inputs,
                training=self._training,
            )
        try:
            found = self._lowers[boundary, keys](*x)
        except LossBelow as error:
            raise replay_safety.Unsafe(f"below the boundary {error}") from error
        features = dict(zip(keys, found, strict=True))
        for key, tensor in features.items():
            if tensor is not None and not _has_rows(tensor, len(x[0])):
                features[key] = None
        if any(features[key] is None for key in boundary.keys):
            raise replay_safety.Unsafe(
                "what the frozen layers put out has a mask, or is not a dense "
                "tensor with one row for each row of the batch"
            )
        return features

    def append(self, x, targets, features, boundary, expected, only, digests):
        """Records rows; `digests` are what they are found by."""
        arrays = {k: f.numpy() for k, f in features.items() if f is not None}
        if self.record is None:
            self._asked = tuple(features)
            self._start(arrays, _arrays(targets), boundary, expected)
            self._dtypes = [features[key].dtype for key in self.keys]
        for place, key in enumerate(self.keys):
            if key not in arrays:
                self.record.drop(place)
        columns = [arrays.get(key) for key in self.keys] + _arrays(targets)
        if only is not None:
            digests = [digests[i] for i in only]
            columns = [None if c is None else c[only] for c in columns]
        self.record.append(digests, columns)
        if self._reuse is not None:
            sums = self._cache.digests(_arrays(x))
            sums = sums if only is None else [sums[i] for i in only]
            self._reuse.note(sums, self.record, self.keys)

    def _start(self, arrays, targets, boundary, expected):
        self.keys = tuple(arrays)
        raw = self._graph.raw
        self.record = self._cache.new_record(
            [*arrays.values(), *targets],
            feature_count=len(arrays),
            required=len(boundary.keys),
            exact=[i for i, key in enumerate(self.keys) if key in raw],
            expected=expected,
        )

    def _step(self, boundary, tag, crossing, padding=None):
        if self.is_skipping:
            return lambda *_: None
        padded = frozenset() if padding is None else padding.padded
        if (boundary, tag, padded) not in self._steps:
            signature = Signature(crossing, open_leaves=padded)
            self._steps[boundary, tag, padded] = self._make_step(
                self._graph, boundary, signature, self._targets
            )
        return self._steps[boundary, tag, padded]


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
