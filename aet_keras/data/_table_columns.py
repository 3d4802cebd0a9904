"""Which columns of a table can a model look at, and what is in them?"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aet_keras.data import _column_kinds as kinds_of
from aet_keras.data.table_specification import TableColumn, TableSpecification
from aet_keras.errors import DataError


def find_columns(
    owner: str, features: Any, kinds: Mapping[str, str]
) -> tuple[tuple[TableColumn, ...], list[str]]:
    """Returns the columns to look at, and a note on each that is not."""
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
            f"{owner}: there must be a column to look at beside the target. "
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
        first, count = renamed[0], len(renamed) - 1
        others = f", and {count} more alike" if count else ""
        notes = [
            *notes,
            f"A server takes letters, digits and `_`: `{first.title}` is "
            f"called `{first.name}` there{others}.",
        ]
    return tuple(named), notes


def columns_like(
    owner: str, features: Any, like: TableSpecification
) -> tuple[tuple[TableColumn, ...], list[str]]:
    """Returns the columns of an earlier table, and notes on what differs."""
    titles = [column.title for column in like.columns]
    lacking = [title for title in titles if title not in features]
    new = [title for title in features if title not in titles]
    if len(lacking) == len(titles):
        raise DataError(
            f"{owner}: the table must have columns that the earlier model "
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


def read_cells(
    features: Any, columns: Sequence[TableColumn]
) -> tuple[dict[str, np.ndarray], list[str]]:
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
