"""Makes new rows of what a server was asked."""

import collections
import dataclasses
import datetime
import pathlib
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from aet_keras import _regular_file, data
from aet_keras._check import first_line
from aet_keras._wording import counted
from aet_keras.cli._recorded_inputs import reader_of
from aet_keras.data.recorded_row import RecordedRow
from aet_keras.data.recorded_rows import (
    DESCRIPTION,
    days_of,
    home_of,
    is_recorded,
    read_description,
    read_recorded_rows,
)
from aet_keras.drift.days import day_of
from aet_keras.drift.model_outputs import ModelOutputs
from aet_keras.drift.reference import Reference
from aet_keras.drift.target_kinds import KINDS
from aet_keras.errors import DataError

_EMBEDDINGS = "embeddings"
_ANSWERS = {
    "classes": "probabilities",
    "tags": "probabilities",
    "number": "values",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Recorded:
    """Holds rows that a server was asked, by time.

    Args:
        x: the rows as the model of a version takes them, or None where only
            what the model made of them was kept.
        outputs: `ModelOutputs` then, otherwise None.
        ids: list of str.
        times: list of floats, seconds since 1970.
        texts: list of str. Texts as they were sent; empty of other kinds.
    """

    x: Any
    outputs: ModelOutputs | None
    ids: list[str]
    times: list[float]
    texts: list[str] = dataclasses.field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """What a person calls each row: its id, if that is of it alone.

        A client may send the same id with several requests.
        """
        counts = collections.Counter(self.ids)
        pairs = zip(self.ids, self.times, strict=True)
        return [n if counts[n] == 1 else f"{n} {_moment(t)}" for n, t in pairs]


def are_recorded(owner: str, what: Sequence[str]) -> bool:
    """Says whether what is named are requests that a server kept.

    Raises:
        DataError: if some are, and some are files of rows.
    """
    found = [is_recorded(each) for each in what]
    if not any(found):
        return False
    if all(found):
        return True
    raise DataError(
        f"{owner}: rows must all be recorded or all be files, because only "
        f"recorded ones have a time. Received: {what[found.index(False)]} "
        f"beside {what[found.index(True)]}. Name them in two runs."
    )


def read_recorded(
    asked: Any,
    kind: str,
    *,
    reference: Reference | None = None,
    most_days: int | None = None,
    most_a_day: int | None = None,
) -> Recorded:
    """Reads rows that a server was asked, for the model of a version.

    Args:
        asked: as of `_new_rows`.
        kind: str. The kind of its data, not `"rating"`.
        reference: optional `Reference` of the version, which outputs are
            compared with where inputs were not kept. Without it they are of
            no use.
        most_days: optional int >= 1. The newest days that are read.
        most_a_day: optional int >= 1. Rows of a day, spread over it.

    Raises:
        DataError: if no row can be used.
    """
    found = _all_rows(asked, most_days, most_a_day)
    # A day may be named beside a copy of it.
    rows = [*{(row.id, row.time): row for row in found}.values()]
    if not rows:
        _refuse(asked, "there must be a row, because rows are compared", "none")
    with_inputs = [row for row in rows if row.inputs is not None]
    if with_inputs:
        return _of_inputs(asked, kind, with_inputs, len(rows))
    if reference is None:
        _refuse(
            asked,
            "inputs must have been kept, because a model learns from them",
            "outputs alone",
            "Record with `--record-what inputs`",
        )
    return _of_outputs(asked, rows, reference)


def _all_rows(asked, most_days, most_a_day):
    """Returns rows by time.

    A recording is read day by day: it may hold more than memory does.
    """
    rows, count = [], 0
    _note_other_names(asked)
    for part in [p for each in asked.what for p in _parts(each, most_days)]:
        found = read_recorded_rows(part, say=asked.say)
        count += len(found)
        rows += _spread(found, most_a_day)
    if len(rows) < count:
        asked.say(
            f"{asked.owner}: {len(rows)} of {count} recorded rows are looked "
            f"at, {most_a_day} of a day."
        )
    rows.sort(key=lambda row: (row.time, row.id))
    newest = sorted({day_of(row.time) for row in rows})[-(most_days or 0) :]
    return [row for row in rows if day_of(row.time) in newest]


def _parts(path, most_days):
    """Returns what is read one after the other: days, or all."""
    home = pathlib.Path(path)
    if _regular_file.why_not(home / DESCRIPTION):
        return [home]
    read_description(home)
    return days_of(home)[-(most_days or 0) :]


def _note_other_names(asked):
    """Says which recordings were made of a model of another name."""
    own = asked.path.absolute().parent.name
    homes = [each for each in map(home_of, asked.what) if each is not None]
    names = {str(home): read_description(home).get("name") for home in homes}
    for home, name in names.items():
        if name not in (None, own):
            asked.say(
                f"{asked.owner}: {home} was recorded of a model of the name "
                f"`{name}`, where this one is `{own}`: of another model, its "
                "rows say nothing here."
            )


def _spread(rows, most_a_day):
    """Returns at most so many rows of each day, spread over it."""
    if most_a_day is None:
        return rows
    days = collections.defaultdict(list)
    for row in rows:
        days[day_of(row.time)].append(row)
    return [
        row
        for each in days.values()
        for row in each[:: -(-len(each) // most_a_day)]
    ]


def _of_inputs(asked, kind, rows, count):
    good, values, bad = [], [], []
    reader = reader_of(asked, kind)
    with data.image_decoding.bombs_refused():
        for row in rows:
            try:
                values.append(reader.read(row.inputs))
                good.append(row)
            except Exception as error:  # as damage of images is met
                bad.append(first_line(error))
    missing = count - len(good)
    if not good:
        _refuse(
            asked,
            f"a row must be an input of the model, of {kind}s",
            f"{counted(count, 'row')}, and none is ({bad[0]})",
        )
    if missing:
        why = f" ({bad[0]})" if bad else ""
        asked.say(
            f"{asked.owner}: {missing} of {count} recorded rows have no input "
            f"that can be read{why}. They are left out."
        )
    return Recorded(
        reader.joined(values),
        None,
        [row.id for row in good],
        [row.time for row in good],
        reader.texts(values),
    )


def _of_outputs(asked, rows: list[RecordedRow], reference: Reference):
    version = int(asked.path.name) if asked.path.name.isdigit() else 0
    own = [row for row in rows if row.version in (0, version)]
    answered = _ANSWERS[reference.target_kind]
    wide = reference.class_count, len(reference.center)
    good = [row for row in own if _has(row, answered, wide[0])]
    embedded = [row for row in good if _has(row, _EMBEDDINGS, wide[1])]
    good = embedded or good
    if not good:
        _refuse(
            asked,
            f"{answered} must be of the version that is asked for, because "
            "another makes others of the same rows",
            f"none of version {version} in {counted(len(rows), 'row')}",
        )
    if len(good) < len(rows):
        what = "embeddings and " if embedded else ""
        asked.say(
            f"{asked.owner}: {len(rows) - len(good)} of {len(rows)} recorded "
            f"rows are of other versions than {version}, or have no {what}"
            f"{answered} of it. They are left out."
        )
    scores = _stacked(good, answered).reshape(len(good), wide[0])
    features = np.zeros((len(good), 0), "float32")
    if embedded:
        features = _stacked(good, _EMBEDDINGS)
    as_outputs = KINDS[reference.target_kind].as_outputs
    return Recorded(
        None,
        ModelOutputs(features, as_outputs(asked.owner, scores)),
        [row.id for row in good],
        [row.time for row in good],
    )


def _has(row, name, width):
    """Says whether a row has so many numbers, all of them finite."""
    found = row.outputs.get(name)
    return np.size(found) == width and bool(np.isfinite(found).all())


def _stacked(rows, name):
    return np.stack([np.asarray(row.outputs[name], "float32") for row in rows])


def _moment(time):
    moment = datetime.datetime.fromtimestamp(time, datetime.UTC)
    return moment.isoformat(sep=" ", timespec="milliseconds")


def _refuse(
    asked: Any, must: str, received: str, advice: str = "Name another folder"
) -> NoReturn:
    raise DataError(
        f"{asked.owner}: {must}. Received: {received}, in "
        f"{', '.join(asked.what)}. {advice}."
    )
