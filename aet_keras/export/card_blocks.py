"""Holds what a card is made of, whatever it is written in."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Table:
    """Holds a table; cells of the columns behind the first are figures.

    Args:
        header: sequence of str.
        rows: sequence of sequences of str.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Matrix:
    """Holds counts of true classes (rows) by predicted ones (columns).

    Args:
        names: sequence of str.
        counts: sequence of rows of ints.
    """

    names: Sequence[str]
    counts: Sequence[Sequence[int]]


@dataclasses.dataclass(frozen=True)
class Bins:
    """Holds what was predicted and observed, bin by bin.

    Args:
        points: sequence of `(predicted, observed, count)`.
    """

    points: Sequence[tuple[float, float, int]]


@dataclasses.dataclass(frozen=True)
class Picture:
    """Holds an image file of the version.

    Args:
        path: path of a PNG.
        words: str. What it shows.
    """

    path: Path
    words: str


@dataclasses.dataclass(frozen=True)
class Code:
    """Holds commands.

    Args:
        lines: sequence of str.
    """

    lines: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Section:
    """Holds what stands below a heading: strings, tables and so on."""

    title: str
    blocks: Sequence[Any]
