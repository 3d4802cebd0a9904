"""Adapts a published recommender to new ratings, and publishes it."""

import dataclasses
from pathlib import Path
from typing import Any

import keras

from aet_keras import _files, data
from aet_keras._keras import reading
from aet_keras._progress import report
from aet_keras.data.new_ratings import NewRatings
from aet_keras.export.card import write_card
from aet_keras.publishing.candidates import RECORD
from aet_keras.recipes.kinds import load_recipe
from aet_keras.training.adapt_version import (
    NOTHING,
    AdaptedVersion,
    outcome_of,
    put,
)
from aet_keras.training.adapted_files import no_run, notes_of, record_of
from aet_keras.training.incoming import Incoming
from aet_keras.training.rating_archive import KnownRatings
from aet_keras.training.rating_trials import adapt_ratings
from aet_keras.training.run import job_of, write_model, write_report


def incoming_of(new: NewRatings) -> Incoming:
    """Returns new ratings as they are recorded and recognised again."""
    split = new.split
    given = split.inputs, split.names, split.labels
    return Incoming(*given, (), 0, new.paths)


def adapt_recommender(
    version: Path,
    model: keras.Model,
    known: KnownRatings,
    new: NewRatings,
    *,
    is_candidate: bool = False,
    forgets_at_most: float | None = None,
) -> AdaptedVersion:
    """Adapts a published recommender, and publishes it if it is proved better.

    Args:
        version: path of the version.
        model: its `keras.Model`.
        known: `KnownRatings` that are kept with it.
        new: `NewRatings`.
        is_candidate: bool. Never to publish.
        forgets_at_most: optional float from 0 to 1. As of `adapt_ratings`.

    Returns:
        `AdaptedVersion`, without a shift: ratings have no reference.

    Raises:
        DataError: as of `adapt_ratings`.
        ExportError: if nothing can be written.

    Example: see `aet_keras/cli/adapt.py`.
    """
    report("trying what may help")
    adapted = adapt_ratings(
        model,
        known,
        new.split,
        new.specification,
        forgets_at_most=forgets_at_most,
    )
    verdict = adapted.verdict
    old = None if verdict is None else verdict.old
    outcome, reason = outcome_of(adapted, old, is_candidate)
    found = AdaptedVersion(None, adapted, outcome, None, reason)
    if outcome == NOTHING:
        return found

    def write(directory, outcome, reason):
        recipe: Any = load_recipe(version / "recipe.json")
        job, incoming = job_of(recipe), incoming_of(new)
        dataset = _joined(known, new)
        write_model(job, recipe, adapted.model, dataset, directory)
        old_rows = {
            "source": known.specification.source,
            "learned_count": known.train.count,
            "held_count": known.test.count,
            "doubt": "",
        }
        about = record_of(version, adapted, incoming, old_rows, None)
        about |= {"outcome": outcome, "reason": reason, "sets": ""}
        (directory / RECORD).write_bytes(_files.json_bytes(about))
        name = version.resolve().parent.name
        measured = job.measure(no_run(adapted.model), name, dataset)
        notes = (*measured.notes, *notes_of(version, adapted, incoming))
        measured = dataclasses.replace(measured, notes=notes)
        write_report(measured, dataset, directory)
        write_card(directory, name=name)
        return ""

    return put(version, found, write)


def _joined(known, new):
    """Returns all ratings; the new ones are looked up, and judge nothing."""
    train, added = known.train, new.split
    inputs = reading.join([dict(train.inputs), dict(added.inputs)])
    labels = reading.join([train.labels, added.labels])
    names = (*train.names, *added.names)
    return KnownRatings(
        data.Split(inputs, labels, names),
        known.validation,
        known.test,
        new.specification,
        new.notes,
        item_features=known.features_with(added, new.specification),
    )
