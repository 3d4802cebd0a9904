"""Measures the reference that new rows are compared with, for a version."""

import math
import os
from pathlib import Path

from aet_keras import _regular_file
from aet_keras.drift.reference import (
    VALIDATION_ROWS,
    Reference,
    later_path,
)
from aet_keras.errors import ExportError
from aet_keras.evaluation import Report
from aet_keras.publishing.publication import find_version
from aet_keras.recipes.kinds import load_recipe
from aet_keras.training.job import load_earlier
from aet_keras.training.run import job_of

_OWNER = "measure_version"
_CERTAIN = 3.0  # standard errors of a sample of the rows


def measure_version(folder: str | os.PathLike) -> Path:
    """Measures a version that has no reference, on the data of its recipe.

    The data are read again. That they are those of the run is proved by the
    accuracy on the validation rows, which its report holds.

    Args:
        folder: path of `saved_models/NAME`, of which the newest version is
            taken, or of a version.

    Returns:
        `pathlib.Path`, `saved_models/NAME/reference-N.npz`.

    Raises:
        DataError: if the data are not there any more.
        ExportError: if the version lacks what `aet-keras fit` writes, is of
            ratings, or the data are other ones now.

    Example:

    >>> from aet_keras.training.version_reference import measure_version
    >>> try:
    ...     measure_version("nowhere")
    ... except aet_keras.errors.ExportError as error:
    ...     "must hold versions" in str(error)
    True
    """
    version = find_version(folder)
    recipe = load_recipe(version / "recipe.json")
    job = job_of(recipe)
    dataset = job.read(recipe)
    reference = job.reference_of(load_earlier(str(version)), dataset)
    if reference is None:
        raise ExportError(
            f"{_OWNER}: the version must be of a classifier, because the "
            f"shares of its answers are compared. Received: {version}, of "
            f"{recipe.rows}. Watch the figures of its report instead."
        )
    check_same_data(version, reference, dataset.validation.count)
    return reference.save(later_path(version))


def check_same_data(version: Path, reference: Reference, count: int) -> None:
    """Raises an `ExportError` unless the rows are those of the report.

    Args:
        version: path of the version.
        reference: what its model makes of the validation rows.
        count: int. How many there are; the reference may hold a sample.
    """
    content = _regular_file.read_object(
        _OWNER, version / "report.json", "a report"
    )
    known = getattr(Report.from_json(content).validation, "accuracy", None)
    if known is None:
        return
    rows = reference.row_count
    allowed = 1.5 / rows  # one row may be rounded to the other side
    if count > VALIDATION_ROWS:
        allowed += _CERTAIN * math.sqrt(known * (1 - known) / rows)
    if abs(known - reference.accuracy) <= allowed:
        return
    raise ExportError(
        f"{_OWNER}: the data of the recipe must be those that {version} was "
        "trained on, because others are not what it knows. Received: a "
        f"validation accuracy of {reference.accuracy:.4f}, where the report "
        f"has {known:.4f}. Bring the data back, or train again."
    )
