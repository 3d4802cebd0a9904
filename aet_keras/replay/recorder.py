"""Records what frozen layers put out, and runs the steps above them."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras import _check as check
from aet_keras._keras import replicas
from aet_keras._keras.split_graph import Boundary, SplitGraph, UnsafeBelow
from aet_keras._keras.steps import LowerFunctions, Signature
from aet_keras.replay import replay_safety
from aet_keras.replay.device_rows import DeviceRows
from aet_keras.replay.feature_reuse import FeatureReuse
from aet_keras.replay.padding import Padding, PaddingFinder
from aet_keras.replay.sums import EXACT, is_close

# How far features of equal rows may be apart in another batch.
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
        lowers: optional `LowerFunctions`, which recorders of one model share.
    """

    def __init__(
        self,
        graph: SplitGraph,
        cache,
        make_step: Callable,
        *,
        training: bool,
        reuse: FeatureReuse | None = None,
        lowers: LowerFunctions | None = None,
    ):
        self._graph = graph
        self._reuse = reuse
        self._cache = cache
        self._make_step = make_step
        self._training = training
        self._lowers = lowers or LowerFunctions(graph)
        self._steps: dict[Any, Any] = {}
        self._on_device = DeviceRows(graph.model)
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
        self._paddings = PaddingFinder(self._graph)
        self._on_device.forget()
        if self._reuse is not None:
            self._reuse.forget()

    def keep(self) -> tuple[int, int]:
        """Saves what was recorded for other runs.

        Returns:
            How many rows came from other runs, and how many are new to them.
        """
        if self._reuse is None or self.record is None:
            return 0, 0
        count = self._reuse.keep(self.record, self.keys, self._dtypes)
        taken, self._reuse.read_count = self._reuse.read_count, 0
        return taken, count

    def get_state(self, boundary: Boundary) -> dict:
        """Returns what a resumed run has to know, the rows left out."""
        places = {key: i for i, key in enumerate(self._graph.keys)}
        return {
            "is_checked": self._is_checked,
            "narrowest": self._paddings.get_state(boundary),
            "keys": [places[key] for key in self.held_keys],
        }

    def set_state(self, state: dict, boundary: Boundary) -> None:
        """Brings back what `get_state` returned, once the rows are back."""
        check.entries(self, state, ("is_checked", "narrowest", "keys"))
        self._is_checked = state["is_checked"]
        self._paddings.set_state(boundary, state["narrowest"])

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
        """Drops the features that no boundary will ask for any more."""
        for position, key in enumerate(self.keys):
            if key not in keys:
                self.record.drop(position)

    def run_on(self, tensors, boundary: Boundary):
        """Runs a step on what `add` returned, and returns the logs."""
        crossing, targets = tensors
        return self._step(boundary, crossing)(*crossing, *targets)

    @property
    def held_keys(self):
        """The keys of the features that were not dropped."""
        held = enumerate(self.keys)
        return tuple(key for place, key in held if self.record.has(place))

    def add(self, batch, boundary: Boundary, *, expected=0, only=None):
        """Records a batch of the data set, and runs no step.

        Args:
            batch: what the iterator gave.
            boundary: where the graph is split, and what to record; what
                crosses comes first.
            expected: int >= 0. Rows that are to come, 0 if not known.
            only: optional list of int. The rows to record; all if not given.

        Returns:
            The tensors that cross the boundary, rounded as they are recorded,
            and those of targets and weights.
        """
        x, targets = self.read(batch)
        features = self.obtain(x, boundary)
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
        self,
        rows,
        boundary: Boundary,
        *,
        padding: Padding | None = None,
        total: int | None = None,
    ):
        """Runs a step on some rows of the record, and returns the logs.

        Args:
            rows: the rows' numbers.
            boundary: where the graph is split.
            padding: optional `Padding`, which batches are rid of.
            total: optional int. Rows of all workers in the step; those of
                this process alone if not given.
        """
        crossing = self._crossing(rows, boundary, padding)
        target_columns = range(len(self.keys), len(self.record.columns))
        arrays = self.record.take(rows, target_columns)
        targets = [tf.convert_to_tensor(array) for array in arrays]
        if total is not None and self._training:
            targets.append(tf.constant(total))
        step = self._step(boundary, crossing, padding)
        return step(*crossing, *targets)

    def run_on_all(self, boundary: Boundary) -> None:
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
            self.run_on((crossing, given), boundary)

    def padding(self, boundary: Boundary) -> Padding | None:
        """Returns how recorded rows are padded, if that makes no difference."""
        return self._paddings.find_inert(
            boundary,
            self._columns(boundary),
            lambda rows, padding: self._crossing(rows, boundary, padding),
        )

    def find_padding(self, boundary: Boundary) -> Padding | None:
        """Returns how recorded rows are padded; see `PaddingFinder.find`."""
        return self._paddings.find(boundary, self._columns(boundary))

    def _columns(self, boundary):
        return [self.record.columns[i] for i in self._places(boundary)]

    def _places(self, boundary):
        places = {key: i for i, key in enumerate(self.keys)}
        return [places[key] for key in boundary.keys]

    def _crossing(self, rows, boundary, padding=None):
        """Returns the recorded tensors that cross a boundary, of some rows."""
        if padding is None:
            places = self._places(boundary)
            arrays = self._on_device.take(self.record, places, rows)
        else:
            arrays = padding.trim(rows, self.held(rows, boundary))
        return self.tensors(arrays, boundary)

    def recorded(self, key):
        """Returns all recorded features of a key, targets and weights.

        Targets or weights that there are none of are `None`. Where rows are
        looked up, they are those of the last whole pass.
        """
        if self.last_pass is not None:
            rows, targets = self.last_pass()
            y, sample_weight = self._targets.pack(targets)
            return self.column(key).take(rows), y, sample_weight
        arrays = [column and column.all() for column in self.record.columns]
        y, sample_weight = self._targets.pack(arrays[len(self.keys) :])
        return arrays[self.keys.index(key)], y, sample_weight

    def column(self, key):
        """Returns the `GrowingArray` of the features of a key."""
        return self.record.columns[self.keys.index(key)]

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
        asked = boundary.recording(self._asked)
        if not self._lowers.has(asked, self._inputs, training=self._training):
            asked = boundary.recording(boundary.keys)
        fresh = self._features(x, asked)
        held = self.held([rows[i] for i in known], boundary)
        replay_safety.check_comparable(held)
        columns = self._columns(boundary)
        for key, old, column in zip(boundary.keys, held, columns, strict=True):
            tolerance = _TOLERANCE.get(str(column.rounded_to), EXACT)
            if not is_close(fresh[key].numpy()[known], old, tolerance):
                raise replay_safety.Unsafe(
                    "the frozen layers give other features for the same rows: "
                    "one of them draws at random or mixes the rows of a batch"
                )

    def read(self, batch):
        """Returns the leaves of the inputs, and of targets and weights."""
        batch = replicas.joined(batch)
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

    def obtain(self, x, boundary):
        """Returns features as `_features` does, computed or kept before."""
        if self._reuse is None:
            return self._features(x, boundary)
        keys = boundary.recorded
        digests = self._cache.digests(_arrays(x))
        found = self._reuse.find(keys, digests)
        if all(key in found for key in boundary.keys):
            self._reuse.read_count += len(x[0])
            return {key: found.get(key) for key in keys}
        return self._reuse.settle(self._features(x, boundary), digests)

    def _features(self, x, boundary):
        """Returns a dict from keys to features, None if they cannot be kept."""
        try:
            lower = self._lowers.find(
                boundary, self._inputs, training=self._training
            )
            found = lower(*x)
        except UnsafeBelow as error:
            raise replay_safety.Unsafe(f"below the boundary {error}") from error
        features = dict(zip(boundary.recorded, found, strict=True))
        for key, tensor in features.items():
            if tensor is not None and tensor.shape[:1] != (len(x[0]),):
                features[key] = None  # not one row each
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

    def _step(self, boundary, crossing, padding=None):
        if self.is_skipping:
            return lambda *_: None
        padded = frozenset() if padding is None else padding.padded
        if (boundary, padded) not in self._steps:
            signature = Signature(crossing, open_leaves=padded)
            self._steps[boundary, padded] = self._make_step(
                self._graph, boundary, signature, self._targets
            )
        return self._steps[boundary, padded]


def _present(structure):
    return [e for e in keras.tree.flatten(structure) if e is not None]


def _arrays(tensors):
    return [tensor.numpy() for tensor in tensors]
