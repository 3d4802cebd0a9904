"""Calibrates an adapted version anew, or says that it answers without sets."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np

from aet_keras import data
from aet_keras.drift.target_kinds import are_known, kind_of
from aet_keras.evaluation import conformal
from aet_keras.evaluation.covered import Coverage
from aet_keras.evaluation.guarantee import Guarantee
from aet_keras.publishing.manifest import read_content
from aet_keras.training import guarantees
from aet_keras.training.job import Job

_SHARE = 4  # a quarter of the new rows with labels is set aside
_LEAST, _MOST = 20, 500  # of fewer the coverage is left to chance
_STREAM = 2  # of random numbers, beside those of halves and batches


def read_guarantee(version: Path) -> Guarantee | None:
    """Returns what the answers of a version hold; None where nothing."""
    content = read_content(version).get("guarantee")
    return Guarantee(**content) if content else None


def set_aside(
    promised: Guarantee | None, labels: np.ndarray, *, seed: int
) -> np.ndarray:
    """Chooses rows that an adaptation shall not see, to calibrate on.

    Args:
        promised: `Guarantee` of the version that is adapted, if it has one.
        labels: int array `(rows,)`, -1 where the class is not known; or
            numbers or tags, as `Incoming` has them.
        seed: int >= 0. Of the choice.

    Returns:
        bools `(rows,)`: a quarter of the rows with labels, at most 500; none
        where that is fewer than 20 or than the coverage needs, or a class
        would be left without rows.
    """
    chosen = np.zeros(len(labels), bool)
    if promised is None:
        return chosen
    known = np.flatnonzero(are_known(labels))
    count = min(len(known) // _SHARE, _MOST)
    random = np.random.default_rng([seed, _STREAM])
    some, kind = random.permutation(known)[:count], kind_of(labels)
    # Of tags a row without any does not count.
    useful = labels[some].any(axis=1).sum() if kind == "tags" else count
    if useful < max(_LEAST, conformal.needed_rows(promised.coverage)):
        return chosen
    chosen[some] = True
    if kind != "classes":
        return chosen
    if set(labels[known]) != set(labels[known[~chosen[known]]]):
        return np.zeros(len(labels), bool)
    return chosen


@dataclasses.dataclass(frozen=True)
class KeptSets:
    """Holds what an adapted version answers with, beside the likeliest class.

    Args:
        guarantee: `Guarantee` of its sets; None where it has none.
        coverage: `Coverage` that was measured; None where it was not.
        sentence: str. What a person should know; empty where the version
            before had no sets either.
    """

    guarantee: Guarantee | None = None
    coverage: Coverage | None = None
    sentence: str = ""


def calibrate_on(
    dataset: data.Dataset, outputs: np.ndarray, *, coverage: float, source: str
) -> tuple[Guarantee, Coverage | None]:
    """Calibrates on all rows of a data set, and measures on halves of them.

    Args:
        dataset: `data.Dataset`, whose `test` rows chose nothing.
        outputs: array, what the model says of them.
        coverage: float above 0, at most 0.999.
        source: str. Where the rows are from.

    Returns:
        `Guarantee`, and `Coverage` of limits of one half on the other; None
        where there are too few rows for that.
    """
    labels = dataset.test.labels
    guarantee = conformal.calibrate(
        labels,
        outputs,
        coverage=coverage,
        source=source,
        **guarantees.settings_of(dataset.specification),
    )
    names = dataset.specification.class_names
    return guarantee, conformal.cross_coverage(
        labels, outputs, guarantee, class_names=names
    )


def keep_sets(
    version: Path,
    job: Job,
    model: keras.Model,
    *,
    aside: data.Dataset | None,
    old: Any = None,
    why_not_old: str = "",
) -> KeptSets:
    """Gives an adapted model sets again, by rows that it has not learned.

    These are new rows that were set aside, or else the test rows of the old
    data. Limits of the version before are never taken: they were calibrated
    for another model.

    Args:
        version: path of the version that was adapted.
        job: `Job` of the kind of data.
        model: the adapted `keras.Model`.
        aside: optional `data.Dataset` of new rows that were set aside.
        old: optional `OldRows`.
        why_not_old: str. Why the old test rows prove nothing; empty if they
            may be taken.
    """
    promised = read_guarantee(version)
    if promised is None:
        return KeptSets()
    mend = f"`aet-keras calibrate {version.parent} ROWS`"
    if aside is not None:
        assert job.predict is not None
        guarantee, covered = calibrate_on(
            aside,
            np.asarray(job.predict(model, aside.test)),
            coverage=promised.coverage,
            source=f"{aside.specification.source}, set aside",
        )
        said = (
            f"Its sets are calibrated on {guarantee.count} of the new rows "
            "with labels, which were set aside for it: the model has not "
            "learned them."
        )
        return KeptSets(guarantee, covered, said)
    why = why_not_old or _too_few(old, promised.coverage)
    if why:
        said = (
            f"It answers without sets: those of version {version.name} were "
            f"calibrated for another model, and {why}. {mend} gives it new "
            "ones."
        )
        return KeptSets(sentence=said)
    recipe = dataclasses.replace(old.recipe, coverage=promised.coverage)
    found, covered = guarantees.find(job, recipe, model, old.dataset)
    assert found is not None
    said = (
        f"Its sets are calibrated on {found.count} old test rows, for want of "
        "enough new rows with labels. They hold for rows like those: of new "
        f"ones less may be covered. {mend} calibrates on new ones."
    )
    return KeptSets(found, covered, said)


def _too_few(old, coverage):
    count, needed = old.dataset.test.count // 2, conformal.needed_rows(coverage)
    if count >= needed:
        return ""
    return (
        f"half of the old test rows are too few to calibrate on ({count}, "
        f"where {needed} are needed)"
    )
