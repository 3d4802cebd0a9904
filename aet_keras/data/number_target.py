"""Says whether the target of a table is a number, and reads it."""

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from aet_keras.data import (
    date_cells,
    number_cells,
    number_columns,
    table_cells,
)
from aet_keras.data import table_column_kinds as kinds_of
from aet_keras.data.names import by_number
from aet_keras.data.specifications import CellFormat, TableSpecification
from aet_keras.data.table_columns import (
    Reading,
    find_meanings,
    number_notes,
)
from aet_keras.data.table_store import Columns
from aet_keras.data.table_target import TableTarget, given_rows, labelled
from aet_keras.data.tag_cells import separators_of
from aet_keras.data.tag_target import TAGS
from aet_keras.errors import DataError

CLASSES, NUMBER = "classes", "number"
_MOST_CLASSES = 20  # of whole numbers; more are a number
_MOST_DOUBTED = 50
_LEAST_ROWS = 10
_LEAST_SHARE = 0.95  # of cells; the others are faults, not classes
_STRATA, _LEAST_IN_STRATUM = 10, 5


def target_kind_of(
    owner: str,
    frame: Any,
    target: str,
    *,
    asked: str,
    reading: Reading,
    like: TableSpecification | None,
) -> str:
    """Returns `"classes"`, `"number"` or `"tags"`.

    A target is a number if at least 95 of 100 cells are numbers, and some are
    fractions, of more than two values; or whole numbers of more than 20
    values; or of fewer, but so many that most rows have one of their own. It
    is tags if a separator stands between words that are met again and again
    (`separators_of`).

    Args:
        owner: str. Who asks.
        frame: `pandas.DataFrame` of stripped cells.
        target: str. The column.
        asked: `"auto"`, or what the user says it is.
        reading: `Reading`, the options for cells.
        like: optional `TableSpecification` of an earlier table, which wins.

    Raises:
        DataError: if the user says another kind than that of `like`, or
            nothing, and these are dates.
    """
    if like is not None:
        if asked in ("auto", like.target_kind):
            return like.target_kind
        raise DataError(
            f"{owner}: `target_kind` must be that of the earlier model, "
            f"because it goes on. Received: target_kind={asked!r}, where its "
            f"target is of the kind {like.target_kind}. Leave it out, or train "
            "anew."
        )
    if asked != "auto":
        return asked
    counts = _counts(frame[target], reading)
    _check_no_dates(owner, target, counts, reading)
    form = number_cells.find_number_form(
        counts, CellFormat(missing=reading.missing), reading.decimal
    )
    if form.share < _LEAST_SHARE or sum(counts.values()) < _LEAST_ROWS:
        return TAGS if separators_of(counts) else CLASSES
    values = set(form.values.values())
    if any(value != np.floor(value) for value in values):
        return NUMBER if len(values) > 2 else CLASSES
    is_own = len(values) > sum(counts.values()) / 2
    return NUMBER if len(values) > _MOST_CLASSES or is_own else CLASSES


def note_numbers_as_classes(
    target: str, class_names: Sequence[str]
) -> list[str]:
    """Notes that numbers are taken for classes, and how to say that not.

    Args:
        target: str. The column.
        class_names: str of each class, in order.

    Example:

    >>> from aet_keras.data.number_target import note_numbers_as_classes
    >>> note_numbers_as_classes("visits", ["0", "1", "2", "9"])[0][:55]
    'The target `visits` is a class: 4 numbers from 0 to 9. '
    >>> note_numbers_as_classes("visits", ["0", "1", "many"])
    []
    """
    if len(class_names) < 3 or any(by_number(name)[0] for name in class_names):
        return []
    return [
        f"The target `{target}` is a class: {len(class_names)} numbers from "
        f"{class_names[0]} to {class_names[-1]}. If these are counts or "
        "amounts: `--target-kind number` predicts a number."
    ]


def _check_no_dates(owner, target, counts, reading):
    """Refuses dates: as classes no new one could ever be answered."""
    form = date_cells.find_date_form(
        counts, reading.date_formats, least_share=_LEAST_SHARE
    )
    dates = date_cells.without_signs(counts)
    if form is not None and form.share >= _LEAST_SHARE:
        cells = np.array([*counts], object)
        days = date_cells.to_days(cells, form.date_format)
        dates = cells[np.isfinite(days)][0]
    if not dates:
        return
    raise DataError(
        f"{owner}: the target must be a class, a number or tags, because no "
        f"model answers with a date. Received: target={target!r}, with dates "
        f"such as `{dates}`. Write it as a number, such as the days since "
        "another date, or as a class, such as its month; or say "
        "`--target-kind classes`, which makes each date a class."
    )


def _counts(cells, reading):
    """Returns how often each cell is met that means no missing one."""
    counts = collections.Counter(cells.tolist())
    gone = {"", *reading.missing}
    return {
        text: count
        for text, count in counts.items()
        if text not in gone and text.lower() not in table_cells.MARKERS
    }


