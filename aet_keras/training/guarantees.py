"""Calibrates the sets or intervals that a published model answers with."""

import keras
import numpy as np

from aet_keras import data
from aet_keras.errors import DataError
from aet_keras.evaluation import conformal
from aet_keras.evaluation.conformal import Coverage, Guarantee
from aet_keras.recipes.base_recipe import BaseRecipe
from aet_keras.training.job import Job

KINDS = ("classes", "number")
_STREAM = 1  # of random numbers, beside those that the seed gives the splits


def check(recipe: BaseRecipe, dataset: data.Dataset) -> None:
    """Raises a `DataError` if the coverage of a recipe cannot be had."""
    coverage = getattr(recipe, "coverage", None)
    if coverage is None:
        return
    kind = dataset.specification.target_kind
    if kind not in KINDS:
        raise DataError(
            f"{recipe.owner}: `coverage` must go with one class a row, or a "
            "number, because sets are calibrated on these. Received: a target "
            f"of the kind {kind}. Leave it out."
        )
    count = dataset.test.count // 2
    advice = (
        f"They are half of the {dataset.test.count} test rows: give more with "
        "`--test-ratio`, or ask for less."
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
        `Guarantee` and `Coverage`, both None where none was asked for.
    """
    coverage = getattr(recipe, "coverage", None)
    if coverage is None or job.predict is None:
        return None, None
    outputs = job.predict(model, dataset.test)
    labels = dataset.test.labels
    seed = [getattr(recipe, "seed", 0), _STREAM]
    rows = np.random.default_rng(seed).permutation(len(labels))
    first, second = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    guarantee = conformal.calibrate(
        labels[first],
        outputs[first],
        coverage=coverage,
        target_kind=dataset.specification.target_kind,
        source=f"half of the test rows of {dataset.specification.source}",
        is_ordered=dataset.specification.is_ordered,
    )
    return guarantee, conformal.measure_coverage(
        labels[second],
        outputs[second],
        guarantee,
        class_names=dataset.specification.class_names,
    )
