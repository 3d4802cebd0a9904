"""Reads what a published model is adapted to, and says what came of it."""

import dataclasses
import pathlib
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import click

from aet_keras._progress import listening, report
from aet_keras.cli import _new_rows
from aet_keras.cli._adapted_ratings import adapt_to_ratings
from aet_keras.cli._copies import without_copies
from aet_keras.cli._display import ProgressBar
from aet_keras.cli._late_labels import check_classes, join_labels
from aet_keras.cli._truths import tags_of, true_numbers, truths
from aet_keras.drift.reference import Reference, load_reference
from aet_keras.errors import AetError
from aet_keras.publishing.candidates import earlier_records
from aet_keras.publishing.data_kind import check_one_answer, read_kind
from aet_keras.publishing.publication import check_writable, newest_version
from aet_keras.training import adapt_version as adapting
from aet_keras.training import old_rows
from aet_keras.training.incoming import Incoming

_OWNER = "adapt"
_COLUMNS = 80
_TAKES = ("item", "tags", "number")
_LABEL = "label"  # a column of the table of `--labels`


def adapt_rows(
    folder: pathlib.Path,
    what: Sequence[str],
    *,
    labels: str | None,
    labelled: bool,
    old: str | None,
    candidate_only: bool,
    forgets_at_most: float | None,
    seed: int | None,
    encoding: str | None,
    say: Callable[[str], None],
) -> str:
    """Adapts the newest version of a folder to rows of files.

    Args:
        folder: `saved_models/NAME`.
        what: files and folders of new rows.
        labels: optional str. A table of ids and labels.
        labelled: bool. Whether rows have their labels with them.
        old: optional str. Data of what the model knew.
        candidate_only: bool. Never to publish.
        forgets_at_most: optional float from 0 to 1.
        seed: optional int >= 0. Defaults to `0`.
        encoding: optional str, of files of texts or rows.
        say: function that is told what a person should know.

    Returns:
        str, the outcome of an `AdaptedVersion`.
    """
    version = newest_version(folder)
    check_one_answer(version, _OWNER, takes=_TAKES)
    kind = read_kind(version, _OWNER)
    _new_rows.check_each_once(_OWNER, what)
    check_writable(folder)
    if kind == "rating":
        given: dict[str, Any] = {
            "labels": labels,
            "labelled": labelled,
            "old": old,
            "candidate_only": candidate_only,
            "forgets_at_most": forgets_at_most,
            "encoding": encoding,
            "seed": seed,
        }
        rated, incoming = adapt_to_ratings(
            *(folder, version, what),
            settings=given,
            find_done=lambda rows: _done(folder, rows, say),
            say=_warn,
        )
        if isinstance(rated, str):
            return rated
        _tell(rated, incoming, folder, say)
        return rated.outcome
    reference = load_reference(version)
    model = _new_rows.load_model(version)
    reference.check_model(model)
    asked = _new_rows.Asked(
        _OWNER, version, model, what, encoding, labelled, _TAKES
    )
    _new_rows.check_encoding(asked, kind, labels)
    incoming = _incoming(asked, kind, labels, reference, say)
    done = _done(folder, incoming, say)
    if done is not None:
        return done
    bar = ProgressBar()
    try:
        with listening(bar):
            found = adapting.adapt_version(
                version,
                model,
                incoming,
                reference=reference,
                old=_old_rows(version, model, reference, old, say),
                is_candidate=candidate_only,
                forgets_at_most=forgets_at_most,
                seed=seed or 0,
            )
    finally:
        bar.close()
    _tell(found, incoming, folder, say)
    return found.outcome


