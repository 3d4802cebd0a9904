"""Which classes, or what interval, hold the truth as often as is asked?"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy.special import betaincinv

from aet_keras import _check as check
from aet_keras.evaluation import printed_text
from aet_keras.evaluation.ordinal import medians

MOST = 0.999
_OWNER = "calibrate"
_SLACK = 1e-6  # a server rounds in another way; sets only become wider by it
_SHOWN = 10


def needed_rows(coverage: float) -> int:
    """Returns how many rows are needed to calibrate to a coverage.

    With n rows the limit is the score of rank ceil((n + 1) * coverage), and
    there must be one of that rank.

    Example:

    >>> from aet_keras.evaluation.conformal import needed_rows
    >>> needed_rows(0.9), needed_rows(0.99)
    (9, 99)
    """
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def check_rows(owner: str, coverage: float, count: int, *, advice: str) -> None:
    """Raises a `ValueError` if there are too few rows to calibrate on."""
    needed = needed_rows(coverage)
    if count < needed:
        raise ValueError(
            f"{owner}: for a coverage of {coverage:g} there must be at least "
            f"{needed} rows to calibrate on, because the limit is the score "
            f"of rank (rows + 1) x {coverage:g}. Received: {count} rows. "
            f"{advice}"
        )


@dataclass(frozen=True)
class Guarantee:
    """Holds the limit up to which answers are taken for possible.

    The set of a row are the classes whose probability is at least `limit`,
    and always the most probable one, and of classes with an order the median,
    because these are what is answered. The interval of a number reaches `limit`
    below and above it. Among rows like those it was calibrated on, a set or
    an interval holds the truth with at least the probability `coverage`,
    whatever the model is: on average over rows, not for each class.

    Args:
        coverage: float above 0, at most 0.999. What was asked.
        limit: float. The lowest probability, or half the width.
        count: int. How many rows it was calibrated on.
        target_kind: `"classes"` or `"number"`.
        source: str. Where these rows are from.
        is_ordered: bool. Whether the classes have an order.

    Example: see `calibrate`.
    """

    coverage: float
    limit: float
    count: int
    target_kind: str
    source: str = ""
    is_ordered: bool = False

    @property
    def likely(self) -> tuple[float, float]:
        """The middle 95 % of what such a calibration covers in the end.

        It is distributed as Beta(k, n + 1 - k), k = ceil((n + 1) coverage)
        ([Vovk, 2012](https://arxiv.org/abs/1209.2673)).
        """
        rank = _rank(self.coverage, self.count)
        ends = betaincinv(rank, self.count + 1 - rank, [0.025, 0.975])
        return float(ends[0]), float(ends[1])

    def sets(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns which classes are in the set of each row, as bools."""
        probabilities = np.asarray(probabilities, "float32")
        best = probabilities.max(axis=1, keepdims=True)
        found = probabilities >= np.minimum(best, np.float32(self.limit))
        if self.is_ordered:
            found[np.arange(len(found)), medians(probabilities)] = True
        return found

    def interval(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the lower and the upper end for each number."""
        values = np.asarray(values, "float32")
        half = np.float32(self.limit)
        return values - half, values + half

    def to_json(self) -> dict[str, Any]:
        """Returns a dict that JSON can hold."""
        return asdict(self)

    def to_text(self) -> str:
        """Returns a sentence for a person."""
        low, high = self.likely
        is_set = self.target_kind == "classes"
        best = ", to which the most probable class is added" if is_set else ""
        if self.is_ordered:
            best = ", to which the most probable class and the median are added"
        return (
            f"{'Sets' if is_set else 'Intervals'} for a coverage of "
            f"{self.coverage:g}, calibrated on {self.count} rows "
            f"({needed_rows(self.coverage)} needed). With so many, the limit "
            f"covers {low:.3f} to {high:.3f} in 95 of 100 cases{best}."
        )


def calibrate(
    labels: Any,
    outputs: Any,
    *,
    coverage: float,
    target_kind: str = "classes",
    source: str = "",
    is_ordered: bool = False,
) -> Guarantee:
    """Finds the limit by rows that chose nothing.

    Split conformal prediction. The score of a row is 1 - p(true class), which
    makes the smallest sets on average
    ([Sadinle et al., 2019](https://arxiv.org/abs/1609.00451)), or how far a
    number is off. The limit is the score of rank ceil((n + 1) coverage).

    Args:
        labels: ints `(rows,)`, or numbers.
        outputs: floats `(rows, classes)`, probabilities; or numbers, `(rows,)`
            or `(rows, 1)`.
        coverage: float above 0, at most 0.999.
        target_kind: `"classes"` or `"number"`.
        source: str. Where the rows are from.
        is_ordered: bool. Whether the classes have an order.

    Raises:
        ValueError: if there are too few rows.

    Example:

    >>> from aet_keras.evaluation.conformal import calibrate
    >>> truth = np.arange(19) % 2
    >>> right = np.linspace(0.4, 0.94, 19)[:, None]
    >>> said = np.where(np.eye(2)[truth] == 1, right, 1 - right)
    >>> guarantee = calibrate(truth, said, coverage=0.9)
    >>> round(guarantee.limit, 3)
    0.43
    >>> guarantee.sets(np.array([[0.5, 0.5], [0.9, 0.1]])).tolist()
    [[True, True], [True, False]]
    """
    check.number(_OWNER, above=0, most=MOST, coverage=coverage)
    check.one_of(_OWNER, target_kind=target_kind, among=tuple(_SCORES))
    labels, outputs = np.asarray(labels), np.asarray(outputs, "float32")
    advice = "Give more rows, or ask for less."
    check_rows(_OWNER, coverage, len(labels), advice=advice)
    scores = np.sort(_SCORES[target_kind](labels, outputs))
    highest = float(scores[_rank(coverage, len(scores)) - 1])
    limit = highest if target_kind == "number" else -highest - _SLACK
    return Guarantee(
        coverage, limit, len(labels), target_kind, source, is_ordered
    )


def _rank(coverage, count):
    return min(count, math.ceil((count + 1) * coverage - 1e-9))


def _unlikely(labels, outputs):
    return -outputs[np.arange(len(labels)), labels]


def _distance(labels, outputs):
    return np.abs(labels - outputs.reshape(len(labels)))


_SCORES = {"classes": _unlikely, "number": _distance}


@dataclass(frozen=True)
class ClassCoverage:
    """Holds how often the sets of rows of a class hold it.

    Args:
        name: str. The class.
        coverage: float or None, where there is no row of it.
        size: float or None. Classes a set.
        count: int. How many rows.

    Example:

    >>> from aet_keras.evaluation.conformal import ClassCoverage
    >>> ClassCoverage("hat", 0.75, 1.5, 4).coverage
    0.75
    """

    name: str
    coverage: float | None
    size: float | None
    count: int


@dataclass(frozen=True)
class Coverage:
    """Holds how often sets or intervals hold the truth.

    Args:
        asked: float. The coverage that was asked for.
        coverage: float. What it was on rows that nothing was calibrated on.
        low: float. The lower end of its 95 % interval (Wilson).
        high: float. The upper end.
        size: float. Classes a set, or the width of an interval, on average.
        per_class: tuple of `ClassCoverage`; empty of a number.
        count: int. How many rows were measured.
        guarantee: `Guarantee` that was measured.
        is_crossed: bool. Whether all rows calibrate it, and were measured in
            halves, each by a limit of the other.

    Example: see `measure_coverage`.
    """

    asked: float
    coverage: float
    low: float
    high: float
    size: float
    per_class: tuple[ClassCoverage, ...]
    count: int
    guarantee: Guarantee
    is_crossed: bool = False

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Coverage":
        """Returns the record that `asdict` wrote down."""
        classes = tuple(ClassCoverage(**each) for each in content["per_class"])
        limit = Guarantee(**content["guarantee"])
        return cls(**{**content, "per_class": classes, "guarantee": limit})

    @property
    def worst(self) -> ClassCoverage | None:
        """The class that is covered least."""
        known = [each for each in self.per_class if each.coverage is not None]
        return min(known, key=lambda each: each.coverage or 0, default=None)

    def _where(self):
        if self.is_crossed:
            return "Measured in halves, each by a limit of the other."
        return f"Measured on {self.count} others."

    def to_text(self) -> str:
        """Returns the figures, and the classes that are covered least."""
        what = "classes a set" if self.per_class else "wide"
        lines = [
            f"asked {self.asked:g}   covered {self.coverage:.4f}   "
            f"(95 %: {self.low:.3f} to {self.high:.3f})   "
            f"{self.size:.4g} {what}",
            *textwrap.wrap(
                f"{self.guarantee.to_text()} {self._where()}",
                printed_text.COLUMNS,
            ),
        ]
        known = [each for each in self.per_class if each.coverage is not None]
        known.sort(key=lambda each: each.coverage or 0)
        if known:
            names = printed_text.widest([e.name for e in known], most=40)
            names = max(names, len("class"))
            lines += ["", f"{'class':<{names}}  covered  classes a set   rows"]
        for each in known[:_SHOWN]:
            lines.append(
                f"{printed_text.fit(each.name, names)}  {each.coverage:>7.4f}  "
                f"{each.size:>13.2f}  {each.count:>5}"
            )
        if len(known) > _SHOWN:
            lines.append(f"and {len(known) - _SHOWN} more, each covered better")
        return "\n".join(lines)


def measure_coverage(
    labels: Any,
    outputs: Any,
    guarantee: Guarantee,
    *,
    class_names: Sequence[str] = (),
) -> Coverage:
    """Measures sets or intervals on rows that nothing was calibrated on.

    Args:
        labels: as of `calibrate`.
        outputs: as of `calibrate`.
        guarantee: `Guarantee`.
        class_names: sequence of str, one a column; empty of a number.

    Example:

    >>> from aet_keras.evaluation.conformal import Guarantee, measure_coverage
    >>> measured = measure_coverage(
    ...     [3.0, 9.0], [2.5, 5.0], Guarantee(0.5, 1.0, 30, "number")
    ... )
    >>> measured.coverage, measured.size
    (0.5, 2.0)
    """
    labels = np.asarray(labels)
    held, sizes = _held(labels, outputs, guarantee)
    return _summed(labels, held, sizes, guarantee, class_names)


def cross_coverage(
    labels: Any,
    outputs: Any,
    guarantee: Guarantee,
    *,
    class_names: Sequence[str] = (),
    seed: int = 0,
) -> Coverage | None:
    """Measures on the rows that calibrate, each half by the other's limit.

    What all rows together cover is near what was asked by construction; what
    each class does, is not.

    Args:
        labels: as of `calibrate`.
        outputs: as of `calibrate`.
        guarantee: `Guarantee` of all the rows.
        class_names: as of `measure_coverage`.
        seed: int >= 0. Of the halves.

    Returns:
        `Coverage`; None where half of the rows are too few.
    """
    labels, outputs = np.asarray(labels), np.asarray(outputs)
    rows = np.random.default_rng(seed).permutation(len(labels))
    halves = np.array_split(rows, 2)
    if len(halves[1]) < needed_rows(guarantee.coverage):
        return None
    held, sizes = np.zeros(len(labels), bool), np.zeros(len(labels))
    for mine, other in (halves, halves[::-1]):
        limit = calibrate(
            labels[other],
            outputs[other],
            coverage=guarantee.coverage,
            target_kind=guarantee.target_kind,
            is_ordered=guarantee.is_ordered,
        )
        held[mine], sizes[mine] = _held(labels[mine], outputs[mine], limit)
    found = _summed(labels, held, sizes, guarantee, class_names)
    return replace(found, is_crossed=True)


def _held(labels, outputs, guarantee):
    """Returns whether each row's truth is held, and by how large a set."""
    if guarantee.target_kind == "number":
        values = np.asarray(outputs, "float32").reshape(len(labels))
        low, high = guarantee.interval(values)
        widths = np.full(len(labels), 2 * guarantee.limit)
        return (low <= labels) & (labels <= high), widths
    sets = guarantee.sets(outputs)
    return sets[np.arange(len(labels)), labels], sets.sum(axis=1)


def _summed(labels, held, sizes, guarantee, class_names):
    is_number = guarantee.target_kind == "number"
    low_end, high_end = wilson(int(held.sum()), len(held))
    return Coverage(
        asked=guarantee.coverage,
        coverage=float(held.mean()),
        low=low_end,
        high=high_end,
        size=float(sizes.mean()),
        per_class=tuple(
            _of_class(name, labels == label, held, sizes)
            for label, name in enumerate(() if is_number else class_names)
        ),
        count=len(labels),
        guarantee=guarantee,
    )


def _of_class(name, is_one, held, sizes):
    if not is_one.any():
        return ClassCoverage(str(name), None, None, 0)
    means = float(held[is_one].mean()), float(sizes[is_one].mean())
    return ClassCoverage(str(name), *means, int(is_one.sum()))


def wilson(right: int, count: int) -> tuple[float, float]:
    """Returns the 95 % interval of a share (Wilson, 1927).

    Example:

    >>> from aet_keras.evaluation.conformal import wilson
    >>> [round(end, 3) for end in wilson(8, 10)]
    [0.49, 0.943]
    """
    if not count:
        return 0.0, 1.0
    z = 1.959964
    share, more = right / count, z * z / count
    middle = (share + more / 2) / (1 + more)
    half = z * math.sqrt(share * (1 - share) / count + more / count / 4)
    half /= 1 + more
    return max(0.0, middle - half), min(1.0, middle + half)
