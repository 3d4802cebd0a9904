"""Holds the limit of sets and intervals, and how many rows it needs."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import betaincinv

from aet_keras.evaluation.answer_rule import AnswerRule

MOST = 0.999
SLACK = 1e-6  # a server rounds in another way; sets only become wider by it


def needed_rows(coverage: float) -> int:
    """Returns how many rows are needed to calibrate to a coverage.

    With n rows the limit is the score of rank ceil((n + 1) * coverage), and
    there must be one of that rank.

    Args:
        coverage: float above 0, at most 0.999.

    Example:

    >>> from aet_keras.evaluation.guarantee import needed_rows
    >>> needed_rows(0.9), needed_rows(0.99)
    (9, 99)
    """
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def check_rows(owner: str, coverage: float, count: int, *, advice: str) -> None:
    """Raises a `ValueError` if there are too few rows to calibrate on.

    Args:
        owner: str. Who asks.
        coverage: float above 0, at most 0.999.
        count: int. How many rows there are, of tags how many that have one.
        advice: str. What to do, as sentences.
    """
    needed = needed_rows(coverage)
    if count < needed:
        raise ValueError(
            f"{owner}: for a coverage of {coverage:g} there must be at least "
            f"{needed} rows to calibrate on, because the limit is the score "
            f"of rank (rows + 1) x {coverage:g}. Received: {count} rows. "
            f"{advice}"
        )


def rank_of(coverage: float, count: int) -> int:
    """Returns which score, sorted, is the limit; the lowest is 1."""
    return min(count, math.ceil((count + 1) * coverage - 1e-9))


@dataclass(frozen=True)
class Guarantee:
    """Holds the limit up to which answers are taken for possible.

    The set of a row are the classes whose probability is at least `limit`,
    and always the most probable one, of classes with an order the median, and
    where errors cost differently the class that costs least, because these
    are what is answered. The interval of a number reaches
    `limit` below and above it. Among rows like those it was calibrated on, a
    set or an interval holds the truth with at least the probability
    `coverage`, whatever the model is: on average over rows, not for each
    class.

    Of tags, a set are those whose probability is at least `limit`, and all
    that reach their own threshold, because these are answered. Among rows
    like those it was calibrated on that have a tag, a set is expected to miss
    at most the share `1 - coverage` of a row's tags: conformal risk control,
    see `tag_risk.find_limit`.

    Args:
        coverage: float above 0, at most 0.999. What was asked.
        limit: float. The lowest probability, or half the width.
        count: int. How many rows it was calibrated on.
        target_kind: `"classes"`, `"number"` or `"tags"`.
        source: str. Where these rows are from.
        is_ordered: bool. Whether the classes have an order.
        thresholds: tuple of float, one a tag; empty of other targets.
        called_from: optional tuple, of two classes whose errors cost
            differently: which is positive, 0 or 1, and from which probability
            on a row is called so.

    Example: see `calibrate`.
    """

    coverage: float
    limit: float
    count: int
    target_kind: str
    source: str = ""
    is_ordered: bool = False
    thresholds: tuple[float, ...] = ()
    called_from: tuple[int, float] | None = None

    def __post_init__(self):
        # JSON has no tuples.
        object.__setattr__(self, "thresholds", tuple(self.thresholds))
        called_from = self.called_from and tuple(self.called_from)
        object.__setattr__(self, "called_from", called_from)

    @property
    def likely(self) -> tuple[float, float]:
        """The middle 95 % of what such a calibration covers, not of tags.

        It is distributed as Beta(k, n + 1 - k), k = ceil((n + 1) coverage)
        ([Vovk, 2012](https://arxiv.org/abs/1209.2673)).
        """
        rank = rank_of(self.coverage, self.count)
        ends = betaincinv(rank, self.count + 1 - rank, [0.025, 0.975])
        return float(ends[0]), float(ends[1])

    def sets(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns which classes are in the set of each row, as bools."""
        probabilities = np.asarray(probabilities, "float32")
        if self.target_kind == "tags":
            least = np.minimum(
                self.limit, np.asarray(self.thresholds, "float32")
            )
            return probabilities >= least
        best = probabilities.max(axis=1, keepdims=True)
        found = probabilities >= np.minimum(best, np.float32(self.limit))
        answers = AnswerRule(self.is_ordered, self.called_from).answers
        found[np.arange(len(found)), answers(probabilities)] = True
        return found

    def interval(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the lower and the upper end for each number."""
        values = np.asarray(values, "float32")
        half = np.float32(self.limit)
        return values - half, values + half

    def to_json(self) -> dict[str, Any]:
        """Returns a dict that JSON can hold."""
        called_from = self.called_from and list(self.called_from)
        lists = {
            "thresholds": list(self.thresholds),
            "called_from": called_from,
        }
        return asdict(self) | lists

    def to_text(self) -> str:
        """Returns a sentence for a person."""
        if self.target_kind == "tags":
            return (
                f"Sets of tags for a coverage of {self.coverage:g}, by "
                "conformal risk control: of a row's tags at most "
                f"{1 - self.coverage:.3g} are expected to be missed, on "
                "average over rows that have some. Calibrated on "
                f"{self.count} of these ({needed_rows(self.coverage)} "
                "needed). A set also holds each tag that is answered."
            )
        low, high = self.likely
        is_set = self.target_kind == "classes"
        held = ["the most probable class"] if is_set else []
        if self.is_ordered:
            held.append("the median")
        if self.called_from:
            held.append("the class that costs least")
        ending = f" Each set also holds {' and '.join(held)}." if held else ""
        return (
            f"{'Sets' if is_set else 'Intervals'} for a coverage of "
            f"{self.coverage:g}, calibrated on {self.count} rows "
            f"({needed_rows(self.coverage)} needed). With so many, the limit "
            f"covers {low:.3f} to {high:.3f} in 95 of 100 cases."
            f"{ending}"
        )
