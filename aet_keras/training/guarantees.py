"""Calibrates the sets or intervals that a published model answers with."""

from typing import Any

import keras
import numpy as np

from aet_keras import data
from aet_keras.data.dataset import Specification
from aet_keras.errors import DataError
from aet_keras.evaluation import conformal
from aet_keras.evaluation.covered import Coverage
from aet_keras.evaluation.guarantee import Guarantee
from aet_keras.export.table_model import called_from
from aet_keras.recipes.base_recipe import BaseRecipe
from aet_keras.training.job import Job

_STREAM = 1  # of random numbers, beside those that the seed gives the splits


def check(recipe: BaseRecipe, dataset: data.Dataset) -> None:
    """Raises a `DataError` if the coverage of a recipe cannot be had."""
    coverage = getattr(recipe, "coverage", None)
    if coverage is None:
        return
    labels = dataset.test.labels
    first, _ = _halves(recipe, len(labels))
    count, which = len(first), ""
    if dataset.specification.target_kind == "tags":
        count, which = int(labels[first].any(axis=1).sum()), " that have a tag"
    advice = (
        f"They are half of the {dataset.test.count} test rows{which}: give "
        "more with `--test-ratio`, or ask for less."
    )
    try:
        conformal.check_rows(recipe.owner, coverage, count, advice=advice)
    except ValueError as error:
        raise DataError(str(error)) from error


def find(
    job: Job, recipe: BaseRecipe, model: keras.Model, dataset: data.Dataset
) -> tuple[Guarantee | None, Coverage | None]:
    """Calibrates on one half of the test rows, and measures on the other.

    Nothing else is decided by test rows, so that none is lost: neither for
    learning nor for the other figures.

    Args:
        job: `Job` of the kind of data.
        recipe: of the run.
        model: the trained `keras.Model`.
        dataset: `data.Dataset`.

    Returns:
        `Guarantee` and `Coverage`, both None where none was asked for; the
        second also where no row that it is measured on has a tag.
    """
    coverage = getattr(recipe, "coverage", None)
    if coverage is None or job.predict is None:
        return None, None
    outputs = job.predict(model, dataset.test)
    labels = dataset.test.labels
    first, second = _halves(recipe, len(labels))
    guarantee = conformal.calibrate(
        labels[first],
        outputs[first],
        coverage=coverage,
        source=f"half of the test rows of {dataset.specification.source}",
        **settings_of(dataset.specification),
    )
    if guarantee.target_kind == "tags" and not labels[second].any():
        return guarantee, None
    return guarantee, conformal.measure_coverage(
        labels[second],
        outputs[second],
        guarantee,
        class_names=dataset.specification.class_names,
    )


def settings_of(specification: Specification) -> dict[str, Any]:
    """Returns what `calibrate` must know of a target, as keywords."""
    return {
        "target_kind": specification.target_kind,
        "is_ordered": specification.is_ordered,
        "thresholds": specification.thresholds,
        "called_from": called_from(specification),
    }


def _halves(recipe, count):
    """Returns the rows that calibrate, and those that are measured."""
    seed = [getattr(recipe, "seed", 0), _STREAM]
    rows = np.random.default_rng(seed).permutation(count)
    return rows[: count // 2], rows[count // 2 :]
