"""Keeps the newest rows of a stream, what a model made of them, and labels."""

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from aet_keras._keras import reading
from aet_keras.drift.model_outputs import ModelOutputs
from aet_keras.drift.row_batches import UNKNOWN

_ROWS, _COLUMN = "row/", "column/"


@dataclasses.dataclass
class _Row:
    """Holds a row, and what was made of it.

    Args:
        number: int. Its place in the stream, from 0 on.
        inputs: array, or dict of arrays, of one row.
        outputs: `ModelOutputs` of that row.
        label: int. Its class; -1 until it is known.
    """

    number: int
    inputs: Any
    outputs: ModelOutputs
    label: int = UNKNOWN


class RecentRows:
    """Holds the newest rows of a stream, by their ids.

    Args:
        most: int >= 1. Rows; the oldest is dropped for the next.

    Example:

    >>> from aet_keras.drift.model_outputs import ModelOutputs
    >>> rows = aet_keras.drift.recent_rows.RecentRows(2)
    >>> outputs = ModelOutputs(np.zeros((3, 4)), np.full((3, 2), 0.5))
    >>> rows.add(np.arange(3)[:, None], ["a", "b", "c"], outputs, first=0)
    >>> rows.since(0)
    ['b', 'c']
    """

    def __init__(self, most: int):
        self.most = most
        self._rows: collections.OrderedDict[str, _Row] = (
            collections.OrderedDict()
        )

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, name: str) -> bool:
        return name in self._rows

    def checked_ids(
        self, ids: Iterable[str] | None, count: int, *, first: int
    ) -> list[str]:
        """Returns the ids of new rows; by default their numbers.

        Raises:
            ValueError: if there is not one for each, or one comes twice.
        """
        if ids is None:
            return [str(first + place) for place in range(count)]
        ids = list(map(str, ids))
        again = [each for each in ids if each in self._rows]
        if len(ids) == count == len(set(ids)) and not again:
            return ids
        raise ValueError(
            "Stream: each row must have one id, and none that another row "
            "has, because labels are joined by it. Received: "
            f"{len(ids)} ids, {len(set(ids))} different ones, for {count} "
            f"rows; {len(again)} of them came before. Leave `ids` out to "
            "number the rows."
        )

    def add(
        self,
        inputs: Any,
        ids: Sequence[str],
        outputs: ModelOutputs,
        *,
        first: int,
    ) -> None:
        """Takes rows, the first of which has a number in the stream."""
        for place in range(max(0, len(ids) - self.most), len(ids)):
            part = slice(place, place + 1)
            # A view would keep the whole batch in memory.
            row = keras.tree.map_structure(np.array, reading.take(inputs, part))
            made = outputs.take(np.array([place]))
            self._rows[ids[place]] = _Row(first + place, row, made)
        while len(self._rows) > self.most:
            self._rows.popitem(last=False)

    def since(self, number: int) -> list[str]:
        """Returns the ids of rows from a number of the stream on."""
        return [n for n, row in self._rows.items() if row.number >= number]

    def inputs(self, ids: Sequence[str]) -> Any:
        """Returns some rows, as `predict` takes them."""
        return reading.join([self._rows[each].inputs for each in ids])

    def outputs(self, ids: Sequence[str]) -> ModelOutputs:
        """Returns what the model made of some rows when they came."""
        return ModelOutputs.joined([self._rows[each].outputs for each in ids])

    def labels(self, ids: Iterable[str]) -> np.ndarray:
        """Returns the labels of some rows, ints, -1 where it is not known."""
        found = [self._rows[each].label for each in ids]
        return np.array(found, dtype="int64")

    def set_label(self, name: str, label: int) -> None:
        """Gives a row its label."""
        self._rows[name].label = label

    def number(self, name: str) -> int:
        """Returns the place of a row in the stream."""
        return self._rows[name].number

    def get_state(self) -> dict[str, np.ndarray]:
        """Returns the rows as arrays."""
        ids = list(self._rows)
        if not ids:
            return {"ids": np.array([], dtype=str)}
        inputs, outputs = self.inputs(ids), self.outputs(ids)
        named = inputs if isinstance(inputs, Mapping) else {"": inputs}
        return {
            "ids": np.array(ids, dtype=str),
            "numbers": np.array([self.number(each) for each in ids]),
            "labels": self.labels(ids),
            "features": outputs.features,
            "probabilities": outputs.probabilities,
            **{_ROWS + name: _kept(each) for name, each in named.items()},
            **{_COLUMN + n: _kept(each) for n, each in outputs.columns.items()},
        }

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes on with the rows that `get_state` returned."""
        self._rows.clear()
        ids = state["ids"].tolist()
        if not ids:
            return
        inputs, columns = (_named(state, each) for each in (_ROWS, _COLUMN))
        rows = inputs[""] if list(inputs) == [""] else inputs
        made = ModelOutputs(
            state["features"], state["probabilities"], columns=columns
        )
        self.add(rows, ids, made, first=0)
        for name, number, label in zip(
            ids, state["numbers"], state["labels"], strict=True
        ):
            if name in self._rows:
                self._rows[name].number = int(number)
                self._rows[name].label = int(label)


def _kept(array):
    """Returns texts as an array that needs no pickle."""
    return array.astype(str) if array.dtype.kind == "O" else array


def _named(state, prefix):
    """Returns the arrays of a prefix, texts as objects again."""
    found = {k: v for k, v in state.items() if k.startswith(prefix)}
    return {
        name.removeprefix(prefix): (
            each.astype(object) if each.dtype.kind == "U" else each
        )
        for name, each in found.items()
    }
