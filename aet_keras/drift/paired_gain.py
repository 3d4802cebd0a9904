"""Measures how much better a changed model answers, on the same rows."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
from scipy import optimize, stats

ERROR = 0.05  # one-sided
_MOST_LABELS = 1_000_000
_FLIPS, _SEED = 4000, 0
_DRAWS = 20_000  # so that a count of looks is off by some hundredths
_ROUNDED = 0.1
_MOST_SIGNS = 4_000_000  # at once: of many rows all would fill the memory
FARTHEST = 1000.0  # a share that stands for every one beyond it


@dataclasses.dataclass(frozen=True)
class PairedGain:
    """Holds how much better one model answers than another.

    `judge_change` makes it. Both answered the same rows, so that of classes
    only rows count of which one is right and the other wrong.

    Args:
        gain: float, at most 1. Accuracy after less accuracy before, or that
            of the F1 of a row's tags; of a number the share of the mean
            absolute error that is gone.
        low: float. The gain is above it with a confidence of 95 %; with
            more, where the change is the best of several.
        high: float. The gain is below it, likewise.
        gained_count: int. Rows that were wrong and are right now, or nearer
            to the truth.
        lost_count: int. Rows that were right and are wrong now, or farther.
        count: int. Rows in all.
        chosen_from: int >= 1. Of how many changes this is the best; those
            that are alike count as fewer.
        measure: str. `"accuracy"`, `"balanced"` accuracy, `"weighted"` by
            costs, `"MAE"` or `"F1"`.
        before: optional float. The measure before; of a number in its unit.
        after: optional float. The measure after, likewise.
        spread: optional float. The standard deviation of what a row gains;
            `None` of answers that are right or wrong.

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
    measure: str = "accuracy"
    before: float | None = None
    after: float | None = None
    spread: float | None = None

    def grown_to(self, count: int) -> "PairedGain":
        """Returns what so many rows would show, if shares stay as they are."""
        if self.spread is None:
            growth = count / self.count
            return paired_gain(
                round(growth * self.gained_count),
                round(growth * self.lost_count),
                round(growth * self.count),
                self.chosen_from,
            )
        off = _quantile(count, self.chosen_from) * self.spread
        off /= math.sqrt(count)
        ends = {"low": self.gain - off, "high": self.gain + off}
        return dataclasses.replace(self, count=count, **ends)

    def more_rows(
        self, is_decided: Callable[["PairedGain"], bool], distance: float
    ) -> int | None:
        """Returns how many more rows decide, if shares stay as they are.

        About z^2 v / x^2 in all, with v the variance of what a row gains (of
        classes the share of answers that differ) and x the distance to be
        proved; more where the counts are small. `None` where no number is
        known: what so few rows show may be chance, whatever its spread.

        Args:
            is_decided: of the gain that so many rows would show.
            distance: float > 0. What is to be proved.
        """
        variance = (self.gained_count + self.lost_count) / self.count
        if self.spread is not None:
            variance = self.spread**2
        if is_decided(self.grown_to(self.count)):
            return None  # chance signs held it down: they ask for other rows
        asked = float(stats.norm.ppf(ERROR / self.chosen_from))
        wanted = max(self.count + 1, asked**2 * variance / distance**2)
        while wanted < _MOST_LABELS:
            if is_decided(self.grown_to(round(wanted))):
                return math.ceil(wanted) - self.count
            wanted *= 1.05
        return None


def paired_gain(
    gained: int, lost: int, count: int, chosen_from: int = 1
) -> PairedGain:
    """Returns the gain of right answers and its bounds, from what differs.

    Args:
        gained: int >= 0. Rows that are right now and were wrong.
        lost: int >= 0. The other way round.
        count: int >= 1. Rows in all.
        chosen_from: int >= 1. As of `judge_change`.
    """
    error = ERROR / chosen_from
    low = _bound(gained, lost, count, error)
    if low > 0:  # the exact test must say the same, and bounds it from above
        low = min(low, _exact_bound(gained, lost, count, error))
    high = -_bound(lost, gained, count, error)
    gain = (gained - lost) / count
    return PairedGain(gain, low, high, gained, lost, count, chosen_from)


def count_looks(differences: np.ndarray) -> int:
    """Returns as how many changes several count that the same rows judged.

    Changes that are much alike could not each pass by a chance of its own:
    they count as fewer. That is the number for which the least p value of so
    many useless changes, as alike as these, is below its share of 0.05 in one
    case of twenty, rounded up.

    Args:
        differences: floats `(changes, rows)`. How much less wrong each change
            makes each row; 0 of rows that did not judge it.

    Returns:
        int, from 1 to the number of changes that changed anything.

    Example:

    Four equal changes are one:

    >>> from aet_keras.drift.paired_gain import count_looks
    >>> signs = np.where(np.arange(40) % 3, 1.0, -1.0)
    >>> count_looks(np.tile(signs, (4, 1)))
    1

    Reference:
        The least of dependent p values: Westfall and Young, Resampling-Based
        Multiple Testing, 1993. Differs: sums of many rows are drawn from the
        normal distribution that has their correlations, not from resampled
        rows.
    """
    lengths = np.sqrt(np.square(differences).sum(axis=1))
    units = differences[lengths > 0] / lengths[lengths > 0, None]
    if len(units) < 2:
        return 1
    values, vectors = np.linalg.eigh(units @ units.T)
    mix = vectors * np.sqrt(np.maximum(values, 0))
    random = np.random.default_rng(_SEED)
    best = (random.normal(size=(_DRAWS, len(units))) @ mix.T).max(axis=1)
    asked = np.quantile(best, 1 - ERROR)
    many = ERROR / float(stats.norm.sf(asked))
    return min(len(units), max(1, math.ceil(many - _ROUNDED)))


