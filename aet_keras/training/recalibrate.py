"""Calibrates a published model anew, without training it."""

import dataclasses
import datetime
import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np

from aet_keras import evaluation
from aet_keras._progress import report as say_progress
from aet_keras.drift.reference import FILE, later_path
from aet_keras.errors import DataError
from aet_keras.evaluation import conformal
from aet_keras.evaluation.covered import Coverage
from aet_keras.evaluation.guarantee import Guarantee
from aet_keras.export.card import write_card
from aet_keras.publishing.candidates import RECORD
from aet_keras.publishing.publication import publish_after
from aet_keras.recipes.kinds import load_recipe
from aet_keras.training.adapted_files import dataset_of_new
from aet_keras.training.incoming import Incoming
from aet_keras.training.kept_sets import calibrate_on, read_guarantee
from aet_keras.training.run import job_of, write_model

_OWNER = "calibrate"
_KEPT = ("report.png", "top_losses.png", RECORD)
_CALIBRATED = ", its sets or intervals calibrated on "


@dataclasses.dataclass(frozen=True, eq=False)
class Recalibrated:
    """Holds what came of calibrating a published model anew.

    Args:
        before: `Coverage` of the version's own limit on the new rows; None
            where it had none.
        guarantee: the new `Guarantee`.
        after: `Coverage` of limits of one half of the rows on the other; None
            where there are too few.
        path: path of the new version.
    """

    before: Coverage | None
    guarantee: Guarantee
    after: Coverage | None
    path: Path

    def to_text(self) -> str:
        """Returns it for a person, a few lines."""
        lines = ["No limit was known before."]
        if self.before is not None:
            is_tags = self.guarantee.target_kind == "tags"
            what = "a row's tags" if is_tags else "these rows"
            lines = [
                f"before: {self.before.coverage:.3f} of {what} covered "
                f"(95 %: {self.before.low:.3f} to {self.before.high:.3f}), "
                f"{self.before.asked:g} asked"
            ]
        if self.after is not None:
            lines.append(f"now\n{self.after.to_text()}")
        else:
            lines.append(f"now: {self.guarantee.to_text()}")
        return "\n".join(lines)


def recalibrate(
    version: Path,
    model: keras.Model,
    incoming: Incoming,
    *,
    coverage: float | None = None,
) -> Recalibrated:
    """Publishes a version with the same weights and limits for new rows.

    Args:
        version: path of the version.
        model: its `keras.Model`.
        incoming: `Incoming`, new rows whose labels are known.
        coverage: optional float above 0, at most 0.999. Defaults to that of
            the version.

    Returns:
        `Recalibrated`.

    Raises:
        DataError: if there are too few rows, or one is of a new class.
        ValueError: if no coverage is known.
        ExportError: if nothing can be written, or the version is not the
            newest.
    """
    known = read_guarantee(version)
    if coverage is None and known is not None:
        coverage = known.coverage
    if coverage is None:
        raise ValueError(
            f"{_OWNER}: a coverage must be given, because {version} has none. "
            "Say `--coverage 0.9`."
        )
    if incoming.new_classes:
        raise DataError(
            f"{_OWNER}: the rows must be of the classes that the model knows, "
            "because no set holds another. Received: "
            f"{', '.join(incoming.new_classes[:3])}. Leave them out, or teach "
            "the model: `aet-keras adapt`."
        )
    advice = "Label more rows, or ask for less."
    count = incoming.count
    if incoming.labels.ndim == 2:  # tags: a row without any does not count
        count = int(incoming.labels.any(axis=1).sum())
    try:
        conformal.check_rows(_OWNER, coverage, count, advice=advice)
    except ValueError as error:
        raise DataError(str(error)) from error
    recipe: Any = load_recipe(version / "recipe.json")
    recipe = dataclasses.replace(recipe, coverage=coverage)
    job, dataset = job_of(recipe), dataset_of_new(version, incoming)
    assert job.predict is not None
    say_progress("running the model on the new rows")
    names = dataset.specification.class_names
    outputs = np.asarray(job.predict(model, dataset.test))
    before = None
    if known is not None:
        before = conformal.measure_coverage(
            dataset.test.labels, outputs, known, class_names=names
        )
    guarantee, after = calibrate_on(
        dataset, outputs, coverage=coverage, source=", ".join(incoming.what)
    )

    def write(directory):
        say_progress("writing the SavedModel, and comparing it")
        write_model(job, recipe, model, dataset, directory, guarantee=guarantee)
        _keep_files(version, directory)
        _write_report(version, directory, guarantee, after)
        write_card(directory, name=version.resolve().parent.name)

    path = publish_after(version, write)
    return Recalibrated(before, guarantee, after, path)


def _keep_files(version, directory):
    """Copies what is true of the same weights."""
    for name in _KEPT:
        if (version / name).is_file():
            shutil.copy2(version / name, directory / name)
    for path in (version / FILE, later_path(version)):
        if path.is_file():
            shutil.copy2(path, directory / FILE)
            return


def _write_report(version, directory, guarantee, covered):
    path = version / "report.json"
    if not path.is_file():
        return
    content = json.loads(path.read_text(encoding="utf-8"))
    report = evaluation.Report.from_json(content)
    note = (
        f"Version {version.name}{_CALIBRATED}{guarantee.count} rows of "
        f"{guarantee.source}: nothing was trained. All other figures are "
        "those of that version."
    )
    notes = [each for each in report.notes if not _is_of_sets(version, each)]
    now = datetime.datetime.now().isoformat(timespec="seconds")
    dataclasses.replace(
        report, created=now, coverage=covered, notes=(*notes, note)
    ).save(directory / "report.json")


def _is_of_sets(version, note):
    """Says whether a note tells of sets that are not answered any more."""
    path = version / RECORD
    told = ""
    if path.is_file():
        told = json.loads(path.read_text(encoding="utf-8")).get("sets")
    return note == told or _CALIBRATED in note
