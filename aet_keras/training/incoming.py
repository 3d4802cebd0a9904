"""Holds new rows that a published model meets, and their labels."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import xxhash

from aet_keras._keras import reading
from aet_keras.drift.target_kinds import are_known


@dataclasses.dataclass(frozen=True, eq=False)
class Incoming:
    """Holds new rows to adapt to.

    Args:
        x: array, or dict of arrays, as the model takes them.
        names: sequence of str. What a person calls each row.
        labels: int64 array `(rows,)`, -1 where the class is not known; of
            a number floats, NaN where it is not known; of tags 0 or 1,
            `(rows, tags)`, -1 where they are not known.
        class_names: tuple of str. The classes that the model knows, and
            behind them the new ones.
        known_count: int. How many the model knows.
        what: sequence of str. Where they were read from.
        texts: optional sequence of str, where the rows are tokens.
    """

    x: Any
    names: Sequence[str]
    labels: np.ndarray
    class_names: tuple[str, ...]
    known_count: int
    what: Sequence[str] = ()
    texts: Sequence[str] | None = None

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.labels)

    @property
    def are_known(self) -> np.ndarray:
        """Which rows have a label that is known, `(rows,)`."""
        return are_known(self.labels)

    @property
    def labelled_count(self) -> int:
        """How many of them have a label that is known."""
        return int(self.are_known.sum())

    @property
    def is_labelled(self) -> bool:
        """Whether the label of a row is known."""
        return self.labelled_count > 0

    @property
    def new_classes(self) -> tuple[str, ...]:
        """The names of the classes that the model does not know."""
        return self.class_names[self.known_count :]

    @property
    def labelled(self) -> tuple[Any, np.ndarray]:
        """The rows whose label is known, and their labels."""
        known: Any = self.are_known
        return reading.take(self.x, known), self.labels[known]

    def take(self, rows: np.ndarray) -> "Incoming":
        """Returns some of the rows, by bools or numbers."""
        chosen: Any = np.arange(self.count)[rows]
        texts = self.texts and [self.texts[row] for row in chosen]
        return dataclasses.replace(
            self,
            x=reading.take(self.x, chosen),
            names=[self.names[row] for row in chosen],
            labels=self.labels[chosen],
            texts=texts,
        )

    @functools.cached_property
    def sum(self) -> str:
        """A sum of the rows and their classes, in whatever order."""
        leaves = keras.tree.flatten(self.x)
        rows = []
        for number, label in enumerate(self.labels):
            row = xxhash.xxh3_128(str(label).encode())
            for leaf in leaves:
                row.update(_bytes_of(leaf[number]))
            rows.append(row.hexdigest())
        names = "\0".join(self.class_names)
        whole = "".join([*sorted(rows), names])
        return xxhash.xxh3_128(whole.encode()).hexdigest()


def _bytes_of(cell):
    if isinstance(cell, str):
        return cell.encode("utf-8", "replace") + b"\0"
    return np.ascontiguousarray(cell).tobytes()
