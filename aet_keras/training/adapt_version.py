"""Adapts a published model to new rows, and publishes what is proved better."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from aet_keras._progress import report
from aet_keras.drift.comparison import compare, compare_outputs
from aet_keras.drift.gate import Verdict, judge_gains, share_to_forget
from aet_keras.drift.reference import Reference
from aet_keras.drift.row_batches import UNKNOWN
from aet_keras.drift.shift import Shift
from aet_keras.drift.target_kinds import judge_of
from aet_keras.export.item_model import read_item_manifest
from aet_keras.export.table_manifest import read_table_manifest
from aet_keras.export.table_model import called_from
from aet_keras.publishing.candidates import write_candidate
from aet_keras.publishing.data_kind import read_kind
from aet_keras.publishing.publication import NotNewest, publish_after
from aet_keras.recipes.kinds import load_recipe
from aet_keras.training._views import view_of
from aet_keras.training.adapt import Adaptation, adapt
from aet_keras.training.adapted_files import thresholds_of, write_adapted
from aet_keras.training.incoming import Incoming
from aet_keras.training.item_outputs import read_item_outputs
from aet_keras.training.kept_sets import read_guarantee, set_aside
from aet_keras.training.old_rows import OldRows

PUBLISHED, CANDIDATE, NOTHING = "published", "candidate", "nothing"
_OWNER = "adapt"
_OTHER_MEANING = "output"  # a kind of shift
_SUPERSEDED = (
    "it is better than version {}, but that is not the newest any more: "
    "another command has published, or taken it back"
)


@dataclasses.dataclass(frozen=True, eq=False)
class AdaptedVersion:
    """Holds what came of adapting a published model.

    Args:
        shift: `Shift`, how the new rows differ; `None` of ratings.
        adaptation: `Adaptation`, its verdict by rows that nothing was learned
            from.
        outcome: `"published"`, `"candidate"` or `"nothing"`.
        path: path of the version or candidate; None if nothing was written.
        reason: str. Why, in a sentence.
        sets: str. Whether it answers with sets, as the version before does;
            empty where that does not, or nothing was written.
        aside_count: int. How many new rows with labels it has not seen, so
            that they calibrate its sets.
    """

    shift: Shift | None
    adaptation: Adaptation
    outcome: str
    path: Path | None
    reason: str
    sets: str = ""
    aside_count: int = 0


def adapt_version(
    version: Path,
    model: keras.Model,
    incoming: Incoming,
    *,
    reference: Reference,
    old: OldRows | None,
    is_candidate: bool = False,
    forgets_at_most: float | None = None,
    seed: int = 0,
) -> AdaptedVersion:
    """Adapts a published model, and publishes it if it is proved better.

    Published is what labels prove to be better on new rows, and not to forget
    more than is allowed on old validation rows. Where labels mean something
    else now, old rows prove nothing. What is not proved is written as a
    candidate, which is not served; what is worse, or the same, is not written
    at all. What was proved of a version that is not the newest any more, since
    another command has published or taken it back, is a candidate, too.

    Args:
        version: path of the version.
        model: its `keras.Model`; it may change in place.
        incoming: `Incoming`, the new rows.
        reference: `Reference` of the version.
        old: optional `OldRows`. Without them nothing is published.
        is_candidate: bool. Never to publish.
        forgets_at_most: optional float from 0 to 1. As of
            `aet_keras.adapt`.
        seed: int >= 0. As of `aet_keras.adapt`.

    Returns:
        `AdaptedVersion`.

    Raises:
        ExportError: if nothing can be written.
        ValueError: if the reference is of another model, or an argument out
            of its range.

    Example: see `aet_keras/cli/adapt.py`.
    """
    given = incoming
    aside = set_aside(read_guarantee(version), given.labels, seed=seed)
    incoming = given.take(~aside)
    labels = incoming.labels if incoming.is_labelled else None
    report("comparing new rows with the reference")
    data_kind = read_kind(version, _OWNER)
    known = _known(incoming, reference)
    if data_kind == "item":
        shift = _compared_items(version, model, reference, incoming.x, known)
    else:
        shift = compare(model, reference, incoming.x, known)
    cares_for = None
    if reference.target_kind == "classes":
        cares_for = _cares_for(version)
    kind = judge_of(reference.target_kind, cares_for, answers=reference.answers)
    forgets_at_most = share_to_forget(_OWNER, kind, forgets_at_most)
    limits = thresholds_of(version) if kind.name == "tags" else None
    view = view_of(data_kind, model)
    before = None if old is None else view.errors(old.held, kind, limits)
    report("trying what may help")
    adapted = adapt(
        view.model,
        view.inputs(incoming.x),
        labels,
        old=None if old is None else view.pair(old.learned),
        shift="classes" if incoming.new_classes else shift,
        reference=reference,
        forgets_at_most=forgets_at_most,
        thresholds=limits,
        class_weight=cares_for,
        seed=seed,
    )
    result = view.taken(adapted.model)
    if old is not None:
        old = old.with_answers(incoming.class_names, adapted.thresholds)
        after = view_of(data_kind, result).errors(
            old.held, kind, adapted.thresholds
        )
        kept = kind.gain(np.asarray(before), after)
        verdict = _judged(adapted, kept, forgets_at_most)
        adapted = dataclasses.replace(adapted, verdict=verdict)
    adapted = dataclasses.replace(adapted, model=result)
    outcome, reason = outcome_of(adapted, old, is_candidate)
    count = int(aside.sum())
    found = AdaptedVersion(
        shift, adapted, outcome, None, reason, aside_count=count
    )
    if outcome == NOTHING:
        return found

    def write(directory, outcome, reason):
        kept = write_adapted(
            directory,
            version,
            adapted,
            given,
            old,
            aside=aside,
            shift=shift,
            outcome=outcome,
            why=reason,
        )
        return kept.sentence

    return put(version, found, write)


def put(
    version: Path, found: AdaptedVersion, write: Callable[[Path, str, str], str]
) -> AdaptedVersion:
    """Publishes what was adapted, or writes it as a candidate.

    Args:
        version: path of the version that was adapted.
        found: `AdaptedVersion`, its outcome one of these two.
        write: of an empty directory, the outcome and the reason; fills it,
            and returns what is to be said of its sets.

    Returns:
        `AdaptedVersion`, with the path; a candidate, if another command has
        published meanwhile.
    """
    sets: list[str] = []

    def write_as(outcome, reason):
        def fill(directory):
            report("writing the SavedModel, and comparing it")
            sets.append(write(directory, outcome, reason))

        return fill

    outcome, reason, path = found.outcome, found.reason, None
    if outcome == PUBLISHED:
        try:
            path = publish_after(version, write_as(outcome, reason))
        except NotNewest:
            outcome, reason = CANDIDATE, _SUPERSEDED.format(version.name)
    if path is None:
        path = write_candidate(version.parent, write_as(outcome, reason))
    return dataclasses.replace(
        found, outcome=outcome, path=path, reason=reason, sets=sets[-1]
    )


def _cares_for(version):
    """Returns what a version was told that its classes weigh, or None."""
    recipe = load_recipe(version / "recipe.json")
    if getattr(recipe, "class_weight", None) is not None:
        return "balanced"
    if read_kind(version, _OWNER) != "table":
        return None
    specification = read_table_manifest(version)
    if called_from(specification) is None:
        return None
    costs = [specification.cost_false_positive] * 2
    costs[specification.positive_index] = specification.cost_false_negative
    return tuple(costs)


def _compared_items(version, model, reference, items, labels):
    specification = read_item_manifest(version)
    outputs = read_item_outputs(
        model, items, labels, specification=specification
    )
    return compare_outputs(reference, outputs)


def _known(incoming, reference):
    """Returns labels to compare by; a new class counts as wrong."""
    if not incoming.is_labelled:
        return None
    if reference.target_kind != "classes":
        return incoming.labels
    return np.minimum(incoming.labels, reference.class_count)


def _judged(adapted: Adaptation, kept, forgets_at_most) -> Verdict | None:
    """Judges again, with old rows that the model was never trained on."""
    if adapted.verdict is None:
        return None
    if adapted.kind == _OTHER_MEANING:
        kept = None  # their labels mean what they do not mean any more
    return judge_gains(
        adapted.verdict.new, kept, forgets_at_most=forgets_at_most
    )


def outcome_of(
    adapted: Adaptation, old: Any, is_candidate: bool
) -> tuple[str, str]:
    """Says what becomes of an adapted model, and why.

    Args:
        adapted: `Adaptation`.
        old: what old rows were judged by; `None` without any.
        is_candidate: bool. Never to publish.
    """
    verdict = adapted.verdict
    if not adapted.kept:
        return NOTHING, "nothing was kept, so nothing is written"
    if verdict is None:
        return CANDIDATE, "without labels it is not proved to be better"
    if verdict.outcome == "not better":
        return NOTHING, "it is not better, so nothing is written"
    if verdict.outcome == "undecided":
        return CANDIDATE, f"undecided{_missing(verdict)}"
    if old is None:
        return CANDIDATE, "without old rows it is not known what it forgot"
    if adapted.kind == _OTHER_MEANING:
        return CANDIDATE, "labels mean something else now than in old rows"
    if is_candidate:
        return CANDIDATE, "it is better; a candidate was asked for"
    return (
        PUBLISHED,
        "it is better on new rows, and forgets no more than is allowed",
    )


def _missing(verdict):
    counts = [
        f"{count} more labels of {what} rows"
        for what, count in (
            ("new", verdict.more_labels),
            ("old", verdict.more_old_labels),
        )
        if count is not None
    ]
    return f": about {' and '.join(counts)} would decide" if counts else ""


def numbered(
    classes: Sequence[str], known: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns the numbers of classes, and the names of all classes.

    Args:
        classes: sequence of str, one a row, `""` where it is not known.
        known: sequence of str, the classes of the model in their order. New
            ones come behind them, in the order of the alphabet.

    Returns:
        int64 array `(rows,)`, -1 where the class is not known, and a tuple.

    Example:

    >>> from aet_keras.training import adapt_version
    >>> adapt_version.numbered(["b", "", "c"], ["a", "b"])
    (array([ 1, -1,  2]), ('a', 'b', 'c'))
    """
    new = sorted(set(classes) - set(known) - {""})
    names = (*known, *new)
    numbers = {name: i for i, name in enumerate(names)} | {"": UNKNOWN}
    return np.array([numbers[each] for each in classes], "int64"), names
