"""Measures a model on each group of rows, and how far groups lie apart."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from aet_keras.evaluation import printed_text
from aet_keras.evaluation.answer_rule import LIKELIEST, AnswerRule
from aet_keras.evaluation.intervals import sizes_of_draws, wilson

LEAST_ROWS = 10


@dataclass(frozen=True)
class Figure:
    """Holds a figure and its 95 % interval; None where it is not known.

    Args:
        value: float or None.
        low: float or None.
        high: float or None.

    Example:

    >>> from aet_keras.evaluation.by_group import Figure
    >>> Figure(0.25, 0.1, 0.5).to_text()
    '0.250 (0.100 to 0.500)'
    """

    value: float | None
    low: float | None = None
    high: float | None = None

    def to_text(self, *, digits: int = 3) -> str:
        """Returns the figure with its interval."""
        if self.value is None:
            return "-"
        if self.low is None or self.high is None:
            return f"{self.value:.4g}"
        ends = (self.value, self.low, self.high)
        form = f".{digits if max(map(abs, ends)) < 100 else 0}f"
        value, low, high = (format(each, form) for each in ends)
        return f"{value} ({low} to {high})"


@dataclass(frozen=True)
class GroupScore:
    """Holds the figures of one group.

    Args:
        name: str. The group: `"female"`, `"at most 25"`, `"missing"`.
        count: int. How many rows.
        figures: dict of str to `Figure`.

    Example: see `measure_by_group`.
    """

    name: str
    count: int
    figures: Mapping[str, Figure]


@dataclass(frozen=True)
class ByGroup:
    """Holds the figures of the groups that a column makes.

    Args:
        column: str.
        groups: tuple of `GroupScore`.
        gaps: dict of str to `Figure`: how far groups of at least 10 rows lie
            apart.
        too_small: tuple of str. The groups that the gaps leave out.
        tags: tuple of `ByGroup`, one a tag, called as it is; empty of other
            targets.

    Example: see `measure_by_group`.
    """

    column: str
    groups: tuple[GroupScore, ...]
    gaps: Mapping[str, Figure] = field(default_factory=dict)
    too_small: tuple[str, ...] = ()
    tags: tuple["ByGroup", ...] = ()

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "ByGroup":
        """Returns the record that `asdict` wrote down."""
        groups = tuple(
            GroupScore(each["name"], each["count"], _figures(each["figures"]))
            for each in content["groups"]
        )
        gaps, small = _figures(content["gaps"]), tuple(content["too_small"])
        tags = tuple(cls.from_json(each) for each in content.get("tags") or ())
        return cls(content["column"], groups, gaps, small, tags)

    def to_text(self) -> str:
        """Returns the groups and the gaps, for 80 columns."""
        names = printed_text.widest([g.name for g in self.groups], most=24)
        names = max(names, len("group"))
        columns = [
            [str(g.count) for g in self.groups],
            *(
                [g.figures[each].to_text(digits=2) for g in self.groups]
                for each in self.groups[0].figures
            ),
        ]
        titles = ["rows", *self.groups[0].figures]
        lines = [f"{'group':<{names}}"]
        lines += [printed_text.fit(g.name, names) for g in self.groups]
        for title, cells in zip(titles, columns, strict=True):
            width = max(len(title), *map(len, cells))
            if len(lines[0]) + 2 + width > printed_text.COLUMNS:
                break  # all of them are in report.json
            lines = [
                f"{line}  {cell:>{width}}"
                for line, cell in zip(lines, [title, *cells], strict=True)
            ]
        lines += [f"gap: {n} {f.to_text()}" for n, f in self.gaps.items()]
        if self.too_small:
            lines.append(
                f"fewer than {LEAST_ROWS} rows, left out of the gaps: "
                f"{', '.join(self.too_small)}"
            )
        lines += self._tag_lines()
        return "\n".join(printed_text.cut(each, 80) for each in lines)

    def _tag_lines(self):
        """Yields the gaps of tags, the largest first."""
        if not self.tags or not self.tags[0].gaps:
            return
        titles = [title for title in self.tags[0].gaps if title in _OF_TAGS]
        names = printed_text.widest([t.column for t in self.tags], most=20)
        names = max(names, len("gap of tag"))
        yield f"{'gap of tag':<{names}}  " + "  ".join(
            f"{title:>22}" for title in titles
        )
        for tag in self.widest_tags()[:_SHOWN_TAGS]:
            cells = [tag.gaps[title].to_text(digits=2) for title in titles]
            yield f"{printed_text.fit(tag.column, names)}  " + "  ".join(
                f"{cell:>22}" for cell in cells
            )
        if len(self.tags) > _SHOWN_TAGS:
            yield f"and {len(self.tags) - _SHOWN_TAGS} more, each of less"
        yield (
            "Not computed: parity and equalised odds of all tags together, "
            "calibration."
        )

    def widest_tags(self) -> list["ByGroup"]:
        """Returns the tags, those whose groups lie furthest apart first."""
        return sorted(
            self.tags,
            key=lambda tag: (
                -max(
                    [
                        f.value or 0
                        for k, f in tag.gaps.items()
                        if k in _OF_TAGS
                    ],
                    default=0,
                )
            ),
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the figures as a dict of plain lists and numbers."""
        return asdict(self)


