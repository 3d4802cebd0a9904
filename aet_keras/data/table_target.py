"""Reads the target of a table and divides its rows into splits."""

import collections
import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras._wording import quoted
from aet_keras.data import splits as splitting
from aet_keras.data import table_cells
from aet_keras.data import table_column_kinds as kinds_of
from aet_keras.data.class_balance import imbalance_notes
from aet_keras.data.names import (
    by_number,
    check_one_line,
    note_alike,
    read_names,
)
from aet_keras.data.specifications import CellFormat, TableSpecification
from aet_keras.data.splits import SPLIT_OF, SPLITS
from aet_keras.errors import DataError

_MOST_CLASSES = 1000
_MOST_NUMBERS = 50  # of other values; more are measured, not named
# The second is the risk. So are the words of `table_column_kinds`, and signs.
_YES = (
    ("0", "1"),
    ("-1", "1"),
    ("-1", "+1"),
    ("-", "+"),
    ("neg", "pos"),
    ("negative", "positive"),
    *kinds_of.BOOLEANS,
)


@dataclasses.dataclass(frozen=True)
class Labels:
    """Holds the rows of a table that have a label.

    Args:
        frame: `pandas.DataFrame`.
        missing: tuple of str. Words that counted as a missing label.
        notes: list of sentences.
    """

    frame: Any
    missing: tuple[str, ...]
    notes: list[str]


def labelled(
    frame: Any,
    column: str,
    *,
    missing: tuple[str, ...],
    known: Collection[str] = (),
    what: str = "a class",
    read: Callable[[Any], tuple[Any, list[str]]] = read_names,
) -> Labels:
    """Returns the rows that have a label or id, and notes those without.

    A word such as `NA` may be a class; it is a missing label if all other
    labels are numbers.

    Args:
        frame: `pandas.DataFrame` of stripped cells.
        column: str. Of the labels.
        missing: tuple of str. Words that mean that there is none.
        known: classes of an earlier model, which always are labels.
        what: str. What a label is, for a sentence.
        read: function of the words, which returns names, and what it says.
    """
    missing = tuple(word for word in missing if word not in known)
    base = CellFormat(missing=missing)
    words = table_cells.words_of(frame[column], base)
    counts = collections.Counter(words[words != ""].tolist())
    markers = [
        w for w in counts if w.lower() in table_cells.MARKERS and w not in known
    ]
    others = {w: n for w, n in counts.items() if w not in markers}
    if markers and kinds_of.is_numeric(others, base):
        missing = (*missing, *markers)
        words = table_cells.words_of(words, CellFormat(missing=missing))
    is_there = words != ""
    gone, notes = frame[column][~is_there], []
    if len(gone):
        odd = collections.Counter(gone[gone != ""].tolist())
        such = f" ({table_cells.listed(odd)})" if odd else ""
        one = len(gone) == 1
        has, are = (
            ("1 row has", "is") if one else (f"{len(gone)} rows have", "are")
        )
        notes = [f"{has} no `{column}`{such} and {are} left out."]
    notes += table_cells.note_words_to_some(column, words, what)
    frame = frame[is_there]
    if known and set(words[is_there]) <= set(known):
        return Labels(frame, missing, notes)
    names, changes = read(words[is_there])
    notes += [f"In `{column}` {each}." for each in changes]
    return Labels(frame.assign(**{column: names}), missing, notes)


