"""How does a table of customers or patients become a `Dataset`?"""

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras.data import _column_kinds as kinds_of
from aet_keras.data.csv_file import check_columns, read_csv
from aet_keras.data.dataset import Dataset, Specification, Split
from aet_keras.data.duplicates import shared_rows
from aet_keras.data.splits import SPLITS, check_ratios, complete_splits
from aet_keras.errors import DataError

_OWNER = "read_table"
_MOST_CLASSES = 50
_YES = ({"0", "1"}, {"no", "yes"}, {"false", "true"}, {"n", "y"})
_VALIDATION = ("validation", "valid", "val")


@dataclasses.dataclass(frozen=True)
class TableColumn:
    """Says what one column of a table is.

    Args:
        name: str. What a model and a server call it: letters, digits and `_`.
        kind: `"number"`, `"category"` or `"date"`.
        title: str. What the file calls it.

    Example:

    >>> column = aet_keras.data.TableColumn("mean_area", "number", "mean area")
    >>> column.kind
    'number'
    """

    name: str
    kind: str
    title: str


@dataclasses.dataclass(frozen=True)
class TableSpecification(Specification):
    """Says what the rows of a table are.

    Args:
        columns: tuple of `TableColumn` that a model may look at.
        target: str. The column that it tells.
        positive: str. The class whose probability is the risk.
        cost_false_negative: float > 0. What it costs to miss a positive.
        cost_false_positive: float > 0. What it costs to take one of the
            others for a positive, in the same money.

    Example:

    >>> specification = aet_keras.data.TableSpecification(
    ...     kind="table",
    ...     class_names=("bad", "good"),
    ...     image_size=None,
    ...     source="credit.csv",
    ...     columns=(aet_keras.data.TableColumn("age", "number", "age"),),
    ...     target="status",
    ...     positive="bad",
    ... )
    >>> specification.positive_index
    0
    """

    columns: tuple[TableColumn, ...] = ()
    target: str = ""
    positive: str = ""
    cost_false_negative: float = 1.0
    cost_false_positive: float = 1.0

    @property
    def positive_index(self) -> int:
        """Returns which class is the positive one."""
        return self.class_names.index(self.positive)