def gain_of_shares(
    before: np.ndarray, after: np.ndarray, *, measure: str, chosen_from: int = 1
) -> PairedGain:
    """Returns the gain of rows that are right by a share, or weigh unlike.

    The bounds are those of Student's t of the differences, with two more
    rows, one of which is wholly gained and one lost: where few rows differ,
    their spread is too small by chance.

    Args:
        before: floats >= 0, `(rows,)`. How wrong each answer was; the mean is
            at most 1.
        after: floats, likewise now.
        measure: str. What is measured, as of `PairedGain`.
        chosen_from: int >= 1. As of `judge_change`.

    Reference:
        [Agresti and Min, 2005](https://doi.org/10.1002/sim.1781), who add
        rows so to paired proportions.
    """
    differences = before - after
    count, gain = len(differences), float(differences.mean())
    largest = max(1.0, float(before.max()), float(after.max()))
    squares = np.square(differences - gain).sum() + 2 * largest**2
    spread = math.sqrt(squares / max(1, count - 1))
    off = _quantile(count, chosen_from) * spread / math.sqrt(count)
    low = _held_down(gain - off, differences, chosen_from)
    gained, lost = _counts(differences)
    return PairedGain(
        gain,
        low,
        gain + off,
        gained,
        lost,
        count,
        chosen_from,
        measure,
        float(1 - before.mean()),
        float(1 - after.mean()),
        spread,
    )


def gain_of_errors(
    before: np.ndarray, after: np.ndarray, *, measure: str, chosen_from: int = 1
) -> PairedGain:
    """Returns the share of the mean absolute error that is gone.

    Two absolute errors of a row differ by what the answers differ by, at
    most, so that no single row decides, whatever tails the errors have:
    that is not so of squared ones. A bound is the share at which Student's t
    of the rows' differences from it is what chance allows.

    Args:
        before: floats `(rows,)`. How far each answer was off.
        after: floats, likewise now.
        measure: str. As of `PairedGain`.
        chosen_from: int >= 1. As of `judge_change`.

    Reference:
        [Fieller, 1954](https://www.jstor.org/stable/2984043), of the bounds
        of a ratio.
    """
    count, was, now = len(before), float(before.mean()), float(after.mean())
    gain = _share_gone(was, now)
    asked = _quantile(count, chosen_from)

    def certainty(share):
        return _t((1 - share) * before - after)

    low = high = gain
    if was > 0 and count > 1:
        low = _root(lambda share: certainty(share) - asked, -FARTHEST, gain)
        high = _root(lambda share: certainty(share) + asked, gain, 1.0)
    elif count < 2:
        low, high = -FARTHEST, 1.0
    rest = (1 - gain) * before - after
    spread = float(rest.std(ddof=1)) / was if was > 0 and count > 1 else 0.0
    differences = before - after
    gained, lost = _counts(differences)
    return PairedGain(
        gain,
        _held_down(low, differences, chosen_from),
        high,
        gained,
        lost,
        count,
        chosen_from,
        measure,
        was,
        now,
        spread,
    )


def _share_gone(was, now):
    if was > 0:
        return max(-FARTHEST, 1 - now / was)
    return 0.0 if now == 0 else -FARTHEST


def _root(excess, low, high):
    """Returns where a falling function is 0; the far end if nowhere."""
    if excess(low) <= 0:
        return low
    if excess(high) >= 0:
        return high
    return float(optimize.brentq(excess, low, high, xtol=1e-9))


def _t(differences):
    """Returns the mean in standard errors."""
    spread = differences.std(ddof=1)
    mean = differences.mean()
    if spread <= 1e-12 * np.abs(differences).max():
        return math.copysign(math.inf, mean) if mean else 0.0
    return float(mean / spread * math.sqrt(len(differences)))


def _quantile(count, chosen_from):
    return float(stats.t.ppf(1 - ERROR / chosen_from, max(1, count - 1)))


def _counts(differences):
    return int((differences > 0).sum()), int((differences < 0).sum())


def _held_down(low, differences, chosen_from):
    """Returns a bound of 0 at most, unless chance signs say it is a gain.

    Were the change useless, each row's difference could as well have the
    other sign: of all draws of signs few may have a sum as large.
    """
    if low <= 0:
        return low
    random = np.random.default_rng(_SEED)
    differ = differences[differences != 0]
    least = differ.sum() - 1e-9 * np.abs(differ).sum()
    at_once, as_large = max(1, _MOST_SIGNS // max(1, len(differ))), 0
    for begin in range(0, _FLIPS, at_once):
        shape = min(at_once, _FLIPS - begin), len(differ)
        signs = random.integers(0, 2, shape, dtype="int8")
        as_large += int(((2.0 * signs - 1) @ differ >= least).sum())
    p = (1 + as_large) / (1 + _FLIPS)
    return low if p <= ERROR / chosen_from else 0.0


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
