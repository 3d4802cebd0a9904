"""Decides whether a changed model is better, from rows with labels."""

import dataclasses
import math
from typing import Any

import numpy as np
from scipy import optimize, stats

from aet_keras import _check as check

_OWNER = "judge_change"
_ERROR = 0.05  # one-sided
_MOST_LABELS = 1_000_000


@dataclasses.dataclass(frozen=True)
class PairedGain:
    """Holds how much more often one model is right than another.

    `judge_change` makes it. Both answered the same rows, so that only rows
    count of which one is right and the other wrong.

    Args:
        gain: float from -1 to 1. Accuracy after less accuracy before.
        low: float. The gain is above it with a confidence of 95 %; with
            more, where the change is the best of several.
        high: float. The gain is below it, likewise.
        gained_count: int. Rows that were wrong and are right now.
        lost_count: int. Rows that were right and are wrong now.
        count: int. Rows in all.
        chosen_from: int >= 1. Of how many changes this is the best.

    Example:

    >>> from aet_keras.drift.gate import PairedGain
    >>> PairedGain(0.08, 0.01, 0.14, 12, 4, 100).gained_count
    12
    """

    gain: float
    low: float
    high: float
    gained_count: int
    lost_count: int
    count: int
    chosen_from: int = 1


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
            or no number would do.
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
    forgets_at_most: float = 0.02,
    chosen_from: int = 1,
) -> Verdict:
    """Judges a changed model by its answers on rows with labels.

    It is better if, with a confidence of 95 % each, its accuracy on new rows
    is higher than before, and on old rows not lower by more than
    `forgets_at_most`. The rows must be those that nothing was learned on, nor
    chosen, but for what `chosen_from` counts. Judge once a set of labels: who
    looks again after each label will see a useless change pass in the end.

    Args:
        labels: ints `(rows,)`. The true classes of new rows.
        before: the unchanged model's answers: ints `(rows,)`, or scores
            `(rows, classes)`, of which the highest is the answer.
        after: the changed model's answers, likewise.
        old: optional tuple `(labels, before, after)` of old rows. Without
            it, what was forgotten is not judged.
        forgets_at_most: float from 0 to 1. The accuracy on old rows that may
            be lost. Defaults to `0.02`.
        chosen_from: int >= 1. How many changes were judged by these rows,
            this one as the best of them: each could have passed by chance, so
            that so many times the confidence is asked for ([Bonferroni](
            https://en.wikipedia.org/wiki/Bonferroni_correction)). Defaults to
            `1`.

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
        where few answers differ.
    """
    check.ratio(_OWNER, forgets_at_most=forgets_at_most)
    many = check.positive_int(_OWNER, chosen_from=chosen_from)
    return judge_gains(
        compare_answers(labels, before, after, chosen_from=many),
        None
        if old is None
        else compare_answers(*_three(old), chosen_from=many),
        forgets_at_most=forgets_at_most,
    )