def read_table(
    path: str | os.PathLike,
    *,
    target: str,
    positive: str | None = None,
    kinds: Mapping[str, str] | None = None,
    split_column: str | None = None,
    cost_false_negative: float = 1.0,
    cost_false_positive: float = 1.0,
    like: TableSpecification | None = None,
    encoding: str = "utf-8",
    seed: int = 0,
    validation_ratio: float = 0.15,
    test_ratio: float = 0.15,
) -> Dataset:
    """Reads a table whose rows are to be told apart by one of its columns.

    A column is of numbers or of dates (`2024-03-17`) if at least 95 of 100
    cells are; the others are then missing, and noted. The rest are
    categories. Left out, with a note, are columns without any cell, with one
    value, of whole numbers that count the rows or are called an id, and of
    texts that mostly differ. Rows without a target are left out, too.

    Args:
        path: str or path. As of `read_csv`.
        target: str. The column to tell; each value of it is a class.
        positive: optional str. Of two classes the one whose probability is
            the risk. Defaults to the later one of `0` and `1`, `no` and
            `yes`, `false` and `true`, else to the one with fewer rows, at a
            tie to the first by the alphabet.
        kinds: optional dict of column to `"number"`, `"category"`, `"date"`
            or `"ignore"`, where the guess is wrong.
        split_column: optional str. A column that says `train`, `validation`
            or `test`; what it lacks is split off train.
        cost_false_negative: float > 0. As of `TableSpecification`. Defaults
            to `1.0`.
        cost_false_positive: float > 0. Defaults to `1.0`.
        like: optional `TableSpecification` of an earlier table, whose columns
            and classes are wanted. A column that this table lacks becomes one
            of missing cells; one that is new is left out.
        encoding: str. How the text is written down. Defaults to `"utf-8"`.
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
            value or is a number, a class has too few rows, or no column is
            left to look at.
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
    ratios = check_ratios(_OWNER, validation_ratio, test_ratio)
    costs = {
        "cost_false_negative": cost_false_negative,
        "cost_false_positive": cost_false_positive,
    }
    for name, cost in costs.items():
        check.positive(_OWNER, **{name: cost})
    frame = read_csv(_OWNER, path, encoding=encoding)
    kinds = _checked_kinds(kinds or {})
    check_columns(_OWNER, frame, target=target, split=split_column)
    for name in kinds:
        check_columns(_OWNER, frame, kinds=name)
    frame, notes = _labelled(frame, target)
    class_names = _class_names(frame[target], target, like)
    number = {name: label for label, name in enumerate(class_names)}
    labels = frame[target].map(number).to_numpy("int32")
    positive = _positive(positive, frame[target], class_names, like)
    features = frame.drop(columns=[target, *filter(None, [split_column])])
    if like is not None:
        columns, found = _columns_like(features, like)
    else:
        columns, found = _find_columns(features, kinds)
    inputs, odd = _read_cells(features, columns)
    parts = _parts(frame, labels, class_names, split_column, ratios, seed, path)
    splits = {
        name: Split(
            inputs={key: values[rows] for key, values in inputs.items()},
            labels=labels[rows],
            names=tuple(f"row {row + 1}" for row in frame.index[rows]),
        )
        for name, rows in parts.items()
    }
    return Dataset(
        **splits,
        specification=TableSpecification(
            kind="table",
            class_names=class_names,
            image_size=None,
            source=str(path),
            columns=columns,
            target=target,
            positive=positive,
            cost_false_negative=costs["cost_false_negative"],
            cost_false_positive=costs["cost_false_positive"],
        ),
        notes=(*notes, *found, *odd, *_shared(splits)),
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


def _checked_kinds(kinds):
    for kind in kinds.values():
        check.one_of(_OWNER, kinds=kind, among=kinds_of.KINDS)
    return kinds


def _labelled(frame, target):
    """Returns the rows that have a target, and a note about the others."""
    is_there = frame[target].notna()
    missing = int((~is_there).sum())
    if not missing:
        return frame, []
    rows = "1 row has" if missing == 1 else f"{missing} rows have"
    return frame[is_there], [f"{rows} no `{target}` and are left out."]


def _class_names(cells, target, like):
    names = tuple(sorted(cells.unique(), key=_order))
    if like is not None:
        return _same_classes(names, target, like)
    if len(names) < 2:
        what = f"`{names[0]}` in every row" if names else "no value at all"
        raise DataError(
            f"{_OWNER}: the target must have at least two values, because "
            f"rows are told apart by it. Received: target={target!r}, with "
            f"{what}. Name another column, or add rows of another value."
        )
    if len(names) > min(_MOST_CLASSES, max(2, len(cells) // 2)):
        raise DataError(
            f"{_OWNER}: the target must be a class, at most {_MOST_CLASSES} "
            f"of them. Received: target={target!r}, with {len(names)} values "
            f"in {len(cells)} rows. Cut it into ranges first, such as `high` "
            "and `low`."
        )
    return names


def _same_classes(names, target, like):
    unknown = [name for name in names if name not in like.class_names]
    if unknown:
        raise DataError(
            f"{_OWNER}: the target must have the classes of the earlier "
            f"model, {', '.join(like.class_names)}. Received: "
            f"target={target!r}, with `{unknown[0]}`. Rename its values, or "
            "train anew."
        )
    return like.class_names


def _order(name):
    """Orders classes that are numbers by value, the others by alphabet."""
    try:
        return (0, float(name), name)
    except ValueError:
        return (1, 0.0, name)


def _positive(positive, cells, class_names, like):
    if positive is not None:
        return check.one_of(_OWNER, positive=positive, among=class_names)
    if like is not None:
        return like.positive
    if {name.lower() for name in class_names} in _YES:
        return class_names[1]
    counts = cells.value_counts()
    return min(class_names, key=lambda name: counts[name])


def _find_columns(features, kinds):
    columns, notes = [], []
    for title in features:
        kind, why = kinds_of.find_kind(title, features[title])
        if title in kinds:
            kind, why = kinds[title], "you said so"
        if kind == kinds_of.IGNORE:
            notes.append(f"Column `{title}` is left out: {why}.")
        else:
            columns.append(TableColumn(title, kind, title))
    if not columns:
        raise DataError(
            f"{_OWNER}: there must be a column to look at beside the target. "
            f"Received: {' '.join(notes) or 'none'} Add one, or say with "
            "`kinds` what one is."
        )
    return _served(columns, notes)


def _served(columns, notes):
    """Gives each column a name that a signature can have."""
    taken, named = set(), []
    for column in columns:
        name = re.sub(r"\W+", "_", column.title, flags=re.ASCII).strip("_")
        name = name if name[:1].isalpha() else f"column_{name}".rstrip("_")
        while name.lower() in taken:
            name = f"{name}_2"
        taken.add(name.lower())
        named.append(dataclasses.replace(column, name=name))
    renamed = [c for c in named if c.name != c.title]
    if renamed:
        first = renamed[0]
        notes = [
            *notes,
            f"A server takes letters, digits and `_`: `{first.title}` is "
            f"called `{first.name}` there, and {len(renamed) - 1} more alike.",
        ]
    return tuple(named), notes


def _columns_like(features, like):
    titles = [column.title for column in like.columns]
    lacking = [title for title in titles if title not in features]
    new = [title for title in features if title not in titles]
    if len(lacking) == len(titles):
        raise DataError(
            f"{_OWNER}: the table must have columns that the earlier model "
            f"looks at: {_listed(titles)}. Received: {_listed(new)}."
        )
    notes = [
        f"Column `{title}` of the earlier model is not there: its cells count "
        "as missing."
        for title in lacking
    ]
    if new:
        notes.append(
            f"Not looked at, because the earlier model does not know them or "
            f"left them out: {_listed(new)}."
        )
    return like.columns, notes


def _listed(titles, most=6):
    shown = ", ".join(f"`{title}`" for title in titles[:most])
    return shown if len(titles) <= most else f"{shown} and more"


def _read_cells(features, columns):
    """Returns the arrays by name, and notes on cells that do not fit."""
    inputs, notes = {}, []
    for column in columns:
        if column.title not in features:
            inputs[column.name] = _missing(column.kind, len(features))
            continue
        cells = features[column.title]
        if column.kind == kinds_of.CATEGORY:
            inputs[column.name] = cells.fillna("").to_numpy(object)
            continue
        is_number = column.kind == kinds_of.NUMBER
        read = kinds_of.to_numbers if is_number else kinds_of.to_days
        inputs[column.name] = read(cells)
        odd = kinds_of.odd_cells(cells, inputs[column.name])
        if odd:
            notes.append(
                f"Column `{column.title}`: {len(odd)} cells that are no "
                f"{column.kind} count as missing, such as `{odd[0]}`."
            )
    return inputs, notes


def _missing(kind, count):
    if kind == kinds_of.CATEGORY:
        return np.full(count, "", object)
    return np.full(count, np.nan, "float32")


def _parts(frame, labels, class_names, split_column, ratios, seed, path):
    """Returns the rows of each split."""
    given = {"train": np.arange(len(frame))}
    if split_column is not None:
        given = _given(frame[split_column], split_column)
    _check_counts(labels[given["train"]], class_names, given)
    parts = complete_splits(
        labels,
        given,
        class_names=class_names,
        ratios=ratios,
        seed=seed,
        source=str(path),
        rows="rows",
    )
    return {name: parts[name] for name in SPLITS}


def _given(cells, split_column):
    said = cells.fillna("").str.lower()
    said = said.where(~said.isin(_VALIDATION), "validation").to_numpy()
    odd = sorted(set(said) - set(SPLITS))
    if odd or "train" not in said:
        what = f"`{odd[0]}`" if odd else "no `train`"
        raise DataError(
            f"{_OWNER}: the column of splits must say train, validation or "
            f"test. Received: split_column={split_column!r}, with {what}. "
            "Mend its cells, or leave the option out."
        )
    rows = {name: np.flatnonzero(said == name) for name in SPLITS}
    return {name: found for name, found in rows.items() if len(found)}


def _check_counts(labels, class_names, given):
    least = 1 + len(SPLITS) - len(given)
    counts = np.bincount(labels, minlength=len(class_names))
    rarest = int(counts.argmin())
    if counts[rarest] < least:
        raise DataError(
            f"{_OWNER}: each class must have at least {least} rows to learn "
            "from and to split, because each split needs one. Received: "
            f"`{class_names[rarest]}` with {counts[rarest]} of {len(labels)}. "
            "Add rows of it, or leave the class out."
        )


def _shared(splits: Mapping[str, Split]) -> Sequence[str]:
    """Notes how many rows to validate and test on stand in train, too."""
    count = shared_rows(
        {
            name: list(zip(*_as_keys(split), strict=True))
            for name, split in splits.items()
        }
    )
    if not count:
        return []
    return [
        f"{count} rows to validate or test on stand, cell for cell, in an "
        "earlier split, too: figures on them flatter the model."
    ]


def _as_keys(split: Split) -> list[list[Any]]:
    # NaN is not equal to itself, its text is.
    columns = [np.asarray(c).astype(str) for c in split.inputs.values()]
    return [*(c.tolist() for c in columns), split.labels.tolist()]