def _incoming(asked, kind, labels, reference: Reference, say) -> Incoming:
    """Reads the new rows, and their labels where they are known."""
    rows = _new_rows.read_new_rows(asked)
    if labels is not None:
        found = join_labels(
            rows,
            labels,
            encoding=asked.encoding_of_files,
            say=_warn,
            read=lambda frame: truths(asked, frame, _LABEL, is_late=True),
        )
        rows = dataclasses.replace(rows, classes=found)
    rows = without_copies(asked, rows, kind)
    known = reference.class_names
    read = _READ_LABELS[reference.target_kind]
    numbers, names = read(asked, rows, known, say)
    return Incoming(
        rows.x, rows.names, numbers, names, len(known), asked.what, rows.texts
    )


def _classes(asked, rows, known, say):
    del asked
    check_classes(rows.classes, known, say)
    return adapting.numbered(rows.classes, known)


def _numbers(asked, rows, known, say):
    del known, say
    return true_numbers(asked, rows, has_unknown=True), ()


def _tags(asked, rows, known, say):
    del asked, say
    return tags_of(rows.classes, known), known


_READ_LABELS: dict[str, Callable] = {
    "classes": _classes,
    "number": _numbers,
    "tags": _tags,
}


def _old_rows(version, model, reference, source, say) -> Any:
    """Reads old rows; says so where there are none to judge by."""
    known = reference.class_names
    report("reading old rows")
    if source is not None:
        found = old_rows.read_other_rows(version, model, known, source)
        if found.doubt:
            said = f"{old_rows.OF_DOUBT} Received: {source}, {found.doubt}."
            say(wrapped(said))
        return found
    try:
        return old_rows.read_own_rows(version, model, known)
    except (AetError, OSError) as error:
        say(
            wrapped(
                "What the model forgets cannot be seen, because the data of "
                f"its recipe cannot be used: {error} Nothing will be "
                "published, but a candidate may be written. `--old DATA` "
                "names old data."
            )
        )
        return None


def _done(folder, incoming, say):
    """Returns the outcome where the same rows were adapted to before."""
    for path, record in earlier_records(folder):
        if record.get("rows", {}).get("sum") != incoming.sum:
            continue
        what = f"The same {incoming.count} rows were adapted to: {path}"
        if path.name.startswith("."):
            say(wrapped(f"{what}, which was taken back. Nothing was done."))
            return adapting.NOTHING
        if path.parent.name == "candidates":
            say(wrapped(f"{what}. To adapt to them again, remove it."))
            say(_advice(path))
            return adapting.CANDIDATE
        say(wrapped(f"{what}, the newest version. Nothing was done."))
        return adapting.PUBLISHED
    return None


def _tell(found, incoming, folder, say):
    known = incoming.labelled_count
    say(f"{incoming.count} new rows, {known} with a label.")
    if found.aside_count:
        say(
            f"{found.aside_count} of these are set aside, to calibrate sets on."
        )
    if found.shift is not None:
        say(f"\n{_shown(found.shift)}\n")
    say("\n".join(map(wrapped, found.adaptation.to_text().splitlines())))
    if found.path is None:
        say(wrapped(f"\nNothing was written: {found.reason}."))
    elif found.outcome == adapting.PUBLISHED:
        say(wrapped(f"\nPublished: {found.path}. It {found.reason[3:]}."))
        say(f"Taken back by: aet-keras export {folder} --roll-back")
    else:
        say(wrapped(f"\nCandidate: {found.path} ({found.reason})."))
        say(_advice(found.path))
    if found.sets:
        say(wrapped(found.sets))


def _shown(shift):
    lines = [shift.to_text().splitlines()[0], f"kind: {shift.kind}"]
    return "\n".join(map(wrapped, [*lines, *shift.notes]))


def _advice(path):
    return f"Accept it: aet-keras export {path} --accept"


def wrapped(sentence: str) -> str:
    """Returns a sentence in lines of at most 80 columns, its paths whole."""
    start = "\n" if sentence.startswith("\n") else ""
    return start + textwrap.fill(
        sentence.strip(),
        _COLUMNS,
        subsequent_indent="  ",
        replace_whitespace=False,
        break_on_hyphens=False,
        break_long_words=False,  # paths are copied from the screen
    )


def _warn(sentence):
    click.echo(sentence, err=True)