def _figures(content):
    return {name: Figure(**each) for name, each in content.items()}


def measure_by_group(
    labels: Any,
    outputs: Any,
    groups: Sequence[str] | np.ndarray,
    *,
    column: str,
    target_kind: str = "classes",
    positive: int | None = None,
    threshold: float = 0.5,
    rule: AnswerRule = LIKELIEST,
    seed: int = 0,
) -> ByGroup:
    """Measures a model on each group of rows, and how far they lie apart.

    Of two classes, the gaps are those of fairlearn: `parity` is the largest
    difference of two groups' share that is flagged, `equalised odds` the
    largest of the differences in the share of positives that are found, and
    in the share of others that are. Intervals of shares are Wilson's, which
    hold for three rows, too; of means and gaps they are the middle 95 % of
    what rows drawn with replacement from each group give.

    Args:
        labels: ints `(rows,)`, or numbers.
        outputs: floats `(rows, classes)`, or numbers `(rows, 1)`.
        groups: sequence of str, one a row.
        column: str. What makes the groups.
        target_kind: `"classes"` or `"number"`.
        positive: optional int. Of two classes the one that is flagged.
        threshold: float. From which probability on it is.
        rule: `AnswerRule`, which of other classes is answered. Defaults to
            the likeliest.
        seed: int >= 0. Of the rows that are drawn.

    Example:

    >>> from aet_keras.evaluation.by_group import measure_by_group
    >>> said = np.array([[0.2, 0.8], [0.9, 0.1], [0.6, 0.4], [0.3, 0.7]])
    >>> found = measure_by_group(
    ...     [1, 0, 1, 0], said, ["a", "a", "b", "b"], column="x", positive=1
    ... )
    >>> found.groups[1].figures["wrong"].to_text()
    '1.000 (0.342 to 1.000)'
    """
    labels = np.asarray(labels)
    outputs = np.asarray(outputs, "float64")
    flag = positive, threshold
    columns = _columns(labels, outputs, target_kind, flag, rule)
    random = np.random.default_rng(seed)
    scores, draws, small = [], {}, []
    for name, rows in named_rows(groups):
        mine, count = {k: v[rows] for k, v in columns.items()}, len(rows)
        draws[name] = _resampled(mine, count, random)
        figures = {
            key: _figure(key, values, draws[name][key])
            for key, values in mine.items()
        }
        scores.append(GroupScore(str(name), count, figures))
        if count < LEAST_ROWS:
            small.append(str(name))
    large = [each for each in scores if each.name not in small]
    gaps = {
        title: _gap(large, draws, keys)
        for title, keys in _GAPS.items()
        if len(large) > 1 and set(keys) <= set(columns)
    }
    return ByGroup(column, tuple(scores), gaps, tuple(small))


def named_rows(
    groups: Sequence[str] | np.ndarray,
) -> Iterator[tuple[str, np.ndarray]]:
    """Yields each group and its rows, in an order that a person expects."""
    of_rows = np.asarray(groups, str)
    for name in sorted(np.unique(of_rows).tolist(), key=_natural):
        yield name, np.flatnonzero(of_rows == name)


