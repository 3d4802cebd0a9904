"""Compares new rows with those that a published version knows."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from aet_keras._wording import counted, quoted
from aet_keras.cli._new_rows import (
    Asked,
    check_classifier,
    check_each_once,
    check_encoding,
    load_model,
    read_new_rows,
)
from aet_keras.cli._recorded_new_rows import read_recorded
from aet_keras.cli._truths import tags_of, true_numbers
from aet_keras.data.names import note_alike
from aet_keras.drift.comparison import compare_outputs
from aet_keras.drift.days import Day, DayAlarm, watch_days
from aet_keras.drift.model_outputs import ModelOutputs, read_outputs
from aet_keras.drift.reference import Reference, load_reference
from aet_keras.drift.shift import Shift
from aet_keras.errors import DataError
from aet_keras.publishing.publication import find_version
from aet_keras.training.item_outputs import read_item_outputs

_OWNER = "watch"
_TAKES = ("item", "tags", "number")
_MOST_DAYS = 60
_MOST_A_DAY = 200  # recorded rows; 60 days of them are a minute's pass


@dataclasses.dataclass(frozen=True, eq=False)
class Watched:
    """Holds what a version makes of new rows, and how they differ.

    Args:
        name: str. Of the version, for a title.
        reference: `Reference` of the version.
        outputs: `ModelOutputs` of the rows that were compared.
        shift: `Shift`.
        names: list of str, one a row that was compared.
        novel: list of the most novel rows, as the model takes them; texts as
            they were written; empty where inputs were not kept.
        days: tuple of `Day`; empty where rows have no time.
        alarm: optional `DayAlarm`.
        dates: tuple of the names of columns that are days since 1970-01-01.
    """

    name: str
    reference: Reference
    outputs: ModelOutputs
    shift: Shift
    names: list[str]
    novel: list[Any]
    days: tuple[Day, ...] = ()
    alarm: DayAlarm | None = None
    dates: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        found = self.shift.to_json()
        found["novel_names"] = [self.names[n] for n in self.shift.novel_rows]
        if self.days:
            found["days"] = [dataclasses.asdict(each) for each in self.days]
            found["alarm"] = self.alarm and dataclasses.asdict(self.alarm)
        return found

    def to_text(self) -> str:
        """Returns it for a person, a few lines."""
        told = self.shift.to_text(self.names)
        if not self.days:
            return told
        count = sum(day.row_count for day in self.days)
        said = self.alarm.to_text() if self.alarm else "alarm: none"
        days = counted(len(self.days), "day")
        return f"{said}; {counted(count, 'row')} of {days}\n{told}"


def watch_version(
    folder: pathlib.Path,
    what: Sequence[str],
    *,
    encoding: str | None,
    is_labelled: bool = False,
    most_days: int | None = None,
) -> Watched:
    """Compares rows with the reference of a published version.

    Args:
        folder: `saved_models/NAME`, or `saved_models/NAME/N`.
        what: files and folders of new rows, or what a server has recorded.
        encoding: optional str, of files of texts or rows.
        is_labelled: bool. Whether to read classes, too: the names of folders,
            or the column of a table that the model predicts.
        most_days: optional int >= 1. Of recorded rows: how many days are
            looked at. Defaults to 60.

    Raises:
        ValueError: if something is asked for that these rows have not.
    """
    path = find_version(folder)
    check_each_once(_OWNER, what)
    kind = check_classifier(path, _OWNER, _TAKES)
    reference = load_reference(path)
    model = load_model(path)
    reference.check_model(model)
    asked = Asked(_OWNER, path, model, what, encoding, is_labelled, _TAKES)
    check_encoding(asked, kind)
    if asked.are_recorded:
        return _watch_recorded(asked, kind, reference, most_days or _MOST_DAYS)
    if most_days is not None:
        raise ValueError(
            f"{_OWNER}: `--days` must go with recorded rows, because others "
            f"have no times. Received: --days {most_days}. Leave it out."
        )
    rows = read_new_rows(asked)  # with copies: a stuck camera has shifted
    labels = None
    if is_labelled:
        read = _READ_LABELS[reference.target_kind]
        labels = read(asked, rows, reference.class_names)
    outputs = _outputs_of(asked, kind, reference, rows.x)
    outputs = dataclasses.replace(outputs, labels=labels)
    shift = compare_outputs(reference, outputs)
    return Watched(
        _title(path),
        reference,
        outputs,
        shift,
        rows.names,
        _chosen(_shown(kind, rows, outputs), shift.novel_rows),
        dates=_dates(asked, kind),
    )


def _watch_recorded(asked, kind, reference, most_days):
    rows = read_recorded(
        asked,
        kind,
        reference=reference,
        most_days=most_days,
        most_a_day=_MOST_A_DAY,
    )
    outputs = rows.outputs or _outputs_of(asked, kind, reference, rows.x)
    found = watch_days(reference, outputs, rows.times)
    names = rows.names
    chosen = [found.rows[row] for row in found.shift.novel_rows]
    return Watched(
        _title(asked.path),
        reference,
        outputs.take(np.array(found.rows)),
        found.shift,
        [names[row] for row in found.rows],
        _chosen(_shown(kind, rows, outputs), chosen),
        found.days,
        found.alarm,
        _dates(asked, kind),
    )


def _outputs_of(asked, kind, reference, x):
    if kind == "item":
        return read_item_outputs(
            asked.model, x, specification=asked.specification
        )
    return read_outputs(asked.model, x, target_kind=reference.target_kind)


def _shown(kind, rows, outputs):
    """Returns what is drawn of rows: of items the columns, not pixels."""
    is_item = kind == "item" and rows.x is not None
    return outputs.columns if is_item else rows.texts or rows.x


def _title(path):
    return f"{path.parent.name}, version {path.name}"


def _dates(asked, kind):
    if kind not in ("table", "item"):
        return ()
    columns = asked.specification.columns
    return tuple(each.name for each in columns if each.kind == "date")


def _chosen(rows, numbers):
    """Returns some rows, one by one."""
    if rows is None:
        return []
    if isinstance(rows, Mapping):
        return [{n: each[row] for n, each in rows.items()} for row in numbers]
    return [rows[row] for row in numbers]


def _numbers(asked, rows, known):
    del known
    return true_numbers(asked, rows)


def _tags(asked, rows, known):
    del asked
    return tags_of(rows.classes, known)


def _classes(asked, rows, known):
    """Returns the numbers of classes; unknown ones have one too many."""
    classes = rows.classes
    numbers = {name: i for i, name in enumerate(known)}
    others = [each for each in classes if each not in numbers]
    if not set(classes) & set(known):
        raise DataError(
            f"{_OWNER}: with `--labelled`, some row must be of a class that "
            "the model knows, because others say nothing of what it gets "
            f"right. Received: {quoted(sorted(set(classes)))}. It knows "
            f"{quoted(known, 10)}: call folders or cells so, or leave "
            "`--labelled` out."
        )
    if others:
        what = counted(len(others), "row is", "rows are")
        asked.say(
            f"{_OWNER}: {what} of a class that the model does not know, "
            f"{quoted(sorted(set(others)), 5)}, and each of its answers there "
            "counts as wrong."
        )
        for note in note_alike("classes", sorted(set(others)), known):
            asked.say(f"{_OWNER}: {note}")
    return np.array([numbers.get(each, len(numbers)) for each in classes])


# Those of `_adapted_rows` learn an unknown class, which counts as wrong here.
_READ_LABELS: dict[str, Callable] = {
    "classes": _classes,
    "number": _numbers,
    "tags": _tags,
}
