"""Writes an adapted model as any version is, and how it came about."""

import collections
import dataclasses
import datetime
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from aet_keras import _files, data
from aet_keras import _log_keys as log_keys
from aet_keras._keras import reading
from aet_keras._wording import listed
from aet_keras.data.dataset import Specification
from aet_keras.drift.reference import FILE, Reference
from aet_keras.drift.shift import Shift
from aet_keras.drift.target_kinds import kind_of
from aet_keras.export import table_manifest
from aet_keras.export.card import write_card
from aet_keras.export.item_model import read_item_manifest
from aet_keras.export.table_model import called_from
from aet_keras.publishing.candidates import RECORD
from aet_keras.publishing.data_kind import read_kind
from aet_keras.recipes.kinds import load_recipe
from aet_keras.training.adapt import Adaptation
from aet_keras.training.class_order import is_in_order
from aet_keras.training.earlier import thresholds_of
from aet_keras.training.fine_tune import Run
from aet_keras.training.group_rows import find_groups, with_groups
from aet_keras.training.incoming import Incoming
from aet_keras.training.kept_sets import KeptSets, keep_sets
from aet_keras.training.objectives import rule_of
from aet_keras.training.old_rows import OF_DOUBT, OldRows
from aet_keras.training.run import job_of, write_model, write_report
from aet_keras.training.stress import with_stress

_MOST_NAMES = 1000
_BEFORE = "Of version "
_REFERENCE_ROWS = 100  # fewer new rows with labels are joined by old ones


def write_adapted(
    directory: Path,
    version: Path,
    adapted: Adaptation,
    incoming: Incoming,
    old: OldRows | None,
    *,
    aside: np.ndarray | None = None,
    shift: Shift,
    outcome: str,
    why: str,
) -> KeptSets:
    """Writes an adapted model into an empty directory.

    The SavedModel is compared with the model, as of any version. The report
    is measured on the old rows, and left out without them: new rows with
    labels have been learned from. Sets that the version before answered with
    are calibrated anew, on rows that were not learned.

    Args:
        directory: where to write.
        version: path of the version that was adapted.
        adapted: `Adaptation`.
        incoming: `Incoming`.
        old: optional `OldRows`.
        aside: optional bools `(rows,)`. Which of the new rows the model has
            not seen, to calibrate on.
        shift: `Shift` that was answered.
        outcome: str. What is written: a version or a candidate.
        why: str. Why, in a sentence.

    Returns:
        `KeptSets`.
    """
    recipe = load_recipe(version / "recipe.json") if old is None else old.recipe
    job = job_of(recipe)
    limits, model = adapted.thresholds, adapted.model
    dataset = dataset_of_new(version, incoming, limits)
    if old is not None:
        dataset = old.dataset
    if aside is None:
        aside = np.zeros(incoming.count, bool)
    kept = keep_sets(
        version,
        job,
        model,
        aside=dataset_of_new(version, incoming.take(aside), limits)
        if aside.any()
        else None,
        old=old,
        why_not_old=_why_not_old(adapted, incoming, old),
    )
    write_model(
        job, recipe, model, dataset, directory, guarantee=kept.guarantee
    )
    rule = rule_of(dataset.specification)
    learned = incoming.take(~aside)
    if job.measure_reference is None:
        reference = _reference(model, learned, old, rule)
    else:
        reference = _own_reference(job, version, model, learned, old)
    if reference is not None:
        reference.save(directory / FILE)
    old_rows = None
    if old is not None:
        old_rows = {
            "source": old.recipe.data,
            "learned_count": len(old.learned[1]),
            "held_count": len(old.held[1]),
            "doubt": old.doubt,
        }
    about = record_of(version, adapted, incoming, old_rows, shift)
    about |= {"outcome": outcome, "reason": why, "sets": kept.sentence}
    about["rows"]["aside_count"] = int(aside.sum())
    (directory / RECORD).write_bytes(_files.json_bytes(about))
    name = version.resolve().parent.name
    if old is None:
        write_card(directory, name=name)
        return kept
    report = job.measure(no_run(model), name, dataset)
    groups = find_groups(recipe, dataset)
    report = with_groups(report, groups, job, model, dataset)
    report = with_stress(report, recipe, model, dataset)
    notes = [*report.notes, *notes_of(version, adapted, incoming, old.doubt)]
    lost = _lost_order(recipe, incoming), _lost_costs(version, incoming)
    notes += filter(None, [kept.sentence, *lost])
    notes += _notes_before(version, notes)
    report = dataclasses.replace(
        report, notes=tuple(notes), coverage=kept.coverage
    )
    write_report(report, dataset, directory)
    write_card(directory, name=name)
    return kept


