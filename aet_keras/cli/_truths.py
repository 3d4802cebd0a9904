"""Reads what is true of new rows: their classes, numbers or tags."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from aet_keras import data
from aet_keras._wording import counted, listed
from aet_keras.data import number_cells
from aet_keras.data.table_cells import note_without_unit
from aet_keras.data.tag_target import read_tag_cells, read_tag_columns
from aet_keras.errors import DataError
from aet_keras.publishing.manifest import read_manifest


def truths(
    asked: Any, frame: Any, column: str, *, is_late: bool = False
) -> list[str]:
    """Returns what is true of the rows of a table, a str each.

    Args:
        asked: `Asked`.
        frame: what `read_csv` returned.
        column: str. What holds it; of tags with a column each it is not
            looked at.
        is_late: bool. Whether tags may be written otherwise than in the
            training data: in that column if it is there, or else in one each.

    Returns:
        list of str, `""` where it is not known. Of tags one a line, each
        ended by a line break, which stands alone where there are none.

    Raises:
        DataError: if a column is missing, no row has a tag that is known, or
            a tag looks like one.
    """
    if not are_tags(asked):
        return asked.classes_of(asked.cells(frame, column))
    names, columns = asked.class_names, asked.recipe.get("label_columns") or ()
    # Training leaves tags out that nothing can be learned of.
    columns = tuple(each for each in columns if each in names)
    if is_late:
        has_own = column not in frame.columns and {*names} & {*frame.columns}
        columns = tuple(names) if has_own else ()
    for each in columns or (column,):
        data.table_file.check_columns(asked.owner, frame, column=each)
    missing = asked.missing
    cells = frame.apply(data.table_cells.stripped)
    if columns:
        found = read_tag_columns(asked.owner, cells, columns, missing=missing)
    else:
        found = read_tag_cells(
            asked.owner, cells, column, missing=missing, least=0, known=names
        )
    for note in found.notes if is_late else ():
        asked.say(f"{asked.owner}: {note}")
    _note_unknown(asked, found, names)
    made = [""] * len(frame)
    for row, has in zip(found.frame.index, found.labels, strict=True):
        tags = [found.names[tag] for tag in np.flatnonzero(has)]
        tags = [tag for tag in tags if tag in names]
        made[int(row)] = "".join(f"{tag}\n" for tag in tags) or "\n"
    return made


def _note_unknown(asked, found, names):
    """Says which tags the model does not know: training left some out, too.

    The other tags of such rows are as true as before. What differs from a
    known tag by case alone is that tag, misspelt: to leave it out would teach
    that the rows have it not.
    """
    odd = [name for name in found.names if name not in names]
    folded = {name.casefold() for name in names}
    alike = [name for name in odd if name.casefold() in folded]
    if alike or (odd and len(odd) == len(found.names)):
        raise DataError(
            f"{asked.owner}: the tags must be those that the model knows. "
            f"Received: {listed(alike or odd)}, where it knows "
            f"{listed(names)}. Write tags as it does, or train anew."
        )
    if odd:
        rows = dict(zip(found.names, found.labels.sum(axis=0), strict=True))
        shown = listed(
            f"`{name}` ({counted(int(rows[name]), 'row')})" for name in odd
        )
        tags = counted(len(odd), "tag is", "tags are")
        asked.say(
            f"{asked.owner}: {tags} left out, because the model does not know "
            f"{'it' if len(odd) == 1 else 'them'}: {shown}. The other tags of "
            "these rows count."
        )


def true_numbers(
    asked: Any, rows: Any, *, has_unknown: bool = False
) -> np.ndarray:
    """Returns the true numbers of rows, as the version's table writes them.

    Args:
        asked: `Asked`, of a model of a number.
        rows: `NewRows`, whose `classes` are the cells that hold them.
        has_unknown: bool. Whether a cell may be empty, or a word for a
            missing one: it is NaN then.

    Raises:
        DataError: if a row has no finite number.
    """
    form = asked.target_format
    words = {"", *asked.missing, *form.missing}
    for note in note_without_unit("label", rows.classes, form):
        asked.say(f"{asked.owner}: {note}")
    is_missing = np.array([cell in words for cell in rows.classes])
    found = np.array(
        [number_cells.read_number(cell, form) for cell in rows.classes]
    ).astype("float32")
    found[is_missing] = np.nan  # -999 may be such a word
    is_right = np.isfinite(found)
    if has_unknown:
        is_right |= is_missing
    if not is_right.all():
        odd = int(is_right.argmin())
        raise DataError(
            f"{asked.owner}: each row must have a finite number, because the "
            "errors of the model are measured by it. Received: "
            f"`{rows.classes[odd]}` in {rows.names[odd]}. Leave out the "
            "rows that have none."
        )
    return found


def check_tables(asked: Any) -> None:
    """Raises if tags or numbers are asked for, and rows are no tables."""
    if not asked.is_labelled:
        return
    is_table = data.table_file.is_csv
    odd = [each for each in asked.what if not is_table(each)]
    said = [what for what in ("tags", "values") if _puts_out(asked, what)]
    if odd and said:
        what = "tags" if said == ["tags"] else "numbers"
        raise DataError(
            f"{asked.owner}: rows with their {what} must stand in a table, "
            "because folders and single files do not say them. Received: "
            f"{odd[0]}. Name a table of rows, of texts, or one that names "
            "images."
        )


def are_tags(asked: Any) -> bool:
    """Returns whether the version answers with tags."""
    return _puts_out(asked, "tags")


def _puts_out(asked, output):
    signatures = read_manifest(asked.path).signatures or {}
    served = signatures.get("serving_default") or {}
    return output in served.get("outputs", ())


def tags_of(cells: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """Returns which tags rows have, `(rows, tags)`, of what `truths` read.

    Those of a row whose tags are not known are -1.
    """
    made = [set(cell.splitlines()) for cell in cells]
    found = np.array([[name in row for name in names] for row in made], "int64")
    found[[not cell for cell in cells]] = -1
    return found
