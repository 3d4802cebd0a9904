"""Reads a table into a `Dataset`, or into rows to predict."""

import dataclasses
import os
from collections.abc import (
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras._choices import COLUMN_KINDS, TARGET_KINDS
from aet_keras._wording import counted
from aet_keras.data import number_cells, table_cells
from aet_keras.data import splits as splitting
from aet_keras.data import table_column_kinds as kinds_of
from aet_keras.data.dataset import Dataset
from aet_keras.data.giveaways import note_giveaways
from aet_keras.data.specifications import TableSpecification
from aet_keras.data.table_columns import (
    columns_like,
    find_columns,
    folded,
    make_reading,
    read_cells,
    read_text_columns,
    stripped_frame,
)
from aet_keras.data.table_file import check_columns, read_csv
from aet_keras.data.table_target import given_rows
from aet_keras.data.target_reading import (
    notes_of_splits,
    read_target,
    strata_names,
    targets_of,
)
from aet_keras.errors import DataError

_OWNER = "read_table"


def read_table(
    path: str | os.PathLike,
    *,
    target: str | None = None,
    label_columns: Sequence[str] = (),
    target_kind: str = "auto",
    positive: str | None = None,
    kinds: Mapping[str, str] | None = None,
    split_column: str | None = None,
    missing: Sequence[str] | None = None,
    decimal: str | None = None,
    date_formats: Sequence[str] = (),
    cost_false_negative: float = 1.0,
    cost_false_positive: float = 1.0,
    like: TableSpecification | None = None,
    encoding: str = "auto",
    seed: int = 0,
    validation_ratio: float = 0.15,
    test_ratio: float = 0.15,
) -> Dataset[TableSpecification]:
    """Reads a table to predict one of its columns from the others.

    A column holds numbers (`1,234.5`, `$3`, `72kg`) or dates if at least 95
    of 100 cells are such; words such as `?`, `NA` or `unknown`, and the one
    or two most frequent other words, do not count. Its other cells are then
    missing, with a note. All other columns hold categories.

    These columns are left out, with a note: empty ones, those with a single
    value, whole numbers that count the rows or are called an id, codes or
    texts that mostly differ, and dates in which no cell shows whether the day
    or the month comes first. Rows without a target are left out, too.

    Args:
        path: str or path. As of `read_csv`.
        target: str. The column to predict. Left out where there are
            `label_columns`.
        label_columns: sequence of str. Columns of 0 and 1, or no and yes, of
            which each says whether a row has a tag; a row may have several.
        target_kind: `"classes"`, each value is one; `"number"`; `"tags"`,
            each cell holds any number of them, such as `red;wool`; or
            `"auto"`, the default: fractions, and more than 20 whole numbers,
            are a number, and cells with a separator are tags, with a note.
        positive: optional str. Of two classes the one whose probability is
            the risk. Defaults to the later one of `0` and `1`, `no` and
            `yes`, `negative` and `positive` and the like, else to the one
            with fewer rows, at a tie to the first by the alphabet.
        kinds: optional dict of column to `"number"`, `"category"`, `"date"`
            or `"ignore"`, where the guess is wrong.
        split_column: optional str. A column that says `train`, `validation`
            or `test`; what it lacks is split off train.
        missing: optional sequence of str. Words that mean a missing cell in
            any column, beside an empty one. Defaults to `MISSING_WORDS`.
        decimal: optional `"."` or `","`. The decimal sign where no cell
            shows it. Defaults to what other columns show.
        date_formats: sequence of str. How dates are written where that is
            not clear, as of `datetime.strptime`: `"%d.%m.%Y"`.
        cost_false_negative: float > 0. As of `TableSpecification`.
        cost_false_positive: float > 0. Both default to `1.0`.
        like: optional `TableSpecification` of an earlier table, whose columns
            and target are wanted. A column that this table lacks becomes one
            of missing cells; one that is new is left out.
        encoding: str. As of `read_csv`. Defaults to `"auto"`.
        seed: int >= 0. Which rows are split off. Defaults to `0`.
        validation_ratio: float in (0, 1). Defaults to `0.15`.
        test_ratio: float in (0, 1). Defaults to `0.15`.

    Returns:
        A `Dataset`. Its inputs are a dict of column to array: float32 for
        numbers and for dates (days since 1970-01-01), missing ones NaN;
        object arrays of str for categories, missing ones `""`. Its
        specification is a `TableSpecification`.

    Raises:
        DataError: if there is no such file or column, the target has one
            value, or is a number with a cell that is none, a class has too
            few rows, or no other column is usable.
        ValueError: if a kind is not known, or a ratio out of its range.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "credit.csv"
    >>> rows = [f"{20 + i},{'ab'[i % 2]},{'yn'[i % 3 == 0]}" for i in range(9)]
    >>> _ = path.write_text("\\n".join(["age,branch,paid", *rows]))
    >>> dataset = aet_keras.data.read_table(path, target="paid")
    >>> dataset.train
    Split(count=5, columns=['age', 'branch'])
    >>> dataset.specification.positive
    'y'
    """
    ratios = splitting.check_ratios(_OWNER, validation_ratio, test_ratio)
    costs = {
        "cost_false_negative": cost_false_negative,
        "cost_false_positive": cost_false_positive,
    }
    for name, cost in costs.items():
        check.positive(_OWNER, **{name: cost})
    check.one_of(_OWNER, target_kind=target_kind, among=TARGET_KINDS)
    reading = make_reading(_OWNER, missing, decimal, date_formats)
    table, reading, of_file = read_text_columns(_OWNER, path, encoding, reading)
    for kind in (kinds := kinds or {}).values():
        check.one_of(_OWNER, kinds=kind, among=COLUMN_KINDS)
    targets = targets_of(_OWNER, target, label_columns)
    check_columns(_OWNER, table, split=split_column)
    for name in targets:
        check_columns(_OWNER, table, target=name)
    for name in kinds:
        check_columns(_OWNER, table, kinds=name)
    for what, others in (("kinds", kinds), ("split_column", [split_column])):
        for name in targets:
            if name in others:
                raise DataError(
                    f"{_OWNER}: the target must have no other use. Received: "
                    f"`{name}` in {what}, too. Leave it out there."
                )
    used = [*targets, *filter(None, [split_column])]
    read = read_target(
        _OWNER,
        stripped_frame(table, used),
        target,
        table=table,
        label_columns=tuple(label_columns),
        target_kind=target_kind,
        positive=positive,
        costs=costs,
        split_column=split_column,
        reading=reading,
        like=like,
    )
    frame, labels = read.frame, read.labels
    features = table.drop(columns=used).of_rows(frame.index)
    if like is not None:
        columns, column_notes = columns_like(_OWNER, features, like)
    else:
        columns, column_notes = find_columns(_OWNER, features, kinds, reading)
    inputs, odd = read_cells(features, columns)
    del table, features
    given = given_rows(_OWNER, frame, split_column)
    parts = splitting.complete_splits(
        read.strata,
        given,
        class_names=strata_names(read),
        ratios=ratios,
        seed=seed,
        source=str(path),
        rows="rows",
    )
    splits = splitting.split_columns(inputs, labels, frame.index, parts)
    return Dataset(
        **splits,
        specification=TableSpecification(
            kind="table",
            class_names=read.class_names,
            image_size=None,
            source=str(path),
            target_kind=read.kind,
            columns=columns,
            target=target or "",
            label_columns=tuple(label_columns),
            positive=read.positive,
            cost_false_negative=costs["cost_false_negative"],
            cost_false_positive=costs["cost_false_positive"],
            missing=read.missing,
            target_format=read.format,
            thresholds=() if like is None else like.thresholds,
        ),
        notes=folded(
            *of_file,
            *read.notes,
            *column_notes,
            *odd,
            *splitting.note_unused_ratios(given, ratios),
            *notes_of_splits(read, splits),
            *_notes_of_empty(columns, splits["train"].inputs),
            *note_giveaways(columns, splits, target or "", read.kind),
            *splitting.shared_notes(splits),
        ),
    )


def _notes_of_empty(columns, inputs):
    """Notes columns whose values no row to learn from has."""
    for column in columns:
        cells = inputs[column.name]
        gone = cells == "" if cells.dtype == object else np.isnan(cells)
        if np.all(gone):
            yield (
                f"Column `{column.title}`: the rows to learn from have no "
                "value in it, so that nothing is learned of it."
            )


def as_tensors(inputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Returns the columns of a split as a model takes them, `(rows, 1)`.

    Example:

    >>> aet_keras.data.as_tensors({"branch": np.array(["a", ""], object)})
    {'branch': <tf.Tensor: shape=(2, 1), dtype=string, numpy=...
    """
    import tensorflow as tf

    return {
        name: tf.constant(
            cells.tolist() if cells.dtype == object else cells,
            shape=(len(cells), 1),
        )
        for name, cells in inputs.items()
    }


def read_table_rows(
    path: str | os.PathLike,
    specification: Any,
    *,
    encoding: str = "auto",
    categories: Mapping[str, Collection[str]] | None = None,
    say: Callable[[str], Any] = lambda sentence: None,
) -> dict[str, np.ndarray]:
    """Reads the columns that a classifier uses, as a server would send them.

    Args:
        path: str or path. As of `read_csv`; other columns are ignored.
        specification: `TableSpecification`, for example of
            `aet_keras.export.table_manifest.read_table_manifest`.
        encoding: str. As of `read_csv`. Defaults to `"auto"`.
        categories: optional dict of a column's name to what the classifier
            has learned of it, as in its manifest.
        say: function of a sentence. It is called for each column with cells
            that count as missing or as rare, and for what is unusual about
            the file.

    Returns:
        Dict of column to array `(rows,)`: float32 for numbers, missing and
        unreadable ones NaN; object arrays of str for categories and dates,
        missing and odd ones `""`. Cells are read as they were in training.

    Raises:
        DataError: if there is no such file, or it lacks a column.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "new.csv"
    >>> _ = path.write_text("age,branch\\n33,\\n,north\\n")
    >>> from aet_keras.data.specifications import TableColumn
    >>> columns = (
    ...     TableColumn("age", "number", "age"),
    ...     TableColumn("branch", "category", "branch"),
    ... )
    >>> specification = aet_keras.data.specifications.TableSpecification(
    ...     "table", ("no", "yes"), None, "old.csv", columns, "paid", "yes"
    ... )
    >>> rows = aet_keras.data.table_reading.read_table_rows(path, specification)
    >>> rows["branch"].tolist()
    ['', 'north']
    """
    owner = "read_table_rows"
    frame = read_csv(owner, path, encoding=encoding)
    return frame_rows(
        owner, frame, specification, path, categories=categories, say=say
    )


def frame_rows(
    owner: str,
    frame: Any,
    specification: Any,
    source: str | os.PathLike,
    *,
    categories: Mapping[str, Collection[str]] | None = None,
    say: Callable[[str], Any] = lambda sentence: None,
) -> dict[str, np.ndarray]:
    """Does the same with cells that `read_csv` has read.

    Args:
        owner: str. Who is named in errors.
        frame: what `read_csv` returned.
        specification: `TableSpecification`.
        source: str or path of the file, for sentences.
        categories: as of `read_table_rows`.
        say: as of `read_table_rows`.

    Raises:
        DataError: if a column is missing.
    """
    for note in frame.attrs["notes"]:
        say(note)
    rows = {}
    for column in specification.columns:
        check_columns(owner, frame, column=column.title)
        cells = table_cells.stripped(frame[column.title])
        of_unit = table_cells.note_without_unit
        for note in of_unit(column.title, cells, column.format):
            say(f"{os.fspath(source)}: {note}")
        learned = (categories or {}).get(column.name)
        rows[column.name], odd, what, taken = _served_cells(
            column, cells, learned
        )
        if odd:
            of = f"of `{column.title}` that"
            cells = counted(
                len(odd),
                f"cell {of} is {what} counts",
                f"cells {of} are {what} count",
            )
            say(f"{os.fspath(source)}: {cells} as {taken}, such as `{odd[0]}`.")
    return rows


def _served_cells(column, cells, learned):
    """Returns cells as a server takes them, and the cells it cannot use."""
    form = column.format
    if column.kind == kinds_of.CATEGORY:
        words = table_cells.words_of(cells, form)
        is_new = (words != "") & ~words.isin(list(learned or ()))
        odd = cells[is_new].tolist() if learned is not None else []
        return words.to_numpy(object), odd, "not learned", "rare"
    values = table_cells.read_values(cells, column.kind, form)
    present = cells.where(~cells.isin(list(form.missing)), "")
    odd = [*table_cells.odd_words(present, values).elements()]
    if column.kind == kinds_of.NUMBER:
        gone = number_cells.missing_numbers(form)
        plain = dataclasses.replace(form, missing=())
        odd = [t for t in odd if number_cells.read_number(t, plain) not in gone]
        return values, odd, "no number", "missing"
    known = present.where(np.isfinite(values), "")
    return known.to_numpy(object), odd, "no date", "missing"
