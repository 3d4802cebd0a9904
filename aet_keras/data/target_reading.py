"""Reads what is predicted of the rows of a table, whatever its kind."""

from collections.abc import Mapping, Sequence
from typing import Any

from aet_keras.data.number_target import (
    CLASSES,
    NUMBER,
    note_numbers_as_classes,
    read_numbers,
    target_kind_of,
)
from aet_keras.data.specifications import TableSpecification
from aet_keras.data.splits import Split
from aet_keras.data.table_columns import Reading
from aet_keras.data.table_store import Columns
from aet_keras.data.table_target import (
    TableTarget,
    notes_of_classes,
    read_classes,
)
from aet_keras.data.tag_target import TAGS, notes_of_tags, read_tags
from aet_keras.errors import DataError


def targets_of(
    owner: str, target: str | None, label_columns: Sequence[str]
) -> list[str]:
    """Returns the columns that are predicted, of which a user names some.

    Raises:
        DataError: if none is named, or both a target and label columns are.
    """
    if (target is None) == (not label_columns):
        what = f"target={target!r} and {len(label_columns)} label columns"
        raise DataError(
            f"{owner}: either `target` or `label_columns` must be given, "
            f"because one model is trained. Received: {what}. Name one."
        )
    return list(label_columns) if target is None else [target]


def read_target(
    owner: str,
    frame: Any,
    target: str | None,
    *,
    reading: Reading,
    label_columns: Sequence[str] = (),
    target_kind: str = "auto",
    positive: str | None = None,
    costs: Mapping[str, float] | None = None,
    split_column: str | None = None,
    like: TableSpecification | None = None,
    table: Columns | None = None,
) -> TableTarget:
    """Reads the classes, the number or the tags of each row.

    Args:
        owner: str. Who asks.
        frame: `pandas.DataFrame` of stripped cells.
        target: optional str. The column that is predicted.
        reading: `Reading`, the options for cells.
        label_columns: sequence of str. Else a column for each tag.
        target_kind: one of `TARGET_KINDS`.
        positive: optional str. The class that is the risk.
        costs: optional dict of what mistakes cost, of classes.
        split_column: optional str. The column of the splits.
        like: optional `TableSpecification` of an earlier table.
        table: optional `Columns` with all columns, where `frame` has those
            of the target and of the splits alone.

    Raises:
        DataError: if the target cannot be read or learned.
    """
    kind = TAGS
    if target is not None:
        kind = target_kind_of(
            owner, frame, target, asked=target_kind, reading=reading, like=like
        )
    _check_like(owner, kind, like)
    if target is not None and kind == CLASSES:
        read = read_classes(
            owner,
            frame,
            target,
            positive=positive,
            split_column=split_column,
            missing=reading.missing,
            like=like,
        )
        if like is None:
            _check_costs(owner, read.class_names, costs or {})
            if target_kind == "auto":
                names = read.class_names
                read.notes.extend(note_numbers_as_classes(target, names))
        return read
    what = "a number has" if kind == NUMBER else "tags have"
    for name, given in {"positive": positive, **(costs or {})}.items():
        if given not in (None, 1.0):
            raise DataError(
                f"{owner}: `{name}` must go with classes, because {what} "
                f"none. Received: {name}={given!r}, where the target is of the "
                f"kind {kind}. Leave it out, or say `--target-kind classes`."
            )
    if target is None or kind == TAGS:
        return read_tags(
            owner,
            frame,
            target=target,
            label_columns=label_columns,
            split_column=split_column,
            missing=reading.missing if like is None else like.missing,
            is_said=target_kind == kind or like is not None,
            known=() if like is None else like.class_names,
        )
    return read_numbers(
        owner,
        frame,
        target,
        reading=reading,
        split_column=split_column,
        like=like,
        table=table,
        is_said=target_kind == kind,
    )


def _check_costs(owner, class_names, costs):
    """Refuses costs of a positive class where there are several others."""
    if len(class_names) == 2:
        return
    for name, cost in costs.items():
        if cost != 1.0:
            raise DataError(
                f"{owner}: `{name}` must go with two classes, because a "
                "mistake among several may be of many kinds, and answers would "
                f"stay the likeliest class. Received: {name}={cost:g}, where "
                f"the target has {len(class_names)} classes. Leave it out, or "
                "join the others in one class."
            )


def _check_like(owner, kind, like):
    """Refuses tags where the earlier model has none, and the other way."""
    if like is None or TAGS not in (kind, like.target_kind):
        return
    if kind != like.target_kind:
        raise DataError(
            f"{owner}: the target must be of the kind that the earlier model "
            f"has, because its head stays. Received: target_kind={kind!r}, of "
            f"the earlier model {like.target_kind!r}. Name its target, or "
            "leave `--from` out."
        )


def strata_names(read: TableTarget) -> tuple[str, ...]:
    """Returns what a source is cut by: the classes, or numbered strata."""
    if read.kind == CLASSES:
        return read.class_names
    return tuple(map(str, range(read.strata.max() + 1)))


def notes_of_splits(
    read: TableTarget, splits: Mapping[str, Split]
) -> list[str]:
    """Notes what a split lacks."""
    if read.kind == CLASSES:
        return notes_of_classes(splits, read.class_names)
    if read.kind == TAGS:
        return notes_of_tags(splits, read.class_names)
    return []