def class_names_of(
    owner: str, cells: Any, target: str, like: TableSpecification | None
) -> tuple[str, ...]:
    """Returns the classes in their order, or those of an earlier table."""
    names = tuple(sorted(cells.unique(), key=by_number))
    check_one_line(owner, f"target={target!r}", names)
    if like is not None:
        return _same_classes(owner, names, target, like)
    if len(names) < 2:
        what = f"`{names[0]}` in every row" if names else "no value at all"
        raise DataError(
            f"{owner}: the target must have at least two values, because "
            f"it is what the model predicts. Received: target={target!r}, with "
            f"{what}, missing cells left out. Name another column, or add "
            "rows of another value."
        )
    is_number = all(by_number(name)[0] == 0 for name in names)
    most = _MOST_NUMBERS if is_number else _MOST_CLASSES
    if len(names) > min(most, max(2, len(cells) // 2)):
        raise DataError(
            f"{owner}: the target must be a class, at most {most} of them in "
            f"at least twice as many rows. Received: target={target!r}, with "
            f"{len(names)} values in {len(cells)} rows. Cut it into ranges "
            "first, such as `high` and `low`; if it is a number, say "
            "`--target-kind number`."
        )
    return names


def _same_classes(owner, names, target, like):
    unknown = [name for name in names if name not in like.class_names]
    if unknown:
        raise DataError(
            f"{owner}: the target must have the classes of the earlier "
            f"model, {', '.join(like.class_names)}. Received: "
            f"target={target!r}, with `{unknown[0]}`. Rename its values, or "
            "train anew."
        )
    return like.class_names


def positive_of(
    owner: str,
    positive: str | None,
    cells: Any,
    class_names: tuple[str, ...],
    like: TableSpecification | None,
) -> str:
    """Returns the class whose probability is the risk."""
    if positive is not None:
        return check.one_of(owner, positive=positive, among=class_names)
    if like is not None:
        return like.positive
    counts = cells.value_counts()
    lowered = {name.lower() for name in class_names}
    for no, yes in _YES:
        if lowered == {no, yes}:
            # `Yes` and `yes` are two classes, of which one is the risk.
            spelt = [n for n in class_names if n.lower() == yes]
            return max(spelt, key=lambda name: counts[name])
    return min(class_names, key=lambda name: counts[name])


def given_rows(
    owner: str, frame: Any, split_column: str | None
) -> dict[str, np.ndarray]:
    """Returns the rows of each split that a column of the table names.

    Raises:
        DataError: if the column holds other words, or no `train`.
    """
    if split_column is None:
        return {"train": np.arange(len(frame))}
    named = frame[split_column].fillna("").str.lower()
    named = named.map(lambda word: SPLIT_OF.get(word, word)).to_numpy()
    odd = sorted(set(named) - set(SPLITS))
    if odd or "train" not in named:
        what = f"`{odd[0]}`" if odd else "no `train`"
        raise DataError(
            f"{owner}: the column of splits must say train, validation or "
            f"test. Received: split_column={split_column!r}, with {what}. "
            "Mend its cells, or leave the option out."
        )
    rows = {name: np.flatnonzero(named == name) for name in SPLITS}
    return {name: found for name, found in rows.items() if len(found)}


@dataclasses.dataclass(frozen=True, eq=False)
class TableTarget:
    """Holds the target of the rows of a table that have one.

    Args:
        kind: `"classes"`, `"number"` or `"tags"`.
        frame: `pandas.DataFrame`. The rows that are left.
        labels: array `(rows,)`: int32 classes or float32 numbers; of tags
            float32 `(rows, tags)`.
        strata: int array `(rows,)`. Each split gets its share of each.
        missing: tuple of str. Words that counted as no target.
        notes: list of sentences.
        class_names: tuple of str; empty of a number.
        positive: str. The class that is the risk; `""` of a number.
        format: `CellFormat`. How a number is written.
    """

    kind: str
    frame: Any
    labels: np.ndarray
    strata: np.ndarray
    missing: tuple[str, ...]
    notes: list[str]
    class_names: tuple[str, ...] = ()
    positive: str = ""
    format: CellFormat = CellFormat()


def read_classes(
    owner: str,
    frame: Any,
    target: str,
    *,
    positive: str | None,
    split_column: str | None,
    missing: tuple[str, ...],
    like: TableSpecification | None,
) -> TableTarget:
    """Reads a target whose values are classes.

    Args:
        owner: str. Who asks.
        frame: `pandas.DataFrame` of stripped cells.
        target: str. The column.
        positive: optional str. The class that is the risk.
        split_column: optional str. The column of the splits.
        missing: tuple of str. Words that mean that there is none.
        like: optional `TableSpecification` of an earlier table.

    Raises:
        DataError: if it is no class, or has one value.
    """
    found = labelled(
        frame,
        target,
        missing=missing if like is None else like.missing,
        known=like.class_names if like else (),
    )
    frame, notes = found.frame, found.notes
    class_names = class_names_of(owner, frame[target], target, like)
    number = {name: label for label, name in enumerate(class_names)}
    labels = frame[target].map(number).to_numpy("int32")
    if like is None:
        given = given_rows(owner, frame, split_column)
        kept = splitting.frequent_classes(labels, given, class_names, "rows")
        frame, labels = frame[kept.labels >= 0], kept.labels[kept.labels >= 0]
        class_names = kept.class_names
        notes = [*notes, *note_alike("classes", class_names), *kept.notes]
    labels = labels.astype("int32")
    return TableTarget(
        "classes",
        frame,
        labels,
        labels,
        found.missing,
        notes,
        class_names,
        positive_of(owner, positive, frame[target], class_names, like),
    )


def notes_of_classes(
    splits: Mapping[str, splitting.Split], class_names: tuple[str, ...]
) -> list[str]:
    """Notes which classes no row of a split has, or few of train."""
    notes = []
    for name, split in splits.items():
        lacking = np.setdiff1d(np.arange(len(class_names)), split.labels)
        if len(lacking):
            rows = quoted(class_names[label] for label in lacking)
            notes.append(f"{name} has no rows of {rows}.")
    labels = splits["train"].labels
    return [*notes, *imbalance_notes(labels, class_names)]
