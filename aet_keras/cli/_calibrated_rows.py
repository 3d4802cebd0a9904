"""Reads the rows that a published model is calibrated on."""

import pathlib
from collections.abc import Sequence

from aet_keras.cli._copies import without_copies
from aet_keras.cli._new_rows import (
    Asked,
    check_each_once,
    check_encoding,
    load_model,
    read_new_rows,
)
from aet_keras.cli._truths import are_tags, tags_of, true_numbers
from aet_keras.publishing.data_kind import check_one_answer, read_kind
from aet_keras.publishing.publication import newest_version
from aet_keras.training.adapt_version import numbered
from aet_keras.training.incoming import Incoming
from aet_keras.training.recalibrate import Recalibrated, recalibrate

_OWNER = "calibrate"
_TAKES = ("item", "tags", "number")


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
    check_each_once(_OWNER, what)
    check_one_answer(path, _OWNER, takes=_TAKES)
    model = load_model(path)
    asked = Asked(
        _OWNER, path, model, what, encoding, is_labelled=True, takes=_TAKES
    )
    kind = read_kind(path, _OWNER)
    check_encoding(asked, kind)
    rows = without_copies(asked, read_new_rows(asked), kind)
    known = names = asked.class_names
    if are_tags(asked):
        labels = tags_of(rows.classes, known)
    elif known:
        labels, names = numbered(rows.classes, known)
    else:
        labels = true_numbers(asked, rows)
    incoming = Incoming(
        rows.x,
        rows.names,
        labels,
        names,
        len(known),
        what,
        rows.texts or None,
    )
    return recalibrate(path, model, incoming, coverage=coverage)
