"""Decides whether a changed model is better, from rows with labels."""

import dataclasses
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras.drift.paired_gain import FARTHEST, PairedGain
from aet_keras.drift.target_kinds import KINDS, TargetKind
from aet_keras.evaluation.regression import shown

_OWNER = "judge_change"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Says whether a changed model may replace the old one.

    `judge_change` makes it.

    Args:
        outcome: `"better"`, `"not better"` or `"undecided"`.
        new: `PairedGain` on new rows.
        old: optional `PairedGain` on old rows.
        more_labels: optional int. How many more labelled new rows would
            decide, if shares stay as they are; `None` where that is decided,
            no number would do, or none is known.
        more_old_labels: optional int. The same for old rows.
        reason: str. The figures in a sentence.

    Example: see `judge_change`.
    """

    outcome: str
    new: PairedGain
    old: PairedGain | None
    more_labels: int | None
    more_old_labels: int | None
    reason: str

    @property
    def is_better(self) -> bool:
        """Whether the changed model has passed."""
        return self.outcome == "better"


def judge_change(
    labels: Any,
    before: Any,
    after: Any,
    *,
    old: tuple | None = None,
    forgets_at_most: float | None = None,
    chosen_from: int = 1,
    target_kind: str = "classes",
) -> Verdict:
    """Judges a changed model by its answers on rows with labels.

    It is better if, with a confidence of 95 % each, its accuracy on new rows
    is higher than before, and on old rows not lower by more than
    `forgets_at_most`. A number is judged by the mean absolute error (MAE),
    tags by the mean F1 of a row's tags, which is 1 where there are none and
    none is said. The rows must be those that nothing was learned on, nor
    chosen, but for what `chosen_from` counts. Judge once a set of labels: who
    looks again after each label will see a useless change pass in the end.

    Args:
        labels: ints `(rows,)`. The true classes of new rows; or floats
            `(rows,)`, numbers; or 0 and 1 `(rows, tags)`.
        before: the unchanged model's answers: ints `(rows,)`, or scores
            `(rows, classes)`, of which the highest is the answer; numbers; or
            0 and 1 `(rows, tags)`.
        after: the changed model's answers, likewise.
        old: optional tuple `(labels, before, after)` of old rows. Without
            it, what was forgotten is not judged.
        forgets_at_most: optional float from 0 to 1. The accuracy, or F1, on
            old rows that may be lost, by default `0.02`; of a number the
            share by which the MAE may rise, by default `0.05`.
        chosen_from: int >= 1. How many changes were judged by these rows,
            this one as the best of them: each could have passed by chance, so
            that so many times the confidence is asked for ([Bonferroni](
            https://en.wikipedia.org/wiki/Bonferroni_correction)). Defaults to
            `1`.
        target_kind: `"classes"`, `"number"` or `"tags"`. Defaults to
            `"classes"`.

    Returns:
        `Verdict`.

    Raises:
        ValueError: if there are no rows, or shapes do not fit.

    Example:

    >>> labels = np.zeros(100, int)
    >>> before = np.repeat([0, 1], [60, 40])
    >>> after = np.repeat([0, 1], [80, 20])
    >>> verdict = aet_keras.drift.judge_change(labels, before, after)
    >>> verdict.outcome, verdict.new.gain, round(verdict.new.low, 2)
    ('better', 0.2, 0.14)
    >>> aet_keras.drift.judge_change(labels[:10], [0] * 10, [0] * 10).outcome
    'undecided'

    Reference:
        The bounds are those of [Tango, 1998](
        https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C891::AID-SIM780%3E3.0.CO;2-B),
        the score interval of a difference of paired proportions. A gain must
        also be one by the exact test of [McNemar, 1947](
        https://doi.org/10.1007/BF02295996), since the score is too sure
        where few answers differ. Bounds of errors and of F1 are those of
        Student's t; a gain of these must also be one by chance signs of the
        rows' differences.
    """
    kind = KINDS[check.one_of(_OWNER, target_kind=target_kind, among=KINDS)]
    forgets = share_to_forget(_OWNER, kind, forgets_at_most)
    many = check.positive_int(_OWNER, chosen_from=chosen_from)
    rows = [(labels, before, after), *([] if old is None else [_three(old)])]
    gains = [_gain(kind, each, many) for each in rows]
    return judge_gains(*gains, forgets_at_most=forgets)


def share_to_forget(owner: str, kind: TargetKind, share: float | None) -> float:
    """Returns what may be forgotten: what was said, or else what is usual."""
    if share is None:
        return kind.forgets_at_most
    return check.ratio(owner, forgets_at_most=share)


def judge_gains(
    new: PairedGain,
    old: PairedGain | None = None,
    *,
    forgets_at_most: float,
) -> Verdict:
    """Judges a changed model by gains on new and old rows.

    Args:
        new: `PairedGain` on new rows.
        old: optional `PairedGain` on old rows.
        forgets_at_most: float from 0 to 1. What of a gain may be lost.
    """
    more = _more_labels(new)
    more_old = None if old is None else _more_old(old, forgets_at_most)
    is_worse = new.high <= 0
    has_forgotten = old is not None and -old.high > forgets_at_most
    proved = new.low > 0 and (old is None or -old.low <= forgets_at_most)
    if proved:
        outcome = "better"
    elif is_worse or has_forgotten:
        outcome = "not better"
    else:
        outcome = "undecided"
    reason = _sentence(new, old, forgets_at_most)
    return Verdict(outcome, new, old, more, more_old, reason)


def _gain(kind, rows, many):
    """Compares two models by their answers to the same rows."""
    labels, before, after = rows
    labels = kind.as_labels(_OWNER, labels)
    if not len(labels):
        raise ValueError(
            f"{_OWNER}: `labels` must have at least one row. Received: none. "
            "Give a label for each answer."
        )
    was = _READ[kind.name](labels, before=before)
    now = _READ[kind.name](labels, after=after)
    pair = kind.errors(was, labels), kind.errors(now, labels)
    return kind.gain(*pair, chosen_from=many)


def _three(old):
    if isinstance(old, tuple) and len(old) == 3:
        return old
    raise ValueError(
        f"{_OWNER}: `old` must be a tuple of three: labels, the answers "
        "before and the answers after. Received: "
        f"{check.shown(type(old).__name__)}."
    )


def _answers(labels, **named):
    ((name, given),) = named.items()
    given = np.asarray(given)
    is_scores = given.ndim == 2 and given.shape[1] > 1
    given = given.argmax(axis=1) if is_scores else given
    if given.shape != labels.shape:
        raise ValueError(
            f"{_OWNER}: `{name}` must hold an answer, or a row of scores of "
            "all classes, for each label. Received: shape "
            f"{np.shape(named[name])} for {len(labels)} labels. Of one column "
            "of probabilities, give `(p[:, 0] > 0.5)` as answers."
        )
    return given


def _as_labels(labels, **named):
    """Returns answers that have the form of their labels."""
    ((name, given),) = named.items()
    found = np.asarray(given)
    is_number = labels.ndim == 1
    if is_number and found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    is_right = found.dtype.kind in "biuf" and found.shape == labels.shape
    if is_right and not is_number:
        is_right = bool(np.isin(found, (0, 1)).all())
    if is_right and np.isfinite(found).all():
        return found if is_number else found > 0
    what = "a finite number" if is_number else "0 or 1 for each tag"
    raise ValueError(
        f"{_OWNER}: `{name}` must hold {what}, a row for each label. "
        f"Received: {found.dtype} of the shape {found.shape} for labels of "
        f"the shape {labels.shape}."
    )


_READ = {"classes": _answers, "number": _as_labels, "tags": _as_labels}


def _more_labels(new):
    if new.low > 0 or new.high <= 0 or new.gain <= 0:
        return None
    return new.more_rows(lambda grown: grown.low > 0, new.gain)


def _more_old(old, most):
    left = most + old.gain
    if -old.low <= most or left <= 0:
        return None
    return old.more_rows(lambda grown: -grown.low <= most, left)


def _sentence(new, old, forgets_at_most):
    text = f"new rows: {_figures(new)}, {new.count} labels"
    if new.chosen_from > 1:
        text += f", the best of {new.chosen_from}"
    if old is None:
        return f"{text}; old rows: not judged"
    return (
        f"{text}; old rows: {_figures(old)}, {old.count} labels, "
        f"{-forgets_at_most:+.3f} allowed"
    )


_SPELLED = {
    "balanced": "balanced accuracy",
    "weighted": "accuracy weighted by costs",
}


def _figures(found):
    gain = f"{found.gain:+.3f} ({found.low:+.3f} to {found.high:+.3f})"
    if found.measure == "accuracy":
        return gain
    if found.measure != "MAE":
        return f"{_SPELLED.get(found.measure, found.measure)} {gain}"
    change = f"{found.measure} {shown(found.before)} to {shown(found.after)}"
    if found.gain <= -FARTHEST:  # no share of an error of 0
        return change
    if found.low <= -FARTHEST:
        return (
            f"{change}, a share of {found.gain:+.3f} is gone (too few to say "
            "within which bounds)"
        )
    return f"{change}, a share of {gain} is gone"
