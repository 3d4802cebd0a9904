"""Adapts a model to data that have changed, by what the change allows."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras._keras import graph, reading
from aet_keras._wording import counted
from aet_keras.drift.comparison import compare
from aet_keras.drift.gate import Verdict, share_to_forget
from aet_keras.drift.reference import Reference
from aet_keras.drift.target_kinds import KINDS as TARGET_KINDS
from aet_keras.drift.target_kinds import judge_of
from aet_keras.training._answers import ANSWERS
from aet_keras.training._given_rows import (
    old_without_copies,
    read_new,
    read_old,
    without_copies,
)
from aet_keras.training._known_outputs import KnownOutputs
from aet_keras.training._mixed_fit import Rows, Settings
from aet_keras.training._targets import ClassTarget, target_of
from aet_keras.training._trials import Attempt, Run

KINDS = ("none", "label", "input", "output", "classes", "unexplained")
_OF_CLASSES = ("label", "classes")
_OWNER = "adapt"


@dataclasses.dataclass(frozen=True)
class Adaptation:
    """Holds a model that was adapted, and all that was tried.

    `adapt` makes it.

    Args:
        model: the `keras.Model` that was given; with new classes, another
            one that shares its layers.
        kind: str. The kind of shift that was answered.
        attempts: tuple of `Attempt`, in the order in which they were tried.
        verdict: `Verdict` on labelled rows, or `None` without labels. On new
            rows it judges the remedy as learned from half of the labels, by
            the other half, a solved head also the other way round; the model
            has learned from all of them since. The same labels chose that
            remedy, and how far trained weights went back: the more different
            changes they have judged, the more confidence is asked for, so
            that of useless ones at most one in twenty passes. What
            is forgotten of old rows counts, but for the kind `"output"`:
            their labels are wrong now.
        reason: str. What came of it in a sentence.
        thresholds: tuple of floats, of tags: from which probability on a row
            is said to have each; empty of other targets.

    Example: see `adapt`.
    """

    model: keras.Model
    kind: str
    attempts: tuple[Attempt, ...]
    verdict: Verdict | None
    reason: str
    thresholds: tuple[float, ...] = ()

    @property
    def kept(self) -> tuple[str, ...]:
        """The remedies that the model has now."""
        return tuple(each.remedy for each in self.attempts if each.is_kept)

    def to_text(self) -> str:
        """Returns what was tried as a table, for 80 columns."""
        lines = ["remedy             before    after  measure      kept  why"]
        for each in self.attempts:
            before, after = map(each.shown, (each.before, each.after))
            kept = "yes" if each.is_kept else "no"
            lines.append(
                f"{each.remedy:<17}  {before:>6}   {after:>6}  "
                f"{each.measure:<11}  {kept:<4}  {each.reason}"
            )
        if self.verdict is not None:
            lines.append(f"{self.verdict.outcome}: {self.verdict.reason}")
        return "\n".join([*lines, self.reason])


def adapt(
    model: keras.Model,
    new: Any,
    labels: Any = None,
    *,
    old: tuple | None = None,
    shift: Any = None,
    reference: Reference | None = None,
    epochs: int = 15,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    forgets_at_most: float | None = None,
    target_kind: str | None = None,
    thresholds: Sequence[float] | None = None,
    class_weight: str | Sequence[float] | None = None,
    seed: int = 0,
) -> Adaptation:
    """Adapts a model to new rows, with labels or without.

    The kind of the shift says what is tried, cheapest first:

    - `"label"`, the classes have other frequencies: these are estimated, and
      folded into the head.
    - `"input"`, the rows look different: BatchNormalization is moved by the
      difference of new and old rows, and kept if the answers say more about
      the inputs and, with labels, no fewer are right. With labels, the head
      is solved then, on new rows or on new and old ones together, or all
      groups train, half of each batch on old rows;
      without the moved statistics, if old rows are forgotten with them. Of
      images a third is old and a third old ones that are made to look like
      new ones by their colours, their spectrum and their noise, if the model
      takes these for new ones.
    - `"output"`, labels mean something else: the head is solved on the new
      rows' features.
    - `"classes"`, labels name classes that the head does not have: it is
      widened, and the weights of its old classes stay.
    - `"unexplained"`: with labels, BatchNormalization, the head, all groups,
      and the head before all groups are tried. Without, nothing is.

    What learns from labels is tried on half of them and judged by the other
    half, a solved head also the other way round. Better is what has more
    right answers, by a standard error; a solved head also where it has as
    many and a lower loss. After a shift of inputs, a point forgotten beyond
    `forgets_at_most` weighs as much as a point gained. Else the best of those
    that forget no more is kept, or the best of all where that brings twice as
    much. It learns from all labels then. If none is better than the model
    was, that stays as it was. After a training weights go back towards the
    start as far as old rows ask for it.

    Models of a number and of tags learn from labels alone: the head is
    solved, by ridge or a logistic regression each, or all groups train. Of a
    number the bias alone is tried first, of tags the thresholds alone, of
    those that at least 10 labelled rows have. In the place of right answers
    stand the mean absolute error (MAE), whose gains are shares of it, and the
    mean F1 of a row's tags.

    Args:
        model: a functional or built Sequential `keras.Model` that puts out
            probabilities of classes, the logits of these (a last `Dense`
            without an activation), or by `Dense(1, "sigmoid")` the
            probability of the second of two; or one number, or by a sigmoid
            the probability of each tag. Its weights change in place;
            how it is compiled and which layers are frozen stay. Its
            BatchNormalization stays in inference mode.
        new: array, dict of arrays, `tf.data.Dataset` of batches or
            `keras.utils.PyDataset`: new rows. Data sets become arrays. Of
            equal images `(rows, height, width, channels)` one counts, with a
            label if one has it: a copy of what was learned proves nothing.
        labels: optional ints `(rows,)`, -1 where a class is not known, or
            one-hot rows; numbers, NaN where one is not known; or of tags 0
            and 1 `(rows, tags)`, -1 in all of a row that are not known.
            Learned from where there are at least 20. Defaults to those of a
            data set, if it has some.
        old: optional tuple `(x, y)` of old rows and their labels, or data
            set of such batches; best are some that the model was not trained
            on. A quarter of them, at most 500, is held out to see what is
            forgotten. Of equal images one counts, and none that is a new row
            with the same label.
        shift: optional str, one of the kinds above or `"none"`, or what has
            it as `kind` (`aet_keras.drift.compare` returns such a record).
            Defaults to `"classes"` if a label is new, else to what `compare`
            finds with `reference`, or `"unexplained"` without one.
        reference: optional `aet_keras.drift.Reference` of the model. Its rows
            calibrate the answers where `old` is not given; its `rule` says
            which class is answered, and judged.
        epochs: int >= 1. Passes over the labelled rows where groups train.
            Defaults to `15`.
        batch_size: int >= 2. Defaults to `32`.
        learning_rate: float > 0. Adam's for the head, warmed up and lowered
            along a cosine; groups have a share of it that follows from their
            fan-in, as in `policies.ThawTopThenAll`. Defaults to `1e-3`.
        forgets_at_most: optional float from 0 to 1. The accuracy, or F1, on
            old rows that may be lost, by the choice of a remedy and by the
            verdict; of a number the share by which the MAE may rise. Defaults
            to `0.02`, of a number to `0.05`.
        target_kind: `"classes"`, `"number"` or `"tags"`. Defaults to that of
            `reference`, or to `"classes"` without one.
        thresholds: optional sequence of floats from 0 to 1, of tags: from
            which probability on a row is said to have each. Defaults to 0.5.
        class_weight: optional `"balanced"`, of a classifier that was trained
            so: it is judged by balanced accuracy, and a head that is solved
            takes all classes for as frequent. Or a sequence of floats > 0,
            what it costs to miss a row of each class: what costs least is
            answered, and judged. Defaults to accuracy.
        seed: int >= 0. Of halves and batches. Defaults to `0`.

    Returns:
        `Adaptation`.

    Raises:
        ValueError: if labels do not fit, `shift` is no kind, or the model
            does not answer with probabilities of at least two classes, one
            number, or a probability of each tag.

    Cost:
        Without labels a few passes over the new rows; with them, one or two
        trainings of `epochs` passes over half of the labelled rows, and a
        third of that over all of them.

    Example:

    >>> random = np.random.default_rng(0)
    >>> x, y = random.normal(size=(200, 4)), np.arange(200) % 2
    >>> x[:, 0] += 4 * y
    >>> head = keras.layers.Dense(2, activation="softmax")
    >>> model = keras.Sequential([keras.Input((4,)), head])
    >>> adapted = aet_keras.adapt(model, x, y, shift="output")
    >>> adapted.kept, adapted.verdict.outcome
    (('head',), 'better')
    """
    settings = _settings(epochs, batch_size, learning_rate, seed)
    name = _target_kind(target_kind, reference)
    judge = judge_of(
        name,
        _checked_weight(name, class_weight),
        answers=None if reference is None else reference.answers,
    )
    forgets = share_to_forget(_OWNER, judge, forgets_at_most)
    new, labels = read_new(new, labels, judge)
    new, labels, copy_count, contrary = without_copies(new, labels, judge)
    rows = _labelled(new, labels, judge)
    _check_graph(model)
    target = target_of(judge, model, rows.y, thresholds)
    outputs = KnownOutputs(target)
    width = _width(target, outputs.probabilities(new))
    if not isinstance(class_weight, str | None) and len(class_weight) != width:
        raise ValueError(
            f"{_OWNER}: `class_weight` must be a cost for each class. "
            f"Received: {len(class_weight)} for {width} classes. Give as many."
        )
    old_rows: Rows | None = None
    if old is not None:
        old_rows, more = old_without_copies(read_old(old, judge), rows)
        copy_count += more
    for what, some in (("new", rows), ("old", old_rows)):
        if some is not None and len(some):
            target.check_labels(some.y, width, what)
    if shift is None and reference is not None:
        shift = _compared(model, reference, new, labels, rows, width)
    is_of_classes = judge.name == "classes"
    kind = _kind(shift, rows, width if is_of_classes else None)
    if kind == "classes" and isinstance(target, ClassTarget):
        target.twin.check_can_widen(_OWNER)
    run = Run(
        target, outputs, new, rows, old_rows, settings, forgets, reference
    )
    start = model.get_weights()
    try:
        reason = ANSWERS[kind](run)
        verdict = run.verdict(judges_old=kind != "output")
        adapted = target.adapted(run.result)
    except BaseException:
        model.set_weights(start)
        raise
    if copy_count:
        copies = counted(
            copy_count, "copy of an image is", "copies of images are"
        )
        reason += f"; {copies} left out: each counts once"
    if contrary:
        have = counted(contrary, "of them has", "of them have")
        reason += f"; {have} another label than the one that is kept"
    tried, limits = tuple(run.attempts), target.state or ()
    return Adaptation(adapted, kind, tried, verdict, reason, limits)


def _target_kind(given, reference):
    if given is not None:
        check.one_of(_OWNER, target_kind=given, among=tuple(TARGET_KINDS))
    if reference is None:
        return given or "classes"
    check.instance(_OWNER, of=Reference, reference=reference)
    if given not in (None, reference.target_kind):
        raise ValueError(
            f"{_OWNER}: `reference` must be of the same kind of target. "
            f"Received: target_kind={given!r}, and a reference of "
            f"{reference.target_kind!r}. Leave `target_kind` out."
        )
    return reference.target_kind


def _checked_weight(name, given):
    """Returns what classes weigh; a tuple, where these are costs."""
    if given is None:
        return None
    if name != "classes":
        raise ValueError(
            f"{_OWNER}: `class_weight` must go with classes. Received: "
            f"target_kind={name!r}. Leave it out."
        )
    if isinstance(given, str):
        return check.one_of(_OWNER, class_weight=given, among=("balanced",))
    return tuple(check.positive(_OWNER, class_weight=each) for each in given)


def _labelled(new, labels, judge):
    """Returns the rows whose labels are known; maybe none."""
    if labels is None:
        return Rows(reading.take(new, slice(0, 0)), np.zeros(0, "int64"))
    known = np.flatnonzero(judge.are_known(labels))
    return Rows(new, labels).take(known)


def _settings(epochs, batch_size, learning_rate, seed):
    return Settings(
        epochs=check.positive_int(_OWNER, epochs=epochs),
        batch_size=check.whole(_OWNER, least=2, batch_size=batch_size),
        learning_rate=check.positive(_OWNER, learning_rate=learning_rate),
        seed=check.whole(_OWNER, seed=seed),
    )


def _check_graph(model):
    if not graph.is_graph(model) or len(model.outputs) != 1:
        raise ValueError(
            f"{_OWNER}: the model must be functional or a built Sequential "
            "with one output, because parts of it are looked at. Received: "
            f"{check.shown(type(model).__name__)}. Build it with "
            "`keras.Model(inputs, outputs)`."
        )


def _width(target, answers):
    """Returns how many classes or tags a model knows, by its answers."""
    is_bad = ~np.isfinite(answers).reshape(len(answers), -1).all(axis=1)
    if is_bad.any():
        raise ValueError(
            f"{_OWNER}: the model must answer new rows with finite numbers, "
            f"because they are compared. Received: {is_bad.sum()} of "
            f"{len(answers)} rows with others, the first is row "
            f"{is_bad.argmax()}. Look for NaN in `new`, or leave rows out."
        )
    return target.width(answers)


def _compared(model, reference, new, labels, rows, width):
    """Returns what `compare` finds, or `None` where a class is new."""
    is_of_classes = reference.target_kind == "classes"
    if is_of_classes and len(rows) and rows.y.max() >= width:
        return None
    return compare(model, reference, new, labels)


def _kind(shift, rows, class_count):
    """Returns the kind of shift; `class_count` is `None` without classes."""
    is_known = class_count is None or not len(rows)
    has_new = not is_known and int(rows.y.max()) >= class_count
    if shift is None:
        return "classes" if has_new else "unexplained"
    kind = getattr(shift, "kind", shift)
    among = KINDS
    if class_count is None:
        among = tuple(each for each in KINDS if each not in _OF_CLASSES)
    check.one_of(_OWNER, shift=kind, among=among)
    if has_new != (kind == "classes"):
        raise ValueError(
            f"{_OWNER}: labels must name a new class if, and only if, the "
            f"shift is `classes`. Received: shift={kind!r}, and labels up to "
            f"{int(rows.y.max()) if len(rows) else None} for {class_count} "
            "classes. Leave `shift` out to have it follow from them."
        )
    return kind
