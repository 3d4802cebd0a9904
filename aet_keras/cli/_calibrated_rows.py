"""Reads the rows that a published model is calibrated on."""

import pathlib
from collections.abc import Sequence

import numpy as np

from aet_keras.cli._new_rows import Asked, load_model, read_new_rows
from aet_keras.data import number_cells
from aet_keras.errors import DataError
from aet_keras.publishing.data_kind import check_one_answer
from aet_keras.publishing.publication import newest_version
from aet_keras.training.adapt_version import numbered
from aet_keras.training.adapted_files import Incoming
from aet_keras.training.recalibrate import Recalibrated, recalibrate

_OWNER = "calibrate"


def calibrate_rows(
    folder: pathlib.Path,
    what: Sequence[str],
    coverage: float | None,
    encoding: str | None,
) -> Recalibrated:
    """Calibrates the newest version of a folder, and publishes it.

    Args:
        folder: `saved_models/NAME`.
        what: files and folders of rows with labels.
        coverage: optional float. As of `recalibrate`.
        encoding: optional str, of files of texts or rows.
    """
    path = newest_version(folder)
    check_one_answer(path, _OWNER)
    model = load_model(path)
    asked = Asked(_OWNER, path, model, what, encoding, is_labelled=True)
    rows = read_new_rows(asked)
    names = _class_names(asked)
    if names:
        labels, names = numbered(rows.classes, names)
    else:
        labels = _numbers(asked, rows.classes)
    incoming = Incoming(
        rows.x,
        rows.names,
        labels,
        names,
        len(_class_names(asked)),
        what,
        rows.texts or None,
    )
    return recalibrate(path, model, incoming, coverage=coverage)


def _class_names(asked):
    """Returns the classes that a version knows; none of a number."""
    if asked.recipe.get("kind") == "table":
        return tuple(asked.specification.class_names)
    path = asked.path / "assets" / "labels.txt"
    return tuple(path.read_text(encoding="utf-8").splitlines())


def _numbers(asked, cells):
    form = asked.specification.target_format
    found = [number_cells.read_number(cell, form) for cell in cells]
    odd = [row for row, each in enumerate(found) if not np.isfinite(each)]
    if odd:
        raise DataError(
            f"{_OWNER}: each row must have a finite number to be compared "
            f"with. Received: `{cells[odd[0]]}` in row {odd[0] + 1}. Leave "
            "out the rows that have none."
        )
    return np.float32(found)
