"""Holds how often sets and intervals hold the truth."""

import textwrap
from dataclasses import dataclass
from typing import Any

from aet_keras.evaluation import printed_text
from aet_keras.evaluation.guarantee import Guarantee

_SHOWN = 10


def plural(unit: str) -> str:
    """Returns what several of what a set holds are called."""
    return {"class": "classes", "tag": "tags"}[unit]


@dataclass(frozen=True)
class ClassCoverage:
    """Holds how often the sets of rows of a class hold it.

    Args:
        name: str. The class.
        coverage: float or None, where there is no row of it.
        size: float or None. Classes a set.
        count: int. How many rows.

    Example:

    >>> from aet_keras.evaluation.covered import ClassCoverage
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
        coverage: float. What it was on rows that nothing was calibrated on;
            of tags the mean share of a row's tags, over rows that have some.
        low: float. The lower end of its 95 % interval (Wilson's, of tags by
            rows that are drawn again).
        high: float. The upper end.
        size: float. Classes or tags a set, or the width of an interval, on
            average.
        per_class: tuple of `ClassCoverage`, of tags one a tag; empty of a
            number.
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

    @property
    def unit(self) -> str:
        """What a set holds: `"class"` or `"tag"`; `""` of a number."""
        if not self.per_class:
            return ""
        return "tag" if self.guarantee.target_kind == "tags" else "class"

    def _where(self):
        if self.is_crossed:
            return "Measured in halves, each by a limit of the other."
        return f"Measured on {self.count} others."

    def to_text(self) -> str:
        """Returns the figures, and the classes that are covered least."""
        one = self.unit
        what = f"{plural(one)} a set" if one else "wide"
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
            size = f"{plural(one)} a set"
            lines += ["", f"{one:<{names}}  covered  {size:>13}   rows"]
        for each in known[:_SHOWN]:
            lines.append(
                f"{printed_text.fit(each.name, names)}  {each.coverage:>7.4f}  "
                f"{each.size:>13.2f}  {each.count:>5}"
            )
        if len(known) > _SHOWN:
            lines.append(f"and {len(known) - _SHOWN} more, each covered better")
        return "\n".join(lines)