def read_numbers(
    owner: str,
    frame: Any,
    target: str,
    *,
    reading: Reading,
    split_column: str | None,
    like: TableSpecification | None,
    is_said: bool,
    table: Columns | None = None,
) -> TableTarget:
    """Reads a target that is a number.

    Args:
        owner: str. Who asks.
        frame: `pandas.DataFrame` of stripped cells.
        target: str. The column.
        reading: `Reading`, the options for cells.
        split_column: optional str. The column of the splits.
        like: optional `TableSpecification` of an earlier table.
        is_said: bool. Whether the user says that it is a number.
        table: as of `read_target`.

    Raises:
        DataError: if a cell is no finite number, all are the same, or there
            are fewer than ten.
    """
    missing = reading.missing if like is None else like.missing
    found = labelled(
        frame,
        target,
        missing=missing,
        what="a number",
        read=lambda words: (words, []),
    )
    frame, cells = found.frame, found.frame[target]
    if like is not None:
        form, notes = like.target_format, []
    else:
        others = frame if table is None else table.of_rows(frame.index)
        form, notes = _format(frame, target, reading, split_column, others)
    form = dataclasses.replace(form, missing=found.missing)
    values = number_columns.to_numbers(cells, form)
    _check_numbers(owner, target, cells, values)
    given = given_rows(owner, frame, split_column)
    train = given["train"]
    _check_spread(owner, target, values[train])
    _check_splits(owner, given)
    if like is None:
        notes += _said(target, values, is_said)
    notes += table_cells.note_far(target, values, form.decimal)
    return TableTarget(
        NUMBER,
        frame,
        values,
        _strata(values, train),
        found.missing,
        [*found.notes, *notes],
        format=form,
    )


def _format(frame, target, reading, split_column, others):
    """Returns how the numbers are written; other columns may decide it."""
    form = number_cells.find_number_form(
        _counts(frame[target], reading),
        CellFormat(missing=reading.missing),
        reading.decimal,
    )
    meaning = kinds_of.Meaning(NUMBER, format=form.format)
    if form.rival is not None:
        beside = others.drop(columns=[e for e in [split_column] if e])
        meaning = find_meanings(beside, {target: NUMBER}, reading)[target]
    return meaning.format, number_notes(target, frame[target], meaning)


def _check_numbers(owner, target, cells, values):
    odd = table_cells.odd_words(cells, values)
    if not odd:
        return
    raise DataError(
        f"{owner}: a target that is a number must be a finite one in each "
        f"row, because the model predicts it. Received: target={target!r}, "
        f"with {table_cells.listed(odd)} in {odd.total()} of {len(cells)} "
        "rows. Mend these cells, leave their rows out by `--missing WORD`, or "
        "say `--target-kind classes`."
    )


def _check_spread(owner, target, values):
    if len(values) and np.ptp(values) == 0:
        raise DataError(
            f"{owner}: the target must have at least two values, because "
            f"it is what the model predicts. Received: target={target!r}, with "
            f"{values[0]:.10g} in every row to learn from, missing cells left "
            "out, and as float32 rounds them. Name another column, or add "
            "rows of another value."
        )
    if len(values) < _LEAST_ROWS:
        raise DataError(
            f"{owner}: at least {_LEAST_ROWS} rows to learn from must have "
            "the target, because fewer show no relation to a number. "
            f"Received: target={target!r}, in {len(values)}. Add rows."
        )


def _check_splits(owner, given):
    for name, rows in given.items():
        if len(rows) < 2:
            raise DataError(
                f"{owner}: each split must have at least two rows, because "
                "the errors of one say nothing about a number. Received: "
                f"{len(rows)} row for {name}. Add rows to it."
            )


def _strata(values, train):
    """Returns a stratum for each row: as many, with values near each other."""
    strata = np.zeros(len(values), "int32")
    count = max(2, min(_STRATA, len(train) // _LEAST_IN_STRATUM))
    order = train[np.argsort(values[train], kind="stable")]
    for stratum, rows in enumerate(np.array_split(order, count)):
        strata[rows] = stratum
    return strata


def _said(target, values, is_said):
    """Notes what the target is taken for, and how to say another thing."""
    low, high = values.min(), values.max()
    distinct = len(np.unique(values))
    notes = []
    if not is_said:
        doubt = ""
        if distinct <= _MOST_DOUBTED and not np.any(values % 1):
            doubt = "If these are codes or classes: "
        notes.append(
            f"The target `{target}` is a number: {distinct} values from "
            f"{low:.6g} to {high:.6g}. {doubt}`--target-kind classes` makes "
            "each value a class."
        )
    if number_cells.is_rough(values):
        notes.append(
            f"The target `{target}` is large beside its spread: models count "
            "in float32, which rounds it. Subtract a constant first."
        )
    return notes
