"""Finds the rows of a table as a teacher reads them."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from aet_keras import data
from aet_keras._wording import quoted
from aet_keras.data.splits import SPLITS
from aet_keras.errors import DataError, ExportError
from aet_keras.training.teachers import Teacher

Inputs = dict[str, np.ndarray]


def check_is_published(recipe: Any, teacher: Teacher, reads: str) -> None:
    """Raises unless a teacher is a version, which says how it reads rows.

    Args:
        recipe: of the student.
        teacher: `Teacher`.
        reads: str. What a file does not say: "cuts texts into tokens".

    Raises:
        ExportError: if it is a file.
    """
    if teacher.recipe is None:
        raise ExportError(
            f"{recipe.owner}: a teacher of {recipe.rows} must be a folder that "
            "`aet-keras fit` published, because a file does not say how it "
            f"{reads}. Received: {teacher.name}."
        )


def rows_as_read(
    recipe: Any,
    teacher: Teacher,
    columns: Sequence[Any],
    read: Callable[[], data.Dataset],
) -> Callable[[data.Split], data.Split]:
    """Returns a function of a split: its rows as the teacher reads them.

    The teacher may look at columns that the student does not, and may have
    other rows to test on: rows are found by their names.

    Args:
        recipe: of the student.
        teacher: `Teacher`.
        columns: of `TableColumn`, those that it looks at.
        read: reads the data of the recipe with these columns.

    Raises:
        ExportError: if there is nothing in one of the columns; by the
            function, if the teacher sees nothing of a row.
    """
    try:
        other = read()
    except DataError as error:
        raise ExportError(
            f"{recipe.owner}: `teacher` (`--teacher`) must find its columns in "
            f"the data, because it is asked about each row. {error}"
        ) from error
    inputs: Inputs = {
        name: np.concatenate([getattr(other, n).inputs[name] for n in SPLITS])
        for name in other.train.inputs
    }
    lacking = [each.title for each in columns if _is_empty(inputs[each.name])]
    if lacking:
        raise ExportError(
            f"{recipe.owner}: `teacher` (`--teacher`) must find its columns in "
            "the data, because it is asked about each row. Received: "
            f"{teacher.name}, and nothing in {quoted(lacking)}. Bring them "
            "back, and leave them out for the student by `--kind "
            "COLUMN=ignore`."
        )
    names = [row for split in SPLITS for row in getattr(other, split).names]
    place = {name: row for row, name in enumerate(names)}

    def find(split):
        gone = [name for name in split.names if name not in place]
        if gone:
            raise ExportError(
                f"{recipe.owner}: `teacher` (`--teacher`) must see something "
                "of each row, because it is asked about it. Received: "
                f"{teacher.name}, and {len(gone)} rows in which it sees "
                f"nothing, such as {gone[0]}. Leave these rows out."
            )
        rows = [place[name] for name in split.names]
        found = {name: cells[rows] for name, cells in inputs.items()}
        return dataclasses.replace(split, inputs=found)

    return find


def _is_empty(cells):
    return bool(
        np.all(cells == "" if cells.dtype == object else cells != cells)
    )