def _resampled(columns, count, random):
    """Returns the means of each column in rows that are drawn again."""
    found = {name: [] for name in columns}
    for size in sizes_of_draws(count):
        drawn = random.integers(0, count, (size, count))
        for name, values in columns.items():
            found[name].append(_mean(values[drawn]))
    return {name: np.concatenate(each) for name, each in found.items()}


_OF_TAGS = ("parity (flagged)", "equalised odds")
_SHOWN_TAGS = 10
_DIFFERENCES = ("predicted - observed", "sure - right", "error", "off by")
_GAPS = {
    "parity (flagged)": ("flagged",),
    "equalised odds": ("found", "false alarms"),
    "wrong": ("wrong",),
    "off by": ("off by",),
}


def _natural(name):
    """Sorts numbers by value, `at most` first, and missing cells last."""
    place = {"others": 3, "missing": 4}.get(name.strip("()"), 1)
    for start, known in (("at most ", 0), ("above ", 2)):
        place = known if name.startswith(start) else place
    lower = name.removeprefix("from ").split(" to ")[0]
    try:
        value = float(lower)
    except ValueError:
        value = math.inf
    value = math.inf if math.isnan(value) else value
    return (place, value, name)


def _columns(labels, outputs, target_kind, flag, rule):
    """Returns a column of each figure; NaN where a row has no part in it."""
    if target_kind == "number":
        error = outputs.reshape(len(labels)) - labels
        return {"off by": np.abs(error), "error": error}
    positive, threshold = flag
    if outputs.shape[1] == 2 and positive is not None:
        risk, truth = outputs[:, positive], labels == positive
        called = (risk >= threshold).astype("float64")
        return {
            "flagged": called,
            "found": np.where(truth, called, np.nan),
            "false alarms": np.where(truth, np.nan, called),
            "wrong": (called != truth).astype("float64"),
            "observed": truth.astype("float64"),
            "predicted - observed": risk - truth,
        }
    right = outputs.argmax(axis=1) == labels
    return {
        "wrong": (rule.answers(outputs) != labels).astype("float64"),
        "sure - right": outputs.max(axis=1) - right,
    }


def _mean(values):
    known = np.isfinite(values)
    counts = known.sum(axis=-1)
    total = np.where(known, values, 0).sum(axis=-1)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


def _figure(name, values, drawn):
    known = values[np.isfinite(values)]
    if not len(known):
        return Figure(None)
    value = float(known.mean())
    if name not in _DIFFERENCES:
        return Figure(value, *wilson(int(known.sum()), len(known)))
    if len(known) < 2:
        return Figure(value)
    return figure_of(value, drawn)


def figure_of(value: float, drawn: np.ndarray) -> Figure:
    """Returns a figure with the middle 95 % of what was drawn again.

    Without it where nothing that was drawn differs.
    """
    known = drawn[np.isfinite(drawn)]
    # Rows that are all alike do not tell how far others would be off.
    if len(known) < 2 or not np.ptp(known):
        return Figure(float(value))
    low, high = np.quantile(known, [0.025, 0.975])
    return Figure(float(value), float(low), float(high))


def _spread(rows):
    """Returns how far apart the groups of each draw are, `(draws,)`."""
    known = np.isfinite(rows)
    high = np.where(known, rows, -np.inf).max(axis=0)
    low = np.where(known, rows, np.inf).min(axis=0)
    return np.where(known.sum(axis=0) > 1, high - low, np.nan)


def _gap(scores, draws, keys) -> Figure:
    """Returns the largest difference of two groups, over some figures."""
    found, drawn = [], []
    for key in keys:
        values = [each.figures[key].value for each in scores]
        known = [each for each in values if each is not None]
        if len(known) < 2:
            continue
        found.append(max(known) - min(known))
        rows = np.stack(
            [
                draws[each.name][key]
                for each in scores
                if each.figures[key].value is not None
            ]
        )
        drawn.append(_spread(rows))
    if not found:
        return Figure(None)
    return figure_of(max(found), np.fmax.reduce(drawn))


def gap_of(
    values: Sequence[float | None], draws: Sequence[np.ndarray]
) -> Figure:
    """Returns the largest difference of two groups in one figure."""
    known = [i for i, each in enumerate(values) if each is not None]
    if len(known) < 2:
        return Figure(None)
    found = [values[i] or 0.0 for i in known]
    rows = np.stack([draws[i] for i in known])
    return figure_of(max(found) - min(found), _spread(rows))
