"""Compares new rows with those that a published version knows."""

import pathlib
from collections.abc import Sequence

import numpy as np

from aet_keras.cli._new_rows import (
    Asked,
    check_classifier,
    load_model,
    read_new_rows,
)
from aet_keras.drift.comparison import compare
from aet_keras.drift.reference import load_reference
from aet_keras.drift.shift import Shift
from aet_keras.errors import DataError
from aet_keras.publishing.publication import find_version

_OWNER = "watch"


def compare_with_version(
    folder: pathlib.Path,
    what: Sequence[str],
    *,
    encoding: str | None,
    is_labelled: bool = False,
) -> tuple[Shift, list[str]]:
    """Compares rows with the reference of a published version.

    Args:
        folder: `saved_models/NAME`, or `saved_models/NAME/N`.
        what: files and folders of new rows.
        encoding: optional str, of files of texts or rows.
        is_labelled: bool. Whether to read classes, too: the names of folders,
            or the column of a table that the model predicts.

    Returns:
        `Shift`, and the name of each row that was compared.
    """
    path = find_version(folder)
    check_classifier(path, _OWNER)
    reference = load_reference(path)
    model = load_model(path)
    rows = read_new_rows(
        Asked(_OWNER, path, model, what, encoding, is_labelled)
    )
    labels = None
    if is_labelled:
        labels = _labels(rows.classes, reference.class_names)
    return compare(model, reference, rows.x, labels), rows.names


def _labels(classes: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """Returns the numbers of classes; unknown ones have one too many."""
    if "" in classes:
        raise DataError(
            f"{_OWNER}: with `--labelled`, each row must have a class. "
            f"Received: none for row {list(classes).index('') + 1}. Leave "
            "out the rows that have none."
        )
    numbers = {name: i for i, name in enumerate(known)}
    return np.array([numbers.get(each, len(numbers)) for each in classes])
