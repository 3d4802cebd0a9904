"""Reads a target of which several may be true of a row at once: its tags."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aet_keras._wording import counted, listed, quoted
from aet_keras.data import table_cells
from aet_keras.data import table_column_kinds as kinds_of
from aet_keras.data.names import by_number, check_one_line, note_alike
from aet_keras.data.splits import SPLITS, Split
from aet_keras.data.table_target import (
    TableTarget,
    given_rows,
    labelled,
)
from aet_keras.data.tag_cells import are_lists, separators_in, tags_in
from aet_keras.errors import DataError

TAGS = "tags"
_MOST_TAGS = 1000
# The second says that the tag is there.
_YES = (("0", "1"), ("0.0", "1.0"), ("-1", "1"), *kinds_of.BOOLEANS)


@dataclasses.dataclass(frozen=True, eq=False)
class Tags:
    """Holds which tags each of some rows has.

    Args:
        frame: `pandas.DataFrame`. The rows that are left.
        labels: float32 array `(rows, tags)` of 0 and 1.
        names: tuple of str, one a tag.
        missing: tuple of str. Words that counted as no answer.
        notes: list of sentences.
    """

    frame: Any
    labels: np.ndarray
    names: tuple[str, ...]
    missing: tuple[str, ...]
    notes: list[str]


def read_tag_cells(
    owner: str,
    frame: Any,
    column: str,
    *,
    missing: tuple[str, ...],
    is_said: bool = True,
    least: int = 1,
    known: Sequence[str] = (),
) -> Tags:
    """Reads tags that stand in one column, such as `red;wool`.

    An empty cell is a row that has none of them. A word for a missing cell is
    a row whose tags are not known: it is left out.

    Args:
        owner: str. Who asks.
        frame: `pandas.DataFrame` of stripped cells.
        column: str.
        missing: tuple of str. Words that mean that tags are not known.
        is_said: bool. Whether the user says that these are tags.
        least: int >= 0. How many tags there must be; of new rows of a known
            model none may have one. Defaults to `1`.
        known: sequence of str. The tags of such a model: what stands in one
            of their names separates none.

    Raises:
        DataError: if two separators are used, or there are too few tags, or
            more than 1,000.
    """
    cells = frame[column]
    is_known = ~cells.isin([*missing])
    frame, cells = frame[is_known], cells[is_known]
    counts = collections.Counter(cells.tolist())
    found = separators_in(counts, known)
    if len(found) > 1:
        shown = " and ".join(
            f"{next(c for c in counts if s in c)!r}" for s in found[:2]
        )
        raise DataError(
            f"{owner}: one separator must stand between tags, because a name "
            f"may hold the other. Received: {quoted(found)} in `{column}`, "
            f"such as {shown}. Write one of them everywhere, or say "
            "`--target-kind classes`."
        )
    rows = [tags_in(cell, found) for cell in cells.tolist()]
    names = sorted({name for row in rows for name in row}, key=by_number)
    check_one_line(owner, f"the tags in `{column}`", names)
    if not least <= len(names) <= _MOST_TAGS:
        raise DataError(
            f"{owner}: a column of tags must hold {least} to {_MOST_TAGS} "
            f"tags. Received: {len(names)} in `{column}`. Name another column, "
            "or say `--target-kind classes`."
        )
    place = {name: number for number, name in enumerate(names)}
    labels = np.zeros((len(rows), len(names)), "float32")
    for row, found_names in enumerate(rows):
        labels[row, [place[name] for name in found_names]] = 1
    how = "in a list in each cell" if are_lists(counts) else ""
    how = how or (f"separated by `{found[0]}`" if found else "")
    notes = _cell_notes(column, names, how, is_said)
    if not known:  # else it is known which words are tags
        words = type(cells)([n for row in rows for n in row], dtype=object)
        notes += table_cells.note_words_to_some(column, words, "a tag")
    gone, empty = int((~is_known).sum()), int((labels.sum(axis=1) == 0).sum())
    if gone:
        notes.append(
            f"{counted(gone, 'row says', 'rows say')} that the tags in "
            f"`{column}` are not known, and {'is' if gone == 1 else 'are'} "
            "left out."
        )
    if empty:
        notes.append(
            f"{counted(empty, 'row has', 'rows have')} no tag in `{column}`: "
            "an empty cell means none of them."
        )
    return Tags(frame, labels, tuple(names), missing, notes)


def _cell_notes(column, names, how, is_said):
    if is_said and how:
        return [f"The tags in `{column}` are {how}."]
    if is_said:
        return [f"No cell of `{column}` has more than one tag."]
    return [
        f"`{column}` holds tags, of which a row may have several: "
        f"{len(names)}, {how}. `--target-kind classes` makes each cell a class."
    ]


def read_tag_columns(
    owner: str,
    frame: Any,
    columns: Sequence[str],
    *,
    missing: tuple[str, ...],
) -> Tags:
    """Reads tags that have a column each, of 0 and 1 or no and yes.

    Rows in which one of them is missing are left out.

    Args:
        owner: str. Who asks.
        frame: `pandas.DataFrame` of stripped cells.
        columns: sequence of str, which differ.
        missing: tuple of str. Words that mean that a cell is missing.

    Raises:
        DataError: if a column is named twice, or holds anything else.
    """
    if len(set(columns)) < len(columns):
        raise DataError(
            f"{owner}: the label columns must differ. Received: "
            f"{', '.join(columns)}. Name each once."
        )
    check_one_line(owner, "the label columns", columns)
    notes: list[str] = []
    for column in columns:
        found = labelled(frame, column, missing=missing, what="a label")
        frame = found.frame
        notes += found.notes
    made = [_is_there(owner, column, frame[column]) for column in columns]
    labels = np.stack(made, axis=1) if len(frame) else np.zeros((0, 1))
    if not len(frame):
        raise DataError(
            f"{owner}: there must be a row in which no label is missing. "
            f"Received: none, with the label columns {', '.join(columns)}. "
            "Write 0 where a label is not true."
        )
    return Tags(frame, labels.astype("float32"), tuple(columns), missing, notes)


def _is_there(owner, column, cells):
    """Returns which cells of a column say yes."""
    words = {word.lower() for word in cells.unique()}
    for pair in _YES:
        if words <= {*pair}:
            return cells.str.lower().to_numpy(object) == pair[1]
    odd = collections.Counter(
        word for word in cells if word.lower() not in ("0", "1", "no", "yes")
    ) or collections.Counter(cells)
    raise DataError(
        f"{owner}: a label column must hold 0 and 1, or no and yes, because "
        f"it says whether a row has that label. Received: `{column}` with "
        f"{table_cells.listed(odd)}. Tags of several words in one column are "
        "its target: name it alone."
    )


def learnable(
    owner: str, tags: Tags, given: Mapping[str, np.ndarray], rows: str
) -> Tags:
    """Leaves out tags that nothing can be learned of, and says which.

    Args:
        owner: str. Who asks.
        tags: `Tags`.
        given: the rows of each split that the source brings; has `"train"`.
        rows: str. What the rows are called.

    Raises:
        DataError: if none is left, or no row is there to learn from.
    """
    train = tags.labels[given["train"]]
    least = 1 + sum(name not in given for name in SPLITS[1:])
    has, lacks = train.sum(axis=0), (1 - train).sum(axis=0)
    is_kept = (has >= least) & (lacks >= least)
    names = np.array(tags.names, object)
    notes = [*tags.notes]
    gone = [
        f"`{name}` with {int(count)} of {len(train)}"
        for name, count in zip(names[~is_kept], has[~is_kept], strict=True)
    ]
    if not is_kept.any():
        raise DataError(
            f"{owner}: a tag must be true of some {rows} and not of others, "
            f"at least {least} each, because each split needs one. Received: "
            f"{listed(gone)}. Add {rows}, or name other columns."
        )
    if gone:
        were = counted(len(gone), "tag is", "tags are")
        notes.append(
            f"{were} left out, because {rows} with and without it must be at "
            f"least {least} each to learn from: {listed(gone)}."
        )
    kept = tuple(names[is_kept])
    return dataclasses.replace(
        tags,
        labels=tags.labels[:, is_kept],
        names=kept,
        notes=[*notes, *note_alike("tags", kept)],
    )


def strata_of(labels: np.ndarray, least: int = 3) -> np.ndarray:
    """Returns a stratum for each row: the rarest tag that it has.

    Each split gets its share of each stratum, so that it has rows of rare
    tags, too. A stratum of fewer than `least` rows joins the largest one.

    Args:
        labels: array `(rows, tags)` of 0 and 1.
        least: int >= 1.

    Returns:
        int array `(rows,)`, from 0 on.

    Example:

    >>> from aet_keras.data.tag_target import strata_of
    >>> strata_of(np.array([[1, 0], [1, 1], [0, 0]]), least=1)
    array([1, 2, 0])

    Reference:
        [Sechidis et al., 2011](https://doi.org/10.1007/978-3-642-23808-6_10).
        Differs: rows of the rarest tag are cut once, not anew for each tag.
    """
    counts = labels.sum(axis=0)
    has = np.where(labels > 0, counts, np.inf)
    strata = np.where(labels.any(axis=1), 1 + has.argmin(axis=1), 0)
    values, inverse, sizes = np.unique(
        strata, return_inverse=True, return_counts=True
    )
    inverse = inverse.copy()
    inverse[np.isin(inverse, np.flatnonzero(sizes < least))] = sizes.argmax()
    _, joined = np.unique(inverse, return_inverse=True)
    # Rows that are all alike are cut as two halves are.
    return joined if joined.any() else np.arange(len(joined)) % 2


def notes_of_tags(
    splits: Mapping[str, Split], names: tuple[str, ...]
) -> list[str]:
    """Notes which tags no row of a split has."""
    notes = []
    for name, split in splits.items():
        lacking = np.flatnonzero(split.labels.sum(axis=0) == 0)
        if len(lacking):
            tags = quoted(names[tag] for tag in lacking)
            notes.append(f"{name} has no rows with {tags}.")
    return notes


def read_tags(
    owner: str,
    frame: Any,
    *,
    target: str | None,
    label_columns: Sequence[str],
    split_column: str | None,
    missing: tuple[str, ...],
    is_said: bool,
    known: tuple[str, ...] = (),
) -> TableTarget:
    """Reads the tags of the rows of a table.

    Args:
        owner: str. Who asks.
        frame: `pandas.DataFrame` of stripped cells.
        target: optional str. The column that holds them all.
        label_columns: sequence of str. Else the column of each.
        split_column: optional str. The column of the splits.
        missing: tuple of str. Words that mean a missing cell.
        is_said: bool. Whether the user says that these are tags.
        known: tuple of str. The tags of an earlier model, which stay.

    Raises:
        DataError: if they cannot be read, or nothing can be learned.
    """
    if target is None:
        found = read_tag_columns(owner, frame, label_columns, missing=missing)
    else:
        found = read_tag_cells(
            owner, frame, target, missing=missing, is_said=is_said
        )
    if known:
        found = _as_known(owner, found, known, has_columns=target is None)
    else:
        given = given_rows(owner, found.frame, split_column)
        found = learnable(owner, found, given, "rows")
    return TableTarget(
        TAGS,
        found.frame,
        found.labels,
        strata_of(found.labels),
        found.missing,
        found.notes,
        found.names,
    )


def _as_known(owner, tags, known, *, has_columns):
    """Returns tags in the order of an earlier model, which knows them all."""
    odd = [name for name in tags.names if name not in known]
    gone = [name for name in known if name not in tags.names]
    if odd or (gone and has_columns):
        raise DataError(
            f"{owner}: the tags must be those of the earlier model, "
            f"{listed(known, 10)}. Received: {listed(odd or tags.names, 10)}. "
            "Leave the others out, name all of its columns, or train anew."
        )
    labels = np.zeros((len(tags.labels), len(known)), "float32")
    for place, name in enumerate(tags.names):
        labels[:, known.index(name)] = tags.labels[:, place]
    notes = list(tags.notes)
    if gone:
        notes.append(
            f"No row has {quoted(gone)}: the earlier model learns only that "
            "these rows do not have what it knows."
        )
    return dataclasses.replace(tags, labels=labels, names=known, notes=notes)