def _why_not_old(adapted, incoming, old):
    """Says why old test rows cannot calibrate; empty if they can."""
    if old is None:
        return "there are no old rows to calibrate on"
    if incoming.new_classes:
        return "old rows have none of the new classes"
    if adapted.kind == "output":
        return "the labels of old rows mean something else now"
    if old.doubt:
        return "it may have learned the old rows"
    return ""


def _lost_order(recipe, incoming):
    """Says that classes have no order any more; empty if they have."""
    has_none = getattr(recipe, "class_order", None) is None
    if has_none or is_in_order(recipe, incoming.class_names):
        return ""
    return (
        "The classes had an order, in which new ones have no place: "
        f"{listed(incoming.class_names, 10)}. Figures of the order are left "
        "out."
    )


def _lost_costs(version, incoming):
    """Says that costs decide no answer any more; empty if they still do."""
    if not incoming.new_classes or read_kind(version, "adapt") != "table":
        return ""
    if called_from(table_manifest.read_table_manifest(version)) is None:
        return ""
    return (
        "The costs are of two classes: with a new one, the likeliest class is "
        "answered. In the verdict, the new one costs what the two do in the "
        "mean."
    )


def _notes_before(version, known):
    """Yields what the report of the version said of how it was trained."""
    path = version / "report.json"
    if not path.is_file():
        return
    content = json.loads(path.read_text(encoding="utf-8"))
    for note in content.get("notes") or ():
        if note in known or "`aet-keras calibrate" in note:
            continue
        is_older = note.startswith(_BEFORE)
        yield note if is_older else f"{_BEFORE}{version.name}: {note}"


def dataset_of_new(
    version: Path, incoming: Incoming, thresholds: Sequence[float] = ()
) -> data.Dataset:
    """Returns new rows as a data set, whose three splits are the same.

    Args:
        version: path of the version.
        incoming: `Incoming`.
        thresholds: sequence of floats, of tags. Defaults to the version's.
    """
    recipe = load_recipe(version / "recipe.json")
    is_ordered = is_in_order(recipe, incoming.class_names)
    kind, x = read_kind(version, "calibrate"), incoming.x
    if kind == "text":
        x = {"texts": np.array(incoming.texts, object), **x}
    about: dict[str, Any] = {
        "kind": kind,
        "class_names": incoming.class_names,
        "image_size": tuple(x.shape[1:3]) if kind == "image" else None,
        "source": ", ".join(incoming.what),
        "is_ordered": is_ordered,
    }
    if incoming.labels.ndim == 2 and kind not in ("table", "item"):
        limits = tuple(thresholds) or thresholds_of(version)
        about |= {"target_kind": "tags", "thresholds": limits}
    if kind in ("image", "text") and incoming.labels.dtype.kind == "f":
        form = table_manifest.read_target_format(version)
        about |= {"target_kind": "number", "target_format": form}
    specification: Any = Specification(**about)
    if kind in ("table", "item"):
        known = _READ_MANIFEST[kind](version)
        names = incoming.class_names
        specification = dataclasses.replace(
            known,
            class_names=names,
            is_ordered=is_ordered,
            thresholds=tuple(thresholds) or known.thresholds,
        )
    is_number = specification.target_kind == "number"
    labels = incoming.labels.astype("float32" if is_number else "int32")
    split = data.Split(x, labels, tuple(incoming.names))
    return data.Dataset(split, split, split, specification)


_READ_MANIFEST: dict[str, Callable[[Path], Any]] = {
    "table": table_manifest.read_table_manifest,
    "item": read_item_manifest,
}


