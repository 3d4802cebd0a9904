"""Measures the reference that new rows are compared with, for a version."""

import collections
import math
import os
from pathlib import Path

import numpy as np

from aet_keras import _regular_file, data
from aet_keras._wording import counted
from aet_keras.drift.reference import later_path
from aet_keras.errors import ExportError
from aet_keras.evaluation import Report
from aet_keras.evaluation.classification import Classification
from aet_keras.evaluation.regression import Regression
from aet_keras.evaluation.tag_scores import Tagging
from aet_keras.publishing.data_kind import check_one_answer
from aet_keras.publishing.publication import find_version
from aet_keras.recipes.kinds import load_recipe
from aet_keras.training.job import load_earlier
from aet_keras.training.run import job_of

_OWNER = "measure_version"
_CERTAIN = 3.0  # standard errors of a sample of the rows


def measure_version(folder: str | os.PathLike) -> Path:
    """Measures a version that has no reference, on the data of its recipe.

    The data are read again. That they are those of the run is proved by the
    validation rows, whose classes and accuracy its report holds.

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
    check_one_answer(version, _OWNER, takes=("item", "tags", "number"))
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
    if reference.target_kind == "classes":
        right = reference.probabilities.argmax(axis=1) == reference.labels
        why = why_other_data(
            version, dataset, right.mean(), reference.row_count
        )
    else:
        why = why_other_labels(version, dataset)
    if why:
        raise other_data(version, why)
    return reference.save(later_path(version))


def _known(version):
    """Returns what the report of a version says of the validation rows."""
    content = _regular_file.read_object(
        _OWNER, version / "report.json", "a report"
    )
    return Report.from_json(content).validation


def why_other_labels(version: Path, dataset: data.Dataset) -> str:
    """Says why numbers or tags of validation rows are not those of a report.

    Args:
        version: path of the version.
        dataset: `data.Dataset` of numbers or of tags.

    Returns:
        str, what was received instead; empty if they are the same.
    """
    is_number = dataset.specification.target_kind == "number"
    why = _why_other_numbers if is_number else _why_other_tags
    return why(version, dataset)


def _why_other_numbers(version, dataset):
    """Says why numbers are not those of the report; empty if they are."""
    known, numbers = _known(version), dataset.validation.labels
    if not isinstance(known, Regression):
        return "a report without validation rows"
    if known.count != len(numbers):
        return (
            f"{counted(len(numbers), 'validation row')}, where the report has "
            f"{known.count}"
        )
    given = set(np.float32(numbers).tolist())
    if all(float(np.float32(true)) in given for true, _ in known.points):
        return ""
    return "validation rows with other numbers"


def _why_other_tags(version, dataset):
    """Says why tags are not those of the report; empty if they are."""
    known, labels = _known(version), dataset.validation.labels
    if not isinstance(known, Tagging):
        return "a report without validation rows"
    names = dataset.specification.class_names
    counts = dict(zip(names, labels.sum(axis=0).astype(int), strict=True))
    if known.count != len(labels):
        return (
            f"{counted(len(labels), 'validation row')}, where the report has "
            f"{known.count}"
        )
    if counts != {each.name: each.count for each in known.per_tag}:
        return "validation rows with other tags"
    return ""


def why_other_data(
    version: Path, dataset: data.Dataset, accuracy: float, row_count: int
) -> str:
    """Says why validation rows are not those of a version's report.

    Returns:
        str, what was received instead; empty if there are as many rows of
        each class, and as many of them are answered rightly.

    Args:
        version: path of the version.
        dataset: `data.Dataset`.
        accuracy: float. That of its model's likeliest class on the validation
            rows, or on a sample of them.
        row_count: int. How many were looked at for it.
    """
    known = _known(version)
    if not isinstance(known, Classification):
        return "a report without validation rows"
    names = dataset.specification.class_names
    counts = collections.Counter(names[y] for y in dataset.validation.labels)
    wanted = {each.name: each.count for each in known.per_class}
    if counts != collections.Counter(wanted):
        return (
            f"{counted(counts.total(), 'validation row')}, where the report "
            f"has {known.count}, or others of a class"
        )
    share = known.likeliest_accuracy
    share = known.accuracy if share is None else share
    allowed = 1.5 / row_count  # one row may be rounded to the other side
    if row_count < known.count:
        allowed += _CERTAIN * math.sqrt(share * (1 - share) / row_count)
    if abs(share - accuracy) <= allowed:
        return ""
    return (
        f"a validation accuracy of {accuracy:.4f}, where the report has "
        f"{share:.4f}"
    )


def other_data(version: Path, why: str) -> ExportError:
    """Returns the error for data that a version was not trained on.

    Args:
        version: path of the version.
        why: str. What `why_other_data` returned.
    """
    return ExportError(
        f"{_OWNER}: the data of the recipe must be those that {version} was "
        f"trained on, because others are not what it knows. Received: {why}. "
        "Bring the data back, or train again."
    )
