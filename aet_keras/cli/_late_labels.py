"""Reads labels that became known later, and joins them to new rows."""

import collections
from collections.abc import Callable, Sequence
from typing import Any

from aet_keras import data
from aet_keras._wording import counted, listed, quoted, repeated
from aet_keras.cli._new_rows import NewRows
from aet_keras.data.names import note_alike
from aet_keras.errors import DataError

_OWNER = "adapt"
_ID, _LABEL = "id", "label"
_LEAST_OF_NEW = 10  # fewer rows of a class are more likely a misspelt one


def join_labels(
    rows: NewRows,
    file: str,
    *,
    encoding: str,
    say: Callable[[str], None],
    read: Callable[[Any], list[str]] | None = None,
) -> list[str]:
    """Returns the label of each new row, `""` where the file has none.

    Args:
        rows: `NewRows`.
        file: str. A table with the columns `id` and `label`. The id of a row
            is its own, or what a person calls it.
        encoding: str. As of `read_csv`.
        say: function that is told what is left out.
        read: optional function of the table, which returns the labels that
            stand in it. Defaults to the cells of the column `label`.

    Raises:
        DataError: if the file is no such table, an id has two labels or
            means two rows, or none is that of a new row.
    """
    labels = _read(file, encoding, say, read or _cells)
    unknown = set(labels) - set(rows.ids) - set(rows.names)
    if len(unknown) == len(labels):
        example = listed(map(repr, rows.ids))
        raise DataError(
            f"{_OWNER}: an `{_ID}` of the labels must be that of a new row, "
            f"because they are joined by it. Received: {file}, "
            f"{counted(len(labels), 'label')}, for none of them. Ids of new "
            f"rows are {example}."
        )
    if unknown:
        say(
            f"{file}: {len(unknown)} of {counted(len(labels), 'label')} "
            f"{'is' if len(unknown) == 1 else 'are'} of no new row and left "
            f"out: {quoted(sorted(unknown))}."
        )
    double = [each for each in repeated(rows.ids) if each in labels]
    if double:
        raise DataError(
            f"{_OWNER}: an `{_ID}` must mean one new row, because its label "
            f"is of one. Received: {quoted(double)}, of several. In {file}, "
            f"name rows in full: {rows.names[0]!r}."
        )
    pairs = zip(rows.ids, rows.names, strict=True)
    return [labels.get(name, labels.get(own, "")) for own, name in pairs]


def _cells(frame):
    data.table_file.check_columns(_OWNER, frame, label=_LABEL)
    return data.table_cells.stripped(frame[_LABEL]).tolist()


def _read(file, encoding, say, read=_cells):
    """Returns the label of each id that has one."""
    frame = data.read_csv(_OWNER, file, encoding=encoding)
    data.table_file.check_columns(_OWNER, frame, id=_ID)
    ids = data.table_cells.stripped(frame[_ID]).tolist()
    given = read(frame)
    labels: dict[str, str] = {}
    conflicts = []
    for own, label in zip(ids, given, strict=True):
        if label and labels.setdefault(own, label) != label:
            conflicts.append(own)
    if conflicts:
        first = conflicts[0]
        raise DataError(
            f"{_OWNER}: an `{_ID}` must have one label. Received: {file}, "
            f"with several for {quoted(sorted(set(conflicts)))}. Keep the "
            f"right one of `{first}`."
        )
    twice = len([label for label in given if label]) - len(labels)
    if twice:
        say(f"{file}: {counted(twice, 'id')} twice, with the same label.")
    if not labels:
        raise DataError(
            f"{_OWNER}: the labels must not all be empty. Received: {file}, "
            f"with {counted(len(ids), 'row')} and no `{_LABEL}`. Leave "
            "`--labels` out to adapt without."
        )
    return labels


def check_classes(
    classes: Sequence[str], known: Sequence[str], say: Callable[[str], None]
) -> None:
    """Makes sure that classes can be learned from; says which ones are new.

    Args:
        classes: sequence of str, one a row, `""` where it is not known.
        known: sequence of str. The classes of the model.
        say: function that is told of new classes.

    Raises:
        DataError: if all rows are of one class, or a new class has too few.
    """
    counts = collections.Counter(each for each in classes if each)
    if len(counts) == 1:
        ((name, count),) = counts.items()
        raise DataError(
            f"{_OWNER}: labels must be of two classes or more, because one "
            "alone does not tell what differs. Received: "
            f"{counted(count, 'label')}, all `{name}`. Label other rows too, "
            "or adapt without labels."
        )
    new = sorted(set(counts) - set(known))
    few = [name for name in new if counts[name] < _LEAST_OF_NEW]
    if few:
        shown = listed(f"`{name}` ({counts[name]})" for name in few)
        raise DataError(
            f"{_OWNER}: a class that the model does not know must have at "
            f"least {_LEAST_OF_NEW} rows, because fewer do not show what it "
            f"is. Received: {shown}. The model knows {quoted(known, 10)}: "
            "write a class as it does, or label more rows."
        )
    if new:
        shown = listed(f"`{name}` ({counts[name]} rows)" for name in new)
        say(f"New to the model: {shown}. Its head is widened.")
    for note in note_alike("classes", new, known):
        say(note)