def _reference(model, incoming, old, rule):
    """Measures what new rows are compared with from now on.

    That is the rows of today where enough of them have labels. They have been
    learned from, but those of the version before look different.
    """
    x, labels = _today(incoming, old)
    if len(labels) < 2:
        return None
    return Reference.measure(
        model,
        incoming.x,
        (x, labels),
        class_names=incoming.class_names,
        target_kind=kind_of(labels),
        rule=rule,
    )


def _own_reference(job, version, model, incoming, old):
    """Measures the same of a model that does not end in one dense layer."""
    x, labels = _today(incoming, old)
    if len(labels) < 2:
        return None
    dataset = dataset_of_new(version, incoming)
    names = ("",) * len(labels)
    held = data.Split(x, labels.astype(dataset.train.labels.dtype), names)
    dataset = dataclasses.replace(dataset, validation=held, test=held)
    return job.measure_reference(model, dataset)


def _today(incoming, old):
    """Returns new rows with labels, with old ones if these are few."""
    x, labels = incoming.labelled
    if old is not None and len(labels) < _REFERENCE_ROWS:
        x, labels = reading.join([old.held, (x, labels)])
    return x, labels


def no_run(model: keras.Model) -> Run:
    """Returns the run of a model that was not trained by `fit`."""
    return Run(
        model=model,
        history={log_keys.RATE: []},
        best_epoch=0,
        group_names=(),
        trained_groups=[],
        events=[],
        cache_events=[],
        stopped=None,
        seconds=0.0,
    )


def notes_of(
    version: Path, adapted: Adaptation, incoming: Incoming, doubt: str = ""
) -> Iterator[str]:
    """Yields what a report says of how a version came about.

    Args:
        version: path of the version that was adapted.
        adapted: `Adaptation`.
        incoming: `Incoming`.
        doubt: str. As of `OldRows`.
    """
    yield (
        f"Adapted from version {version.name} to {incoming.count} new rows by: "
        f"{', '.join(adapted.kept)}. The figures are those of old rows."
    )
    if adapted.verdict is not None:
        yield (
            f"Judged as {adapted.verdict.outcome}: {adapted.verdict.reason}."
        )
    if doubt:
        yield f"{OF_DOUBT} Received: {doubt}."


def record_of(
    version: Path,
    adapted: Adaptation,
    incoming: Incoming,
    old_rows: dict[str, Any] | None,
    shift: Shift | None,
) -> dict[str, Any]:
    """Returns what `adaptation.json` holds.

    Args:
        version: path of the version that was adapted.
        adapted: `Adaptation`.
        incoming: `Incoming`.
        old_rows: optional dict, what is said of old rows.
        shift: optional `Shift` that was answered.
    """
    told = _TOLD[kind_of(incoming.labels)]
    return {
        "from": int(version.name) if version.name.isdigit() else version.name,
        "created": datetime.datetime.now().isoformat(timespec="seconds"),
        "rows": {
            "what": list(incoming.what),
            "count": incoming.count,
            "labelled_count": incoming.labelled_count,
            **told(incoming.labels[incoming.are_known], incoming.class_names),
            "sum": incoming.sum,
            "names": list(incoming.names[:_MOST_NAMES]),
        },
        "old_rows": old_rows,
        "new_classes": list(incoming.new_classes),
        "kind": adapted.kind,
        "shift": shift and shift.to_json(),
        "attempts": [dataclasses.asdict(each) for each in adapted.attempts],
        "verdict": adapted.verdict and dataclasses.asdict(adapted.verdict),
        "thresholds": list(adapted.thresholds),
    }


def _told_classes(labels, names):
    counts = collections.Counter(names[label] for label in labels)
    return {"classes": dict(sorted(counts.items()))}


def _told_numbers(labels, names):
    del names
    if not len(labels):
        return {}
    figures = labels.mean(), labels.min(), labels.max()
    said = zip(("mean", "least", "most"), map(float, figures), strict=True)
    return {"numbers": dict(said)}


def _told_tags(labels, names):
    counts = map(int, labels.sum(axis=0))
    return {"tags": dict(zip(names, counts, strict=True))}


_TOLD: dict[str, Callable] = {
    "classes": _told_classes,
    "number": _told_numbers,
    "tags": _told_tags,
}
