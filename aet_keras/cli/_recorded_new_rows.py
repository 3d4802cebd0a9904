"""Makes new rows of what a server was asked."""

import collections
import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from aet_keras import _regular_file, data
from aet_keras._check import first_line
from aet_keras._wording import counted
from aet_keras.data.recorded_row import RecordedRow
from aet_keras.data.recorded_rows import (
    DESCRIPTION,
    days_of,
    is_recorded,
    read_description,
    read_recorded_rows,
)
from aet_keras.drift.days import day_of
from aet_keras.drift.model_outputs import ModelOutputs
from aet_keras.drift.true_values import as_probabilities
from aet_keras.errors import DataError
from aet_keras.recipes.kinds import load_recipe
from aet_keras.training import text_job

_EMBEDDINGS, _PROBABILITIES = "embeddings", "probabilities"


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
    needs_inputs: bool,
    most_days: int | None = None,
    most_a_day: int | None = None,
) -> Recorded:
    """Reads rows that a server was asked, for the model of a version.

    Args:
        asked: as of `_new_rows`.
        kind: `"image"`, `"text"` or `"table"`.
        needs_inputs: bool. Whether outputs alone are of no use.
        most_days: optional int >= 1. The newest days that are read.
        most_a_day: optional int >= 1. Rows of a day, spread over it.

    Raises:
        DataError: if no row can be used.
    """
    rows = {row.id: row for row in _all_rows(asked, most_days, most_a_day)}
    if not rows:
        _refuse(asked, "there must be a row, because rows are compared", "none")
    with_inputs = [row for row in rows.values() if row.inputs is not None]
    if with_inputs:
        return _of_inputs(asked, kind, with_inputs, len(rows))
    if needs_inputs:
        _refuse(
            asked,
            "inputs must have been kept, because a model learns from them",
            "outputs alone",
            "Record with `--record-what inputs`",
        )
    return _of_outputs(asked, list(rows.values()))


def _all_rows(asked, most_days, most_a_day):
    """Returns rows by time.

    A recording is read day by day: it may hold more than memory does.
    """
    rows, count = [], 0
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
    read = {"image": _image, "text": _text, "table": _cells}[kind](asked)
    with data.image_decoding.bombs_refused():
        for row in rows:
            try:
                values.append(read(row.inputs))
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
        _joined(asked, kind, values),
        None,
        [row.id for row in good],
        [row.time for row in good],
        values if kind == "text" else [],
    )


def _image(asked):
    size = tuple(asked.model.input_shape[1:3])

    def read(inputs):
        if "image_bytes" in inputs:
            return data.image_decoding.decode(inputs["image_bytes"], size)[0]
        image = np.asarray(inputs["images"])
        if image.shape != (*size, 3):
            raise ValueError(f"an image of the shape {image.shape}")
        return image

    return read


def _text(asked):
    def read(inputs):
        text = inputs["texts"]
        return (
            text.decode(errors="replace") if isinstance(text, bytes) else text
        )

    return read


def _cells(asked):
    names = [column.name for column in asked.specification.columns]

    def read(inputs):
        return {name: np.asarray(inputs[name]).item() for name in names}

    return read


def _joined(asked, kind, values):
    if kind == "image":
        return np.stack(values)
    if kind == "text":
        recipe = load_recipe(asked.path / "recipe.json")
        return text_job.tokens_of(recipe, asked.model, values)
    columns = asked.specification.columns
    cells = {}
    for column in columns:
        given = [row[column.name] for row in values]
        if column.kind == "number":
            cells[column.name] = np.array(given, "float32")
            continue
        cells[column.name] = np.array(list(map(_as_text, given)), object)
    return data.date_cells.dates_to_days(cells, columns)


def _as_text(cell):
    return cell.decode(errors="replace") if isinstance(cell, bytes) else cell


def _of_outputs(asked, rows: list[RecordedRow]):
    version = int(asked.path.name) if asked.path.name.isdigit() else 0
    good = [
        row
        for row in rows
        if row.version in (0, version)
        and {_EMBEDDINGS, _PROBABILITIES} <= row.outputs.keys()
    ]
    if not good:
        _refuse(
            asked,
            "embeddings and probabilities must be of the version that is "
            "asked for, because other ones make others of the same rows",
            f"none of version {version} in {counted(len(rows), 'row')}",
        )
    if len(good) < len(rows):
        asked.say(
            f"{asked.owner}: {len(rows) - len(good)} of {len(rows)} recorded "
            f"rows are of other versions than {version}, or have no "
            "embeddings. They are left out."
        )
    features, scores = (
        np.stack([np.asarray(row.outputs[name], "float32") for row in good])
        for name in (_EMBEDDINGS, _PROBABILITIES)
    )
    return Recorded(
        None,
        ModelOutputs(features, as_probabilities(asked.owner, scores)),
        [row.id for row in good],
        [row.time for row in good],
    )


def _refuse(asked, must, received, advice="Name another folder"):
    raise DataError(
        f"{asked.owner}: {must}. Received: {received}, in "
        f"{', '.join(asked.what)}. {advice}."
    )