def judge_gains(
    new: PairedGain,
    old: PairedGain | None = None,
    *,
    forgets_at_most: float = 0.02,
) -> Verdict:
    """Judges a changed model by gains on new and old rows.

    Args:
        new: `PairedGain` on new rows.
        old: optional `PairedGain` on old rows.
        forgets_at_most: float from 0 to 1. As of `judge_change`.
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


def paired_gain(
    gained: int, lost: int, count: int, chosen_from: int = 1
) -> PairedGain:
    """Returns the gain and its bounds, from the rows that differ.

    Args:
        gained: int >= 0. Rows that are right now and were wrong.
        lost: int >= 0. The other way round.
        count: int >= 1. Rows in all.
        chosen_from: int >= 1. As of `judge_change`.
    """
    error = _ERROR / chosen_from
    low = _bound(gained, lost, count, error)
    if low > 0:  # the exact test must say the same, and bounds it from above
        low = min(low, _exact_bound(gained, lost, count, error))
    high = -_bound(lost, gained, count, error)
    gain = (gained - lost) / count
    return PairedGain(gain, low, high, gained, lost, count, chosen_from)


def compare_answers(
    labels: Any, before: Any, after: Any, *, chosen_from: int = 1
) -> PairedGain:
    """Compares two models by their answers to the same rows.

    Args:
        labels: ints `(rows,)`. The true classes.
        before: the unchanged model's answers, as of `judge_change`.
        after: the changed model's answers, likewise.
        chosen_from: int >= 1. As of `judge_change`.

    Raises:
        ValueError: if there are no rows, or shapes do not fit.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not len(labels) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{_OWNER}: `labels` must be ints, one a row, at least one. "
            f"Received: {labels.dtype} of shape {labels.shape}."
        )
    was = _answers(labels, before=before) == labels
    now = _answers(labels, after=after) == labels
    gained, lost = int((now & ~was).sum()), int((was & ~now).sum())
    return paired_gain(gained, lost, len(labels), chosen_from)


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
    given = given.argmax(axis=1) if given.ndim == 2 else given
    if given.shape != labels.shape:
        raise ValueError(
            f"{_OWNER}: `{name}` must hold an answer, or a row of scores, for "
            f"each label. Received: shape {np.shape(named[name])} for "
            f"{len(labels)} labels."
        )
    return given


def _bound(gained, lost, count, error):
    """Returns the lower bound by Tango's score."""
    asked = float(stats.norm.ppf(1 - error))  # 1.645 for one change
    gain = (gained - lost) / count
    if gain <= -1:
        return -1.0

    def excess(difference):
        return _score(difference, gained, lost, count) - asked

    return float(optimize.brentq(excess, -1 + 1e-12, gain, xtol=1e-9))


def _score(difference, gained, lost, count):
    """How many standard errors the gain is above a supposed difference.

    The error is that of the most likely shares which differ by so much.
    """
    above = gained - lost - count * difference
    if above == 0:
        return 0.0
    a = 2 * count
    b = (2 * count - gained + lost) * difference - gained - lost
    c = -lost * difference * (1 - difference)
    share = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = count * (2 * share + difference * (1 - difference))
    return above / math.sqrt(max(variance, 1e-300))


def _exact_bound(gained, lost, count, error):
    """Returns the lower bound, given how many answers differ.

    It is above 0 exactly where McNemar's exact test rejects.
    """
    share = stats.beta.ppf(error, gained, lost + 1)
    return float((gained + lost) / count * (2 * share - 1))


def _more_labels(new):
    if new.low > 0 or new.high <= 0 or new.gain <= 0:
        return None
    return _more(new, lambda grown: grown.low > 0, new.gain)


def _more_old(old, most):
    left = most + old.gain
    if -old.low <= most or left <= 0:
        return None
    return _more(old, lambda grown: -grown.low <= most, left)


def _more(found, is_decided, distance):
    """Returns how many more labels decide if shares stay as they are.

    About z^2 d / x^2 in all, with d the share of answers that differ and x
    the distance to be proved; more where the counts are small.
    """
    differ = (found.gained_count + found.lost_count) / found.count
    many, asked = found.chosen_from, stats.norm.ppf(_ERROR / found.chosen_from)
    wanted = max(found.count + 1, float(asked) ** 2 * differ / distance**2)
    while wanted < _MOST_LABELS:
        growth = wanted / found.count
        counts = (found.gained_count, found.lost_count, found.count)
        grown = (round(growth * each) for each in counts)
        if is_decided(paired_gain(*grown, many)):
            return math.ceil(wanted) - found.count
        wanted *= 1.05
    return None


def _sentence(new, old, forgets_at_most):
    text = (
        f"new rows: {new.gain:+.3f} ({new.low:+.3f} to {new.high:+.3f}), "
        f"{new.count} labels"
    )
    if new.chosen_from > 1:
        text += f", the best of {new.chosen_from}"
    if old is None:
        return f"{text}; old rows: not judged"
    return (
        f"{text}; old rows: {old.gain:+.3f} ({old.low:+.3f} to "
        f"{old.high:+.3f}), {old.count} labels, {-forgets_at_most:+.3f} allowed"
    )
